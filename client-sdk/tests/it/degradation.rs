//! A participant whose sources fail sends what it can and receives everything.

use std::fs;
use std::time::Duration;

use client_sdk::{
    Codec, EnterError, Frame, MediaError, MediaKind, MediaSource, NewRoom, Slot, Source,
    async_trait,
};
use tokio::sync::oneshot;

use crate::common::frames::{Form, receive_frames};
use crate::common::pictures::{push, until_ended, until_marked, until_turned};
use crate::common::{client, listener, meet, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_open_its_video_sends_audio_and_receives_everything() {
    let server = server().await;
    let missing = Source::File("no/such/file.ivf".into());
    let broken = listener().audio(Source::Clip).video(missing).allow_degraded(true);
    for comes_first in [true, false] {
        let (mut degraded, mut other) = meet(&server, broken.clone(), talker(), comes_first).await;
        degraded.until("media", |seen| seen.has_media(other.id())).await;
        let [(Slot::Video, reason)] = &degraded.degraded[..] else {
            panic!("{:?}", degraded.degraded)
        };
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
    let broken = listener().audio(missing()).video(missing()).allow_degraded(true);
    for comes_first in [true, false] {
        let (mut watcher, mut other) = meet(&server, broken.clone(), talker(), comes_first).await;
        let from = other.id();
        watcher.until("media", |seen| seen.has_media(from)).await;
        watcher.receive(from, MediaKind::Audio, 10).await;
        watcher.receive(from, MediaKind::Video, 10).await;
        let slots: Vec<Slot> = watcher.degraded.iter().map(|(slot, _)| slot.clone()).collect();
        assert_eq!(slots, [Slot::Audio, Slot::Video]);

        let vp9 = Source::File("tests/fixtures/vp9.ivf".into());
        watcher.participant.publish(MediaKind::Video, &vp9).await.unwrap();
        let from = watcher.id();
        let frames = receive_frames(&mut other, from, MediaKind::Video, Form::Vp9, 10).await;
        let file = Form::Vp9.frames_of(&fs::read("tests/fixtures/vp9.ivf").unwrap());
        assert!(frames.iter().all(|frame| file.contains(frame)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_opened_keeps_its_participant_out() {
    let server = server().await;
    let options = listener().video(Source::File("no/such/file".into()));
    let token = server.access_token("alice");
    let refused =
        client(&server).create(&token, &NewRoom::default(), options).await.map(drop).unwrap_err();
    assert!(matches!(refused, EnterError::Media(MediaError::File { .. })), "{refused}");
    assert_eq!(client(&server).list_rooms(&token).await.unwrap(), [], "a room was left behind");
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
    assert_eq!(sender.degraded, [(Slot::Video, "the source has ended".to_owned())]);
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
async fn a_source_that_panics_ends_like_one_that_fails() {
    /// Plays silence until it is told to panic.
    struct Fragile(oneshot::Receiver<()>);

    #[async_trait]
    impl MediaSource for Fragile {
        fn codec(&self) -> Codec {
            Codec::Opus
        }

        async fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
            assert!(self.0.try_recv().is_err(), "a fault of the source");
            let (data, duration) = (vec![0xf8, 0xff, 0xfe].into(), Duration::from_millis(20));
            Ok(Some(Frame { data, duration, is_key: true, level: None }))
        }
    }

    let server = server().await;
    let (panic, told) = oneshot::channel();
    let options = listener().audio(Source::custom(Fragile(told)));
    let (mut sender, mut receiver) = meet(&server, options, listener(), true).await;
    let audio = (sender.id(), MediaKind::Audio);
    receiver.until("audio", |seen| seen.tracks.contains_key(&audio)).await;
    receiver.receive(audio.0, MediaKind::Audio, 10).await;
    panic.send(()).unwrap();
    until_ended(&mut receiver, audio).await;
    sender.until("the end of the source", |seen| !seen.degraded.is_empty()).await;
    let reason = "the source failed: it panicked: a fault of the source".to_owned();
    assert_eq!(sender.degraded, [(Slot::Audio, reason)]);
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
    until_turned(receiver.tracks.get_mut(&video).unwrap(), b"second").await;
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
