//! Audio, video and data both ways between a page and a participant of this crate.

use client_sdk::{Codec, MediaKind};
use tokio::time::timeout;

use super::flow::{exchange_data, until_media_flows, until_program_receives};
use super::page::{CAMERA, Entry};
use super::picture::receive_picture;
use super::stage::{Kind, Stage};
use crate::common::{PATIENCE, listener, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_exchange_audio_video_and_data_whoever_came_first() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let (mut program, page) = stage.pair(Kind::Keeping, page_first, &stage.entry(&room)).await;
        let id = page.id();
        program.until("video", |seen| seen.tracks.contains_key(&(id, MediaKind::Video))).await;
        receive_picture(&mut program, id, CAMERA).await;
        until_media_flows(&mut program, &page).await;
        assert!(page.peer(program.id()).await.frames_of.keys().eq(["video/VP8"]));
        exchange_data(&mut program, &page).await;
        program.participant.leave().await;
        page.close().await;
    }
}

/// The page's `ontrack` is `video.srcObject = event.streams[0]`, as on many simple pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_participants_only_element_in_a_page_plays_its_sound_and_shows_its_pictures() {
    let stage = Stage::set().await;
    for kind in [Kind::Rebuilding, Kind::Keeping] {
        for page_first in [true, false] {
            let room = stage.room().await;
            let (program, page) = stage.pair(kind, page_first, &stage.entry(&room)).await;
            page.until_media_flows(&[program.id()]).await;
            let stream = page.until_shown(program.id(), &["audio", "video"]).await;
            // Of the two kinds of pages one goes on from a new connection.
            let before = page.peer(program.id()).await;
            page.restart(program.id()).await;
            page.until_restarted(program.id(), &before).await;
            assert_eq!(page.until_shown(program.id(), &["audio", "video"]).await, stream);
            program.participant.leave().await;
            page.close().await;
        }
    }
}

/// Browsers put more before a payload than this crate does.
#[tokio::test(flavor = "multi_thread")]
async fn a_pages_pictures_and_sound_come_as_whole_frames() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let (mut program, page) = stage.pair(Kind::Keeping, true, &stage.entry(&room)).await;
    let id = page.id();
    program.until("media", |seen| seen.has_media(id)).await;
    let mut frames = |kind| program.tracks.remove(&(id, kind)).unwrap().into_frames().unwrap();
    let (mut sound, mut pictures) = (frames(MediaKind::Audio), frames(MediaKind::Video));
    assert_eq!(
        (sound.track().codec(), pictures.track().codec()),
        (Some(Codec::Opus), Some(Codec::Vp8))
    );
    let (mut keyframes, mut whole) = (0, 0);
    while keyframes < 2 || whole < 20 {
        if whole == 10 {
            pictures.track().request_keyframe();
        }
        let frame = timeout(PATIENCE, pictures.recv())
            .await
            .expect("no picture")
            .expect("the track has ended");
        whole += 1;
        if frame.is_key {
            keyframes += 1;
            // RFC 6386 section 9.1.
            assert_eq!(frame.data[3..6], [0x9d, 0x01, 0x2a]);
            let side =
                |at: usize| u16::from_le_bytes([frame.data[at], frame.data[at + 1]]) & 0x3fff;
            assert_eq!((side(6), side(8)), CAMERA);
        }
    }
    for _ in 0..20 {
        let packet =
            timeout(PATIENCE, sound.recv()).await.expect("no sound").expect("the track has ended");
        assert!(packet.is_key && !packet.data.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_is_enough_and_an_answer_is_followed_by_none() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        // Whether a needless offer is made hangs on the order of two tasks.
        for _ in 0..3 {
            let room = stage.room().await;
            let (mut program, page) =
                stage.pair(Kind::Keeping, page_first, &stage.entry(&room)).await;
            until_media_flows(&mut program, &page).await;
            let report = page.report().await;
            let offers = (report.offers_sent, report.offers_received);
            assert_eq!(offers, if page_first { (0, 1) } else { (1, 0) });
            program.participant.leave().await;
            page.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_only_watches_gets_everything_whoever_came_first() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let watching = Entry { media: &[], ..stage.entry(&room) };
        let (first, second);
        let program = if page_first {
            first = stage.page_with(Kind::Keeping, &watching).await;
            second = stage.page(Kind::Keeping, &room).await;
            stage.guest(&room, talker()).await
        } else {
            let program = stage.guest(&room, talker()).await;
            first = stage.page_with(Kind::Keeping, &watching).await;
            second = stage.page(Kind::Keeping, &room).await;
            program
        };
        let mut watcher = stage.guest(&room, listener()).await;
        first.until_media_flows(&[program.id(), second.id()]).await;
        until_program_receives(&mut watcher, second.id()).await;
        first.close().await;
        second.close().await;
    }
}
