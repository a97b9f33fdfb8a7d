//! Readers with full queues, and the participants that flood them.

use std::time::Duration;

use serde_json::json;
use signal_core::config::{FloodLimit, HubConfig, RateLimit};
use signal_core::room::Capacity;
use signal_core::{ConnId, ParticipantId, ProtocolVersion};

use crate::common::Node;

/// Sends are not limited by a budget.
fn unlimited() -> HubConfig {
    let rate = RateLimit::with(|rate| {
        rate.burst_messages = u32::MAX;
        rate.burst_bytes = u32::MAX;
    });
    HubConfig::with(|config| config.rate = rate)
}

/// Queues that are full after a few bytes.
pub(crate) fn narrow() -> HubConfig {
    let flood = FloodLimit::with(|flood| {
        flood.fair_bytes = 1000;
        flood.shared_bytes = 2000;
        flood.min_share_bytes = 500;
        flood.max_relayed_bytes = 4000;
    });
    let mut config = unlimited();
    config.flood = flood;
    config.max_unsent_bytes = 8000;
    config
}

/// A room with a slow reader that nothing waits for yet, and two others; all of them speak v2.
struct Narrow {
    node: Node,
    slow: (ConnId, ParticipantId, String),
    loud: (ConnId, ParticipantId),
    other: (ConnId, ParticipantId),
}

impl Narrow {
    fn new() -> Self {
        let mut node = Node::with_config(20, narrow());
        let slow = node.guest_v2("slow");
        let (loud, loud_id, _) = node.guest_v2("loud");
        let (other, other_id, _) = node.guest_v2("other");
        node.stop_reading(slow.0);
        for conn in [slow.0, loud, other] {
            node.take(conn);
        }
        Self { node, slow, loud: (loud, loud_id), other: (other, other_id) }
    }

    /// Its share of what may wait is used up by the loud one, with candidates.
    fn flood(&mut self) {
        for _ in 0..11 {
            self.node.signal(self.loud.0, "candidate", self.slow.1, &"x".repeat(90));
        }
        self.node.take(self.loud.0);
        let waits = self.node.take(self.slow.0).len();
        assert!(waits >= 7, "{waits} messages wait");
    }

    fn refused(&mut self, conn: ConnId) {
        let told = self.node.take(conn);
        assert_eq!(told.len(), 1, "{told:?}");
        let told = ["code", "about", "retryable"].map(|field| told[0][field].clone());
        assert_eq!(told, [json!("rate_limited"), json!(self.slow.1.as_str()), json!(true)]);
    }

    /// The slow reader reads everything.
    fn catch_up(&mut self) {
        self.node.read(self.slow.0, 10_000);
    }
}

#[test]
fn whoever_floods_is_refused_and_others_are_not() {
    let mut room = Narrow::new();
    room.flood();
    room.node.signal(room.loud.0, "candidate", room.slow.1, "x");
    room.refused(room.loud.0);
    room.node.signal(room.other.0, "candidate", room.slow.1, "y");
    assert!(room.node.take(room.other.0).is_empty());
    assert_eq!(room.node.take(room.slow.0)[0]["candidate"], "y");
    assert_eq!(room.node.closed(room.slow.0), None);
    room.node.signal(room.loud.0, "candidate", room.other.1, "z");
    assert_eq!(room.node.take_types(room.other.0), ["candidate"], "only the flooded one is spared");
    room.catch_up();
    room.node.signal(room.loud.0, "candidate", room.slow.1, "x");
    assert!(room.node.take(room.loud.0).is_empty());
}

#[test]
fn a_newer_socket_of_a_ticket_does_not_wait_for_less() {
    let mut node = Node::with_config(10, narrow());
    let (slow, slow_id, _) = node.guest_v2("slow");
    let ticket = node.join();
    let mut loud = node.open_v2(ticket, "loud");
    node.guest_v2("other");
    node.stop_reading(slow);
    for _ in 0..40 {
        node.signal(loud, "candidate", slow_id, &"x".repeat(90));
    }
    node.take(slow);
    for _ in 0..3 {
        loud = node.open_v2(ticket, "loud");
        node.take(loud);
        node.signal(loud, "candidate", slow_id, "x");
        assert_eq!(node.take(loud)[0]["code"], "rate_limited");
    }
}

#[test]
fn a_description_that_is_refused_counts_as_never_sent() {
    let mut room = Narrow::new();
    room.flood();
    room.node.signal(room.loud.0, "offer", room.slow.1, "refused");
    room.refused(room.loud.0);
    room.catch_up();
    room.node.signal(room.loud.0, "candidate", room.slow.1, "of the refused offer");
    assert!(room.node.take(room.loud.0).is_empty());
    assert!(room.node.take(room.slow.0).is_empty(), "its candidates are dropped");
    // Nothing is outstanding, so the other side's offer does not collide.
    room.node.signal(room.slow.0, "offer", room.loud.1, "the other side's");
    assert_eq!(room.node.take_types(room.loud.0), ["offer"]);
    room.node.signal(room.loud.0, "answer", room.slow.1, "answer");
    room.node.signal(room.loud.0, "candidate", room.slow.1, "of the answer");
    assert_eq!(room.node.take_types(room.slow.0), ["answer", "candidate"]);
}

#[test]
fn an_answer_that_is_refused_can_be_sent_again() {
    let mut room = Narrow::new();
    room.node.signal(room.slow.0, "offer", room.loud.1, "offer");
    room.node.take(room.loud.0);
    room.flood();
    room.node.signal(room.loud.0, "answer", room.slow.1, "answer");
    room.refused(room.loud.0);
    room.catch_up();
    room.node.signal(room.loud.0, "answer", room.slow.1, "answer");
    assert_eq!(room.node.take_types(room.slow.0), ["answer"]);
}

#[test]
fn a_message_to_the_room_skips_whoever_is_flooded_and_says_so() {
    let mut room = Narrow::new();
    room.flood();
    room.node.say(room.loud.0, r#"{"type":"message","to":"room","topic":"t","data":1}"#);
    room.refused(room.loud.0);
    assert_eq!(room.node.take_types(room.other.0), ["message"]);
    assert!(room.node.take(room.slow.0).is_empty());
    room.node.say(
        room.loud.0,
        format!(r#"{{"type":"message","to":"{}","topic":"t","data":1}}"#, room.slow.1),
    );
    room.refused(room.loud.0);
    // It was never sent to the slow one, so its numbers have no gap.
    room.node.lose(room.slow.0);
    let back = room.node.resume(&room.slow.2.clone(), 3);
    let told = room.node.take(back);
    assert_eq!(told[0]["type"], "resumed");
    assert!(told.iter().all(|told| told["type"] != "message"));
}

#[test]
fn an_update_is_never_refused_and_its_newest_value_follows_when_there_is_room() {
    let mut room = Narrow::new();
    room.flood();
    for n in 0..5 {
        room.node.say(room.loud.0, format!(r#"{{"type":"update","state":{n}}}"#));
    }
    room.node.say(room.loud.0, r#"{"type":"update","name":"Loud"}"#);
    assert!(room.node.take(room.loud.0).is_empty());
    assert_eq!(room.node.take(room.other.0).len(), 6);
    assert!(room.node.take(room.slow.0).is_empty());
    room.catch_up();
    let newest = json!({
        "type": "peer_updated", "participant_id": room.loud.1.as_str(), "name": "Loud", "state": 4
    });
    assert_eq!(room.node.take(room.slow.0), [newest]);
    room.catch_up();
    assert!(room.node.take(room.slow.0).is_empty(), "once");
}

#[test]
fn an_update_that_had_to_wait_follows_after_a_resume() {
    let mut room = Narrow::new();
    room.flood();
    room.node.say(room.loud.0, r#"{"type":"update","state":1}"#);
    room.node.lose(room.slow.0);
    room.node.say(room.loud.0, r#"{"type":"update","state":2}"#);
    let back = room.node.resume(&room.slow.2.clone(), 3);
    assert_eq!(room.node.take(back).pop().unwrap()["state"], 2);
}

#[test]
fn over_the_last_limit_only_the_servers_own_messages_enter() {
    let mut room = Narrow::new();
    let mut loud: Vec<ConnId> = (0..8).map(|_| room.node.guest_v2("loud").0).collect();
    loud.push(room.loud.0);
    for _ in 0..20 {
        for conn in &loud {
            room.node.signal(*conn, "candidate", room.slow.1, &"x".repeat(90));
        }
    }
    room.node.take(room.slow.0);
    room.node.signal(room.other.0, "candidate", room.slow.1, "x");
    room.node.take(room.other.0);
    assert!(room.node.take(room.slow.0).is_empty());
    let (newcomer, _) = room.node.guest("newcomer");
    assert_eq!(room.node.take_types(room.slow.0), ["peer_joined"]);
    assert_eq!((room.node.closed(room.slow.0), room.node.closed(newcomer)), (None, None));
}

#[test]
fn whoever_takes_nothing_for_45_seconds_is_closed_and_nobody_else_notices() {
    for protocol in [ProtocolVersion::V1, ProtocolVersion::V2] {
        let mut node = Node::new(10);
        let (creator, creator_id) = node.creator();
        let (silent, id) = match protocol {
            ProtocolVersion::V1 => node.guest("silent"),
            ProtocolVersion::V2 => {
                let (conn, id, _) = node.guest_v2("silent");
                (conn, id)
            }
        };
        let (reader, reader_id) = node.guest("reader");
        node.take(silent);
        node.stop_reading(silent);
        node.stop_reading(reader);
        node.wait(Duration::from_secs(60));
        assert_eq!(node.closed(silent), None, "nothing waits for it");
        for to in [id, reader_id] {
            node.signal(creator, "candidate", to, "x");
        }
        node.wait(Duration::from_secs(30));
        node.read(reader, 1);
        node.wait(Duration::from_millis(14_999));
        assert_eq!(node.closed(silent), None);
        node.wait(Duration::from_millis(1));
        assert_eq!(
            [silent, reader, creator].map(|conn| node.closed(conn)),
            [Some(4008), None, None]
        );
        node.wait(Duration::from_secs(30));
        assert_eq!(node.closed(reader), Some(4008), "45 s after its last byte");
        let _ = creator_id;
    }
}

/// Reads so many bytes a second, every 100 ms.
struct SlowReader {
    conn: ConnId,
    bytes_per_tick: usize,
    waits: usize,
    most: usize,
}

impl SlowReader {
    fn tick(&mut self, node: &mut Node) {
        self.note(node);
        let read = self.bytes_per_tick.min(self.waits);
        self.waits -= read;
        if read > 0 {
            node.read(self.conn, read);
        }
        node.wait(Duration::from_millis(100));
        self.note(node);
    }

    fn note(&mut self, node: &mut Node) {
        let came: usize = node.take_frames(self.conn).iter().map(|frame| frame.len()).sum();
        self.waits += came;
        self.most = self.most.max(self.waits);
    }
}

#[test]
fn a_newcomer_that_takes_256_kbit_a_second_enters_a_room_of_49_and_nobody_is_refused() {
    for protocol in [ProtocolVersion::V1, ProtocolVersion::V2] {
        let mut node = Node::new(50);
        let members: Vec<_> = (0..48)
            .map(|_| match protocol {
                ProtocolVersion::V1 => node.guest("member"),
                ProtocolVersion::V2 => {
                    let (conn, id, _) = node.guest_v2("member");
                    (conn, id)
                }
            })
            .collect();
        for (conn, _) in &members {
            node.take(*conn);
        }
        let (newcomer, id) = match protocol {
            ProtocolVersion::V1 => node.guest("newcomer"),
            ProtocolVersion::V2 => {
                let (conn, id, _) = node.guest_v2("newcomer");
                (conn, id)
            }
        };
        node.stop_reading(newcomer);
        let mut reader = SlowReader { conn: newcomer, bytes_per_tick: 3200, waits: 0, most: 0 };
        for (_, member) in &members {
            node.signal(newcomer, "offer", *member, &"o".repeat(8000));
        }
        for (conn, _) in &members {
            node.signal(*conn, "answer", id, &"a".repeat(8 * 1024));
            for _ in 0..10 {
                node.signal(*conn, "candidate", id, &"c".repeat(150));
            }
        }
        for _ in 0..300 {
            reader.tick(&mut node);
        }
        assert_eq!(reader.waits, 0, "everything has arrived");
        assert!(reader.most > 256 * 1024, "{} bytes waited at most", reader.most);
        assert_eq!(node.closed(newcomer), None);
        for (conn, _) in members {
            let told = node.take_types(conn);
            assert!(!told.contains(&"error".to_owned()), "{protocol:?}: {told:?}");
            assert_eq!(node.closed(conn), None);
        }
    }
}

/// A v2 reader among eleven that send it as much as their budgets allow, for a minute.
fn flood_by_eleven(bytes_per_tick: usize) -> (SlowReader, Node) {
    let mut node = Node::new(20);
    let (conn, id, _) = node.guest_v2("reader");
    let loud: Vec<ConnId> = (0..11).map(|_| node.guest_v2("loud").0).collect();
    node.stop_reading(conn);
    let mut reader = SlowReader { conn, bytes_per_tick, waits: 0, most: 0 };
    for _ in 0..600 {
        for conn in &loud {
            for _ in 0..6 {
                node.signal(*conn, "candidate", id, &"x".repeat(8 * 1024));
            }
            node.take(*conn);
        }
        reader.tick(&mut node);
        if node.closed(conn).is_some() {
            break;
        }
    }
    (reader, node)
}

#[test]
fn eleven_within_their_budgets_do_not_put_out_a_reader_of_4_mbit_a_second() {
    let (reader, node) = flood_by_eleven(50_000);
    assert_eq!(node.closed(reader.conn), None);
    assert!(reader.most > 256 * 1024 && reader.most < 2 * 1024 * 1024, "{}", reader.most);
}

#[test]
fn a_reader_of_next_to_nothing_never_has_more_than_2_mib_waiting() {
    let mut node = Node::with_config(50, unlimited());
    let (conn, id, _) = node.guest_v2("reader");
    let loud: Vec<ConnId> = (0..40).map(|_| node.guest_v2("loud").0).collect();
    node.stop_reading(conn);
    let mut waits = 0_usize;
    for _ in 0..200 {
        for conn in &loud {
            node.signal(*conn, "candidate", id, &"x".repeat(60_000));
            node.say(*conn, r#"{"type":"update","state":1}"#);
            node.take(*conn);
        }
        waits += node.take_frames(conn).iter().map(|frame| frame.len()).sum::<usize>();
        assert!(waits <= 2 * 1024 * 1024, "{waits} bytes wait");
        // One byte in four seconds.
        node.wait(Duration::from_secs(4));
        node.read(conn, 1);
        waits -= 1;
    }
    assert_eq!(node.closed(conn), None, "it takes something, and nobody is let put it out");
}

#[test]
fn the_limits_of_a_hub_have_to_fit_each_other() {
    assert_eq!(HubConfig::default().check(), Ok(()));
    let flood = FloodLimit::of(64 * 1024);
    let small = HubConfig::with(|config| {
        config.max_unsent_bytes = 64 * 1024;
        config.flood = flood;
    });
    assert_eq!(small.check().unwrap_err().field, "max_unsent_bytes");
    let rate = RateLimit::with(|rate| rate.burst_bytes = 1000);
    let slow = HubConfig::with(|config| config.rate = rate);
    assert_eq!(
        slow.check().unwrap_err().to_string(),
        "`rate.burst_bytes` must be at least `max_frame_bytes`, or the longest message never passes"
    );
}

#[test]
fn the_limits_of_a_hub_have_to_fit_its_largest_room() {
    let large = Capacity::new(500).unwrap();
    let fitting = HubConfig::for_rooms_of(large);
    assert_eq!(fitting.check(), Ok(()));
    assert_eq!(HubConfig::for_rooms_of(Capacity::DEFAULT_MAX).max_unsent_bytes, 2 * 1024 * 1024);
    let HubConfig { flood, rate, replay, .. } = HubConfig::default();
    let with = |change: &dyn Fn(&mut HubConfig)| {
        let mut config = HubConfig::for_rooms_of(large);
        change(&mut config);
        config
    };
    let unfit = [
        (
            "max_unsent_bytes",
            with(&|config| (config.max_unsent_bytes, config.flood) = (2 << 20, flood.clone())),
        ),
        ("replay.messages", with(&|config| config.replay.messages = 499)),
        ("replay.bytes", with(&|config| config.replay.bytes = replay.bytes)),
        ("rate.burst_bytes", with(&|config| config.rate = rate.clone())),
    ];
    for (field, config) in unfit {
        assert_eq!(config.check().unwrap_err().field, field);
    }
    let smaller = with(&|config| config.max_capacity = Capacity::new(250).unwrap());
    assert_eq!(smaller.check(), Ok(()));
}
