//! What a program knows of its route to a page.

use std::time::Duration;

use client_sdk::Route;
use tokio::time::{sleep, timeout};

use super::flow::until_media_flows;
use super::stage::{Kind, Stage};
use crate::common::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn the_route_to_a_page_is_known_whoever_came_first() {
    let stage = Stage::set().await;
    // Pages of the document open no data channel.
    for kind in [Kind::Rebuilding, Kind::Keeping] {
        for page_first in [true, false] {
            let room = stage.room().await;
            let (mut program, page) = stage.pair(kind, page_first, &stage.entry(&room)).await;
            until_media_flows(&mut program, &page).await;
            let stats = || program.participant.stats(page.id());
            // ICE measures now and then.
            let measured = async {
                while stats().await.unwrap().round_trip.is_none() {
                    sleep(Duration::from_millis(300)).await;
                }
            };
            let what = format!("{kind:?}, page first: {page_first}");
            timeout(PATIENCE, measured).await.unwrap_or_else(|_| panic!("no round trip: {what}"));
            assert_eq!(stats().await.unwrap().route, Some(Route::Direct), "{what}");
            program.participant.leave().await;
            page.close().await;
        }
    }
}
