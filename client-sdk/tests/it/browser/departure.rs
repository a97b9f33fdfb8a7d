//! Pages that come and go as people do: they are loaded again and closed in mid-call.

use super::flow::until_media_flows;
use super::stage::{Kind, Stage};
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_loaded_again_leaves_and_comes_back_as_somebody_new() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, talker()).await;
    for kind in [Kind::Keeping, Kind::Rebuilding] {
        let mut page = stage.page(kind, &room).await;
        until_media_flows(&mut program, &page).await;
        let gone = page.id();
        page.reload(&stage.entry(&room)).await;
        assert_ne!(page.id(), gone);
        program.until("leave", |seen| !seen.present.contains(&gone)).await;
        until_media_flows(&mut program, &page).await;
        page.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_tab_is_closed_is_seen_to_leave_and_the_others_go_on() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, talker()).await;
    let leaving = stage.page(Kind::Keeping, &room).await;
    let staying = stage.page(Kind::Keeping, &room).await;
    until_media_flows(&mut program, &leaving).await;
    until_media_flows(&mut program, &staying).await;
    let gone = leaving.id();
    leaving.close().await;
    program.until("leave", |seen| !seen.present.contains(&gone)).await;
    staying.until("leave", |report| !report.present.contains(gone.as_str())).await;
    until_media_flows(&mut program, &staying).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sees_a_program_leave_and_a_room_close() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let program = stage.guest(&room, talker()).await;
    let page = stage.page(Kind::Keeping, &room).await;
    let gone = program.id();
    page.until("arrival", |report| report.present.contains(gone.as_str())).await;
    program.participant.leave().await;
    page.until("leave", |report| !report.present.contains(gone.as_str())).await;
    stage.close(&room).await;
    page.until("end", |report| report.is_closed).await;
}
