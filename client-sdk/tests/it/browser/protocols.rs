//! Requests and files between a page and a program, by the code for pages that the guide shows, and
//! the page's first channel as an event.

use std::fs;

use client_sdk::{RpcError, RpcRequests};
use serde_json::{Value, json};

use super::page::{Entry, Page};
use super::stage::{Kind, Stage};
use crate::common::{InTime, PATIENCE, Witness, listener};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_and_answers_by_the_code_in_the_guide() {
    let stage = Stage::set().await;
    let ((mut program, page), code) = (call(&stage).await, code());
    let asking = page.with_channel(
        program.id(),
        "rpc",
        &code,
        "await new Promise((resolve) => {
            const ask = rpc(channel, (name, data) => {
                if (name !== 'greet') throw new Error('no such request');
                return `hello ${data.name}`;
            });
            const both = [ask('add', [1, 2]), ask('nonsense').catch((error) => error.message)];
            Promise.all(both).then(resolve);
        })",
    );
    let answering = async {
        program.until("the channel", |seen| !seen.named.is_empty()).await;
        let (rpc, mut requests) = program.named.pop().unwrap().into_rpc();
        answer(&mut requests).await;
        answer(&mut requests).await;
        let greeting: String =
            rpc.request("greet", &json!({"name": "you"}), PATIENCE).await.unwrap();
        assert_eq!(greeting, "hello you");
        let refused = rpc.request::<Value>("nonsense", &(), PATIENCE).await;
        assert_eq!(refused, Err(RpcError::Refused("no such request".into())));
    };
    let (asked, ()) = tokio::join!(asking, answering);
    assert_eq!(asked.unwrap(), json!([3, "no such request"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_both_ways_by_the_code_in_the_guide() {
    let stage = Stage::set().await;
    let ((mut program, page), code) = (call(&stage).await, code());
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let content: Vec<u8> = (0..2_000_000_u32).map(|at| ((at * 31) >> 3) as u8).collect();
    let sending = page.with_channel(
        program.id(),
        "file",
        &code,
        "await sendFile(channel, new File(
            [new Uint8Array(2_000_000).map((_, at) => (at * 31) >> 3)], 'page.bin')) ?? 'sent'",
    );
    let receiving = async {
        program.until("the channel", |seen| !seen.named.is_empty()).await;
        let offer = program.named.pop().unwrap().receive_file().await.unwrap();
        assert_eq!((offer.name(), offer.size()), ("page.bin", 2_000_000));
        offer.accept(&copy, |_| {}).await.unwrap();
    };
    let (sent, ()) = tokio::join!(sending, receiving);
    assert_eq!(sent.unwrap(), "sent");
    assert!(fs::read(&copy).unwrap() == content);

    let receiving = page.with_channel(
        program.id(),
        "file",
        &code,
        "await receiveFile(channel).then(async (file) =>
            [file.name, file.size, new Uint8Array(await file.arrayBuffer())[1_999_999]])",
    );
    let sending = async {
        program.until("the channel", |seen| !seen.named.is_empty()).await;
        program.named.pop().unwrap().send_file(&copy, |_| {}).await.unwrap();
    };
    let (received, ()) = tokio::join!(receiving, sending);
    assert_eq!(received.unwrap(), json!(["copy", 2_000_000, content[1_999_999]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pages_first_channel_is_an_event_like_the_others_if_that_is_wanted() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let entry = Entry { media: &[], ..stage.entry(&room) };
        let options = listener().default_channel_as_event(true);
        let (mut program, page) = if page_first {
            let page = stage.page_with(Kind::Keeping, &entry).await;
            (stage.guest(&room, options).await, page)
        } else {
            let program = stage.guest(&room, options).await;
            (program, stage.page_with(Kind::Keeping, &entry).await)
        };
        let (program_id, page_id) = (program.id(), page.id());
        program.until("the first channel", |seen| !seen.named.is_empty()).await;
        let mut channel = program.named.pop().unwrap();
        assert_eq!(channel.participant(), page_id);
        page.until("an open channel", |report| {
            report.peer(program_id).is_some_and(|peer| peer.can_send)
        })
        .await;
        page.send_data(program_id, "from the page").await;
        let message = channel.recv().in_time("a message").await.unwrap();
        assert_eq!((&message.data[..], message.is_text), (&b"from the page"[..], true));
        channel.send_text("to the page").await.unwrap();
        // Without the event it is still the one to send over.
        drop(channel);
        program.participant.send_data(page_id, "and more").await.unwrap();
        for text in ["to the page", "and more"] {
            page.until(text, |report| {
                report.messages.contains(&(program_id.to_string(), text.to_owned()))
            })
            .await;
        }
        assert!(program.data.is_empty());
        program.participant.leave().await;
        page.close().await;
    }
}

/// Replies to the next request.
async fn answer(requests: &mut RpcRequests) {
    let request = requests.recv().in_time("a request").await.unwrap();
    if request.name() == "add" {
        let numbers: Vec<u32> = request.data().unwrap();
        request.reply(&numbers.iter().sum::<u32>()).await.unwrap();
    } else {
        request.refuse("no such request").await.unwrap();
    }
}

/// A page and a program that are connected.
async fn call(stage: &Stage) -> (Witness, Page) {
    let room = stage.room().await;
    let entry = Entry { media: &[], ..stage.entry(&room) };
    let page = stage.page_with(Kind::Keeping, &entry).await;
    let mut program = stage.guest(&room, listener()).await;
    let id = page.id();
    program.until("the default channel", |seen| seen.channels.contains(&id)).await;
    (program, page)
}

/// The code for pages.
fn code() -> String {
    let guide = include_str!("../../../src/guide/channels.md");
    let blocks = guide.split("```js\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}
