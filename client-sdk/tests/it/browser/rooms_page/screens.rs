//! Screens that the page shares beside its camera.

use client_sdk::{MediaKind, SharePlace, Source};

use super::{Call, join, join_with, stage};
use crate::browser::picture::receive_picture;
use crate::browser::visitor::Visitor;
use crate::common::listener;

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_shown_beside_the_camera_and_both_pages_may_begin_at_once() {
    let (server, browser) = stage().await;
    let Call { creator, guest, .. } = Call::begin(&browser, &server.url()).await;
    for _ in 0..3 {
        creator.click("#screen").await;
        guest.click("#screen").await;
        for page in [&creator, &guest] {
            page.until("document.querySelectorAll('.screens .tile').length === 2").await;
            let widths = "[...document.querySelectorAll('.screens video')].every(
                (it) => it.videoWidth === 640 && it.videoHeight === 360)";
            page.until(widths).await;
            page.until_media_flows(1).await;
        }
        creator.click("#screen").await;
        guest.click("#screen").await;
        for page in [&creator, &guest] {
            page.until("document.querySelectorAll('.screens .tile').length === 0").await;
            page.until_media_flows(1).await;
        }
    }
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_the_screen_of_the_page_beside_its_camera() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    let invitation = page.create("Alice").await;
    let mut program = join_with(&server, &invitation, listener()).await;
    program.until("page", |seen| !seen.present.is_empty()).await;
    let id = *program.present.iter().next().unwrap();
    let video = (id, MediaKind::Video);
    program.until("camera", |seen| seen.tracks.contains_key(&video)).await;
    page.click("#screen").await;
    program.until("screen", |seen| seen.screens.contains_key(&id)).await;
    let camera = program.tracks.insert(video, program.screens.remove(&id).unwrap());
    receive_picture(&mut program, id, (640, 360)).await;
    assert!(camera.unwrap().recv().await.is_some());
    page.click("#screen").await;
    page.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_camera_and_a_program_share_screens_too() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open_with_devices(&browser, &invitation.link, &["audioinput"]).await;
    guest.join("Bob").await;
    guest.until_media_flows(1).await;
    guest.click("#screen").await;
    creator.until_shown(".screens .tile").await;
    creator.until("document.querySelector('.screens video').videoWidth === 640").await;
    guest.click("#screen").await;
    creator.until_hidden(".screens .tile").await;

    let program = join(&server, &invitation).await;
    creator.until_people(3).await;
    let screen = Source::File("tests/fixtures/vp9.ivf".into());
    program.participant.share(&screen, SharePlace::BesideVideo).await.unwrap();
    for page in [&creator, &guest] {
        page.until_shown(".screens .tile").await;
        page.until("document.querySelector('.screens video').videoWidth > 0").await;
        assert_eq!(page.text(".screens .name").await, "a program's screen");
    }
    program.participant.stop_sharing().await;
    for page in [&creator, &guest] {
        page.until_hidden(".screens .tile").await;
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_is_picked_too_late_or_twice_is_not_captured() {
    let (server, browser) = stage().await;
    let picked = "visit.picked = [];
        navigator.mediaDevices.getDisplayMedia = () => new Promise((pick) => {
            visit.pick = () => {
                visit.picked.push(visit.paintScreen());
                pick(visit.picked.at(-1));
            };
        });";
    let page = Visitor::open_with(&browser, &server.url(), picked).await;
    page.create("Alice").await;
    page.click("#screen").await;
    page.see("visit.first = visit.pick").await;
    page.click("#screen").await;
    page.see("visit.first()").await;
    page.until_shown(".screens .tile").await;
    page.see("visit.pick()").await;
    let states = "visit.picked.map((it) => it.getTracks()[0].readyState).join()";
    page.until(&format!("{states} === 'live,ended'")).await;
    page.click("#screen").await;
    page.until_hidden(".screens .tile").await;

    page.click("#screen").await;
    page.click("#leave").await;
    page.until_shown(".ended").await;
    page.see("visit.pick()").await;
    page.until(&format!("{states} === 'ended,ended,ended'")).await;
    page.assert_no_faults().await;
}
