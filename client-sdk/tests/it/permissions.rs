//! What the host application permits: what is not taken from others, and what moderators do.

use std::time::Duration;

use client_sdk::{
    Audience, CloseReason, CommandError, MediaKind, NewRoom, ParticipantId, Permissions, Refusal,
};
use signal_server::RoomId;
use tokio::time::timeout;

use crate::common::pictures::drain;
use crate::common::wire::{Network, Wire};
use crate::common::{InTime, Witness, channel, client, listener, meet, room_of, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_from_whoever_may_not_publish_until_it_may_again() {
    let server = server().await;
    let handle = server.server().handle();
    let (mut viewer, mut sender) = meet(&server, listener(), talker(), true).await;
    let (from, to) = (sender.id(), viewer.id());
    let room: RoomId = viewer.participant.room().unwrap().id;
    viewer.until("media", |seen| seen.has_media(from)).await;
    sender.until("a channel", |seen| seen.channels.contains(&to)).await;
    let (notes, mut read) = channel(&sender, &mut viewer, "notes").await;
    let mut silent = Permissions::default();
    silent.publish = false;

    handle.set_permissions(room, from, silent).await.unwrap();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        drain(viewer.tracks.remove(&(from, kind)).unwrap()).await;
    }
    assert!(!viewer.participant.participant(from).unwrap().publish);
    sender.participant.send_data(to, "unheard").await.unwrap();
    notes.send("unread").await.unwrap();
    let arrived = async {
        while notes.unsent_bytes().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    arrived.in_time("the data").await;
    // What is dropped leaves nothing to wait for.
    tokio::time::sleep(Duration::from_millis(300)).await;
    handle.set_permissions(room, from, Permissions::default()).await.unwrap();
    viewer.until("media", |seen| seen.has_media(from)).await;
    sender.participant.send_data(to, "heard").await.unwrap();
    viewer.until("data", |seen| !seen.data.is_empty()).await;
    assert_eq!(viewer.data, [(from, "heard".to_owned())]);
    notes.send("read").await.unwrap();
    assert_eq!(read.recv().in_time("the note").await.unwrap().data, "read");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        viewer.receive_fresh(from, kind, 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_delivered_of_whoever_may_not_publish_and_answers_no_offer() {
    let server = server().await;
    let (wire, held) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let (room, viewer) =
        client(&server).create(&token, &NewRoom::default(), listener()).await.unwrap();
    let sender = held.join(&room.room_id, &room.password, "sender", talker()).await.unwrap();
    let (mut viewer, from) = (Witness::new(viewer), sender.id());
    let _sender = Witness::new(sender);
    viewer.until("media", |seen| seen.has_media(from)).await;
    let mut silent = Permissions::default();
    silent.publish = false;

    // The offer without its media does not reach the sender.
    wire.network(Network::Stalls);
    let number = viewer.participant.room().unwrap().id;
    server.server().handle().set_permissions(number, from, silent).await.unwrap();
    let is_silent = |seen: &Witness| !seen.participant.participant(from).unwrap().publish;
    viewer.until("the permission", is_silent).await;
    let mut track = viewer.tracks.remove(&(from, MediaKind::Audio)).unwrap();
    let silence = async {
        let mut next = async || timeout(Duration::from_secs(1), track.recv()).await;
        while matches!(next().await, Ok(Some(_))) {}
    };
    silence.in_time("silence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_kicks_locks_and_closes_and_nobody_else_does() {
    let server = server().await;
    let handle = server.server().handle();
    let (room, mut witnesses) = room_of(&server, 3, listener()).await;
    let (mut guest, mut moderator, mut creator) =
        (witnesses.remove(2), witnesses.remove(1), witnesses.remove(0));
    assert_eq!(creator.participant.permissions(), Permissions::ALL);
    assert_eq!(moderator.participant.permissions(), Permissions::default());
    let number = moderator.participant.room().unwrap().id;
    assert_eq!(code(moderator.participant.kick(guest.id()).await), "forbidden");

    handle.set_permissions(number, moderator.id(), Permissions::ALL).await.unwrap();
    moderator.until("the permission", |seen| !seen.permitted.is_empty()).await;
    assert_eq!(moderator.permitted, [Permissions::ALL]);
    assert_eq!(moderator.participant.permissions(), Permissions::ALL);
    assert_eq!(code(moderator.participant.kick(creator.id()).await), "forbidden");
    let nobody: ParticipantId = "p_00000000".parse().unwrap();
    assert_eq!(code(moderator.participant.kick(nobody).await), "peer_not_found");

    moderator.participant.lock().await.unwrap();
    let late = client(&server).join_room(&room.room_id, &room.password, "late").await.unwrap_err();
    assert_eq!(late.refusal(), Some(Refusal::RoomLocked));
    moderator.participant.unlock().await.unwrap();
    moderator.participant.kick(guest.id()).await.unwrap();
    guest.until("the kick", |seen| seen.closed.is_some()).await;
    assert!(matches!(guest.closed, Some(CloseReason::Kicked { .. })), "{:?}", guest.closed);
    moderator.participant.close_room().await.unwrap();
    creator.until("the end", |seen| seen.closed.is_some()).await;
    assert!(matches!(creator.closed, Some(CloseReason::RoomClosed { .. })), "{:?}", creator.closed);
    assert_eq!(creator.permitted, [], "nothing has changed for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_send_messages_or_update_is_told_so() {
    let server = server().await;
    let handle = server.server().handle();
    let (mut bot, _other) = meet(&server, listener(), listener(), false).await;
    let room = bot.participant.room().unwrap().id;
    handle.set_permissions(room, bot.id(), Permissions::NONE).await.unwrap();
    bot.until("the change", |seen| !seen.permitted.is_empty()).await;
    let sent = bot.participant.send_message(Audience::Room, "chat", "x").await;
    assert_eq!(code(sent), "forbidden");
    assert_eq!(code(bot.participant.set_name("x").await), "forbidden");
}

fn code(outcome: Result<(), CommandError>) -> String {
    match outcome {
        Err(CommandError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}
