//! Calls that outlive the loss of the server, of the network, and of the page itself.

use std::time::Duration;

use signal_server::{HostMessage, Payload, Topic};
use tokio::time::sleep;

use super::{Call, stage};
use crate::browser::tries_all;
use crate::browser::visitor::Visitor;
use crate::common::wire::{Network, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_the_socket_and_a_reload_enters_again() {
    let (server, browser) = stage().await;
    let Call { creator, guest, .. } = Call::begin(&browser, &server.url()).await;

    guest.see("visit.loseSocket()").await;
    guest.until_shown(".warning").await;
    guest.until("!document.querySelector('.warning').checkVisibility()").await;
    assert_eq!(guest.see("visit.sockets.length").await, 2);
    assert_eq!(guest.see("visit.connections.length").await, 1);
    creator.until_people(2).await;
    guest.until_media_flows(1).await;

    // Each is somebody new then, or the creator again.
    for page in [&guest, &creator] {
        page.reload().await;
        page.until_shown(".call").await;
        for page in [&creator, &guest] {
            page.until_people(2).await;
            page.until_media_flows(1).await;
        }
    }
    assert_eq!(creator.text(".grid .tile:nth-child(2) .name").await, "Bob");
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_cut_off_for_ten_seconds_misses_nothing() {
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&server.url(), &wire.url()], "").await;

    wire.refuse(true);
    wire.cut();
    call.guest.until_shown(".warning").await;
    call.creator.until_shown(".tile:nth-child(2) .state").await;
    call.creator.say("are you there?").await;
    // At once, since its seat is kept for half a minute, and machines may be slow.
    tokio::join!(sleep(Duration::from_secs(10)), call.until_media_flows());
    wire.refuse(false);
    call.guest.until_hidden(".warning").await;
    call.guest.until_said("are you there?").await;
    call.creator.until_hidden(".tile:nth-child(2) .state").await;
    assert_eq!(call.guest.see("visit.connections.length").await, 1);
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_who_leaves_while_it_reconnects_ends_the_call_for_everybody() {
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&wire.url(), &server.url()], "").await;
    wire.refuse(true);
    wire.cut();
    call.creator.until_shown(".warning").await;
    call.creator.click("#leave").await;
    // The page waits for nothing.
    call.creator.until_shown(".ended").await;
    assert!(call.creator.text(".ended").await.starts_with("You have left the call."));
    wire.refuse(false);
    call.guest.until_shown(".ended").await;
    assert!(call.guest.text(".ended").await.starts_with("The host has ended the call."));
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_has_missed_too_much_shows_the_room_as_it_is_now() {
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let page = Visitor::open(&browser, &wire.url()).await;
    let room = page.create("Alice").await.room.parse().unwrap();
    wire.refuse(true);
    wire.cut();
    page.until_shown(".warning").await;
    let handle = server.server().handle();
    handle.set_locked(room, true).await.unwrap();
    // More than the server keeps for it.
    for _ in 0..300 {
        let (topic, data) = (Topic::new("news").unwrap(), Payload::new("more").unwrap());
        handle.send(room, HostMessage::to_room(topic, data)).unwrap();
    }
    wire.refuse(false);
    page.until("document.querySelector('.count').textContent.includes('Locked')").await;
    page.until_said(
        "The connection was interrupted. Messages may be missing, here and for the others.",
    )
    .await;
    page.assert_no_faults().await;
}

/// In the long run alone, since pages wait for a while before they give up a socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_gives_up_sockets_that_its_network_has_forgotten() {
    if !tries_all() {
        return;
    }
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&server.url(), &wire.url()], "").await;

    // The socket of the call, and the next one while it opens.
    wire.network(Network::Forgets);
    call.guest.see(LOOK).await;
    call.guest.until_shown(".warning").await;
    call.guest.until("visit.sockets.length === 2").await;
    call.creator.say("are you there?").await;
    wire.network(Network::Carries);
    call.guest.until_said("are you there?").await;
    call.guest.until_hidden(".warning").await;
    assert_eq!(call.guest.see("visit.connections.length").await, 1);
    call.until_media_flows().await;

    // Whoever leaves has left, also if the page waits for an answer on its socket.
    wire.network(Network::Stalls);
    call.guest.see(LOOK).await;
    call.guest.click("#leave").await;
    call.guest.until_shown(".ended").await;
    let sockets = call.guest.see("visit.sockets.length").await;
    wire.network(Network::Carries);
    call.creator.until_people(1).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(call.guest.see("visit.sockets.length").await, sockets);
    call.assert_no_faults().await;
}

/// Has the page look at once whether its socket still carries messages, which it does every 20 s.
const LOOK: &str = "dispatchEvent(new Event('online'))";
