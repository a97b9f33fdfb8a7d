//! Named data channels between a page and a participant of this crate, opened by either side.

use std::time::Duration;

use client_sdk::{DataChannel, DataMessage, Delivery, Reliability};
use serde_json::json;
use tokio::time::timeout;

use super::flow::exchange_data;
use super::page::{Channel, Entry};
use super::stage::{Kind, Stage};
use crate::common::{PATIENCE, listener};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_open_named_channels_to_each_other_and_mean_the_same_by_them() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let entry = Entry { media: &[], ..stage.entry(&room) };
        let (mut program, page) = if page_first {
            let page = stage.page_with(Kind::Keeping, &entry).await;
            (stage.guest(&room, listener()).await, page)
        } else {
            let program = stage.guest(&room, listener()).await;
            (program, stage.page_with(Kind::Keeping, &entry).await)
        };
        let (program_id, page_id) = (program.id(), page.id());
        program.until("the default channel", |seen| seen.channels.contains(&page_id)).await;
        let open = Channel {
            state: "open".into(),
            ordered: true,
            max_retransmits: None,
            max_packet_life_time: None,
        };
        let lifetime = Reliability::Lifetime(Duration::from_millis(250));
        for (label, delivery, seen_by_page) in [
            ("chat", Delivery::default(), open.clone()),
            (
                "cursor",
                Delivery::unreliable(),
                Channel { ordered: false, max_retransmits: Some(0), ..open.clone() },
            ),
            (
                "voice",
                Delivery { ordered: true, reliability: lifetime },
                Channel { max_packet_life_time: Some(250), ..open.clone() },
            ),
        ] {
            let opening = program.participant.open_channel(page_id, label, delivery);
            let mut channel = timeout(PATIENCE, opening).await.expect(label).unwrap();
            page.until("the channel", |report| {
                report
                    .peer(program_id)
                    .is_some_and(|peer| peer.channels.get(label) == Some(&seen_by_page))
            })
            .await;
            assert_echoes(&mut channel).await;
        }
        // Any further channel of a page has a name, whether the page says so or not.
        let options =
            [json!({"protocol": "named", "ordered": false, "maxRetransmits": 0}), json!({})];
        for (label, options) in ["drawing", "text"].into_iter().zip(options) {
            page.open_channel(program_id, label, options).await;
            program.until("the page's channel", |seen| !seen.named.is_empty()).await;
            let mut channel = program.named.pop().unwrap();
            assert_eq!((channel.label(), channel.is_ordered()), (label, label == "text"));
            assert_echoes(&mut channel).await;
        }
        exchange_data(&mut program, &page).await;
        program.participant.leave().await;
        page.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_open_and_close_channels_over_and_over() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, listener()).await;
    let entry = Entry { media: &[], ..stage.entry(&room) };
    let page = stage.page_with(Kind::Keeping, &entry).await;
    let (program_id, page_id) = (program.id(), page.id());
    program.until("the default channel", |seen| seen.channels.contains(&page_id)).await;
    for n in 0..12 {
        let label = format!("channel {n}");
        let page_opens = n % 2 == 0;
        let mut channel = if page_opens {
            page.open_channel(program_id, &label, json!({"protocol": "named"})).await;
            program.until("the page's channel", |seen| !seen.named.is_empty()).await;
            program.named.pop().unwrap()
        } else {
            let opening = program.participant.open_channel(page_id, &label, Delivery::default());
            timeout(PATIENCE, opening).await.expect(&label).unwrap()
        };
        assert_eq!(channel.label(), label);
        assert_echoes(&mut channel).await;
        let page_closes = n % 4 < 2;
        if page_closes {
            page.close_channel(program_id, &label).await;
            assert_eq!(timeout(PATIENCE, channel.recv()).await.expect(&label), None);
        }
        drop(channel);
        page.until("end of the channel", |report| {
            report
                .peer(program_id)
                .and_then(|peer| peer.channels.get(&label))
                .is_some_and(|channel| channel.state == "closed")
        })
        .await;
    }
    exchange_data(&mut program, &page).await;
    program.participant.leave().await;
    page.close().await;
}

/// Sends text and bytes, which the page says back; again and again, since some channels may lose
/// them.
async fn assert_echoes(channel: &mut DataChannel) {
    let text = DataMessage { data: "你好".into(), is_text: true };
    let bytes = DataMessage { data: "bytes".into(), is_text: false };
    let mut echoes = Vec::new();
    let echoing = async {
        while !(echoes.contains(&text) && echoes.contains(&bytes)) {
            channel.send_text("你好").await.unwrap();
            channel.send("bytes").await.unwrap();
            while let Ok(echo) = timeout(Duration::from_millis(500), channel.recv()).await {
                echoes.push(echo.expect("the channel is closed"));
            }
        }
    };
    timeout(PATIENCE, echoing).await.expect("no echo");
    assert!(echoes.iter().all(|echo| [&text, &bytes].contains(&echo)), "{echoes:?}");
}
