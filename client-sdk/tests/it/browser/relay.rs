//! Media through a real coturn, with the credentials that the signaling server makes.

use client_sdk::{Client, Route};
use signal_server::Secret;

use super::chromium::Chromium;
use super::firefox::Firefox;
use super::flow::until_media_flows;
use super::page::Entry;
use super::pairs::tries_all;
use super::stage::{Kind, Stage};
use super::tab::Browser;
use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::{Witness, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_connect_through_a_relay_if_either_may_use_nothing_else() {
    let coturn = Coturn::start().await;
    call_over_udp(&coturn, Browser::Chromium(Chromium::take().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_program_reach_a_relay_over_tcp_and_a_program_over_tls() {
    let coturn = Coturn::start().await;
    call_over_tcp(&coturn, Browser::Chromium(Chromium::take_usual().await)).await;
    call_over_tls(&coturn, Browser::Chromium(Chromium::take_usual().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_firefox_reach_a_relay_too() {
    if !tries_all() {
        return;
    }
    let coturn = Coturn::start().await;
    let Some(firefox) = Firefox::take().await else { return };
    call_over_udp(&coturn, Browser::Firefox(firefox)).await;
    let Some(firefox) = Firefox::take().await else { return };
    call_over_tcp(&coturn, Browser::Firefox(firefox)).await;
    let Some(firefox) = Firefox::take().await else { return };
    call_over_tls(&coturn, Browser::Firefox(firefox)).await;
}

async fn call_over_udp(coturn: &Coturn, browser: Browser) {
    let url = coturn::url(coturn.port());
    call_through(coturn, browser, url, &[(true, true), (true, false), (false, true)]).await;
}

async fn call_over_tcp(coturn: &Coturn, browser: Browser) {
    let url = format!("turn:{}?transport=tcp", coturn.tcp());
    call_through(coturn, browser, url, &[(true, true), (true, false), (false, true)]).await;
}

/// The browsers do not trust the certificate of the relay.
async fn call_over_tls(coturn: &Coturn, browser: Browser) {
    call_through(coturn, browser, coturn.tls_url(), &[(false, true)]).await;
}

/// Calls in which the page, the program or both may use only the relay at that URL.
async fn call_through(coturn: &Coturn, browser: Browser, url: String, who_relays: &[(bool, bool)]) {
    let made = allocations(coturn);
    let stage = Stage::set_in(browser, |builder| builder.turn(Secret::new(SECRET), [url])).await;
    let client = Client::builder(&stage.server.url()).trust(coturn.certificate()).build().unwrap();
    for &(page_relays, program_relays) in who_relays {
        let room = stage.room().await;
        let options = talker().relay_only(program_relays);
        let program = client.join(&room.room_id, &room.password, "a program", options).await;
        let mut program = Witness::new(program.unwrap());
        let entry = Entry { relay_only: page_relays, ..stage.entry(&room) };
        let page = stage.page_with(Kind::Keeping, &entry).await;
        until_media_flows(&mut program, &page).await;
        let route = page.peer(program.id()).await.route;
        let [own, others] = route.as_slice() else { panic!("{route:?}") };
        // A peer behind a relay may look like a peer-reflexive one.
        assert_eq!(own.as_deref() == Some("relay"), page_relays, "{route:?}");
        assert!(others.as_deref() != Some("relay") || program_relays, "{route:?}");
        let stats = program.participant.stats(page.id()).await.unwrap();
        assert_eq!(stats.route, Some(Route::Relayed));
        println!("relayed, with a round trip of {:?}", stats.round_trip);
        page.close().await;
        program.participant.leave().await;
    }
    let each = who_relays.iter().map(|(page, program)| usize::from(*page) + usize::from(*program));
    assert!(allocations(coturn) >= made + each.sum::<usize>(), "{}", coturn.log());
}

fn allocations(coturn: &Coturn) -> usize {
    coturn.log().matches("ALLOCATE processed, success").count()
}
