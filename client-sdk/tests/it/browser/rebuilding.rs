//! Pages that make a new connection for each offer, with the SDK and with each other.

use super::flow::until_media_flows;
use super::page::Page;
use super::stage::{Kind, Stage};
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_follows_a_page_that_rebuilds_its_connection_at_each_offer() {
    let stage = Stage::set().await;
    for page_first in [true, false] {
        let room = stage.room().await;
        let (mut program, page) =
            stage.pair(Kind::Rebuilding, page_first, &stage.entry(&room)).await;
        until_media_flows(&mut program, &page).await;
        assert_eq!(page.report().await.connections_made, 1);
        // The page offers, from a new connection.
        let before = page.peer(program.id()).await;
        page.restart(program.id()).await;
        page.until_restarted(program.id(), &before).await;
        until_media_flows(&mut program, &page).await;
        assert_eq!(page.report().await.connections_made, 2);
        // The program offers, gets the answer of a new connection, and makes a new one itself.
        let before = page.peer(program.id()).await;
        program.participant.restart_ice(page.id()).await;
        page.until_restarted(program.id(), &before).await;
        until_media_flows(&mut program, &page).await;
        assert_eq!(page.report().await.connections_made, 4);
        program.participant.leave().await;
        page.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_kind_see_and_hear_each_other() {
    let stage = Stage::set().await;
    for first in [Kind::Keeping, Kind::Rebuilding] {
        for second in [Kind::Keeping, Kind::Rebuilding] {
            let room = stage.room().await;
            let pages = [stage.page(first, &room).await, stage.page(second, &room).await];
            until_pages_see_each_other(&pages).await;
            for page in pages {
                assert!(page.report().await.refusals.is_empty(), "{first:?} and {second:?}");
                page.close().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_both_kinds_and_a_program_share_a_room() {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let rebuilding = stage.page(Kind::Rebuilding, &room).await;
    let mut program = stage.guest(&room, talker()).await;
    let pages = [rebuilding, stage.page(Kind::Keeping, &room).await];
    until_pages_see_each_other(&pages).await;
    for page in &pages {
        until_media_flows(&mut program, page).await;
    }
}

async fn until_pages_see_each_other(pages: &[Page; 2]) {
    let [a, b] = pages;
    a.until_media_flows(&[b.id()]).await;
    b.until_media_flows(&[a.id()]).await;
}
