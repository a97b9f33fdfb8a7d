//! Audio, video and data both ways between a page and a participant of this crate.

use client_sdk::MediaKind;

use crate::common::{listener, talker};
use crate::flow::{exchange_data, until_media_flows, until_program_receives};
use crate::page::{CAMERA, Entry};
use crate::picture::receive_picture;
use crate::stage::{Kind, Stage};

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

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_is_enough_and_an_answer_is_followed_by_none() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        // Whether a needless offer is made hangs on the order of two tasks.
        for _ in 0..3 {
            let room = stage.room().await;
            let (mut program, page) = stage.pair(Kind::Keeping, page_first, &stage.entry(&room)).await;
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
