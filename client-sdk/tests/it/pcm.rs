//! Sound from one participant to another, over real sockets and the real server.

use std::time::Duration;

use client_sdk::{
    MediaKind, Options, OpusOptions, PcmChunk, PcmFormat, PcmReceiver, PcmSender, Playback,
    SampleRate, Source,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::common::coturn::Coturn;
use crate::common::path::{Impairment, Path};
use crate::common::tone::{amplitude, tone};
use crate::common::{InTime, PATIENCE, Witness, listener, meet, server};
use crate::impairment;

const WIDE: PcmFormat = PcmFormat::mono(SampleRate::Hz16000);

#[tokio::test(flavor = "multi_thread")]
async fn a_tone_is_heard_as_long_and_as_loud_as_it_was_pushed() {
    let server = server().await;
    for (format, options) in [
        (WIDE, OpusOptions::speech()),
        (PcmFormat::mono(SampleRate::Hz8000), OpusOptions::speech().dtx(true)),
        (PcmFormat::mono(SampleRate::Hz48000), OpusOptions::music()),
    ] {
        let (voice, source) = Source::pcm(format, options);
        let (sender, receiver) = meet(&server, listener().audio(source), listener(), true).await;
        let (_receiver, sound) = listen(receiver, &sender, &voice, WIDE).await;
        // In chunks that do not match frames.
        let samples = tone(440.0, format.rate.hertz(), 3.0);
        for (number, piece) in samples.chunks(1111).enumerate() {
            if number % 2 == 0 {
                voice.send(piece).await.unwrap();
            } else {
                let piece: Vec<i16> = piece.iter().map(|s| (s * 32_768.0) as i16).collect();
                voice.send(&piece).await.unwrap();
            }
        }
        voice.drained().in_time("the end of what is said").await.unwrap();
        drop(voice);
        let heard = Heard::of(&sound.in_time("the sound").await.unwrap(), 440.0);
        assert!((2.9..3.1).contains(&heard.seconds), "{heard:?} of {format:?}");
        assert!((0.4..0.6).contains(&heard.level), "{heard:?} of {format:?}");
        assert!(heard.elsewhere < 0.1, "{heard:?} of {format:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cleared_is_not_heard() {
    let server = server().await;
    let (voice, source) = Source::pcm(WIDE, OpusOptions::speech());
    let (sender, receiver) = meet(&server, listener().audio(source), listener(), true).await;
    let (_receiver, sound) = listen(receiver, &sender, &voice, WIDE).await;
    voice.try_send(&tone(440.0, 16_000, 10.0)).unwrap();
    while voice.waiting() > Duration::from_secs(9) {
        tokio::task::yield_now().await;
    }
    let waiting = voice.waiting();
    voice.clear();
    voice.drained().in_time("the end of what is said").await.unwrap();
    drop(voice);
    let played = Duration::from_secs(10) - waiting;
    let heard = Heard::of(&sound.in_time("the sound").await.unwrap(), 440.0);
    // On a busy machine some more is played before it is cleared.
    let more = heard.seconds - played.as_secs_f64();
    assert!((-0.06..2.0).contains(&more), "{} s heard, {played:?} played", heard.seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tone_goes_on_over_a_path_that_loses_eight_packets_in_a_hundred() {
    let bad = Impairment {
        loss: 0.08,
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(10),
        bandwidth: None,
    };
    let coturn = Coturn::start().await;
    let turn = ([127, 0, 0, 1], coturn.port()).into();
    let path = Path::to(turn, bad, Impairment { loss: 0.0, ..bad }).await.unwrap();
    let server = impairment::server(&path).await;
    let (voice, source) = Source::pcm(WIDE, OpusOptions::speech());
    let relayed = |options: Options| options.relay_only(true);
    let (sender, receiver) =
        meet(&server, relayed(listener().audio(source)), relayed(listener()), true).await;
    let (_receiver, sound) = listen(receiver, &sender, &voice, WIDE).await;
    voice.try_send(&tone(440.0, 16_000, 10.0)).unwrap();
    voice.drained().in_time("the end of what is said").await.unwrap();
    drop(voice);
    let chunks = sound.in_time("the sound").await.unwrap();
    let concealed: usize = chunks.iter().map(|chunk| chunk.concealed).sum();
    let heard = Heard::of(&chunks, 440.0);
    println!("{heard:?}, {concealed} samples concealed, {}", path.figures());
    assert!(concealed > 0 && path.figures().lost > 0);
    assert!((9.5..10.1).contains(&heard.seconds), "{heard:?}");
    assert!((0.35..0.6).contains(&heard.level), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wav_file_plays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.wav");
    std::fs::write(&path, wav(&tone(440.0, 44_100, 2.0), &tone(880.0, 44_100, 2.0))).unwrap();
    let wav = Source::Wav { path: path.clone(), options: OpusOptions::music() };
    let server = server().await;
    for source in [wav, Source::File(path)] {
        let play = Playback::once();
        play.pause();
        let options = listener().audio(source.played_by(&play));
        let (mut sender, mut receiver) = meet(&server, options, listener(), true).await;
        let (from, to) = (sender.id(), receiver.id());
        sender.until("connection", |seen| seen.is_connected(to)).await;
        receiver.until("connection", |seen| seen.is_connected(from)).await;
        play.resume();
        let track = (from, MediaKind::Audio);
        receiver.until("a track", |seen| seen.tracks.contains_key(&track)).await;
        let track = receiver.tracks.remove(&track).unwrap();
        let sound = collect(track.into_pcm(PcmFormat::stereo(SampleRate::Hz48000)).unwrap());
        sender.until("the end", |seen| !seen.ended.is_empty()).await;
        sender.participant.unpublish(MediaKind::Audio).await;
        let chunks = sound.in_time("the sound").await.unwrap();
        for (channel, pitch, other) in [(0, 440.0, 880.0), (1, 880.0, 440.0)] {
            let samples = chunks.iter().flat_map(|chunk| &chunk.samples);
            let channel: Vec<f32> = samples.skip(channel).step_by(2).copied().collect();
            let second = &channel[24_000..72_000];
            let levels = [pitch, other].map(|pitch| amplitude(second, pitch, 48_000));
            assert!((0.4..0.6).contains(&levels[0]) && levels[1] < 0.02, "{levels:?}");
            let length = channel.len() as f64 / 48_000.0;
            assert!((1.8..2.1).contains(&length), "{length} s");
        }
    }
}

/// Waits until the receiver hears the sender, and collects what it hears from then on, until the
/// sender ends.
async fn listen(
    mut receiver: Witness,
    sender: &Witness,
    voice: &PcmSender,
    format: PcmFormat,
) -> (Witness, JoinHandle<Vec<PcmChunk>>) {
    let track = (sender.id(), MediaKind::Audio);
    let speaking = tokio::spawn({
        let voice = voice.clone();
        // There is a track once there is something to hear.
        async move { while voice.send(&[0.0_f32; 1600]).await.is_ok() {} }
    });
    receiver.until("a track", |seen| seen.tracks.contains_key(&track)).await;
    let mut sound = receiver.tracks.remove(&track).unwrap().into_pcm(format).unwrap();
    timeout(PATIENCE, sound.recv()).await.expect("sound").expect("the track goes on");
    speaking.abort();
    let _ = speaking.await;
    voice.clear();
    (receiver, collect(sound))
}

fn collect(mut sound: PcmReceiver) -> JoinHandle<Vec<PcmChunk>> {
    tokio::spawn(async move {
        let mut chunks = Vec::new();
        while let Some(chunk) = timeout(PATIENCE, sound.recv()).await.expect("the end") {
            chunks.push(chunk);
        }
        chunks
    })
}

/// How a pitch was heard in one channel at 16 kHz.
#[derive(Debug)]
struct Heard {
    seconds: f64,
    /// The usual one where it is heard, whatever pauses a busy machine makes.
    level: f64,
    /// At thrice the pitch.
    elsewhere: f64,
}

impl Heard {
    fn of(chunks: &[PcmChunk], pitch: f64) -> Self {
        let samples: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.samples.clone()).collect();
        let of_pitch =
            |pitch| samples.chunks(160).map(move |piece| amplitude(piece, pitch, 16_000));
        let pieces = of_pitch(pitch).zip(of_pitch(pitch * 3.0));
        let mut loud: Vec<(f64, f64)> = pieces.filter(|(level, _)| *level > 0.2).collect();
        loud.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (level, elsewhere) = loud[loud.len() / 2];
        Self { seconds: loud.len() as f64 / 100.0, level, elsewhere }
    }
}

/// Two channels of 16 bits at 44.1 kHz.
fn wav(left: &[f32], right: &[f32]) -> Vec<u8> {
    let sample = |sample: &f32| ((sample * 32_767.0) as i16).to_le_bytes();
    let data: Vec<u8> =
        left.iter().zip(right).flat_map(|(l, r)| [sample(l), sample(r)].concat()).collect();
    let number = |number: u32| number.to_le_bytes();
    let mut file = [&b"RIFF"[..], &number(36 + data.len() as u32), b"WAVEfmt "].concat();
    file.extend([16, 2 << 16 | 1, 44_100, 176_400, 16 << 16 | 4].map(number).concat());
    file.extend([&b"data"[..], &number(data.len() as u32), &data].concat());
    file
}
