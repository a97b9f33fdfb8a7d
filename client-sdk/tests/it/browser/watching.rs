//! Pages in the manner of the API document that only watch: without media of their own, their
//! offers have no sections.

use client_sdk::MediaKind;

use super::page::Entry;
use super::picture::receive_picture;
use super::stage::{Kind, Stage};

const SCREEN: (u16, u16) = (640, 360);

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_document_that_only_watches_gets_everything_and_may_share_its_screen() {
    let stage = Stage::set().await;
    for page_first in [false, true] {
        let room = stage.room().await;
        let watching = Entry { media: &[], ..stage.entry(&room) };
        let (mut program, page) = stage.pair(Kind::Rebuilding, page_first, &watching).await;
        let id = page.id();
        page.until_media_flows(&[program.id()]).await;
        page.until_shown(program.id(), &["audio", "video"]).await;

        page.share_screen(SCREEN).await;
        let screen = (id, MediaKind::Video);
        program.until("the screen", |seen| seen.tracks.contains_key(&screen)).await;
        receive_picture(&mut program, id, SCREEN).await;
        page.until_media_flows(&[program.id()]).await;
        program.participant.leave().await;
        page.close().await;
    }
}
