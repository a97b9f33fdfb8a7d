//! A program receives what it wants of a page, and the page sends no more than that.

use std::time::Duration;

use client_sdk::{MediaKind, Wanted};
use tokio::time::{Instant, sleep};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::flow::until_program_receives;
use super::page::Page;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::pictures::drain;
use crate::common::{PATIENCE, Witness, listener, talker};

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sends_what_is_wanted_and_no_more() {
    want_of(Browser::Chromium(Chromium::take().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_sends_what_is_wanted_and_no_more() {
    let Some(firefox) = Firefox::take().await else { return };
    want_of(Browser::Firefox(firefox)).await;
}

async fn want_of(browser: Browser) {
    let stage = Stage::set_in(browser, |builder| builder).await;
    let pairs = [
        (Kind::Keeping, true, true),
        (Kind::Keeping, false, true),
        (Kind::Rebuilding, true, true),
        (Kind::Keeping, false, false),
    ];
    for (kind, page_first, sends_too) in pairs {
        let room = stage.room().await;
        let options = if sends_too { talker() } else { listener() }.receive(Wanted::AUDIO);
        let page = if page_first { Some(stage.page(kind, &room).await) } else { None };
        let mut program = stage.guest(&room, options).await;
        let page = match page {
            Some(page) => page,
            None => stage.page(kind, &room).await,
        };
        let (id, sound) = (page.id(), (page.id(), MediaKind::Audio));
        program.until("sound", |seen| seen.tracks.contains_key(&sound)).await;
        program.receive_again(id, MediaKind::Audio).await;
        until_no_video_is_sent(&page, &program).await;
        assert!(!program.tracks.contains_key(&(id, MediaKind::Video)), "{kind:?}");
        if sends_too {
            page.until_media_flows(&[program.id()]).await;
            page.until_shown(program.id(), &["audio", "video"]).await;
        }

        program.participant.receive(id, Wanted::EVERYTHING).await;
        until_program_receives(&mut program, id).await;

        program.participant.receive(id, Wanted::AUDIO).await;
        drain(program.tracks.remove(&(id, MediaKind::Video)).unwrap()).await;
        until_no_video_is_sent(&page, &program).await;
        program.receive_again(id, MediaKind::Audio).await;
        if sends_too {
            page.until_media_flows(&[program.id()]).await;
        }
        program.participant.leave().await;
        page.close().await;
    }
}

/// Waits until the page sends no video for a while.
async fn until_no_video_is_sent(page: &Page, to: &Witness) {
    let end = Instant::now() + PATIENCE;
    let mut before = page.peer(to.id()).await.video_packets_sent;
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = page.peer(to.id()).await.video_packets_sent;
        if now == before {
            return;
        }
        assert!(Instant::now() < end, "video is sent still: {before}, {now}");
        before = now;
    }
}
