//! How a session handles the application's messages to the server, without sockets.

use std::time::{Duration, Instant};

use client_sdk::CommandError;
use client_sdk::session::{Action, Session, SessionEvent, SignalingLoss};
use serde_json::{Value, json};
use signal_core::message::{Audience, ClientMessage, Payload, Topic};
use signal_core::wire::{decode_server, encode_client};

#[test]
fn a_command_is_done_when_the_ping_behind_it_is_answered() {
    let mut host = Host::joined();
    let number = host.say("a");
    assert_eq!(
        host.sent(),
        [json!({"type": "message", "req": "1"}), json!({"type": "ping", "req": "2"})]
    );
    assert_eq!(host.outcomes(), []);
    host.pong("2");
    assert_eq!(host.outcomes(), [(number, Ok(()))]);
}

#[test]
fn many_commands_share_a_ping_and_each_is_covered_by_a_later_one() {
    let mut host = Host::joined();
    let first = host.say("a");
    let later = [host.say("b"), host.say("c")];
    let kinds: Vec<Value> = host.sent().into_iter().map(|sent| sent["type"].clone()).collect();
    assert_eq!(kinds, ["message", "ping", "message", "message"]);
    host.pong("2");
    assert_eq!(host.outcomes(), [(first, Ok(()))]);
    let ping = host.sent();
    assert_eq!(ping, [json!({"type": "ping", "req": "5"})]);
    host.pong("5");
    assert_eq!(host.outcomes(), later.map(|number| (number, Ok(()))));
    assert!(host.sent().is_empty());
}

#[test]
fn a_refusal_comes_back_to_its_command_alone() {
    let mut host = Host::joined();
    let (first, second) = (host.say("a"), host.say("b"));
    host.refuse("peer_not_found", Some(&first.to_string()), None);
    assert_eq!(host.outcomes(), [(first, Err(refused("peer_not_found", None)))]);
    host.pong("2");
    host.pong("4");
    assert_eq!(host.outcomes(), [(second, Ok(()))]);
    // One that comes too late, or belongs to no command, is an event.
    assert_eq!(host.events(), 0);
    host.refuse("peer_unreachable", Some(&first.to_string()), None);
    host.refuse("peer_not_found", None, None);
    assert_eq!((host.events(), host.outcomes()), (2, vec![]));
}

#[test]
fn a_refusal_for_a_reason_of_a_newer_server_is_one_too() {
    let mut host = Host::joined();
    let number = host.say("a");
    let newer =
        json!({"type": "error", "code": "too_loud", "message": "no", "req": number.to_string()});
    host.session.handle_unknown(&decode_server(&newer.to_string().into()).unwrap_err());
    let outcomes = host.outcomes();
    let [(refused, Err(CommandError::Refused { code, .. }))] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!((*refused, code.as_str()), (number, "too_loud"));
}

#[test]
fn nothing_is_known_of_any_command_once_too_much_was_sent() {
    let mut host = Host::joined();
    let numbers = [host.say("a"), host.say("b")];
    host.refuse("rate_limited", None, Some(700));
    let error = refused("rate_limited", Some(Duration::from_millis(700)));
    assert_eq!(host.outcomes(), numbers.map(|number| (number, Err(error.clone()))));
    host.sent();
    // The server drops more of it without a word for a second.
    host.now += Duration::from_secs(1);
    let early = host.say("c");
    let outcomes = host.outcomes();
    let [(number, Err(CommandError::Refused { code, retry_after: Some(_), .. }))] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((*number, code.as_str()), (early, "rate_limited"));
    assert!(host.sent().is_empty());
    // The answer to a ping of before says nothing about a later command.
    host.now += Duration::from_secs(1);
    let later = host.say("d");
    host.pong("2");
    assert_eq!(host.outcomes(), []);
    host.pong("6");
    assert_eq!(host.outcomes(), [(later, Ok(()))]);
}

#[test]
fn one_that_reads_slowly_holds_up_what_is_for_it_alone() {
    for slow in ["p_slow0000", "host"] {
        let mut host = Host::joined();
        let (refused_one, fine) = (host.say("a"), host.say("b"));
        host.refuse_about(slow, Some(&refused_one.to_string()));
        let error = refused("rate_limited", Some(Duration::from_millis(700)));
        assert_eq!(host.outcomes(), [(refused_one, Err(error))]);
        host.pong("2");
        let later = host.say("c");
        host.pong("4");
        assert_eq!(host.outcomes(), [(fine, Ok(()))]);
        host.pong("6");
        assert_eq!(host.outcomes(), [(later, Ok(()))]);
    }
}

#[test]
fn a_refused_description_refuses_no_request() {
    let mut host = Host::joined();
    let request = host.say("a");
    host.refuse_about("p_slow0000", None);
    assert_eq!(host.events(), 1);
    host.pong("2");
    assert_eq!(host.outcomes(), [(request, Ok(()))]);
}

#[test]
fn commands_wait_for_a_lost_server_and_are_sent_again_when_it_is_resumed() {
    let mut host = Host::joined();
    let first = host.say("a");
    host.sent();
    host.lose();
    let second = host.say("b");
    assert!(host.sent().is_empty());
    host.server(&json!({"type": "resumed", "seq": 1, "received": 0, "replayed": 0, "resume_token": "t2", "ice_servers": [], "ice_expires_at": "2026-01-01T00:00:00Z"}));
    let sent: Vec<Value> = host.sent().into_iter().map(|sent| sent["req"].clone()).collect();
    assert_eq!(sent, ["1", "2", "3"]);
    host.pong("2");
    host.pong("4");
    assert_eq!(host.outcomes(), [(first, Ok(())), (second, Ok(()))]);
}

/// A participant that sent it again after resuming would be disconnected again.
#[test]
fn whoever_is_closed_for_a_message_that_is_not_fit_to_send_comes_back_without_it() {
    for code in [1002, 1007, 1009] {
        let mut host = Host::joined();
        let unfit = host.say("a");
        let fit = host.say("b");
        host.sent();
        let loss = SignalingLoss::Lost { code: Some(code), reason: "why".into() };
        host.session.handle_signaling_loss(loss, 0.0, Instant::now());
        host.server(&json!({"type": "resumed", "seq": 1, "received": 0, "replayed": 0, "resume_token": "t2", "ice_servers": [], "ice_expires_at": "2026-01-01T00:00:00Z"}));
        let sent: Vec<Value> = host.sent().into_iter().map(|sent| sent["req"].clone()).collect();
        assert_eq!(sent, ["2", "3"]);
        host.pong("2");
        host.pong("4");
        assert_eq!(host.outcomes(), [(unfit, Err(CommandError::Lost)), (fit, Ok(()))], "{code}");
    }
}

#[test]
fn a_server_that_has_restarted_is_told_the_state_again() {
    let mut host = Host::joined();
    let state = Payload::new(&json!({"hand": true})).unwrap();
    let update = ClientMessage::Update { name: None, state: Some(state) };
    host.session.handle_request(update, host.now);
    host.pong("2");
    host.sent();
    host.lose();
    host.server(&json!({"type": "resumed", "seq": 9, "received": null, "replayed": null,
        "resume_token": "t2", "ice_servers": [], "ice_expires_at": "2026-01-01T00:00:00Z",
        "v": 2, "participant_id": "p_m", "participants": [], "resume_grace_ms": 30000,
        "room": {"id": "ABC234", "name": "x", "max_participants": 10, "expires_at": "2026-01-01T00:00:00Z", "locked": false},
        "server_time": "2025-12-05T11:00:00Z"}));
    let sent = host.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!((&sent[0]["type"], &sent[0]["state"]), (&json!("update"), &json!({"hand": true})));
}

#[test]
fn a_seat_taken_anew_knows_nothing_of_earlier_commands_but_is_told_the_state() {
    let mut host = Host::joined();
    let state = Payload::new(&json!({"hand": true})).unwrap();
    let update = ClientMessage::Update { name: None, state: Some(state) };
    host.session.handle_request(update, host.now);
    host.pong("2");
    let open = host.say("a");
    host.sent();
    host.outcomes();
    host.lose();
    host.server(&joined());
    assert_eq!(host.outcomes(), [(open, Err(CommandError::Lost))]);
    assert_eq!(host.sent(), [json!({"type": "update", "state": {"hand": true}})]);
}

#[test]
fn what_waits_for_the_server_is_bounded_in_bytes_and_in_number() {
    let mut host = Host::joined();
    let large = "x".repeat(16_000);
    let numbers: Vec<u64> = (0..17).map(|_| host.say(&large)).collect();
    assert_eq!(host.outcomes(), [(numbers[16], Err(CommandError::Busy))]);
    let mut host = Host::joined();
    let numbers: Vec<u64> = (0..257).map(|_| host.say("")).collect();
    assert_eq!(host.outcomes(), [(numbers[256], Err(CommandError::Busy))]);
}

#[test]
fn the_end_of_the_room_and_a_server_of_the_first_version_refuse_at_once() {
    let mut host = Host::joined();
    let open = host.say("a");
    host.session.leave();
    let later = host.say("b");
    assert_eq!(host.outcomes(), [open, later].map(|number| (number, Err(CommandError::Closed))));
    let mut host = Host::new();
    host.server(&json!({"type": "joined", "participant_id": "p_m", "participants": []}));
    let number = host.say("a");
    assert_eq!(host.outcomes(), [(number, Err(CommandError::Unsupported))]);
    assert!(host.sent().is_empty());
}

struct Host {
    session: Session,
    now: Instant,
}

impl Host {
    fn new() -> Self {
        Self { session: Session::new(), now: Instant::now() }
    }

    fn joined() -> Self {
        let mut host = Self::new();
        host.server(&joined());
        host
    }

    fn server(&mut self, message: &Value) {
        self.session.handle_message(decode_server(&message.to_string().into()).unwrap(), self.now);
    }

    fn pong(&mut self, req: &str) {
        self.server(
            &json!({"type": "pong", "t": null, "server_time": "2026-01-01T00:00:00Z", "req": req}),
        );
    }

    fn refuse(&mut self, code: &str, req: Option<&str>, retry_after_ms: Option<u64>) {
        let mut error = json!({"type": "error", "code": code, "message": "no"});
        if let Some(req) = req {
            error["req"] = req.into();
        }
        if let Some(millis) = retry_after_ms {
            error["retryable"] = true.into();
            error["retry_after_ms"] = millis.into();
        }
        self.server(&error);
    }

    /// Refuses a message because many wait for its addressee.
    fn refuse_about(&mut self, about: &str, req: Option<&str>) {
        self.server(&json!({"type": "error", "code": "rate_limited", "message": "no",
            "about": about, "req": req, "retryable": true, "retry_after_ms": 700}));
    }

    fn lose(&mut self) {
        self.session.handle_signaling_loss(
            SignalingLoss::Lost { code: None, reason: "cut".into() },
            0.0,
            Instant::now(),
        );
    }

    fn say(&mut self, data: &str) -> u64 {
        let (to, topic) = (Audience::Room, Topic::new("t").unwrap());
        let message = ClientMessage::Message { to, topic, data: Payload::new(data).unwrap() };
        self.session.handle_request(message, self.now)
    }

    fn outcomes(&mut self) -> Vec<(u64, Result<(), CommandError>)> {
        std::iter::from_fn(|| self.session.poll_outcome()).collect()
    }

    /// What goes to the server: its kind, its number, its state.
    fn sent(&mut self) -> Vec<Value> {
        let mut sent = Vec::new();
        while let Some(action) = self.session.poll_action() {
            let frame = match action {
                Action::Request(request) => encode_client(&request.message, request.req.as_ref()),
                Action::Send(message) => encode_client(&message, None),
                _ => continue,
            };
            let mut frame: Value = serde_json::from_slice(&frame).unwrap();
            frame
                .as_object_mut()
                .unwrap()
                .retain(|key, _| ["type", "req", "state"].contains(&key.as_str()));
            sent.push(frame);
        }
        sent
    }

    /// How many refusals were told.
    fn events(&mut self) -> usize {
        let actions = std::iter::from_fn(|| self.session.poll_action());
        actions
            .filter(|action| matches!(action, Action::Event(SessionEvent::SignalingError { .. })))
            .count()
    }
}

fn joined() -> Value {
    json!({
        "type": "joined", "participant_id": "p_m", "participants": [], "v": 2,
        "room": {"id": "ABC234", "name": "x", "max_participants": 10, "expires_at": "2026-01-01T00:00:00Z", "locked": false},
        "ice_servers": [], "ice_expires_at": "2026-01-01T00:00:00Z",
        "resume_token": "t", "resume_grace_ms": 30000, "server_time": "2026-01-01T00:00:00Z",
    })
}

fn refused(code: &str, retry_after: Option<Duration>) -> CommandError {
    CommandError::Refused { code: code.into(), message: "no".into(), retry_after }
}
