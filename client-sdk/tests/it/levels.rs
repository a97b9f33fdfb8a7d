//! Audio levels in packet headers, and who speaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI8, Ordering};
use std::time::Duration;

use client_sdk::{AudioLevel, Codec, Frame, MediaKind, Pusher, Source};
use tokio::time::{sleep, timeout};

use crate::common::{self, InTime, PATIENCE, Witness, listener, meet, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_a_frame_arrives_with_it() {
    let server = server().await;
    let (source, loudness) = voice();
    let (sender, mut hearer) = meet(&server, listener().audio(source), listener(), true).await;
    let sound = (sender.id(), MediaKind::Audio);
    hearer.until("sound", |seen| seen.tracks.contains_key(&sound)).await;
    let mut frames = hearer.tracks.remove(&sound).unwrap().into_frames().unwrap();
    for decibels in [-30, -127, 0] {
        loudness.store(decibels, Ordering::Relaxed);
        let arrives = async {
            while frames.recv().await.unwrap().level != Some(AudioLevel::from_decibels(decibels)) {}
        };
        timeout(PATIENCE, arrives).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_no_level_and_a_muted_track_is_silent() {
    let server = server().await;
    let options = listener().audio(Source::Clip);
    let (sender, mut hearer) = meet(&server, options, talker(), false).await;
    let sound = (sender.id(), MediaKind::Audio);
    hearer.until("sound", |seen| seen.tracks.contains_key(&sound)).await;
    let track = hearer.tracks.get_mut(&sound).unwrap();
    assert_eq!(timeout(PATIENCE, track.recv()).await.unwrap().unwrap().level, None);
    sender.participant.mute(MediaKind::Audio).await;
    let silent = async { while track.recv().await.unwrap().level.is_none() {} };
    timeout(PATIENCE, silent).await.unwrap();
    let packet = track.recv().in_time("a packet").await.unwrap();
    assert_eq!(packet.level, Some(AudioLevel::SILENCE));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_is_told_to_the_others_and_that_nobody_does() {
    let server = server().await;
    let (room, mut witnesses) = common::room_of(&server, 1, listener()).await;
    let mut hearer = witnesses.remove(0);
    let client = common::client(&server);
    let join = async |name| {
        let (source, loudness) = voice();
        let options = listener().audio(source);
        let joined = client.join(&room.room_id, &room.password, name, options).await.unwrap();
        (Witness::new(joined), loudness)
    };
    let ((alice, of_alice), (bob, of_bob)) = (join("alice").await, join("bob").await);
    let speakers = [alice.id(), bob.id()];
    of_alice.store(-30, Ordering::Relaxed);
    hearer.until("alice", |seen| seen.speakers.last() == Some(&Some(alice.id()))).await;
    of_alice.store(-127, Ordering::Relaxed);
    hearer.until("silence", |seen| seen.speakers.last() == Some(&None)).await;
    of_bob.store(-30, Ordering::Relaxed);
    hearer.until("bob", |seen| seen.speakers.last() == Some(&Some(bob.id()))).await;
    bob.participant.leave().await;
    hearer.until("silence", |seen| seen.speakers.last() == Some(&None)).await;
    // A busy machine may tear gaps into what is said.
    let mut spoken: Vec<_> = hearer.speakers.into_iter().flatten().collect();
    spoken.dedup();
    assert_eq!(spoken, speakers);
}

/// An audio source that claims a level that the test sets; at first it is silent.
fn voice() -> (Source, Arc<AtomicI8>) {
    let (pusher, source) = Source::pushed(Codec::Opus);
    let loudness = Arc::new(AtomicI8::new(-127));
    tokio::spawn(speak(pusher, Arc::clone(&loudness)));
    (source, loudness)
}

async fn speak(pusher: Pusher, loudness: Arc<AtomicI8>) {
    let duration = Duration::from_millis(20);
    loop {
        let level = Some(AudioLevel::from_decibels(loudness.load(Ordering::Relaxed)));
        let data = vec![0xf8, 0xff, 0xfe].into();
        if pusher.push(Frame { data, duration, is_key: true, level }).is_err() {
            return;
        }
        sleep(duration).await;
    }
}
