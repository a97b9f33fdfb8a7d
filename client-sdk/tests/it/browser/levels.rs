//! Levels of sound between programs and pages.

use std::time::Duration;

use client_sdk::{AudioLevel, Codec, Frame, MediaKind, Source};
use tokio::time::{sleep, timeout};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::{PATIENCE, listener};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_tells_how_loud_it_is_and_is_told() {
    tell_in(Browser::Chromium(Chromium::take().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_tells_how_loud_it_is_and_is_told() {
    let Some(firefox) = Firefox::take().await else { return };
    tell_in(Browser::Firefox(firefox)).await;
}

async fn tell_in(browser: Browser) {
    let stage = Stage::set_in(browser, |builder| builder).await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let join = || stage.guest(&room, listener().audio(voice()));
        let (mut program, page) = if page_first {
            let page = stage.page(Kind::Keeping, &room).await;
            (join().await, page)
        } else {
            let program = join().await;
            (program, stage.page(Kind::Keeping, &room).await)
        };
        let (id, of_page) = (program.id(), page.id());

        program.until("the page", |seen| seen.speakers.contains(&Some(of_page))).await;
        let sound = (of_page, MediaKind::Audio);
        let track = program.tracks.get_mut(&sound).unwrap();
        let is_loud = |level: Option<AudioLevel>| level.is_some_and(|l| l.decibels() > -60);
        let heard = async { while !is_loud(track.recv().await.unwrap().level) {} };
        timeout(PATIENCE, heard).await.unwrap();

        // Silence, of which only the header says that it is loud.
        page.until("a level", |report| {
            report.peer(id).is_some_and(|peer| (peer.level - AMPLITUDE).abs() < AMPLITUDE / 10.0)
        })
        .await;
        program.participant.leave().await;
        page.close().await;
    }
}

/// A source of silence that claims to be loud.
fn voice() -> Source {
    let (pusher, source) = Source::pushed(Codec::Opus);
    tokio::spawn(async move {
        let duration = Duration::from_millis(20);
        let level = Some(AudioLevel::from_decibels(-20));
        let data = bytes::Bytes::from_static(&[0xf8, 0xff, 0xfe]);
        let frame = Frame { data, duration, is_key: true, level };
        while pusher.push(frame.clone()).is_ok() {
            sleep(duration).await;
        }
    });
    source
}

/// Of -20 decibels.
const AMPLITUDE: f64 = 0.1;
