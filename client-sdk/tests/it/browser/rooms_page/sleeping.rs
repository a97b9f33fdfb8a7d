//! Pages that sleep for a minute: the browser runs nothing of them, and their seat is lost.

use std::time::Duration;

use tokio::time::sleep;

use super::{Call, stage};
use crate::browser::tries_all;
use crate::common::wire::Wire;

/// In the long run alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_frozen_for_a_minute_enters_again() {
    if tries_all() {
        sleep_for_a_minute(true).await;
    }
}

/// As on a machine that was closed. In the long run alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_frozen_without_a_network_enters_again() {
    if tries_all() {
        sleep_for_a_minute(false).await;
    }
}

async fn sleep_for_a_minute(has_network: bool) {
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&server.url(), &wire.url()], "").await;
    call.guest.in_chromium().freeze().await;
    if !has_network {
        wire.refuse(true);
        wire.cut();
    }
    sleep(Duration::from_secs(60)).await;
    wire.refuse(false);
    call.guest.in_chromium().thaw().await;
    call.guest.until("visit.connections.length === 2").await;
    for page in [&call.creator, &call.guest] {
        page.until_people(2).await;
    }
    call.until_media_flows().await;
    call.creator.say("there you are").await;
    call.guest.until_said("there you are").await;
    call.assert_no_faults().await;
}
