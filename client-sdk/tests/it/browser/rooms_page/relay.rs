//! Pages that reach each other through a real coturn alone.

use std::time::Duration;

use signal_server::Secret;
use tokio::time::sleep;

use super::{Call, stage_with};
use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::path::{Impairment, Path};
use crate::common::wire::{Network, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn relayed_pages_say_so_get_new_credentials_and_outlive_their_relay() {
    let coturn = Coturn::start().await;
    let urls = [coturn::url(coturn.port())];
    let (server, browser) = stage_with(|builder| builder.turn(Secret::new(SECRET), urls)).await;
    let url = server.url();
    let call = Call::begin_with(&browser, [&url, &url], RELAY_ONLY).await;
    for page in [&call.creator, &call.guest] {
        page.until_shown(".tile:nth-child(2) .mark[title=Relayed]").await;
    }

    // An extension of the room brings credentials that last as long. Their end, which is in the
    // user name, is in whole seconds, so a second has to pass.
    let before = call.guest.see(USER_NAME).await;
    sleep(Duration::from_secs(1)).await;
    call.creator.click("#manage").await;
    call.creator.until("!document.querySelector('#extend').disabled").await;
    call.creator.click("#extend").await;
    for page in [&call.creator, &call.guest] {
        page.until(&format!("{USER_NAME} > {before}")).await;
    }

    // Each page gathers new candidates, and keeps its connection.
    let fragment = call.guest.see(FRAGMENT).await;
    let _coturn = coturn.restarted().await;
    call.guest.until(&format!("{FRAGMENT} !== {fragment}")).await;
    call.until_media_flows().await;
    for page in [&call.creator, &call.guest] {
        assert_eq!(page.see("visit.connections.length").await, 1);
    }
    call.assert_no_faults().await;
}

/// Its every packet goes over a path to the relay, and its messages over another to the server.
#[tokio::test(flavor = "multi_thread")]
async fn relayed_pages_outlive_ten_seconds_in_which_their_network_carries_nothing() {
    let coturn = Coturn::start().await;
    let clear = Impairment::default();
    let turn = ([127, 0, 0, 1], coturn.port()).into();
    let path = Path::to(turn, clear, clear).await.unwrap();
    let urls = [coturn::url(path.port())];
    let (server, browser) = stage_with(|builder| builder.turn(Secret::new(SECRET), urls)).await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&server.url(), &wire.url()], RELAY_ONLY).await;

    path.cut(true);
    wire.network(Network::Stalls);
    call.guest.say("are you there?").await;
    call.creator.say("hello?").await;
    for page in [&call.creator, &call.guest] {
        page.until_shown(".tile:nth-child(2) .state").await;
        let state = page.text(".tile:nth-child(2) .state").await;
        assert_eq!(state, "Interrupted, trying again…");
    }
    sleep(Duration::from_secs(10)).await;
    assert!(path.figures().cut > 0);
    path.cut(false);
    wire.network(Network::Carries);
    call.creator.until_said("are you there?").await;
    call.guest.until_said("hello?").await;
    for page in [&call.creator, &call.guest] {
        page.until_hidden(".tile:nth-child(2) .state").await;
        assert_eq!(page.see("visit.connections.length").await, 1);
    }
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

const RELAY_ONLY: &str = "visit.configuration = { iceTransportPolicy: 'relay' };";
const USER_NAME: &str = "visit.connections[0].getConfiguration().iceServers[0].username";
const FRAGMENT: &str = "/a=ice-ufrag:(.*)/.exec(visit.connections[0].localDescription.sdp)[1]";
