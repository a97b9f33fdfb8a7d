//! Sound that a program has made is heard in a page, and that of a page in a program.

use std::time::Duration;

use client_sdk::{MediaKind, OpusOptions, PcmFormat, SampleRate, Source};
use tokio::time::{Instant, sleep, timeout};

use super::page::Entry;
use super::stage::{Kind, Stage};
use crate::common::tone::{amplitude, tone};
use crate::common::{PATIENCE, listener};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_the_pitch_and_level_that_a_program_has_pushed() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let (voice, source) = Source::pcm(PcmFormat::mono(SampleRate::Hz24000), OpusOptions::speech());
    let page = stage.page_with(Kind::Keeping, &Entry { media: &[], ..stage.entry(&room) }).await;
    let program = stage.guest(&room, listener().audio(source)).await;
    let humming = tokio::spawn(async move {
        let second = tone(440.0, 24_000, 1.0);
        while voice.send(&second).await.is_ok() {}
    });
    let from = program.id();
    page.until("sound", |report| report.peer(from).is_some_and(|peer| peer.samples_heard > 48_000))
        .await;
    let end = Instant::now() + PATIENCE;
    loop {
        let heard = page.hear(from).await;
        let [at_440, at_1000] = [440.0, 1000.0].map(|pitch| amplitude(&heard, pitch, 48_000));
        if (0.4..0.6).contains(&at_440) && at_1000 < 0.02 {
            break;
        }
        assert!(Instant::now() < end, "{at_440} at 440 Hz, {at_1000} at 1 kHz");
        sleep(Duration::from_millis(100)).await;
    }
    humming.abort();
    page.close().await;
}

/// Chromium's fake microphone beeps twice a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_hears_a_pages_microphone() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let entry = Entry { media: &["audio"], ..stage.entry(&room) };
    let page = stage.page_with(Kind::Keeping, &entry).await;
    let mut program = stage.guest(&room, listener()).await;
    let track = (page.id(), MediaKind::Audio);
    program.until("sound", |seen| seen.tracks.contains_key(&track)).await;
    let format = PcmFormat::mono(SampleRate::Hz16000);
    let mut sound = program.tracks.remove(&track).unwrap().into_pcm(format).unwrap();
    let mut heard: Vec<f32> = Vec::new();
    while heard.len() < 5 * 16_000 {
        let chunk = timeout(PATIENCE, sound.recv()).await.expect("sound").expect("the track");
        assert!(chunk.samples.len().is_multiple_of(160));
        heard.extend(chunk.samples);
    }
    let loud: Vec<bool> =
        heard.chunks(1600).map(|tenth| tenth.iter().any(|sample| sample.abs() > 0.05)).collect();
    let beeps = loud.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert!((6..=11).contains(&beeps), "{beeps} beeps in five seconds: {loud:?}");
    page.close().await;
}
