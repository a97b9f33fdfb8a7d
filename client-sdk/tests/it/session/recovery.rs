//! Connections that stop getting through, and a server that is lost.

use client_sdk::ConnectionState::{Connected, Connecting, Disconnected, Failed};
use client_sdk::session::{NoRelay, Report, SignalingLoss};

use super::host::Host;

#[test]
fn a_connection_that_is_disconnected_is_left_alone() {
    let mut host = Host::calling("p_z");
    host.becomes("p_z", 1, Disconnected);
    host.pong();
    assert_eq!(host.take(), ["p_z is Disconnected", "send ping"]);
    host.pass(60);
    assert_eq!(host.take(), [""; 0]);
    host.becomes("p_z", 1, Connected);
    assert_eq!(host.take(), ["p_z is Connected"]);
}

#[test]
fn where_ice_has_failed_the_smaller_id_starts_it_anew() {
    let mut host = Host::calling("p_z");
    host.becomes("p_z", 1, Failed);
    host.pong();
    assert_eq!(host.take(), ["p_z offer 2 restarting", "send ping"]);
    host.made_offer("p_z", 1, 2, "M/2");
    host.becomes("p_z", 1, Connecting);
    host.answered("p_z", "Z/2");
    host.becomes("p_z", 1, Connected);
    let words = ["send p_z offer M/2", "p_z is Connecting", "p_z accept Z/2", "p_z is Connected"];
    assert_eq!(host.take(), words);
    host.pass(600);
    assert_eq!(host.take(), [""; 0], "nothing is left to be done");
}

#[test]
fn where_ice_has_failed_the_larger_id_waits_for_the_restart() {
    let mut host = Host::called("p_a");
    host.becomes("p_a", 1, Failed);
    host.pong();
    host.pass(29);
    assert_eq!(host.take(), ["send ping"]);
    host.offered("p_a", "A/2");
    host.made_answer("p_a", 1, 2, "M/2");
    host.becomes("p_a", 1, Connected);
    assert_eq!(host.take(), ["p_a answer 2 A/2", "send p_a answer M/2", "p_a is Connected"]);
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn where_the_restart_does_not_help_the_connection_is_built_anew() {
    for fails_again in [true, false] {
        let mut host = Host::calling("p_z");
        host.becomes("p_z", 1, Failed);
        host.made_offer("p_z", 1, 2, "M/2");
        host.answered("p_z", "Z/2");
        host.take();
        if fails_again {
            host.becomes("p_z", 1, Failed);
        } else {
            host.pass(15);
        }
        assert_eq!(host.take()[..3], ["close p_z", "open p_z 2 offering", "p_z offer 3"]);
    }
}

#[test]
fn where_no_restart_comes_the_larger_id_builds_the_connection_anew() {
    let mut host = Host::called("p_a");
    host.becomes("p_a", 1, Failed);
    host.pong();
    host.pass(30);
    assert_eq!(host.take()[1..], ["close p_a", "open p_a 2 offering", "p_a offer 2"]);
}

#[test]
fn a_connection_that_neither_gets_through_nor_fails_is_built_anew() {
    let mut host = Host::connecting("p_z");
    host.pass(44);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["close p_z", "open p_z 2 offering", "p_z offer 2"]);
    let mut host = Host::answering("p_a", "A/1");
    host.made_answer("p_a", 1, 1, "M/1");
    host.take();
    host.pass(89);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["close p_a", "open p_a 2 offering", "p_a offer 2"]);
}

#[test]
fn a_handshake_that_does_not_come_to_an_end_is_not_waited_for() {
    let mut host = Host::connecting("p_z");
    host.report("p_z", 1, Report::IceConnected);
    host.pass(9);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["close p_z", "open p_z 2 offering", "p_z offer 2"]);
    let mut host = Host::calling("p_z");
    host.report("p_z", 1, Report::IceConnected);
    host.pass(600);
    assert_eq!(host.take(), [""; 0], "it has come to an end");
}

#[test]
fn a_connection_that_breaks_down_is_rebuilt_three_times_with_pauses_and_then_given_up() {
    let mut host = Host::connected("p_z");
    for (connection, pause) in [(1, 0), (2, 2), (3, 10)] {
        host.broken("p_z", connection);
        if pause > 0 {
            host.broken("p_z", connection);
            host.pass(pause - 1);
            assert_eq!(host.take(), [""; 0], "{connection}");
            host.pass(1);
        }
        assert_eq!(host.take()[0], "close p_z", "{connection}");
    }
    host.broken("p_z", 4);
    assert_eq!(host.take(), ["close p_z", "p_z is Failed: Broken"]);
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
    host.offered("p_z", "Z/9");
    assert_eq!(
        host.take(),
        ["open p_z 5 answering", "p_z answer 5 Z/9"],
        "but the other side may try"
    );
}

#[test]
fn what_was_given_up_is_tried_again_when_either_side_is_back() {
    let mut host = Host::calling("p_z");
    host.give_up("p_z", 1);
    host.server(r#"{"type":"peer_updated","participant_id":"p_z","connected":true}"#);
    assert_eq!(host.take(), ["open p_z 5 offering", "p_z offer 5", "p_z is now here"]);
    host.give_up("p_z", 5);
    host.cut();
    host.take();
    host.resumed(3);
    assert_eq!(host.take(), ["use []", "resumed", "open p_z 9 offering", "p_z offer 9"]);
}

#[test]
fn a_connection_that_got_through_may_fail_three_times_again() {
    let mut host = Host::connected("p_z");
    for connection in 1..=10 {
        host.broken("p_z", connection);
        host.pass(2);
        host.becomes("p_z", connection + 1, Connected);
        assert_eq!(host.take().last().unwrap(), "p_z is Connected");
    }
}

#[test]
fn a_connection_that_nothing_helps_is_given_up_for_the_reason_that_is_known() {
    for (reports, reason) in [
        (vec![], "NoPath"),
        (vec![Report::NoRelay(NoRelay::Unreachable)], "NoRelay(Unreachable)"),
        (vec![Report::NoRelay(NoRelay::Unreachable), Report::IceConnected], "Handshake"),
    ] {
        let mut host = Host::connected("p_z");
        for connection in 1..=3 {
            host.broken("p_z", connection);
            host.pass(10);
        }
        for report in reports {
            host.report("p_z", 4, report);
        }
        host.becomes("p_z", 4, Failed);
        host.becomes("p_z", 4, Failed);
        assert_eq!(host.take().last().unwrap(), &format!("p_z is Failed: {reason}"));
    }
}

#[test]
fn without_the_server_nothing_is_rebuilt() {
    for (mut host, peer) in [(Host::calling("p_z"), "p_z"), (Host::called("p_a"), "p_a")] {
        host.cut();
        host.becomes(peer, 1, Failed);
        host.take();
        host.pass(600);
        assert_eq!(host.take(), [""; 0], "{peer}");
    }
}

#[test]
fn of_a_peer_that_only_lost_the_server_media_is_kept_for_as_long_as_it_flows() {
    for (reason, at_once) in [("lost", false), ("left", true)] {
        let mut host = Host::calling("p_z");
        host.server(&format!(
            r#"{{"type":"peer_left","participant_id":"p_z","reason":"{reason}"}}"#
        ));
        assert_eq!(host.take().is_empty(), !at_once, "{reason}");
        host.becomes("p_z", 1, Disconnected);
        host.becomes("p_z", 1, Connected);
        host.pong();
        let expected: &[&str] = if at_once { &[] } else { &["send ping"] };
        assert_eq!(host.take(), expected, "{reason}");
        host.becomes("p_z", 1, Failed);
        let expected: &[&str] = if at_once { &[] } else { &["close p_z", "left p_z", "send ping"] };
        assert_eq!(host.take(), expected, "{reason}");
    }
}

#[test]
fn a_seat_is_resumed_and_nothing_happens_to_the_call() {
    let mut host = Host::calling("p_z");
    host.cut();
    assert_eq!(host.take(), ["reconnecting", "resume r1 after 2"]);
    host.resumed(2);
    assert_eq!(host.take(), ["use []", "resumed"]);
    host.cut();
    assert_eq!(host.take(), ["reconnecting", "resume r2 after 2"]);
}

#[test]
fn a_server_that_is_silent_while_media_is_in_trouble_is_given_up() {
    let mut host = Host::calling("p_z");
    host.becomes("p_z", 1, Disconnected);
    assert_eq!(host.take(), ["p_z is Disconnected", "send ping"]);
    host.becomes("p_z", 1, Failed);
    assert_eq!(host.take(), ["p_z offer 2 restarting"], "it is asked once");
    host.pass(4);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["close signaling"]);
    host.cut();
    assert_eq!(host.take(), ["reconnecting", "resume r1 after 2"]);
    host.pass(600);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_room_that_the_server_does_not_know_any_more_ends_when_the_last_connection_does() {
    let mut host = Host::calling("p_z");
    host.cut();
    host.refused_entry("resume_failed");
    host.refused_entry("room_not_found");
    let words = ["reconnecting", "resume r1 after 2", "attach", "adrift: no"];
    assert_eq!(host.take(), words);
    host.cut();
    host.pass(3600);
    assert_eq!(host.take(), [""; 0]);
    host.becomes("p_z", 1, Failed);
    assert_eq!(host.take(), ["close p_z", "left p_z", r#"over: SignalingLost { reason: "no" }"#]);
}

#[test]
fn a_room_that_the_server_does_not_know_any_more_ends_at_once_where_nobody_calls() {
    let mut host = Host::welcomed(&["p_z"]);
    host.take();
    host.cut();
    host.refused_entry("resume_failed");
    host.refused_entry("room_not_found");
    let words = ["reconnecting", "resume r1 after 1", "attach", "close p_z"];
    assert_eq!(host.take()[..4], words);
}

#[test]
fn a_kick_and_the_end_of_the_room_end_the_call_whatever_flows() {
    for (code, over) in [(4511, "Kicked"), (4503, "RoomClosed")] {
        let mut host = Host::calling("p_z");
        host.lost(SignalingLoss::Lost { code: Some(code), reason: "why".into() });
        let over = format!(r#"over: {over} {{ reason: "why" }}"#);
        assert_eq!(host.take(), ["reconnecting", "close p_z", &over]);
    }
    let mut host = Host::calling("p_z");
    host.server(r#"{"type":"kicked","reason":"why"}"#);
    assert_eq!(host.take(), ["close p_z", r#"over: Kicked { reason: "why" }"#]);
    assert_eq!(host.session.poll_timeout(), None);
}

#[test]
fn credentials_are_asked_for_before_they_expire_until_there_are_no_newer_ones() {
    let mut host = Host::welcomed(&[]);
    assert_eq!(host.take(), ["use []"]);
    // They are good for an hour.
    host.pass(3299);
    assert_eq!(host.take(), [""; 0]);
    host.pass(1);
    assert_eq!(host.take(), ["send get_ice_servers"]);
    for (expires_at, asked) in [("13:00", 1), ("13:00", 0)] {
        host.server(&format!(
            r#"{{"type":"ice_servers","ice_servers":[1],"ice_expires_at":"2025-12-05T{expires_at}:00Z"}}"#
        ));
        assert_eq!(host.take(), ["use [1]"]);
        host.pass(3600);
        assert_eq!(host.take().len(), asked);
    }
}
