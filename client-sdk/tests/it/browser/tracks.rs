//! A program sends more than one track of a kind to pages.

use client_sdk::{MediaKind, Slot, Source};

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::flow::until_program_receives;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_and_hears_each_track_of_a_program() {
    send_to(Browser::Chromium(Chromium::take().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_sees_and_hears_each_track_of_a_program() {
    let Some(firefox) = Firefox::take().await else { return };
    send_to(Browser::Firefox(firefox)).await;
}

async fn send_to(browser: Browser) {
    let stage = Stage::set_in(browser, |builder| builder).await;
    let further = Source::File("tests/fixtures/vp9.ivf".into());
    let desk = Slot::video("desk").unwrap();
    for (kind, page_first) in [
        (Kind::Keeping, true),
        (Kind::Keeping, false),
        (Kind::Rebuilding, true),
        (Kind::Rebuilding, false),
    ] {
        let room = stage.room().await;
        let options = talker()
            .publish(desk.clone(), further.clone())
            .publish(Slot::ScreenAudio, Source::Clip);
        let page = if page_first { Some(stage.page(kind, &room).await) } else { None };
        let mut program = stage.guest(&room, options).await;
        let page = match page {
            Some(page) => page,
            None => stage.page(kind, &room).await,
        };
        page.until_decoded(program.id(), "video/VP8").await;
        page.until_decoded(program.id(), "video/VP9").await;
        until_program_receives(&mut program, page.id()).await;

        // What changes is negotiated, and the page is not made to offer over and over.
        let offers = page.report().await.offers_sent;
        let made = page.report().await.connections_made;
        program.participant.unpublish(desk.clone()).await;
        program.participant.unpublish(Slot::ScreenAudio).await;
        program.receive_again(page.id(), MediaKind::Audio).await;
        page.until_decoded(program.id(), "video/VP8").await;
        program.participant.publish(desk.clone(), &further).await.unwrap();
        page.until_decoded(program.id(), "video/VP9").await;
        until_program_receives(&mut program, page.id()).await;
        let report = page.report().await;
        if let Kind::Keeping = kind {
            assert_eq!(report.connections_made, made, "{page_first}");
        }
        println!("{kind:?} {page_first}: {offers} offers, then {}", report.offers_sent);
        assert!(report.offers_sent <= offers + 1, "{kind:?} {page_first}");
        program.participant.leave().await;
        page.close().await;
    }
}
