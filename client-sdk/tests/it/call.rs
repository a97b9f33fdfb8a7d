//! Calls over real sockets: the real server, real ICE, DTLS and SRTP.

use client_sdk::{
    CloseReason, EnterError, MediaKind, NewRoom, RemoteTrack, RequestError, TrackSource,
};

use crate::common::{self, InTime, client, listener, room_of, server, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn two_participants_exchange_audio_video_and_data() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    until_media_flows(&mut witnesses).await;
    exchange_data(&mut witnesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_participants_exchange_audio_video_and_data() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 4, talker()).await;
    until_media_flows(&mut witnesses).await;
    exchange_data(&mut witnesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_knows_the_sources_of_the_others_tracks_whoever_offered() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    until_media_flows(&mut witnesses).await;
    for witness in &witnesses {
        let sources = witness.tracks.values().map(RemoteTrack::source);
        assert!(sources.eq([Some(TrackSource::File); 2]), "{:?}", witness.tracks);
    }
}

async fn exchange_data(witnesses: &mut [common::Witness]) {
    let ids: Vec<_> = witnesses.iter().map(common::Witness::id).collect();
    for witness in witnesses.iter_mut() {
        let others: Vec<_> = ids.iter().copied().filter(|id| *id != witness.id()).collect();
        witness
            .until("data channels", |seen| others.iter().all(|id| seen.channels.contains(id)))
            .await;
        for other in others {
            let text = format!("{} to {other}", witness.id());
            witness.participant.send_data(other, text).await.unwrap();
        }
    }
    for witness in witnesses.iter_mut() {
        let me = witness.id();
        witness.until("data from everybody", |seen| seen.data.len() == ids.len() - 1).await;
        assert!(
            witness.data.iter().all(|(from, text)| *text == format!("{from} to {me}")),
            "{:?}",
            witness.data
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_participant_receives_from_one_that_talks_whoever_came_first() {
    let server = server().await;
    let client = client(&server);
    for listener_first in [true, false] {
        let (first, second) =
            if listener_first { (listener(), talker()) } else { (talker(), listener()) };
        let token = server.access_token("alice");
        let (room, creator) = client.create(&token, &NewRoom::default(), first).await.unwrap();
        let guest = client.join(&room.room_id, &room.password, "guest", second).await.unwrap();
        let (creator, guest) = (common::Witness::new(creator), common::Witness::new(guest));
        let (mut silent, talking) =
            if listener_first { (creator, guest) } else { (guest, creator) };
        let from = talking.id();
        silent.until("media", |seen| seen.has_media(from)).await;
        silent.receive(from, MediaKind::Audio, 10).await;
        silent.receive(from, MediaKind::Video, 10).await;
        assert!(silent.closed.is_none() && talking.tracks.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_takes_part_in_many_rooms_that_know_nothing_of_each_other() {
    let server = server().await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(room_of(&server, 2, talker()).await.1);
    }
    for witnesses in &mut rooms {
        until_media_flows(witnesses).await;
    }
    for mut witnesses in rooms {
        assert!(
            witnesses.iter().all(|witness| witness.present.len() == 1 && witness.tracks.len() == 2)
        );
        witnesses.pop().unwrap().participant.leave().await;
        witnesses[0].until("leave", |seen| seen.present.is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_is_seen_by_the_others_whose_call_goes_on() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 3, talker()).await;
    until_media_flows(&mut witnesses).await;
    let leaver = witnesses.pop().unwrap();
    let gone = leaver.id();
    leaver.participant.leave().await;
    for witness in &mut witnesses {
        witness.until("leave", |seen| !seen.present.contains(&gone)).await;
        witness.tracks.retain(|(from, _), _| *from != gone);
    }
    until_media_flows(&mut witnesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_leaves_the_room() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, listener()).await;
    let dropped = witnesses.pop().unwrap();
    let gone = dropped.id();
    witnesses[0].until("arrival", |seen| seen.present.contains(&gone)).await;
    drop(dropped);
    witnesses[0].until("leave", |seen| !seen.present.contains(&gone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_learns_that_the_creator_has_closed_the_room() {
    let server = server().await;
    let (room, mut witnesses) = room_of(&server, 3, listener()).await;
    client(&server).close_room(&server.access_token("alice"), &room.room_id).await.unwrap();
    for witness in &mut witnesses {
        witness.until("end", |seen| seen.closed.is_some()).await;
        assert_eq!(
            witness.closed,
            Some(CloseReason::RoomClosed { reason: "the creator closed the room".into() })
        );
        assert!(witness.participant.next_event().in_time("the end").await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_that_leaves_closes_the_room() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, listener()).await;
    witnesses.remove(0).participant.leave().await;
    witnesses[0]
        .until("end", |seen| matches!(seen.closed, Some(CloseReason::RoomClosed { .. })))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_its_reason() {
    let server = server().await;
    let client = client(&server);
    let token = server.access_token("alice");
    let new = NewRoom { max_participants: Some(1), ..NewRoom::default() };
    let room = client.create_room(&token, &new).await.unwrap();

    let code = |error: RequestError| error.code().map(str::to_owned);
    let wrong = client.join_room(&room.room_id, "wrong!", "x").await.map(drop).unwrap_err();
    assert_eq!(code(wrong).as_deref(), Some("wrong_password"));
    let full = client.join_room(&room.room_id, &room.password, "x").await.map(drop).unwrap_err();
    assert_eq!(code(full).as_deref(), Some("room_full"));
    let unknown = client.join_room("ZZZZZZ", "123456", "x").await.map(drop).unwrap_err();
    assert_eq!(code(unknown).as_deref(), Some("room_not_found"));
    let stranger = client.create_room("not a token", &NewRoom::default()).await.unwrap_err();
    assert_eq!(code(stranger).as_deref(), Some("unauthorized"));
    match client.enter(&room.room_id, "not a token", Vec::new(), listener()).await {
        Err(EnterError::Refused { code, .. }) => assert_eq!(code, "token_invalid"),
        other => panic!("{other:?}"),
    }
}
