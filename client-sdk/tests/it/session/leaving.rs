//! Leaving, with and without the signaling connection.

use std::time::Duration;

use client_sdk::CloseReason;
use client_sdk::session::SignalingLoss;

use super::host::Host;

#[test]
fn leaving_tells_the_server_and_closes_everything_once() {
    let mut host = Host::connected("p_z");
    host.session.leave();
    assert_eq!(host.take(), ["send leave", "close p_z", "over: Left"]);
    host.session.leave();
    host.session.end(CloseReason::Replaced);
    host.server(
        r#"{"type":"peer_joined","participant":{"id":"p_y","name":"y","is_creator":false}}"#,
    );
    host.broken("p_z", 1);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_leave_without_signaling_is_said_once_the_seat_is_resumed() {
    let mut host = Host::welcomed(&[]);
    host.cut();
    host.take();
    host.session.leave();
    assert_eq!(host.take(), ["over: Left"]);
    host.lost(SignalingLoss::Unreachable { reason: "still away".into() });
    assert_eq!(host.take(), ["resume r1 after 1"]);
    host.server(RESUMED);
    assert_eq!(host.take(), ["send leave"]);
    // It may not have arrived.
    host.cut();
    assert_eq!(host.take(), ["resume r2 after 1"]);
    host.server(RESUMED);
    assert_eq!(host.take(), ["send leave"]);
    // A server that stops may not have read it.
    host.lost(SignalingLoss::Lost { code: Some(4001), reason: "restart".into() });
    assert_eq!(host.take(), ["resume r2 after 1"]);
    host.server(RESUMED);
    assert_eq!(host.take(), ["send leave"]);
    host.lost(SignalingLoss::Lost { code: Some(1000), reason: "left".into() });
    host.cut();
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn a_session_that_ends_without_signaling_returns_only_to_give_up_the_seat() {
    let mut host = Host::welcomed(&[]);
    host.take();
    host.session.end(CloseReason::Left);
    host.cut();
    assert_eq!(host.take(), ["over: Left", "resume r1 after 1"]);
    host.server(RESUMED);
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn only_the_creator_of_a_room_that_closes_takes_another_seat_to_leave() {
    // Others may moderate too.
    let moderates = r#"{"type":"permissions_updated","permissions":
        {"message":true,"update":true,"publish":true,"moderate":true}}"#;
    for (closes, expected) in [(false, vec![]), (true, vec!["attach"])] {
        let mut host = Host::welcomed(&[]);
        host.session.set_leave_closes_room(closes);
        host.server(moderates);
        host.cut();
        host.session.leave();
        host.take();
        host.refused_entry("resume_failed");
        assert_eq!(host.take(), expected);
    }
}

#[test]
fn the_creators_leave_is_said_with_another_token_once_its_own_has_expired() {
    let mut host = Host::welcomed(&[]);
    host.session.set_leave_closes_room(true);
    host.cut();
    host.session.leave();
    host.take();
    host.refused_entry("resume_failed");
    host.refused_entry("token_expired");
    assert_eq!(host.take(), ["attach", "join"]);
    host.refused_entry("room_not_found");
    assert_eq!(host.take(), [""; 0]);
}

#[test]
fn in_v1_only_the_creator_returns_to_leave() {
    for (closes, expected) in [(false, vec![]), (true, vec!["attach"])] {
        let mut host = Host::joined(&[]);
        host.session.set_leave_closes_room(closes);
        host.session.leave();
        host.take();
        host.cut();
        assert_eq!(host.take(), expected);
    }
}

#[test]
fn a_leave_after_a_long_outage_is_tried_at_short_intervals() {
    let away = || SignalingLoss::Unreachable { reason: "still away".into() };
    let mut host = Host::calling("p_z");
    // Without a call the room would be over after fewer attempts.
    for _ in 0..60 {
        host.lost_with(away(), 1.0);
    }
    host.session.set_leave_closes_room(true);
    host.session.leave();
    let _ = host.pauses();
    host.lost_with(away(), 1.0);
    let refusal = |code: &str| SignalingLoss::Refused {
        code: code.into(),
        reason: "no".into(),
        retry_after: None,
    };
    host.lost_with(refusal("resume_failed"), 1.0);
    host.lost_with(refusal("token_expired"), 1.0);
    host.lost_with(away(), 0.5);
    assert_eq!(host.pauses(), [500, 0, 0, 250].map(Duration::from_millis));
}

#[test]
fn nobody_returns_to_a_room_that_is_over_for_another_reason() {
    for reason in [CloseReason::Replaced, CloseReason::Kicked { reason: "x".into() }] {
        let mut host = Host::welcomed(&[]);
        host.session.end(reason);
        host.take();
        host.cut();
        assert_eq!(host.take(), [""; 0]);
    }
}

const RESUMED: &str = r#"{"type":"resumed","seq":1,"received":0,"replayed":0,"resume_token":"r2",
    "ice_servers":[],"ice_expires_at":"2025-12-05T12:00:00Z"}"#;
