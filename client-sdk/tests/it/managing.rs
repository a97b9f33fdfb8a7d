//! How the creator of a room manages it during a call.

use std::time::Duration;

use client_sdk::{
    CloseReason, Event, NewPassword, NewRoom, OnCreatorLeave, Participant, Refusal, RoomChange,
};
use tokio::time::timeout;

use crate::common::{InTime, PATIENCE, Witness, client, listener, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_lists_shows_and_changes_its_rooms_and_everybody_learns_of_it() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let keep = NewRoom { on_creator_leave: Some(OnCreatorLeave::Keep), ..NewRoom::default() };
    let (room, creator) = client.create(&token, &keep, listener()).await.unwrap();
    let mut guest = client.join(&room.room_id, &room.password, "guest", listener()).await.unwrap();
    let before = guest.room().unwrap();
    assert_eq!(
        (&*before.name, before.max_participants, before.locked),
        ("alice's room", 10, false)
    );

    let listed = client.list_rooms(&token).await.unwrap();
    let shown = client.show_room(&token, &room.room_id).await.unwrap();
    assert_eq!(listed, [shown.room]);
    assert_eq!(
        (listed[0].participant_count, listed[0].on_creator_leave),
        (2, OnCreatorLeave::Keep)
    );
    let seats: Vec<_> = shown.participants.iter().map(|seat| (seat.id, seat.is_creator)).collect();
    assert_eq!(seats, [(creator.id(), true), (guest.id(), false)]);

    let change = RoomChange {
        name: Some("the garden".into()),
        locked: Some(true),
        max_participants: Some(3),
        expires_minutes: Some(240),
        rotate_password: Some(NewPassword::Chosen("secret".into())),
        restore_attempts: true,
    };
    let changed = client.change_room(&token, &room.room_id, &change).await.unwrap();
    assert!(changed.room.locked && changed.room.expires_at > room.expires_at);
    assert_eq!(changed.credentials.unwrap().password, "secret");
    let updated = async {
        loop {
            if let Event::RoomUpdated(told) = guest.next_event().await.unwrap() {
                return told;
            }
        }
    };
    let told = updated.in_time("the update").await;
    assert_eq!((&*told.name, told.max_participants, told.locked), ("the garden", 3, true));
    assert!(told.expires_at > before.expires_at);
    assert_eq!(guest.room(), Some(told));

    let refused = client.join_room(&room.room_id, "secret", "late").await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.refusal()),
        (Some("room_locked"), Some(Refusal::RoomLocked))
    );
    let unlock = RoomChange { locked: Some(false), ..RoomChange::default() };
    let changed = client.change_room(&token, &room.room_id, &unlock).await.unwrap();
    assert!(changed.credentials.is_none());
    client.join_room(&room.room_id, "secret", "late").await.unwrap();
    let too_large = RoomChange { max_participants: Some(51), ..RoomChange::default() };
    let refused = client.change_room(&token, &room.room_id, &too_large).await.unwrap_err();
    assert!(refused.to_string().contains("max_participants"), "{refused}");
    assert_eq!(refused.refusal(), Some(Refusal::InvalidArgument));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_kicks_and_bans() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let (room, _creator) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let id = &room.room_id;
    let mut guest =
        Witness::new(client.join(id, &room.password, "guest", listener()).await.unwrap());
    client.kick(&token, id, guest.id()).await.unwrap();
    guest.until("the kick", |seen| seen.closed.is_some()).await;
    assert!(matches!(guest.closed, Some(CloseReason::Kicked { .. })), "{:?}", guest.closed);
    let mut guest =
        Witness::new(client.join(id, &room.password, "guest", listener()).await.unwrap());
    let credentials = client.ban(&token, id, guest.id()).await.unwrap();
    guest.until("the ban", |seen| seen.closed.is_some()).await;
    let refused = client.join_room(id, &room.password, "guest").await.unwrap_err();
    assert_eq!(refused.code(), Some("wrong_password"));
    client.join_by_invite(&credentials.invite(id), "friend", listener()).await.unwrap();
    let nobody = "p_00000000".parse().unwrap();
    let refused = client.kick(&token, id, nobody).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::ParticipantNotFound));
    let bob = server.access_token("bob");
    let refused = client.show_room(&bob, id).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_learns_some_time_before_that_the_room_ends() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let short = NewRoom { expires_minutes: Some(5), ..NewRoom::default() };
    let options = listener().expiry_notice(Duration::from_secs(600));
    let (room, mut creator) = client.create(&token, &short, options.clone()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    for mut participant in [creator.clone(), guest] {
        let left = expiring(&mut participant).await;
        assert!(left > Duration::ZERO && left <= Duration::from_secs(300), "{left:?}");
    }
    // A new end of the room is announced again.
    let extend = RoomChange { expires_minutes: Some(8), ..RoomChange::default() };
    client.change_room(&token, &room.room_id, &extend).await.unwrap();
    let left = expiring(&mut creator).await;
    assert!(left > Duration::from_secs(300) && left <= Duration::from_secs(480), "{left:?}");
}

async fn expiring(participant: &mut Participant) -> Duration {
    let told = async {
        loop {
            if let Event::RoomExpiring { left } = participant.next_event().await.unwrap() {
                return left;
            }
        }
    };
    timeout(PATIENCE, told).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_restores_the_attempts_for_wrong_passwords() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let room = client.create_room(&token, &NewRoom::default()).await.unwrap();
    let wrong = if room.password == "000000" { "000001" } else { "000000" };
    let refused = client.join_room(&room.room_id, wrong, "guest").await.unwrap_err();
    assert_eq!(refused.code(), Some("wrong_password"));
    let shown = client.show_room(&token, &room.room_id).await.unwrap();
    assert_eq!(shown.room.password_attempts_left, 19);
    let restore = RoomChange { restore_attempts: true, ..RoomChange::default() };
    let changed = client.change_room(&token, &room.room_id, &restore).await.unwrap();
    assert_eq!(changed.room.password_attempts_left, 20);
}
