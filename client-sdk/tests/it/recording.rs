//! Files of what others send, as ffmpeg reads them.

use std::path::Path;
use std::time::{Duration, Instant};

use client_sdk::{Codec, Frame, MediaKind, Options, Pusher, Recorder, Recording, Source};
use serde_json::Value;
use signal_server::testing::TestServer;
use tokio::time::{sleep, sleep_until};

use crate::common::ffmpeg::{complaints, probe, samples};
use crate::common::tone::amplitude;
use crate::common::{listener, meet, server, talker};

const BOTH: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

#[tokio::test(flavor = "multi_thread")]
async fn sound_and_pictures_of_a_participant_are_in_one_file_that_plays() {
    let folder = tempfile::tempdir().unwrap();
    let recordings =
        record(&server().await, talker(), &BOTH, folder.path(), Duration::from_secs(5)).await;
    let [recording] = &recordings[..] else { panic!("{recordings:?}") };
    assert_eq!(recording.path.extension().unwrap(), "webm");

    let probed = probe(&recording.path);
    let streams = probed["streams"].as_array().unwrap();
    let codecs: Vec<&Value> = streams.iter().map(|stream| &stream["codec_name"]).collect();
    assert!(codecs.contains(&&Value::from("opus")) && codecs.contains(&&Value::from("vp8")));
    let duration: f64 = probed["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!(duration > 3.0, "{duration} s");
    // Every frame decodes, and the sound is that of the clip.
    assert_eq!(complaints(&recording.path), "");
    let second = &samples(&recording.path)[48_000..96_000];
    let [at_440, at_1000] = [440.0, 1000.0].map(|pitch| amplitude(second, pitch, 48_000));
    assert!(at_440 > 20.0 * at_1000, "{at_440} at 440 Hz, {at_1000} at 1 kHz");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_can_be_recorded() {
    let server = server().await;
    let file = |name: &str| Source::File(format!("tests/fixtures/{name}").into());
    let annex_b = Source::AnnexB { path: "tests/fixtures/baseline.h264".into(), frame_rate: 15.0 };
    for (source, codec, extension) in [
        (file("av1.ivf"), "av1", "webm"),
        (file("vp9.ivf"), "vp9", "webm"),
        (annex_b, "h264", "mkv"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = listener().video(source);
        let recordings =
            record(&server, options, &BOTH[1..], folder.path(), Duration::from_secs(2)).await;
        let path = &recordings.first().unwrap_or_else(|| panic!("no file of {codec}")).path;
        assert_eq!(path.extension().unwrap(), extension);
        let probed = probe(path);
        let stream = &probed["streams"][0];
        assert_eq!(
            (&stream["codec_name"], &stream["width"], &stream["height"]),
            (&codec.into(), &64.into(), &48.into())
        );
        assert_eq!(complaints(path), "", "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_late_and_what_pauses_is_so_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (pictures, video) = Source::pushed(Codec::Vp8);
    let (sounds, audio) = Source::pushed(Codec::Opus);
    let options = listener().video(video).audio(audio);
    let server = server().await;
    let (mut sender, mut receiver) = meet(&server, options, listener(), true).await;
    let from = sender.id();
    receiver.until("connection", |seen| seen.is_connected(from)).await;
    sender.catch_up().await;

    // Sound begins 700 ms after the pictures. Both pause for a second.
    let begin = tokio::time::Instant::now() + Duration::from_millis(200);
    let late = begin + Duration::from_millis(700);
    let (frame, packet) = (Duration::from_millis(100), Duration::from_millis(20));
    let film = tokio::spawn(push(pictures, begin, frame, picture, |n| !(20..30).contains(&n)));
    let tone = tokio::spawn(push(sounds, late, packet, sound, |n| !(100..150).contains(&n)));
    let mut recorder = Recorder::new(folder.path()).unwrap();
    for kind in BOTH {
        receiver.until("a track", |seen| seen.tracks.contains_key(&(from, kind))).await;
        recorder.record(receiver.tracks.remove(&(from, kind)).unwrap()).unwrap();
    }
    let (pictures, sounds) = (film.await.unwrap(), tone.await.unwrap());
    sleep(Duration::from_millis(500)).await;
    let recordings = recorder.finish().await.unwrap();

    let probed = probe(&recordings[0].path);
    let times = |kind: &str| -> Vec<f64> {
        let packets = probed["packets"].as_array().unwrap().iter();
        let packets = packets.filter(|packet| packet["codec_type"] == kind);
        packets.map(|packet| packet["pts_time"].as_str().unwrap().parse().unwrap()).collect()
    };
    // The first of a track may be lost, but where it goes on after the pause is plain.
    let after_pause = |times: &[f64]| {
        times
            .windows(2)
            .find(|pair| pair[1] - pair[0] > 0.5)
            .map(|pair| (pair[1] - pair[0], pair[1]))
    };
    let (shown, heard) = (times("video"), times("audio"));
    let (film_pause, film_on) = after_pause(&shown).expect("a pause in the film");
    let (tone_pause, tone_on) = after_pause(&heard).expect("a pause in the sound");
    // About as far apart as they were when they were pushed: a busy machine pushes late.
    for (what, found, meant) in [
        ("the sound goes on after the film by", tone_on - film_on, sounds[100] - pictures[20]),
        ("the film pauses for", film_pause, pictures[20] - pictures[19]),
        ("the sound pauses for", tone_pause, sounds[100] - sounds[99]),
    ] {
        let meant = meant.as_secs_f64();
        println!("{what} {found:.3} s, {meant:.3} s when it was pushed");
        assert!((found - meant).abs() < 0.15, "{what} {found} s instead of {meant} s");
    }
    assert!(heard.len() > 200 && shown.len() > 30, "{} and {}", heard.len(), shown.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_begins_later_begins_another_file_and_a_file_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let options = listener().audio(Source::Clip);
    let server = server().await;
    let (sender, mut receiver) = meet(&server, options, listener(), true).await;
    let from = sender.id();
    let mut recorder = Recorder::new(folder.path()).unwrap();
    std::fs::write(folder.path().join(format!("{from}-1.webm")), "someone else's").unwrap();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        if kind == MediaKind::Video {
            sender.participant.publish(MediaKind::Video, &Source::Clip).await.unwrap();
        }
        receiver.until("a track", |seen| seen.tracks.contains_key(&(from, kind))).await;
        recorder.record(receiver.tracks.remove(&(from, kind)).unwrap()).unwrap();
        sleep(Duration::from_secs(7)).await;
    }
    let recordings = recorder.finish().await.unwrap();
    let names: Vec<_> =
        recordings.iter().map(|recording| recording.path.file_stem().unwrap()).collect();
    assert_eq!(names, [format!("{from}-2").as_str(), format!("{from}-3").as_str()]);
    let streams =
        |recording: &Recording| probe(&recording.path)["streams"].as_array().unwrap().len();
    assert_eq!(recordings.iter().map(streams).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_plays_when_nobody_has_ended_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = server().await;
    let (sender, mut receiver) = meet(&server, talker(), listener(), true).await;
    let from = sender.id();
    receiver.until("media", |seen| seen.has_media(from)).await;
    let mut recorder = Recorder::new(folder.path()).unwrap();
    for kind in BOTH {
        recorder.record(receiver.tracks.remove(&(from, kind)).unwrap()).unwrap();
    }
    sleep(Duration::from_secs(9)).await;
    // As it lies on the disk after a crash.
    let [left] = &std::fs::read_dir(folder.path()).unwrap().collect::<Vec<_>>()[..] else {
        panic!("one file")
    };
    let copy = folder.path().join("copy");
    std::fs::copy(left.as_ref().unwrap().path(), &copy).unwrap();
    assert_eq!(complaints(&copy), "");
    let packets = probe(&copy)["packets"].as_array().unwrap().len();
    assert!(packets > 100, "{packets} packets");
    recorder.finish().await.unwrap();
}

/// Records all that somebody sends for a while.
async fn record(
    server: &TestServer,
    options: Options,
    kinds: &[MediaKind],
    folder: &Path,
    time: Duration,
) -> Vec<Recording> {
    let (sender, mut receiver) = meet(server, options, listener(), true).await;
    let from = sender.id();
    let mut recorder = Recorder::new(folder).unwrap();
    for kind in kinds {
        receiver.until("a track", |seen| seen.tracks.contains_key(&(from, *kind))).await;
        recorder.record(receiver.tracks.remove(&(from, *kind)).unwrap()).unwrap();
    }
    sleep(time).await;
    recorder.finish().await.unwrap()
}

/// Pushes a frame each period for six seconds, except those that are left out; when each was
/// pushed.
async fn push(
    pusher: Pusher,
    begin: tokio::time::Instant,
    period: Duration,
    frame: impl Fn(u32) -> Vec<u8>,
    is_sent: impl Fn(u32) -> bool,
) -> Vec<Instant> {
    let mut pushed = Vec::new();
    for number in 0..(6_000 / period.as_millis() as u32) {
        sleep_until(begin + period * number).await;
        if is_sent(number) {
            let data = frame(number).into();
            let frame =
                Frame { data, duration: period, is_key: number.is_multiple_of(10), level: None };
            match pusher.push(frame) {
                Ok(()) => pushed.push(Instant::now()),
                Err(error) => panic!("{error}"),
            }
        }
    }
    pushed
}

/// Something that begins like a VP8 keyframe of 16 × 16.
fn picture(number: u32) -> Vec<u8> {
    let is_inter = u8::from(!number.is_multiple_of(10));
    [&[0x10 | is_inter, 0, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0][..], &[number as u8; 50]].concat()
}

/// A packet of Opus: 20 ms of silence.
fn sound(_: u32) -> Vec<u8> {
    vec![0xf8, 0xff, 0xfe]
}
