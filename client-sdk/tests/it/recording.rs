//! Files of what others send, as ffmpeg reads them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use client_sdk::{MediaKind, Options, Recorder, Recording, Source};
use serde_json::Value;
use signal_server::testing::TestServer;
use tokio::time::sleep;

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
    let tone = samples(&recording.path);
    let [at_440, at_1000] = [440.0, 1000.0].map(|pitch| energy(&tone, pitch));
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

fn probe(path: &Path) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_streams", "-show_format", "-show_packets", "-of", "json"])
        .arg(path)
        .output()
        .expect("ffprobe");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a decoder finds wrong with a file.
fn complaints(path: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(path)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg");
    String::from_utf8(output.stderr).unwrap()
}

/// The sound of a file: one channel at 48 kHz.
fn samples(path: &Path) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg");
    let pairs = output.stdout.chunks_exact(2);
    pairs.map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// How much of a pitch is in the sound, by its second second.
fn energy(samples: &[f64], pitch: f64) -> f64 {
    let second = &samples[48_000..96_000];
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in second.iter().enumerate() {
        let angle = std::f64::consts::TAU * pitch * n as f64 / 48_000.0;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
    }
    sine.hypot(cosine) / second.len() as f64
}
