//! The decisions and observations of a host.

use std::time::Duration;

use serde_json::json;
use signal_core::config::HubConfig;
use signal_core::hub::{Disconnect, Input, NodeId, Output};
use signal_core::room::{Attachment, CloseReason, Op, Ticket};
use signal_core::{ConnId, ErrorCode};

use crate::common::{self, Node};

#[test]
fn a_connection_enters_when_its_host_has_let_it_in() {
    let mut node = Node::new(10);
    let conn = node.ask();
    let (other, other_id) = node.creator();
    node.signal(conn, "offer", other_id, "early");
    assert!(node.take(conn).is_empty());
    let ticket = node.join();
    let Input::Open { entry, .. } = node.open_input(ticket, "guest") else { unreachable!() };
    node.input(Input::Authorized { conn, entry: Ok(entry) });
    assert_eq!(node.take_types(conn), ["joined"]);
    assert_eq!(node.take_types(other), ["peer_joined", "offer"]);
    node.input(Input::Authorized { conn, entry: Err(ErrorCode::TokenInvalid) });
    assert_eq!(
        (node.closed(conn), node.take(conn).len()),
        (None, 0),
        "a second decision changes nothing"
    );
}

#[test]
fn a_connection_that_its_host_does_not_let_in_is_told_why() {
    for (reason, code) in [
        (ErrorCode::TokenInvalid, 4500),
        (ErrorCode::RoomFull, 4504),
        (ErrorCode::RoomExpired, 4503),
        (ErrorCode::Unavailable, 4001),
    ] {
        let mut node = Node::new(10);
        let conn = node.ask();
        node.input(Input::Authorized { conn, entry: Err(reason) });
        assert_eq!(node.take(conn)[0]["code"], reason.as_str());
        assert_eq!(node.closed(conn), Some(code));
        assert!(node.hub.is_idle());
    }
}

#[test]
fn a_host_that_stops_sends_everybody_away_and_seats_that_can_be_resumed_wait() {
    let mut node = Node::new(10);
    let (creator, _) = node.creator();
    let (guest, guest_id, _) = node.guest_v2("guest");
    let waiting = node.ask();
    node.take(creator);
    for conn in [guest, waiting, creator] {
        node.input(Input::Draining { conn, reconnect_after: Duration::from_millis(1500) });
        assert_eq!(node.closed(conn), Some(4001));
    }
    assert_eq!(node.take(guest), [json!({"type": "server_draining", "reconnect_after_ms": 1500})]);
    assert!(node.take(creator).is_empty(), "v1 has no such message, and sees nobody leave");
    let room = node.store.room(node.room).unwrap();
    assert_eq!(
        room.seats().iter().map(|seat| (seat.id, seat.is_attached())).collect::<Vec<_>>(),
        [(guest_id, false)]
    );
}

#[test]
fn a_hub_is_idle_when_nothing_is_left_and_not_before() {
    let mut node = Node::new(10);
    assert!(node.hub.is_idle());
    let conn = node.ask();
    assert!(!node.hub.is_idle(), "a connection waits");
    node.input(Input::Lost { conn, how: Disconnect::Clean });
    assert!(node.hub.is_idle());
    let (guest, ..) = node.guest_v2("guest");
    node.lose(guest);
    assert!(!node.hub.is_idle(), "a seat is kept");
    node.wait(HubConfig::default().resume_grace);
    assert!(node.hub.is_idle());

    let open = node.open_input(Ticket::Creator, "creator");
    let Input::Open { conn, .. } = open else { unreachable!() };
    node.hub.handle_input(open, node.now);
    node.hub.handle_input(Input::Lost { conn, how: Disconnect::Clean }, node.now);
    while node.hub.poll_output().is_some() {}
    assert!(!node.hub.is_idle(), "the store owes an answer");
}

/// The store answers late, after something else has happened to the seat.
#[test]
fn whoever_has_lost_its_seat_before_it_knew_of_it_is_told_how() {
    for (fate, told, code) in [
        (Fate::Kicked, "forbidden", 4511),
        (Fate::Replaced, "forbidden", 4509),
        (Fate::DeclaredLost, "resume_failed", 4510),
        (Fate::RoomClosed, "room_closed", 4503),
    ] {
        let mut node = Node::new(10);
        let ticket = node.join();
        let open = node.open_input(ticket, "guest");
        let Input::Open { conn, .. } = open else { unreachable!() };
        node.hub.handle_input(open, node.now);
        let commit =
            std::iter::from_fn(|| node.hub.poll_output()).find_map(|output| match output {
                Output::Commit { op, room, change } => Some((op, room, change)),
                _ => None,
            });
        let (op, room, attach) = commit.unwrap();
        let applied = node.store.apply(room, &attach, node.now);
        let Ticket::Guest(participant) = ticket else { unreachable!() };
        let elsewhere = Attachment { node: NodeId(2), conn: ConnId(1) };
        let Op::Attach { attachment: here, .. } = attach else { unreachable!() };
        let next = match fate {
            Fate::DeclaredLost => {
                Op::Detach { attachment: here, until: node.now + common::LIFE / 2 }
            }
            Fate::Kicked => Op::Kick { participant, rotate: None },
            Fate::Replaced => {
                let Op::Attach { grant, name, protocol, resume, suffix, .. } = attach else {
                    unreachable!()
                };
                let (attachment, client) = (elsewhere, None);
                Op::Attach {
                    grant,
                    name,
                    protocol,
                    attachment,
                    resume,
                    client,
                    most_of_address: None,
                    suffix,
                }
            }
            Fate::RoomClosed => Op::Close(CloseReason::ByCreator),
        };
        node.apply(&next);
        node.input(Input::Committed { op, applied });
        assert_eq!(node.take(conn)[0]["code"], told, "{fate:?}");
        assert_eq!(node.closed(conn), Some(code), "{fate:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    DeclaredLost,
    Kicked,
    Replaced,
    RoomClosed,
}
