//! A participant mutes and unmutes what it sends.

use std::time::Duration;

use client_sdk::{Codec, MediaKind, ParticipantId, RemoteTrack, RtpPacket, Slot, Source};
use tokio::time::timeout;

use crate::common::pictures::{push, until_marked, until_turned};
use crate::common::{self, PATIENCE, Witness, listener, meet, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn muted_sound_is_silence_at_next_to_no_cost_on_the_same_track() {
    let server = server().await;
    let options = listener().audio(Source::Clip);
    let (sender, mut hearer) = meet(&server, options, listener(), true).await;
    let sound = (sender.id(), MediaKind::Audio);
    hearer.until("sound", |seen| seen.tracks.contains_key(&sound)).await;
    // No event is taken from here on, so that a track that ended and began again would not be seen.
    let track = hearer.tracks.get_mut(&sound).unwrap();
    assert!(!is_silent(&next(track).await));
    sender.participant.mute(MediaKind::Audio).await;
    while !is_silent(&next(track).await) {}
    let first = next(track).await;
    let mut last = first.clone();
    for number in 1..10 {
        last = next(track).await;
        assert!(is_silent(&last), "{last:?}");
        // No packet seems to be lost.
        assert_eq!(last.sequence_number, first.sequence_number.wrapping_add(number));
    }
    // They are few for the time that passes on the track.
    let passed = last.timestamp.wrapping_sub(first.timestamp);
    assert!(passed > 48_000, "nine packets cover {passed} ticks");
    sender.participant.unmute(MediaKind::Audio).await;
    while is_silent(&next(track).await) {}
    for _ in 0..10 {
        assert!(!is_silent(&next(track).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn muted_video_is_a_black_picture_and_comes_back_with_a_keyframe() {
    let server = server().await;
    let (pusher, camera) = Source::pushed(Codec::Vp8);
    push(pusher, b"camera");
    let (sender, mut viewer) = meet(&server, listener().video(camera), talker(), false).await;
    let video = (sender.id(), MediaKind::Video);
    until_marked(&mut viewer, video, b"camera").await;
    let track = viewer.tracks.get_mut(&video).unwrap();
    sender.participant.mute(Slot::Video).await;
    while next(track).await.payload.ends_with(b"camera") {}
    let seconds = Duration::from_secs(2);
    let mut count = 0;
    let watching = async {
        loop {
            assert!(!next(track).await.payload.ends_with(b"camera"));
            count += 1;
        }
    };
    let _ = timeout(seconds, watching).await;
    assert!(count < 10, "{count} packets in {seconds:?}");
    sender.participant.unmute(Slot::Video).await;
    until_turned(track, b"camera").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_know_what_is_muted_also_those_who_come_later_or_when_the_state_changes() {
    let server = server().await;
    let (room, mut witnesses) = common::room_of(&server, 2, talker()).await;
    let (mut other, sender) = (witnesses.remove(1), witnesses.remove(0));
    let from = sender.id();
    let is_muted = |seen: &Witness, kind: MediaKind| seen.participant.is_muted(from, kind);
    other.until("the sender", |seen| seen.present.contains(&from)).await;
    assert!(!is_muted(&other, MediaKind::Audio));
    sender.participant.mute(MediaKind::Audio).await;
    other.until("a mute", |seen| is_muted(seen, MediaKind::Audio)).await;
    assert!(!is_muted(&other, MediaKind::Video));

    sender.participant.set_state(&serde_json::json!({"hand": "up"})).await.unwrap();
    let has_hand = |seen: &Witness| {
        let state = seen.participant.participant(from).and_then(|info| info.state);
        state.is_some_and(|state| String::from_utf8_lossy(state.as_bytes()).contains("hand"))
    };
    other.until("the state", has_hand).await;
    assert!(is_muted(&other, MediaKind::Audio));

    let client = common::client(&server);
    let late = client.join(&room.room_id, &room.password, "late", listener()).await.unwrap();
    let mut late = Witness::new(late);
    assert!(is_muted(&late, MediaKind::Audio));
    late.until("both tracks", |seen| seen.has_media(from)).await;
    until_silent(&mut late, from).await;

    sender.participant.unmute(MediaKind::Audio).await;
    other.until("the end of it", |seen| !is_muted(seen, MediaKind::Audio)).await;
    assert!(has_hand(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_muted_is_silent_and_black_from_the_start() {
    let server = server().await;
    let options = talker().muted(MediaKind::Audio).muted(MediaKind::Video);
    let (sender, mut other) = meet(&server, options, listener(), true).await;
    let from = sender.id();
    other.until("both tracks", |seen| seen.has_media(from)).await;
    assert!(other.participant.is_muted(from, Slot::Audio));
    assert!(other.participant.is_muted(from, Slot::Video));
    let track = other.tracks.get_mut(&(from, MediaKind::Audio)).unwrap();
    for _ in 0..10 {
        assert!(is_silent(&next(track).await));
    }
    sender.participant.unmute(MediaKind::Video).await;
    other.receive_fresh(from, MediaKind::Video, 50).await;
}

async fn until_silent(witness: &mut Witness, from: ParticipantId) {
    let track = witness.tracks.get_mut(&(from, MediaKind::Audio)).unwrap();
    while !is_silent(&next(track).await) {}
}

async fn next(track: &mut RemoteTrack) -> RtpPacket {
    timeout(PATIENCE, track.recv()).await.expect("nothing comes").expect("the track goes on")
}

/// Whether it is a packet of Opus without any sound in it.
fn is_silent(packet: &RtpPacket) -> bool {
    packet.payload.len() <= 3
}
