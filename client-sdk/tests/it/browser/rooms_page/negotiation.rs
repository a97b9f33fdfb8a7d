//! How the client of the page negotiates.

use serde_json::json;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_the_server_refuses_is_sent_again() {
    let (server, browser) = stage().await;
    let url = server.url();
    let refusing = format!("{REFUSING} visit.refuses = 'answer';");
    let call = Call::begin_with(&browser, [&url, &url], &refusing).await;
    let Call { creator, guest, .. } = &call;
    for (way, description, sharing, watching) in [
        ("refuses", "answer", guest, creator),
        ("refuses", "offer", creator, guest),
        ("drowns", "answer", guest, creator),
        ("drowns", "offer", creator, guest),
        ("drownsInRequests", "answer", guest, creator),
        ("drownsInRequests", "offer", creator, guest),
    ] {
        creator.see(&format!("visit.{way} = '{description}'")).await;
        sharing.click("#screen").await;
        watching.until_shown(".screens .tile").await;
        watching.until("document.querySelector('.screens video').videoWidth === 640").await;
        assert_eq!(creator.see(&format!("visit.{way}")).await, json!(null));
        sharing.click("#screen").await;
        watching.until_hidden(".screens .tile").await;
    }
    for page in [creator, guest] {
        assert_eq!(page.see("visit.connections.length").await, 1);
    }
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

/// The server refuses the next description of the kind `visit.refuses`, as if its addressee read
/// slowly, and the page really sends too much before the next one of the kind `visit.drowns`, or
/// of the kind `visit.drownsInRequests`, where the server names one of them as dropped.
const REFUSING: &str = r#"
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) {
        const { type, to: about } = JSON.parse(text);
        if (type === visit.refuses) {
            visit.refuses = undefined;
            const error = { type: "error", code: "rate_limited", about, retry_after_ms: 200 };
            setTimeout(() => this.onmessage({ data: JSON.stringify(error) }));
            return;
        }
        for (const [way, req] of [["drowns", undefined], ["drownsInRequests", "r"]]) {
            if (type !== visit[way]) continue;
            visit[way] = undefined;
            const ping = JSON.stringify({ type: "ping", req });
            for (let sent = 0; sent < 500; sent += 1) send.call(this, ping);
        }
        send.call(this, text);
    };"#;

/// Its own user fragment and the other side's.
const FRAGMENTS: &str = "[visit.connections[0].localDescription, \
    visit.connections[0].remoteDescription].map(({ sdp }) => /a=ice-ufrag:(.*)/.exec(sdp)[1])";
