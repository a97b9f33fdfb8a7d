//! The events of rooms for the embedding code.

use serde_json::json;
use signal_core::identity::Identity;
use signal_core::room::CloseReason;
use signal_core::room::event::{EventLeaveReason, EventParticipant};
use signal_server::{
    DisplayName, EventsLost, MintToken, RoomEvent, RoomEventKind, RoomEvents, RoomId,
};
use tokio::time::timeout;

use crate::common::{Api, PATIENCE, Room, builder, pass};

/// The next event.
pub async fn told(events: &mut RoomEvents) -> Result<RoomEvent, EventsLost> {
    let next = timeout(PATIENCE, events.next()).await;
    next.expect("an event comes").expect("the server is there")
}

/// The next event, in a few words.
pub async fn told_briefly(events: &mut RoomEvents) -> String {
    let user = |participant: &EventParticipant| {
        let user = participant.identity.user.as_ref();
        user.map_or_else(|| participant.name.to_string(), |user| user.as_str().to_owned())
    };
    match told(events).await.unwrap().kind {
        RoomEventKind::Opened => "opened".to_owned(),
        RoomEventKind::Closed { reason: CloseReason::ByAdmin } => "closed".to_owned(),
        RoomEventKind::Closed { reason: CloseReason::Expired } => "expired".to_owned(),
        RoomEventKind::Joined { participant } => format!("{} joined", user(&participant)),
        RoomEventKind::Left { participant, reason } => {
            let how = match reason {
                EventLeaveReason::Kicked => "was kicked",
                EventLeaveReason::Left => "left",
                EventLeaveReason::Lost => "was lost",
                _ => "was there at the end",
            };
            format!("{} {how}", user(&participant))
        }
        RoomEventKind::Detached { participant, .. } => format!("{} detached", user(&participant)),
        RoomEventKind::Resumed { participant, .. } => format!("{} resumed", user(&participant)),
        other => format!("{other:?}"),
    }
}

fn token_of(api: &Api, room: &Room, user: &str) -> String {
    let mut token = MintToken::new(DisplayName::parse("somebody").unwrap().unwrap());
    token.identity = Identity::of(user.parse().unwrap());
    let id: RoomId = room.id.parse().unwrap();
    api.server().handle().mint(id, token).unwrap().ws_token
}

#[tokio::test]
async fn what_comes_about_is_told_in_order_with_the_user_it_is_about() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let mut events = handle.events();
    let room = api.room().await;
    let id: RoomId = room.id.parse().unwrap();
    let (mut bob, _) = api.enter_v2(&room, &token_of(&api, &room, "bob")).await;
    let (_carol, _) = api.enter_v2(&room, &token_of(&api, &room, "carol")).await;
    let (_guest, _) = api.guest(&room, "小红").await;
    bob.say(&json!({"type": "leave"})).await;
    bob.read_until_closed().await;
    handle.kick_user(id, "carol".parse().unwrap()).await.unwrap();
    handle.close_room(id).await.unwrap();
    let expected = [
        "opened",
        "bob joined",
        "carol joined",
        "小红 joined",
        "bob left",
        "carol was kicked",
        "小红 was there at the end",
        "closed",
    ];
    for expected in expected {
        assert_eq!(told_briefly(&mut events).await, expected);
    }
}

#[tokio::test]
async fn a_room_that_expires_with_nobody_in_it_is_told() {
    let api = Api::start().await;
    let mut events = api.server().handle().events();
    api.room_with(&json!({"expires_minutes": 1})).await;
    assert_eq!(told_briefly(&mut events).await, "opened");
    pass(std::time::Duration::from_secs(61)).await;
    assert_eq!(told_briefly(&mut events).await, "expired");
}

#[tokio::test]
async fn whoever_does_not_keep_up_is_told_how_many_events_are_lost() {
    let api = Api::start().await;
    let handle = api.server().handle();
    let room: RoomId = api.room().await.id.parse().unwrap();
    let mut events = handle.events();
    for change in 0..1100 {
        handle.set_locked(room, change % 2 == 0).await.unwrap();
    }
    let lost = told(&mut events).await.unwrap_err().count;
    let first = told(&mut events).await.unwrap().key.version;
    // The room itself is version 1, and the first change is version 2.
    assert_eq!(first, 2 + lost);
    assert!(lost >= 1100 - 1024, "{lost}");
    for version in first + 1..=1101 {
        assert_eq!(told(&mut events).await.unwrap().key.version, version);
    }
}

#[tokio::test]
async fn events_end_with_their_server() {
    let server = builder().build();
    let handle = server.handle();
    let mut events = handle.events();
    drop(server);
    assert_eq!(events.next().await, None);
    assert_eq!(handle.events().next().await, None);
}
