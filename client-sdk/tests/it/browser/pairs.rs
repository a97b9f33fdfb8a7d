//! A program and a page in every order, for each browser: sound, pictures, data, a screen of
//! either, and one of the two that only watches. Each call prints what arrived and when.
//!
//! `PAIRS=all` tries all of them, which takes some minutes; by default there is one call of each
//! kind with Firefox, and Chromium is left to the other modules.

use std::time::Instant;

use client_sdk::{MediaKind, SharePlace, Source};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::flow::exchange_data;
use super::page::{Entry, Page};
use super::picture::receive_picture;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::{Witness, listener, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_pages_in_firefox() {
    let Some(firefox) = Firefox::take().await else { return };
    call_each(Browser::Firefox(firefox)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_pages_in_chromium() {
    if tries_all() {
        call_each(Browser::Chromium(Chromium::take().await)).await;
    }
}

async fn call_each(browser: Browser) {
    let stage = Stage::set_in(browser, |builder| builder).await;
    for pair in PAIRS.iter().filter(|pair| pair.is_always_tried || tries_all()) {
        pair.call(&stage).await;
    }
}

#[derive(Debug)]
struct Pair {
    kind: Kind,
    page_first: bool,
    /// What the page sends.
    media: &'static [&'static str],
    /// Whether the program sends nothing.
    program_watches: bool,
    is_always_tried: bool,
}

impl Pair {
    const fn new(kind: Kind, page_first: bool, media: &'static [&'static str]) -> Self {
        Self { kind, page_first, media, program_watches: false, is_always_tried: false }
    }

    const fn watched(self) -> Self {
        Self { program_watches: true, ..self }
    }

    const fn always(self) -> Self {
        Self { is_always_tried: true, ..self }
    }

    async fn call(&self, stage: &Stage) {
        let room = stage.room().await;
        let entry = Entry { media: self.media, ..stage.entry(&room) };
        let options = if self.program_watches { listener() } else { talker() };
        let (mut program, page) =
            stage.pair_with(self.kind, self.page_first, &entry, options).await;
        let (id, begun) = (page.id(), Instant::now());
        if !self.program_watches {
            page.until_media_flows(&[program.id()]).await;
            page.until_shown(program.id(), &["audio", "video"]).await;
        }
        for kind in [MediaKind::Audio, MediaKind::Video] {
            if self.media.contains(&kind.to_string().as_str()) {
                program.until("a track", |seen| seen.tracks.contains_key(&(id, kind))).await;
                program.receive_again(id, kind).await;
            }
        }
        let flows = begun.elapsed();
        // Pages of the other kind open no channel.
        if matches!(self.kind, Kind::Keeping) {
            exchange_data(&mut program, &page).await;
        }
        self.share_screens(&mut program, &page).await;
        let seen = page.peer(program.id()).await;
        println!(
            "{self:?}: media after {flows:?}, in the page {} frames and {} samples",
            seen.frames_decoded, seen.samples_heard
        );
        program.participant.leave().await;
        page.close().await;
    }

    /// First the page shows its screen, then the program.
    async fn share_screens(&self, program: &mut Witness, page: &Page) {
        let id = page.id();
        page.share_screen(SCREEN).await;
        let video = (id, MediaKind::Video);
        program.until("the screen", |seen| seen.tracks.contains_key(&video)).await;
        receive_picture(program, id, SCREEN).await;
        if !self.program_watches {
            page.until_media_flows(&[program.id()]).await;
        }
        // The element of the page then shows this stream, which has no sound.
        let screen = Source::File("tests/fixtures/vp9.ivf".into());
        program.participant.share(&screen, SharePlace::BesideVideo).await.unwrap();
        page.until_decoded(program.id(), "video/VP9").await;
        if !self.program_watches {
            page.until_decoded(program.id(), "video/VP8").await;
        }
    }
}

/// Whether the long run asks for everything.
pub(crate) fn tries_all() -> bool {
    std::env::var("PAIRS").is_ok_and(|which| which == "all")
}

const PAIRS: [Pair; 20] = [
    Pair::new(Kind::Keeping, true, BOTH).always(),
    Pair::new(Kind::Keeping, false, BOTH),
    Pair::new(Kind::Rebuilding, true, BOTH),
    Pair::new(Kind::Rebuilding, false, BOTH).always(),
    Pair::new(Kind::Keeping, true, SOUND),
    Pair::new(Kind::Keeping, false, SOUND),
    Pair::new(Kind::Rebuilding, true, SOUND),
    Pair::new(Kind::Rebuilding, false, SOUND),
    Pair::new(Kind::Keeping, true, PICTURES),
    Pair::new(Kind::Keeping, false, PICTURES),
    Pair::new(Kind::Rebuilding, true, PICTURES),
    Pair::new(Kind::Rebuilding, false, PICTURES),
    Pair::new(Kind::Keeping, true, NOTHING),
    Pair::new(Kind::Keeping, false, NOTHING),
    Pair::new(Kind::Rebuilding, true, NOTHING),
    Pair::new(Kind::Rebuilding, false, NOTHING).always(),
    Pair::new(Kind::Keeping, true, BOTH).watched(),
    Pair::new(Kind::Keeping, false, BOTH).watched(),
    Pair::new(Kind::Rebuilding, true, BOTH).watched(),
    Pair::new(Kind::Rebuilding, false, BOTH).watched(),
];

const BOTH: &[&str] = &["audio", "video"];
const SOUND: &[&str] = &["audio"];
const PICTURES: &[&str] = &["video"];
const NOTHING: &[&str] = &[];

const SCREEN: (u16, u16) = (640, 360);
