//! Messages between the embedding code and participants.

use serde_json::{Value, json};
use signal_core::ErrorCode;
use signal_server::{HostMessage, MessagesToHost, Payload, RoomId, SendError, Topic};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::common::{Api, PATIENCE, Participant, Room, text, until};

fn data(value: &Value) -> (Topic, Payload) {
    (Topic::new("notice").unwrap(), Payload::new(value).unwrap())
}

/// A guest who speaks v2, and its id.
async fn guest(api: &Api, room: &Room) -> (Participant, String) {
    let token = api.ws_token(room, "小刚").await;
    let (guest, joined) = api.enter_v2(room, &token).await;
    (guest, text(&joined["participant_id"]))
}

/// The participants that do not get a message, each with the reason.
fn refused(sent: Result<(), SendError>) -> Vec<(Option<String>, ErrorCode)> {
    let Err(SendError::Refused(refused)) = sent else { panic!("it was not refused: {sent:?}") };
    let told = refused.into_iter();
    told.map(|refusal| (refusal.participant.map(|id| id.to_string()), refusal.code)).collect()
}

#[tokio::test]
async fn what_the_server_says_comes_from_the_host_to_those_it_is_for() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let id: RoomId = room.id.parse().unwrap();
    let (mut v1, v1_id) = api.guest(&room, "小红").await;
    let (mut one, one_id) = guest(&api, &room).await;
    v1.hear().await;
    let (mut other, _) = guest(&api, &room).await;
    v1.hear().await;
    one.hear().await;

    let (topic, payload) = data(&json!({"text": "five minutes left"}));
    handle.send(id, HostMessage::to_room(topic, payload)).unwrap();
    for participant in [&mut one, &mut other] {
        let mut message = participant.hear().await;
        message.as_object_mut().unwrap().remove("seq");
        assert_eq!(
            message,
            json!({
                "type": "message",
                "from": "host",
                "topic": "notice",
                "data": {"text": "five minutes left"},
            })
        );
    }

    let (topic, payload) = data(&json!("for you"));
    handle.send(id, HostMessage::to_one(one_id.parse().unwrap(), topic, payload)).unwrap();
    assert_eq!(one.hear().await["data"], "for you");

    let (topic, payload) = data(&json!(1));
    let to_v1 = HostMessage::to_one(v1_id.parse().unwrap(), topic.clone(), payload.clone());
    let expected = vec![(Some(v1_id), ErrorCode::PeerUnreachable)];
    assert_eq!(refused(handle.send(id, to_v1)), expected);
    let nobody = HostMessage::to_one("p_00000000".parse().unwrap(), topic.clone(), payload.clone());
    let expected = vec![(Some("p_00000000".to_owned()), ErrorCode::PeerNotFound)];
    assert_eq!(refused(handle.send(id, nobody)), expected);
    let (_, long) = data(&json!("x".repeat(20_000)));
    let long = HostMessage::to_room(topic.clone(), long);
    assert_eq!(refused(handle.send(id, long)), [(None, ErrorCode::MessageTooLarge)]);

    let to_all = HostMessage::to_room(topic, payload);
    let unknown = handle.send("ZZZZZZ".parse().unwrap(), to_all.clone());
    assert_eq!(unknown, Err(SendError::RoomNotFound));
    handle.close_room(id).await.unwrap();
    assert_eq!(handle.send(id, to_all), Err(SendError::RoomNotFound));
}

#[tokio::test]
async fn what_participants_say_to_the_host_is_heard_and_answered() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut guest, guest_id) = guest(&api, &room).await;
    let question = json!({
        "type": "message", "to": "host", "topic": "notice", "data": {"n": 1}, "req": "r1",
    });

    guest.say(&question).await;
    let error = guest.hear().await;
    assert_eq!((&error["code"], &error["req"]), (&json!("peer_not_found"), &json!("r1")));

    let mut messages = handle.messages();
    guest.say(&question).await;
    let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
    assert_eq!(message.participant.to_string(), guest_id);
    assert_eq!(message.room.to_string(), room.id);
    assert_eq!(message.data.as_bytes(), br#"{"n":1}"#);
    let answer = HostMessage::to_one(message.participant, message.topic, message.data);
    handle.send(message.room, answer).unwrap();
    let answer = guest.hear().await;
    assert_eq!((&answer["from"], &answer["data"]), (&json!("host"), &json!({"n": 1})));

    drop(messages);
    guest.say(&question).await;
    assert_eq!(guest.hear().await["code"], "peer_not_found");
}

#[tokio::test]
async fn whoever_floods_a_host_that_does_not_keep_up_is_refused_and_others_are_not() {
    let api = Api::start().await;
    let mut messages = api.server().handle().messages();
    let room = api.room().await;
    let (mut loud, _) = guest(&api, &room).await;
    let (mut other, _) = guest(&api, &room).await;
    loud.hear().await;
    let message = |number: u32| {
        json!({
            "type": "message", "to": "host", "topic": "t", "data": number,
            "req": number.to_string(),
        })
    };
    for number in 0..40 {
        loud.say(&message(number)).await;
    }
    for number in 32..40 {
        let error = loud.hear().await;
        assert_eq!(
            (&error["code"], &error["req"]),
            (&json!("rate_limited"), &json!(number.to_string()))
        );
    }
    other.say(&message(100)).await;
    for number in (0..32).chain([100]) {
        let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
        assert_eq!(message.data.as_bytes(), number.to_string().as_bytes());
    }
    loud.say(&message(40)).await;
    let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
    assert_eq!(message.data.as_bytes(), b"40");
}

#[tokio::test]
async fn a_room_that_floods_the_host_from_many_seats_leaves_space_for_other_rooms() {
    let api = Api::start().await;
    let mut messages = api.server().handle().messages();
    let (loud, quiet) = (api.room().await, api.room().await);
    let message = json!({"type": "message", "to": "host", "topic": "t", "data": "loud"});
    for _ in 0..8 {
        // Others that enter are told to those before.
        let (mut seat, _) = guest(&api, &loud).await;
        for _ in 0..32 {
            seat.say(&message).await;
        }
        seat.say(&json!({"type": "ping", "t": 1})).await;
        while seat.hear().await["type"] != "pong" {}
    }
    let (mut other, _) = guest(&api, &quiet).await;
    for number in 0..32 {
        let message = json!({"type": "message", "to": "host", "topic": "t", "data": number});
        other.say(&message).await;
    }
    other.say(&json!({"type": "ping", "t": 1})).await;
    assert_eq!(other.hear().await["type"], "pong", "all of them are accepted");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "31") {
        let message = timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
        heard.push(String::from_utf8(message.data.as_bytes().to_vec()).unwrap());
    }
    // Half of all, and those of the other room.
    assert_eq!(heard.len(), 129 + 32);
}

#[tokio::test]
async fn a_participant_that_lost_its_socket_gets_the_messages_of_the_host_when_it_resumes() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let id: RoomId = room.id.parse().unwrap();
    let token = api.ws_token(&room, "小刚").await;
    let (mut guest, joined) = api.enter_v2(&room, &token).await;
    let guest_id = text(&joined["participant_id"]).parse().unwrap();
    let (topic, payload) = data(&json!("before"));
    handle.send(id, HostMessage::to_room(topic, payload)).unwrap();
    assert_eq!(guest.hear().await["data"], "before");
    drop(guest);
    until(|| !handle.room(id).unwrap().participants[0].connected).await;
    let (topic, payload) = data(&json!("to the room"));
    handle.send(id, HostMessage::to_room(topic, payload)).unwrap();
    let (topic, payload) = data(&json!("to one"));
    handle.send(id, HostMessage::to_one(guest_id, topic, payload)).unwrap();

    // It claims to have received only `joined`.
    let (mut back, resumed) = api.resume(&room, &text(&joined["resume_token"])).await;
    assert_eq!((&resumed["type"], &resumed["replayed"]), (&json!("resumed"), &json!(3)));
    for expected in ["before", "to the room", "to one"] {
        let message = back.hear().await;
        assert_eq!((&message["from"], &message["data"]), (&json!("host"), &json!(expected)));
    }
    let (topic, payload) = data(&json!("after"));
    handle.send(id, HostMessage::to_room(topic, payload)).unwrap();
    assert_eq!(back.hear().await["data"], "after");
}

#[tokio::test]
async fn a_message_that_a_participant_has_no_room_for_is_the_hosts_error_and_others_get_it() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let id: RoomId = room.id.parse().unwrap();
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let url = api.socket_url(&room.id, &api.ws_token(&room, "slow").await) + "&v=2";
    let (mut slow, _) = Participant::connect_from(tcp, url).await.unwrap();
    let slow_id = text(&slow.hear().await["participant_id"]);
    let (mut reader, _) = guest(&api, &room).await;
    slow.hear().await;

    let long = "x".repeat(16_000);
    let mut sent = Vec::new();
    loop {
        let number = sent.len();
        let (topic, payload) = data(&json!([number, long]));
        let answered = handle.send(id, HostMessage::to_room(topic, payload));
        assert_eq!(reader.hear().await["data"][0], number);
        if answered.is_err() {
            assert_eq!(refused(answered), [(Some(slow_id), ErrorCode::RateLimited)]);
            break;
        }
        sent.push(number);
        assert!(sent.len() < 1000, "nothing bounds what waits");
    }
    // It stays, gets the accepted messages in order, and then new ones.
    for number in sent {
        assert_eq!(slow.hear().await["data"][0], number);
    }
    let (topic, payload) = data(&json!("later"));
    handle.send(id, HostMessage::to_room(topic, payload)).unwrap();
    assert_eq!(slow.hear().await["data"], "later");
}

#[tokio::test]
async fn a_second_listener_takes_over_and_the_first_ends_after_the_messages_it_has() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room = api.room().await;
    let (mut guest, _) = guest(&api, &room).await;
    let say = async |guest: &mut Participant, data: &str| {
        guest.say(&json!({"type": "message", "to": "host", "topic": "t", "data": data})).await;
        guest.say(&json!({"type": "ping", "t": 1})).await;
        assert_eq!(guest.hear().await["type"], "pong");
    };
    let mut first = handle.messages();
    say(&mut guest, "earlier").await;
    let mut second = handle.messages();
    say(&mut guest, "later").await;
    let heard = async |listener: &mut MessagesToHost| {
        let message = timeout(PATIENCE, listener.next()).await.expect("it ends or hears");
        message.map(|message| message.data)
    };
    assert_eq!(heard(&mut second).await, Some(data(&json!("later")).1));
    assert_eq!(heard(&mut first).await, Some(data(&json!("earlier")).1));
    assert_eq!(heard(&mut first).await, None);
    // The end of the first listener changes nothing for the second one.
    drop(first);
    say(&mut guest, "last").await;
    assert_eq!(heard(&mut second).await, Some(data(&json!("last")).1));
}
