//! How the client of the page negotiates.

use super::{Call, stage};
use crate::browser::glare::Collision;
use crate::common::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn offers_that_cross_twenty_times_cost_no_media() {
    let (server, browser) = stage().await;
    let (near_creator, _) = Wire::to(server.address()).await;
    let (near_guest, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&near_creator.url(), &near_guest.url()], "").await;
    for round in 0..20 {
        let (winner, loser) = if round % 2 == 0 {
            (&near_creator, &near_guest)
        } else {
            (&near_guest, &near_creator)
        };
        let before = call.creator.see(FRAGMENTS).await;
        let collision = Collision::prepare(winner, loser);
        for page in [&call.creator, &call.guest] {
            page.see("visit.connections[0].restartIce()").await;
        }
        collision.happen().await;
        // The winner's offer is answered, and the loser's wish is granted with it.
        call.creator
            .until(&format!("{FRAGMENTS}.every((it, place) => it !== {before}[place])"))
            .await;
        for page in [&call.creator, &call.guest] {
            page.until("visit.connections[0].signalingState === 'stable'").await;
        }
        if round % 5 == 0 {
            call.until_media_flows().await;
        }
    }
    // More may have crossed by themselves.
    assert!(near_creator.conflicts() >= 10 && near_guest.conflicts() >= 10);
    call.until_media_flows().await;
    for page in [&call.creator, &call.guest] {
        assert_eq!(page.see("visit.connections.length").await, 1);
    }
    call.assert_no_faults().await;
}

/// Its own user fragment and the other side's.
const FRAGMENTS: &str = "[visit.connections[0].localDescription, \
    visit.connections[0].remoteDescription].map(({ sdp }) => /a=ice-ufrag:(.*)/.exec(sdp)[1])";
