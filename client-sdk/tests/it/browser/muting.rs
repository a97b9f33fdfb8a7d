//! What a page receives from a muted program.

use std::time::Duration;

use client_sdk::{MediaKind, ParticipantId};
use tokio::time::{Instant, sleep};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::page::{Page, Peer, Report};
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::{PATIENCE, Witness, talker};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_plays_silence_and_black_of_a_muted_program_and_all_of_it_afterwards() {
    mute_in(Browser::Chromium(Chromium::take().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_plays_silence_and_black_of_a_muted_program_and_all_of_it_afterwards() {
    let Some(firefox) = Firefox::take().await else { return };
    mute_in(Browser::Firefox(firefox)).await;
}

async fn mute_in(browser: Browser) {
    let stage = Stage::set_in(browser, |builder| builder).await;
    let room = stage.room().await;
    let program = stage.guest(&room, talker()).await;
    let (id, page) = (program.id(), stage.page(Kind::Keeping, &room).await);
    until_seen_and_heard(&page, id).await;
    program.participant.mute(MediaKind::Video).await;
    page.until("black", |report| brightness(report, id) < DARK).await;
    // Its sound goes on.
    until_louder(&page, id).await;
    program.participant.mute(MediaKind::Audio).await;
    until_silent(&page, id).await;
    unmute(&program, &page).await;
    let report = page.report().await;
    assert_eq!((report.offers_sent, report.offers_received), (1, 0));
    page.close().await;

    // A page that joins while it is muted gets a stream that plays.
    program.participant.mute(MediaKind::Audio).await;
    program.participant.mute(MediaKind::Video).await;
    let late = stage.page(Kind::Keeping, &room).await;
    late.until("a stream", |report| shows(report, id)).await;
    unmute(&program, &late).await;
}

async fn unmute(program: &Witness, page: &Page) {
    let id = program.id();
    program.participant.unmute(MediaKind::Audio).await;
    until_louder(page, id).await;
    let before = page.peer(id).await.buffered;
    until_louder(page, id).await;
    assert!(brightness(&page.report().await, id) < DARK);
    // The sound is not late.
    let [seconds, samples] = page.peer(id).await.buffered;
    let delay = (seconds - before[0]) / (samples - before[1]);
    assert!(delay < LATE, "sound is played after {delay} s");
    program.participant.unmute(MediaKind::Video).await;
    until_seen_and_heard(page, id).await;
}

async fn until_seen_and_heard(page: &Page, of: ParticipantId) {
    page.until_media_flows(&[of]).await;
    page.until_shown(of, &["audio", "video"]).await;
    page.until("a picture", |report| brightness(report, of) > DARK).await;
    until_louder(page, of).await;
}

async fn until_louder(page: &Page, of: ParticipantId) {
    let before = page.peer(of).await.energy;
    page.until("sound", |report| peer(report, of).energy > before + LOUD).await;
}

/// Waits for a second of silence in which almost nothing arrives.
async fn until_silent(page: &Page, of: ParticipantId) {
    let mut before = page.peer(of).await;
    let end = Instant::now() + PATIENCE;
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = page.peer(of).await;
        let bytes = now.bytes_received - before.bytes_received;
        if now.energy - before.energy < LOUD && bytes < FEW_BYTES {
            return;
        }
        assert!(Instant::now() < end, "it is still heard, or sends as before: {bytes} bytes");
        before = now;
    }
}

fn shows(report: &Report, of: ParticipantId) -> bool {
    report.peer(of).is_some_and(|peer| peer.shown.as_ref().is_some_and(|shown| shown.frames > 0))
}

fn brightness(report: &Report, of: ParticipantId) -> u8 {
    peer(report, of).shown.as_ref().map_or(0, |shown| shown.brightness)
}

fn peer(report: &Report, of: ParticipantId) -> &Peer {
    report.peer(of).unwrap()
}

/// Brighter than black.
const DARK: u8 = 20;
/// More than silence adds.
const LOUD: f64 = 0.0001;
/// A tenth of the clip's.
const FEW_BYTES: u64 = 1800;
/// Shorter than it was muted, and longer than what a busy machine buffers.
const LATE: f64 = 1.5;
