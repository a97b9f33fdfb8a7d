//! Messages and states of applications by way of the real server.

use std::time::Duration;

use client_sdk::{Audience, Client, CommandError, Event, NewRoom, Participant, ParticipantInfo};
use serde_json::{Value, json};
use signal_core::config::{HubConfig, RateLimit};
use signal_server::testing::{self, TestServer};
use signal_server::{HostMessage, Payload, Secret, Server, Topic};
use tokio::time::timeout;

use crate::common::wire::Wire;
use crate::common::{InTime, PATIENCE, client, listener, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_one_it_is_for_or_everybody_but_its_sender() {
    let server = server().await;
    let [mut a, mut b, mut c] = room_of_three(&server).await;
    a.send_message(Audience::One(b.id()), "chat", &json!({"text": "你好"})).await.unwrap();
    a.send_message(Audience::Room, "all", &[1, 2]).await.unwrap();
    b.send_message(Audience::Room, "all", "from b").await.unwrap();
    let (from_a, from_b) = (a.id(), b.id());
    let own = (from_a, "chat".to_owned(), json!({"text": "你好"}));
    let all = (from_a, "all".to_owned(), json!([1, 2]));
    let bs = (from_b, "all".to_owned(), json!("from b"));
    assert_eq!(message(&mut a).await, bs);
    assert_eq!([message(&mut b).await, message(&mut b).await], [own, all.clone()]);
    let mut cs = [message(&mut c).await, message(&mut c).await];
    cs.sort_by_key(|(from, ..)| *from != from_a);
    assert_eq!(cs, [all, bs]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_around_a_server_and_its_participants_send_each_other_messages() {
    let server = server().await;
    let handle = server.server().handle();
    let [mut a, mut b, _c] = room_of_three(&server).await;
    let question = json!({"votes": 2});
    let unheard = a.send_message(Audience::Host, "poll", &question).await;
    assert_eq!(code(unheard), "peer_not_found", "nobody takes it");

    let mut messages = handle.messages();
    a.send_message(Audience::Host, "poll", &question).await.unwrap();
    let asked = messages.next().in_time("the question").await.unwrap();
    assert_eq!((asked.participant, asked.topic.as_str()), (a.id(), "poll"));
    assert_eq!(serde_json::from_slice::<Value>(asked.data.as_bytes()).unwrap(), question);
    handle
        .send(asked.room, HostMessage::to_one(asked.participant, asked.topic, asked.data))
        .unwrap();
    let (topic, data) = (Topic::new("notice").unwrap(), Payload::new("five minutes").unwrap());
    handle.send(asked.room, HostMessage::to_room(topic, data)).unwrap();
    let notice = ("notice".to_owned(), json!("five minutes"));
    assert_eq!(host_message(&mut a).await, ("poll".to_owned(), question));
    assert_eq!(host_message(&mut a).await, notice);
    assert_eq!(host_message(&mut b).await, notice, "the answer is for the one who asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_and_a_name_are_told_to_those_who_are_there_and_to_those_who_come() {
    let server = server().await;
    let client = client(&server);
    let token = server.access_token("alice");
    let (room, a) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let join = async |name: &str| {
        client.join(&room.room_id, &room.password, name, listener()).await.unwrap()
    };
    let mut b = join("b").await;
    a.set_state(&json!({"hand": "up"})).await.unwrap();
    a.set_name("Alicia").await.unwrap();
    let mut shown = (None, None);
    while shown.0.is_none() || shown.1.is_none() {
        if let Event::ParticipantUpdated { participant, name, state, .. } = next(&mut b).await {
            assert_eq!(participant, a.id());
            shown = (name.or(shown.0), state.or(shown.1));
        }
    }
    let (name, state) = (shown.0.unwrap(), shown.1.unwrap());
    assert_eq!(
        (name.as_str(), serde_json::from_slice::<Value>(&state).unwrap()),
        ("Alicia", json!({"hand": "up"}))
    );
    let mut c = join("c").await;
    let seen = member(&mut c, &a).await;
    assert_eq!(seen.name.as_ref(), "Alicia");
    assert_eq!(seen.state.unwrap().as_bytes(), br#"{"hand":"up"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_result_of_what_was_refused_and_of_nothing_else() {
    let hub = HubConfig::with(|config| {
        config.max_data_bytes = 1000;
        config.max_state_bytes = 100;
    });
    let server =
        testing::start_with(Server::builder(Secret::random()).hub(hub).unwrap()).await.unwrap();
    let [a, mut b, _c] = room_of_three(&server).await;
    let nobody = Audience::One("p_00000000".parse().unwrap());
    let long = "x".repeat(2000);
    // At once, so that their answers come in between each other.
    let (absent, fine, own, large, state) = tokio::join!(
        a.send_message(nobody, "t", "x"),
        a.send_message(Audience::One(b.id()), "t", "fine"),
        a.send_message(Audience::One(a.id()), "t", "x"),
        a.send_message(Audience::Room, "t", &long),
        a.set_state(&long),
    );
    assert_eq!(code(absent), "peer_not_found");
    assert_eq!(fine, Ok(()));
    assert_eq!(code(own), "self_target");
    assert_eq!(code(large), "message_too_large");
    assert_eq!(code(state), "message_too_large");
    assert_eq!(message(&mut b).await, (a.id(), "t".to_owned(), json!("fine")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_protocol_does_not_allow_is_refused_before_it_is_sent() {
    let server = server().await;
    let [a, mut b, _c] = room_of_three(&server).await;
    let room = Audience::Room;
    for topic in ["", &"x".repeat(65)] {
        assert_eq!(a.send_message(room, topic, "x").await, Err(CommandError::Topic));
    }
    let longest = "主".repeat(64);
    // With the quotes around it.
    let most = "x".repeat(16 * 1024 - 2);
    a.send_message(room, &longest, &most).await.unwrap();
    let (_, topic, data) = message(&mut b).await;
    assert_eq!((topic, data), (longest, json!(most)));
    let large = CommandError::TooLarge { bytes: 16 * 1024 + 1, most: 16 * 1024 };
    assert_eq!(a.send_message(room, "t", &format!("{most}x")).await, Err(large));
    let most = "x".repeat(4 * 1024 - 2);
    a.set_state(&most).await.unwrap();
    let large = CommandError::TooLarge { bytes: 4 * 1024 + 1, most: 4 * 1024 };
    assert_eq!(a.set_state(&format!("{most}x")).await, Err(large));
    assert!(matches!(a.set_name(" ").await, Err(CommandError::Name(_))));
    assert!(matches!(a.set_name(&"x".repeat(129)).await, Err(CommandError::Name(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_dropped_for_being_too_much_is_called_done() {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = 40;
        rate.burst_messages_per_peer = 0;
    });
    let hub = HubConfig::with(|config| config.rate = rate);
    let server =
        testing::start_with(Server::builder(Secret::random()).hub(hub).unwrap()).await.unwrap();
    let [a, mut b, _c] = room_of_three(&server).await;
    let numbers: Vec<u32> = (0..150).collect();
    let to = Audience::One(b.id());
    let results =
        futures_util::future::join_all(numbers.iter().map(|n| a.send_message(to, "n", n))).await;
    let done: Vec<u32> = results
        .iter()
        .zip(&numbers)
        .filter(|(result, _)| result.is_ok())
        .map(|(_, n)| *n)
        .collect();
    let refused = results.iter().filter(|result| result.as_ref().is_err());
    assert!(refused.clone().all(|result| code(result.clone()) == "rate_limited"), "{results:?}");
    assert!(refused.count() > 0);
    // After a while it goes on.
    while a.send_message(to, "end", "").await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut came = Vec::new();
    loop {
        let (_, topic, data) = message(&mut b).await;
        if topic == "end" {
            break;
        }
        came.push(u32::try_from(data.as_u64().unwrap()).unwrap());
    }
    assert!(done.iter().all(|n| came.contains(n)), "done {done:?}, came {came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_server_is_out_of_reach_arrives_once_and_in_order() {
    let server = server().await;
    let (wire, flaky) = Wire::to(server.address()).await;
    let steady = client(&server);
    let (mut a, b) = pair(&steady, &flaky, &server.access_token("alice")).await;
    wire.refuse(true);
    wire.cut();
    let sending = tokio::spawn(async move {
        for n in 0..20 {
            b.send_message(Audience::Room, "n", &n).await.unwrap();
        }
        b
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    wire.refuse(false);
    for n in 0..20 {
        // The last one is not held up, so that leaving is not either.
        if [4, 9, 14].contains(&n) {
            wire.cut();
        }
        assert_eq!(message(&mut a).await.2, json!(n));
    }
    let b = timeout(PATIENCE, sending).await.unwrap().unwrap();
    let id = b.id();
    b.leave().await;
    // Nothing has come twice.
    loop {
        match next(&mut a).await {
            Event::Message { data, .. } => panic!("{data:?} once more"),
            Event::ParticipantLeft(left) => break assert_eq!(left, id),
            _ => {}
        }
    }
}

async fn room_of_three(server: &TestServer) -> [Participant; 3] {
    let client = client(server);
    let token = server.access_token("alice");
    let (room, a) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let b = client.join(&room.room_id, &room.password, "b", listener()).await.unwrap();
    let c = client.join(&room.room_id, &room.password, "c", listener()).await.unwrap();
    [a, b, c]
}

async fn pair(creators: &Client, guests: &Client, token: &str) -> (Participant, Participant) {
    let (room, creator) = creators.create(token, &NewRoom::default(), listener()).await.unwrap();
    let guest = guests.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    (creator, guest)
}

async fn next(participant: &mut Participant) -> Event {
    timeout(PATIENCE, participant.next_event())
        .await
        .expect("nothing happens")
        .expect("the room is over")
}

/// The next message: from whom, about what, and what it says.
async fn message(participant: &mut Participant) -> (client_sdk::ParticipantId, String, Value) {
    loop {
        if let Event::Message { from, topic, data } = next(participant).await {
            return (from, topic, serde_json::from_slice(&data).unwrap());
        }
    }
}

/// The next message of the code around the server: about what, and what it says.
async fn host_message(participant: &mut Participant) -> (String, Value) {
    loop {
        if let Event::HostMessage { topic, data } = next(participant).await {
            return (topic, serde_json::from_slice(&data).unwrap());
        }
    }
}

/// What a newcomer learns of somebody who was there before.
async fn member(newcomer: &mut Participant, of: &Participant) -> ParticipantInfo {
    loop {
        match next(newcomer).await {
            Event::ParticipantJoined(member) if member.id == of.id() => return member,
            _ => {}
        }
    }
}

fn code(result: Result<(), CommandError>) -> String {
    match result {
        Err(CommandError::Refused { code, .. }) => code,
        other => panic!("{other:?} is no refusal"),
    }
}
