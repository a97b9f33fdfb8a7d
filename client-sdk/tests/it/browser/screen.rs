//! Screens: a page shows one as a further track or in place of its camera, and sees that of a
//! program.

use client_sdk::{MediaKind, SharePlace, Source};

use super::flow::{until_media_flows, until_program_receives};
use super::page::{CAMERA, Entry};
use super::picture::{receive_frames, receive_picture};
use super::stage::{Kind, Stage};
use crate::common::{listener, talker};

const SCREEN: (u16, u16) = (640, 360);

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_takes_the_cameras_place_without_a_negotiation_and_gives_it_back() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, talker()).await;
    let page = stage.page(Kind::Keeping, &room).await;
    until_media_flows(&mut program, &page).await;
    let offers = page.report().await.offers_sent;
    page.share_screen(SCREEN).await;
    receive_picture(&mut program, page.id(), SCREEN).await;
    receive_frames(&mut program, page.id(), 10).await;
    page.stop_screen().await;
    receive_picture(&mut program, page.id(), CAMERA).await;
    assert_eq!(page.report().await.offers_sent, offers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_where_there_was_no_camera_is_offered() {
    let stage = Stage::set().await;
    // A page that rebuilds and comes second has offered no place for the program's picture, and is
    // offered one.
    for (kind, page_first) in
        [(Kind::Keeping, true), (Kind::Keeping, false), (Kind::Rebuilding, true)]
    {
        let room = stage.room().await;
        let entry = Entry { media: &["audio"], ..stage.entry(&room) };
        let (mut program, page) = stage.pair(kind, page_first, &entry).await;
        let (id, sound) = (page.id(), (page.id(), MediaKind::Audio));
        program
            .until("sound", |seen| seen.is_connected(id) && seen.tracks.contains_key(&sound))
            .await;
        page.share_screen(SCREEN).await;
        program.until("screen", |seen| seen.has_media(id)).await;
        receive_picture(&mut program, id, SCREEN).await;
        until_media_flows(&mut program, &page).await;
        assert_eq!(page.report().await.connections_made, 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_the_screen_of_a_program_beside_its_camera_or_without_one() {
    let stage = Stage::set().await;
    let screen = Source::File("tests/fixtures/vp9.ivf".into());
    for has_camera in [true, false] {
        let room = stage.room().await;
        let options = if has_camera { talker() } else { listener().audio(Source::Clip) };
        let mut program = stage.guest(&room, options).await;
        let page = stage.page(Kind::Keeping, &room).await;
        program.until("media", |seen| seen.has_media(page.id())).await;
        program.participant.share(&screen, SharePlace::BesideVideo).await.unwrap();
        page.until_decoded(program.id(), "video/VP9").await;
        // It is a stream of its own, without the sound.
        page.until_shown(program.id(), &["video"]).await;
        if has_camera {
            page.until_decoded(program.id(), "video/VP8").await;
        }
        program.participant.stop_sharing().await;
        if has_camera {
            page.until_decoded(program.id(), "video/VP8").await;
        }
        until_program_receives(&mut program, page.id()).await;
        page.close().await;
    }
}
