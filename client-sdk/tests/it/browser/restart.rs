//! ICE started anew by either side, in a connection that goes on.

use super::flow::{exchange_data, until_media_flows};
use super::stage::{Kind, Stage};
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn either_side_may_start_ice_anew_and_media_and_data_go_on() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, talker()).await;
    let page = stage.page(Kind::Keeping, &room).await;
    until_media_flows(&mut program, &page).await;
    for page_restarts in [true, false, false, true] {
        let before = page.peer(program.id()).await;
        if page_restarts {
            page.restart(program.id()).await;
        } else {
            program.participant.restart_ice(page.id()).await;
        }
        page.until_restarted(program.id(), &before).await;
        until_media_flows(&mut program, &page).await;
        exchange_data(&mut program, &page).await;
    }
    assert_eq!(page.report().await.connections_made, 1);
}
