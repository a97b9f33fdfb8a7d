//! Files that programs write of what others send, as ffmpeg and this crate read them.

use std::fs::File;

use client_sdk::{
    Codec, IvfWriter, MediaKind, OggWriter, Options, RemoteFrame, RemoteFrames, Source,
};
use serde_json::Value;
use signal_server::testing::TestServer;
use tokio::time::timeout;

use crate::common::ffmpeg::{complaints, probe, samples};
use crate::common::tone::amplitude;
use crate::common::{PATIENCE, Witness, listener, meet, server};

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_each_codec_are_written_as_ivf_that_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pictures.ivf");
    let file = |name: &str| Source::File(format!("tests/fixtures/{name}").into());
    for (source, codec, name, size) in [
        (Source::Clip, Codec::Vp8, "vp8", (320, 240)),
        (file("vp9.ivf"), Codec::Vp9, "vp9", (64, 48)),
        (file("av1.ivf"), Codec::Av1, "av1", (64, 48)),
    ] {
        let (_call, mut frames) = receive(listener().video(source), MediaKind::Video).await;
        let mut writer = IvfWriter::new(File::create(&path).unwrap(), codec).unwrap();
        for _ in 0..30 {
            writer.write(&next(&mut frames).await).unwrap();
        }
        writer.finish().unwrap();
        let probed = probe(&path);
        let stream = &probed["streams"][0];
        assert_eq!(
            (&stream["codec_name"], &stream["width"], &stream["height"]),
            (&name.into(), &size.0.into(), &size.1.into())
        );
        // 15 pictures a second. Those before, since the last keyframe, were sent faster.
        let packets = &probed["packets"].as_array().unwrap()[15..];
        let time = |packet: &Value| packet["pts_time"].as_str().unwrap().parse::<f64>().unwrap();
        let length = time(packets.last().unwrap()) - time(&packets[0]);
        let expected = (packets.len() - 1) as f64 / 15.0;
        assert!((length - expected).abs() < 0.15, "{length} s instead of {expected} s");
        assert_eq!(complaints(&path), "", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_of_which_a_part_is_missing_is_written_as_ogg_in_which_the_rest_is_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.ogg");
    let (_call, mut frames) = receive(listener().audio(Source::Clip), MediaKind::Audio).await;
    let mut writer = OggWriter::new(File::create(&path).unwrap()).unwrap();
    for number in 0..200 {
        let frame = next(&mut frames).await;
        // From the first second on till before the last.
        if !(50..140).contains(&number) {
            writer.write(&frame).unwrap();
        }
    }
    writer.finish().unwrap();

    let length: f64 = probe(&path)["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((length - 4.0).abs() < 0.1, "{length} s");
    assert_eq!(complaints(&path), "");
    let sound = samples(&path);
    let at_440 = |begin: usize| amplitude(&sound[begin..begin + 48_000], 440.0, 48_000);
    let (first, pause, again) = (at_440(0), at_440(72_000), at_440(139_200));
    assert!(first > 0.05 && again > 0.8 * first, "{first} and {again} at 440 Hz");
    assert!(pause < first / 20.0, "{pause} at 440 Hz in the pause, {first} before");
}

/// A call, and what one of its participants sends to the other.
async fn receive(
    options: Options,
    kind: MediaKind,
) -> ((TestServer, Witness, Witness), RemoteFrames) {
    let server = server().await;
    let (sender, mut receiver) = meet(&server, options, listener(), true).await;
    let from = (sender.id(), kind);
    receiver.until("a track", |seen| seen.tracks.contains_key(&from)).await;
    let frames = receiver.tracks.remove(&from).unwrap().into_frames().unwrap();
    ((server, sender, receiver), frames)
}

async fn next(frames: &mut RemoteFrames) -> RemoteFrame {
    timeout(PATIENCE, frames.recv()).await.expect("a frame").expect("the track goes on")
}
