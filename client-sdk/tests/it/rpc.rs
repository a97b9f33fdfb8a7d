//! Requests and replies over a data channel between two participants.

use std::time::Duration;

use client_sdk::{Rpc, RpcError, RpcRequest, RpcRequests};
use futures_util::future::join_all;
use serde_json::{Value, json};
use signal_server::testing::TestServer;

use crate::common::{InTime, PATIENCE, Witness, channel, listener, meet, server};

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_ask_and_each_reply_finds_its_request() {
    let server = server().await;
    let (_witnesses, [(here, mut asked_here), (there, mut asked_there)]) = pair(&server).await;
    let replies = async {
        // Answered in another order than they were asked.
        let mut requests = Vec::new();
        while requests.len() < 10 {
            requests.push(next(&mut asked_there).await);
        }
        for request in requests.into_iter().rev() {
            let number: u32 = request.data().unwrap();
            request.reply(&json!({"square": number * number})).await.unwrap();
        }
    };
    let here = &here;
    let asking =
        (0..10_u32).map(async |number| here.request::<Value>("square", &number, PATIENCE).await);
    let asking = join_all(asking);
    let (replied, ()) = tokio::join!(asking, replies);
    for (number, reply) in replied.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), json!({"square": number * number}));
    }
    // The other way round over the same channel.
    let answering = async {
        let request = next(&mut asked_here).await;
        assert_eq!((request.name(), request.data::<Option<u8>>()), ("stop", Ok(None)));
        request.reply(&()).await.unwrap();
    };
    let (reply, ()) = tokio::join!(there.request::<()>("stop", &(), PATIENCE), answering);
    reply.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_fails_for_a_reason_of_its_own() {
    let server = server().await;
    let (_witnesses, [(here, asked_here), (there, mut asked_there)]) = pair(&server).await;
    let patience = Duration::from_millis(300);
    let unanswered = here.request::<()>("nothing", &(), patience).await;
    assert_eq!(unanswered, Err(RpcError::Timeout));
    let late = next(&mut asked_there).await;
    // Nobody waits for it any more, and the next reply is not taken for it.
    late.reply("late").await.unwrap();

    let answering = async {
        next(&mut asked_there).await.refuse("not today").await.unwrap();
        drop(next(&mut asked_there).await);
        next(&mut asked_there).await.reply("text").await.unwrap();
    };
    let asking = async {
        let refused = here.request::<()>("a", &(), PATIENCE).await;
        assert_eq!(refused, Err(RpcError::Refused("not today".into())));
        let dropped = here.request::<()>("b", &(), PATIENCE).await;
        assert_eq!(dropped, Err(RpcError::Refused("the request was not answered".into())));
        let other = here.request::<u32>("c", &(), PATIENCE).await;
        assert!(matches!(other, Err(RpcError::Json(_))), "{other:?}");
    };
    tokio::join!(asking, answering);
    let large = here.request::<()>("d", &"x".repeat(70_000), PATIENCE).await;
    assert_eq!(large, Err(RpcError::TooLarge));

    // Here nobody answers requests.
    drop(asked_here);
    let refused = there.request::<()>("e", &(), PATIENCE).await;
    assert_eq!(refused, Err(RpcError::Refused("nobody answers requests".into())));

    // The channel is closed with the last handle.
    let waiting = tokio::spawn({
        let here = here.clone();
        async move { here.request::<()>("f", &(), PATIENCE).await }
    });
    assert_eq!(next(&mut asked_there).await.name(), "f");
    waiting.abort();
    let _ = waiting.await;
    drop(here);
    assert!(asked_there.recv().in_time("the end").await.is_none());
    assert_eq!(there.request::<()>("g", &(), PATIENCE).await, Err(RpcError::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_bounded_on_both_sides() {
    let server = server().await;
    let (_witnesses, [(here, _asked_here), (_there, mut asked_there)]) = pair(&server).await;
    let asking = (0..65).map(|_| here.request::<()>("work", &(), PATIENCE));
    let first = async {
        let mut first = None;
        for _ in 0..64 {
            first.get_or_insert(next(&mut asked_there).await);
        }
        drop(asked_there);
        drop(first);
    };
    let (replies, ()) = tokio::join!(join_all(asking), first);
    let busy = replies.iter().filter(|reply| **reply == Err(RpcError::Busy)).count();
    assert_eq!(busy, 1);
    let refused = |reply: &&Result<(), RpcError>| matches!(reply, Err(RpcError::Refused(_)));
    assert_eq!(replies.iter().filter(refused).count(), 64, "{replies:?}");
}

async fn next(requests: &mut RpcRequests) -> RpcRequest {
    requests.recv().in_time("a request").await.expect("the channel is closed")
}

/// Both ends of an RPC channel, and their participants.
async fn pair(server: &TestServer) -> ([Witness; 2], [(Rpc, RpcRequests); 2]) {
    let (mut here, mut there) = meet(server, listener(), listener(), true).await;
    let id = there.id();
    here.until("connection", |seen| seen.is_connected(id)).await;
    let (opened, received) = channel(&here, &mut there, "rpc").await;
    ([here, there], [opened.into_rpc(), received.into_rpc()])
}
