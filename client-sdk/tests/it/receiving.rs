//! What a participant receives: codecs, and whole frames that are those of the clip.

use std::fs;
use std::time::{Duration, Instant};

use client_sdk::{Codec, MediaKind, Participant, ParticipantId, RemoteFrame, RemoteFrames, Source};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::common::frames::Form;
use crate::common::{InTime, PATIENCE, listener, meet, room_of, server, talker, until_media_flows};

#[tokio::test(flavor = "multi_thread")]
async fn a_track_tells_its_codec_and_gives_the_very_frames_of_the_clip_in_order() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    let from = witnesses[1].id();
    let witness = &mut witnesses[0];
    witness.until("media", |seen| seen.has_media(from)).await;
    for (kind, codec, clip, count) in [
        (MediaKind::Audio, Codec::Opus, sounds(), 100),
        (MediaKind::Video, Codec::Vp8, pictures(), 60),
    ] {
        let track = witness.tracks.remove(&(from, kind)).unwrap();
        assert_eq!(track.codec(), Some(codec));
        let mut frames = track.into_frames().unwrap();
        assert_eq!((frames.track().participant(), frames.track().kind()), (from, kind));
        let received = receive(&mut frames, count).await;
        let mut place = None;
        for frame in received {
            let found = clip.iter().position(|(data, _)| *data == frame.data);
            let found = found.unwrap_or_else(|| {
                panic!("{kind:?} of {} bytes is not of the clip", frame.data.len())
            });
            assert_eq!(frame.is_key, clip[found].1);
            // It plays in a loop, and a keyframe restarts a receiver that has yet to catch up.
            let due = place.map_or(found, |place: usize| (place + 1) % clip.len());
            assert!(found == due || clip[found].1, "{found} after {place:?}");
            place = Some(found);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frames_of_every_other_codec_are_those_of_the_file_too() {
    let server = server().await;
    let annex_b = Source::AnnexB { path: "tests/fixtures/baseline.h264".into(), frame_rate: 15.0 };
    let file = |name: &str| Source::File(format!("tests/fixtures/{name}").into());
    for (source, name, codec, form) in [
        (file("av1.ivf"), "av1.ivf", Codec::Av1, Form::Av1),
        (annex_b, "baseline.h264", Codec::H264, Form::H264),
        (file("vp9.ivf"), "vp9.ivf", Codec::Vp9, Form::Vp9),
    ] {
        let (sender, mut receiver) =
            meet(&server, listener().video(source), listener(), true).await;
        let video = (sender.id(), MediaKind::Video);
        receiver.until("video", |seen| seen.tracks.contains_key(&video)).await;
        let track = receiver.tracks.remove(&video).unwrap();
        assert_eq!(track.codec(), Some(codec));
        let expected = form.frames_of(&fs::read(format!("tests/fixtures/{name}")).unwrap());
        let received = receive(&mut track.into_frames().unwrap(), expected.len()).await;
        // The first packet may be lost before there is a track.
        assert!(received.iter().any(|frame| frame.is_key), "{codec}");
        for frame in received {
            assert!(
                expected.contains(&form.frame_of(&frame.data)),
                "{codec}: {} bytes",
                frame.data.len()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_packets_where_they_arrive_gets_those_that_waited_too_and_none_twice() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    let from = witnesses[1].id();
    let witness = &mut witnesses[0];
    witness.until("media", |seen| seen.has_media(from)).await;
    let track = witness.tracks.remove(&(from, MediaKind::Video)).unwrap();
    // Some frames are buffered, among them the beginning of a group of pictures.
    let arrived = async {
        while received_packets(&witness.participant, from).await < 8 {
            tokio::task::yield_now().await;
        }
    };
    arrived.in_time("a packet").await;
    let begun = Instant::now();
    let (packets, mut taken) = mpsc::unbounded_channel();
    let taking = tokio::spawn(track.for_each(move |packet, arrived| {
        // Nobody listens any more at the end of this test.
        let _ = packets.send((packet, arrived));
    }));
    let mut seen = Vec::new();
    while seen.len() < 60 {
        seen.push(timeout(PATIENCE, taken.recv()).await.unwrap().unwrap());
    }
    assert!(seen[0].0.begins_keyframe(Codec::Vp8), "the first of all has waited");
    assert!(seen.iter().all(|(_, arrived)| *arrived >= begun));
    let numbers = seen.iter().map(|(packet, _)| packet.sequence_number);
    let first = seen[0].0.sequence_number;
    assert!(numbers.eq((0..60).map(|index| first.wrapping_add(index))));
    drop(witnesses.remove(1));
    timeout(PATIENCE, taking).await.expect("the track ends with its sender").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyframe_that_is_requested_comes_before_it_is_due() {
    let server = server().await;
    let (_, mut witnesses) = room_of(&server, 2, talker()).await;
    until_media_flows(&mut witnesses).await;
    let from = witnesses[1].id();
    let track = witnesses[0].tracks.remove(&(from, MediaKind::Video)).unwrap();
    let mut frames = track.into_frames().unwrap();
    // The clip has one every 15 frames; where one is requested right behind it, the next comes much
    // sooner.
    let mut gaps = Vec::new();
    for _ in 0..8 {
        while !receive(&mut frames, 1).await[0].is_key {}
        // The player does not listen to requests for a while after a keyframe.
        tokio::time::sleep(Duration::from_millis(350)).await;
        frames.track().request_keyframe();
        let mut gap = 1;
        while !receive(&mut frames, 1).await[0].is_key {
            gap += 1;
        }
        gaps.push(gap);
    }
    assert!(gaps.iter().any(|gap| *gap < 14), "{gaps:?}");
}

/// The packets of video that have arrived.
async fn received_packets(participant: &Participant, from: ParticipantId) -> u64 {
    let stats = participant.stats(from).await.expect("there is a connection");
    let video = stats.received.iter().find(|received| received.kind == MediaKind::Video);
    video.map_or(0, |video| video.packets)
}

async fn receive(frames: &mut RemoteFrames, count: usize) -> Vec<RemoteFrame> {
    let mut received = Vec::new();
    while received.len() < count {
        let frame = timeout(PATIENCE, frames.recv()).await.expect("no frame comes");
        received.push(frame.expect("the track has ended"));
    }
    received
}

/// The frames of the clip, and whether they are keyframes. IVF: a header of 32 bytes, 12 before
/// each frame.
fn pictures() -> Vec<(Vec<u8>, bool)> {
    let mut rest = &include_bytes!("../../media/clip.ivf")[32..];
    let mut frames = Vec::new();
    while let Some((header, following)) = rest.split_at_checked(12) {
        let size = u32::from_le_bytes(header[..4].try_into().unwrap()) as usize;
        let (frame, following) = following.split_at(size);
        frames.push((frame.to_vec(), frame[0] & 1 == 0));
        rest = following;
    }
    frames
}

/// The packets of the clip. Ogg: one to a page, after two pages of headers.
fn sounds() -> Vec<(Vec<u8>, bool)> {
    let mut rest = &include_bytes!("../../media/clip.ogg")[..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let lacing = usize::from(rest[26]);
        let size: usize = rest[27..27 + lacing].iter().map(|part| usize::from(*part)).sum();
        let (page, following) = rest.split_at(27 + lacing + size);
        packets.push((page[27 + lacing..].to_vec(), true));
        rest = following;
    }
    packets.split_off(2)
}
