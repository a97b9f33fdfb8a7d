//! Media through a real coturn, with the credentials that the signaling server makes.

use client_sdk::Options;
use signal_server::Secret;

use super::flow::until_media_flows;
use super::page::Entry;
use super::stage::{Kind, Stage};
use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_connect_through_a_relay_if_either_may_use_nothing_else() {
    let coturn = Coturn::start().await;
    let urls = [coturn::url(coturn.port())];
    let stage = Stage::set_with(|builder| builder.turn(Secret::new(SECRET), urls)).await;
    for (page_relays, program_relays) in [(true, true), (true, false), (false, true)] {
        let room = stage.room().await;
        let options: Options = talker().relay_only(program_relays);
        let mut program = stage.guest(&room, options).await;
        let entry = Entry { relay_only: page_relays, ..stage.entry(&room) };
        let page = stage.page_with(Kind::Keeping, &entry).await;
        until_media_flows(&mut program, &page).await;
        let route = page.peer(program.id()).await.route;
        let [own, others] = route.as_slice() else { panic!("{route:?}") };
        // Before its candidate has arrived, a peer behind a relay looks like a peer-reflexive one.
        assert_eq!(own.as_deref() == Some("relay"), page_relays, "{route:?}");
        assert_eq!(others.as_deref() == Some("relay"), program_relays, "{route:?}");
        page.close().await;
        program.participant.leave().await;
    }
    let log = coturn.log();
    assert!(log.matches("ALLOCATE processed, success").count() >= 4, "{log}");
}
