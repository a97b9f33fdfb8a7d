//! A participant sends what it can and receives everything, whatever becomes of its sources.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use client_sdk::{Codec, EnterError, Frame, MediaError, MediaKind, NewRoom, Options, Pusher, Source};
use common::frames::{Form, receive_frames};
use common::{PATIENCE, Witness, client, listener, server, talker};
use signal_server::testing::TestServer;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_open_its_video_sends_audio_and_receives_everything() {
    let server = server().await;
    let broken = listener().audio(Source::Clip).video(Source::File("no/such/file.ivf".into()));
    for comes_first in [true, false] {
        let (mut degraded, mut other) = meet(&server, broken.clone(), talker(), comes_first).await;
        degraded.until("media", |seen| seen.has_media(other.id())).await;
        let [(MediaKind::Video, reason)] = &degraded.degraded[..] else { panic!("{:?}", degraded.degraded) };
        assert!(reason.starts_with("cannot read no/such/file.ivf: "), "{reason}");
        let from = degraded.id();
        other.until("audio", |seen| seen.tracks.contains_key(&(from, MediaKind::Audio))).await;
        other.receive(from, MediaKind::Audio, 20).await;
        assert!(!other.tracks.contains_key(&(from, MediaKind::Video)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_can_open_nothing_watches_and_may_send_later() {
    let server = server().await;
    let missing = || Source::File("no/such/file".into());
    let broken = listener().audio(missing()).video(missing());
    for comes_first in [true, false] {
        let (mut watcher, mut other) = meet(&server, broken.clone(), talker(), comes_first).await;
        let from = other.id();
        watcher.until("media", |seen| seen.has_media(from)).await;
        watcher.receive(from, MediaKind::Audio, 10).await;
        watcher.receive(from, MediaKind::Video, 10).await;
        let kinds: Vec<MediaKind> = watcher.degraded.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [MediaKind::Audio, MediaKind::Video]);

        let vp9 = Source::File("tests/fixtures/vp9.ivf".into());
        watcher.participant.publish(MediaKind::Video, &vp9).await.unwrap();
        let from = watcher.id();
        let frames = receive_frames(&mut other, from, MediaKind::Video, Form::Vp9, 10).await;
        let file = Form::Vp9.frames_of(&fs::read("tests/fixtures/vp9.ivf").unwrap());
        assert!(frames.iter().all(|frame| file.contains(frame)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_requires_its_media_does_not_enter_without() {
    let server = server().await;
    let options = listener().video(Source::File("no/such/file".into())).require_media(true);
    let token = server.access_token("alice");
    let refused = client(&server).create(&token, &NewRoom::default(), options).await.map(drop).unwrap_err();
    assert!(matches!(refused, EnterError::Media(MediaError::File { .. })), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_dies_ends_the_track_for_the_others_and_one_that_comes_back_is_seen_again() {
    let server = server().await;
    let (pusher, source) = Source::pushed(Codec::Vp8);
    let pushing = push(pusher, b"first");
    let options = listener().audio(Source::Clip).video(source);
    let (mut sender, mut receiver) = meet(&server, options, talker(), true).await;
    let from = sender.id();
    let video = (from, MediaKind::Video);
    until_marked(&mut receiver, video, b"first").await;

    pushing.abort();
    until_ended(&mut receiver, video).await;
    sender.until("the end of the source", |seen| !seen.degraded.is_empty()).await;
    assert_eq!(sender.degraded, [(MediaKind::Video, "the source has ended".to_owned())]);
    receiver.until("audio", |seen| seen.tracks.contains_key(&(from, MediaKind::Audio))).await;
    receiver.receive_fresh(from, MediaKind::Audio, 20).await;

    let (pusher, source) = Source::pushed(Codec::Vp8);
    let pushing = push(pusher, b"second");
    sender.participant.publish(MediaKind::Video, &source).await.unwrap();
    until_marked(&mut receiver, video, b"second").await;

    sender.participant.unpublish(MediaKind::Video).await;
    until_ended(&mut receiver, video).await;
    pushing.await.unwrap();
    assert_eq!(sender.degraded.len(), 1, "what was asked for is no degradation");
    // And the other direction has not been disturbed.
    sender.until("media", |seen| seen.has_media(receiver.id())).await;
    sender.receive_fresh(receiver.id(), MediaKind::Video, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_of_the_same_codec_takes_over_the_running_track() {
    let server = server().await;
    let (first, source) = Source::pushed(Codec::Vp8);
    let first = push(first, b"first");
    let (sender, mut receiver) = meet(&server, listener().video(source), listener(), true).await;
    let video = (sender.id(), MediaKind::Video);
    until_marked(&mut receiver, video, b"first").await;
    let (second, source) = Source::pushed(Codec::Vp8);
    let second = push(second, b"second");
    sender.participant.publish(MediaKind::Video, &source).await.unwrap();
    first.await.unwrap();
    // On the same track: no other one is announced, since no event is taken here.
    let track = receiver.tracks.get_mut(&video).unwrap();
    loop {
        let packet = timeout(PATIENCE, track.recv()).await.unwrap().expect("the track goes on");
        if packet.payload.ends_with(b"second") {
            break;
        }
    }
    second.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_of_another_codec_is_negotiated() {
    let server = server().await;
    let (mut sender, mut receiver) = meet(&server, talker(), talker(), true).await;
    let video = (sender.id(), MediaKind::Video);
    receiver.until("media", |seen| seen.has_media(video.0)).await;
    receiver.receive(video.0, MediaKind::Video, 10).await;
    let path = "tests/fixtures/baseline.h264";
    let source = Source::AnnexB { path: path.into(), frame_rate: 15.0 };
    sender.participant.publish(MediaKind::Video, &source).await.unwrap();
    until_ended(&mut receiver, video).await;
    let frames = receive_frames(&mut receiver, video.0, MediaKind::Video, Form::H264, 20).await;
    let file = Form::H264.frames_of(&fs::read(path).unwrap());
    assert!(frames.iter().filter(|frame| file.contains(frame)).count() >= 19);
    sender.until("media", |seen| seen.has_media(receiver.id())).await;
    sender.receive_fresh(receiver.id(), MediaKind::Video, 10).await;
}

async fn meet(server: &TestServer, own: Options, other: Options, comes_first: bool) -> (Witness, Witness) {
    let client = client(server);
    let token = server.access_token("alice");
    let (first, second) = if comes_first { (own, other) } else { (other, own) };
    let (room, creator) = client.create(&token, &NewRoom::default(), first).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", second).await.unwrap();
    let (creator, guest) = (Witness::new(creator), Witness::new(guest));
    if comes_first { (creator, guest) } else { (guest, creator) }
}

/// Pushes pictures that end with a mark until the source is not sent any more.
fn push(pusher: Pusher, mark: &'static [u8]) -> JoinHandle<()> {
    let data = Bytes::from([&[0x10, 2, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0], mark].concat());
    tokio::spawn(async move {
        let frame = Frame { data, duration: Duration::from_millis(20), is_key: true };
        while pusher.push(frame.clone()).is_ok() {
            tokio::time::sleep(frame.duration).await;
        }
    })
}

async fn until_marked(witness: &mut Witness, of: (client_sdk::ParticipantId, MediaKind), mark: &[u8]) {
    for frame in receive_frames(witness, of.0, of.1, Form::Vp8, 10).await {
        assert!(frame.ends_with(mark), "{frame:?}");
    }
}

/// Waits until the track has ended, and forgets it.
async fn until_ended(witness: &mut Witness, of: (client_sdk::ParticipantId, MediaKind)) {
    let mut track = witness.tracks.remove(&of).unwrap();
    while timeout(PATIENCE, track.recv()).await.expect("the track does not end").is_some() {}
}
