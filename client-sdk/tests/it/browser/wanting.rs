//! A program receives what it wants of a page, and the page sends no more than that.

use client_sdk::{MediaKind, Wanted};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::flow::until_program_receives;
use super::page::Page;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::pictures::drain;
use crate::common::{Witness, listener, talker};

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
        until_no_video_is_sent(&page, &mut program).await;
        assert!(!program.tracks.contains_key(&(id, MediaKind::Video)), "{kind:?}");
        if sends_too {
            page.until_media_flows(&[program.id()]).await;
            page.until_shown(program.id(), &["audio", "video"]).await;
        }

        program.participant.receive(id, Wanted::EVERYTHING).await;
        until_program_receives(&mut program, id).await;

        program.participant.receive(id, Wanted::AUDIO).await;
        drain(program.tracks.remove(&(id, MediaKind::Video)).unwrap()).await;
        program.receive_again(id, MediaKind::Audio).await;
        until_no_video_is_sent(&page, &mut program).await;
        if sends_too {
            page.until_media_flows(&[program.id()]).await;
        }
        program.participant.leave().await;
        page.close().await;
    }
}

/// Waits until the page sends no video in the time in which the program gets a second of its sound.
async fn until_no_video_is_sent(page: &Page, program: &mut Witness) {
    for _ in 0..30 {
        let before = page.peer(program.id()).await.video_packets_sent;
        program.receive_fresh(page.id(), MediaKind::Audio, 50).await;
        if page.peer(program.id()).await.video_packets_sent == before {
            return;
        }
    }
    panic!("video is sent still");
}
