//! What holds for bytes from a store or another process.

#![allow(dead_code, unreachable_pub, reason = "each target uses one of the three")]

use std::time::Duration;

use signal_core::config::HubConfig;
use signal_core::hub::{Hub, Input, NodeFrame, NodeId, Output};
use signal_core::identity::Identity;
use signal_core::room::{
    Attachment, Change, Grant, IdSuffix, Op, PasswordTag, Room, RoomSpec, Ticket, TicketTag,
    TokenHash,
};
use signal_core::store::MemoryStore;
use signal_core::{
    ConnId, DisplayName, Entry, InvalidBytes, Language, ProtocolVersion, Randomness, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);
const PASSWORD: PasswordTag = PasswordTag::new([7; 32]);

/// The bytes of a room, in any of its forms, or of an identity. A room that was read can be used.
pub fn rooms(data: &[u8]) {
    same(data, Identity::from_bytes, Identity::to_bytes);
    let record = same(data, Room::from_record, Room::to_record);
    let whole = same(data, Room::from_bytes, Room::to_bytes);
    for mut room in record.into_iter().chain(whole) {
        for op in [
            Op::Admit { by: PASSWORD.into(), client: None, suffix: IdSuffix::new(1) },
            attach(Grant::creator(), 1),
            Op::Change(Change { restore_attempts: Some(u8::MAX), ..Change::default() }),
            Op::Detach { attachment: attachment(1), until: NOW + Duration::from_secs(30) },
            Op::Prune,
        ] {
            let _ = room.apply(&op, NOW);
        }
        let _ = room.events_since(None, NOW);
        assert_eq!(Room::from_bytes(&room.to_bytes()), Ok(room));
    }
}

/// The bytes of an operation. Once applied, it leaves a room that can be written.
pub fn operations(data: &[u8]) {
    let Some(op) = same(data, Op::from_bytes, Op::to_bytes) else { return };
    let mut room = room();
    let _ = room.apply(&attach(Grant::creator(), 1), NOW);
    for _ in 0..2 {
        let _ = room.apply(&op, NOW);
    }
    assert_eq!(Room::from_bytes(&room.to_bytes()), Ok(room));
}

/// The bytes of a frame, which a node hands to the hub of a room with two participants.
pub fn node_frames(data: &[u8]) {
    let Some(frame) = same(data, NodeFrame::from_bytes, NodeFrame::to_bytes) else { return };
    let mut store = MemoryStore::new();
    let room = store.create(room()).expect("the store is empty").id();
    let mut hub = Hub::new(NodeId(1), HubConfig::default());
    let guest = Ticket::Host(TicketTag::new([2; 16]));
    for (conn, ticket) in [(1, Ticket::Creator), (2, guest)] {
        let open = Input::Open {
            conn: ConnId(conn),
            room,
            protocol: ProtocolVersion::V2,
            language: Language::En,
            entry: Entry::Attach { grant: Grant::new(ticket, 0), name: name(), ice: None },
            randomness: Randomness::draw([1; 36], |_| [1; 32]),
            client: None,
        };
        hand_in(&mut hub, &mut store, open);
    }
    hand_in(&mut hub, &mut store, Input::FromNode { from: NodeId(2), frame });
    let newer = store.apply(room, &Op::Prune, NOW).record.expect("it is open");
    hand_in(&mut hub, &mut store, Input::Record(newer));
}

/// What was read is written as the same bytes after writing and reading it.
fn same<T>(
    data: &[u8],
    read: fn(&[u8]) -> Result<T, InvalidBytes>,
    write: fn(&T) -> Vec<u8>,
) -> Option<T> {
    match read(data) {
        Ok(value) => {
            let written = write(&value);
            let again = read(&written).expect("what was written can be read");
            assert_eq!(write(&again), written, "the second reading differs from the first");
            Some(value)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn hand_in(hub: &mut Hub, store: &mut MemoryStore, input: Input) {
    hub.handle_input(input, NOW);
    while let Some(output) = hub.poll_output() {
        match output {
            Output::Commit { op, room, change } => {
                let applied = store.apply(room, &change, NOW);
                hub.handle_input(Input::Committed { op, applied }, NOW);
            }
            // What a hub sends to another node can be sent.
            Output::ToNode { frame, .. } => {
                assert_eq!(NodeFrame::from_bytes(&frame.to_bytes()), Ok(frame));
            }
            Output::Authorize { .. }
            | Output::Broadcast { .. }
            | Output::Close { .. }
            | Output::Frame { .. }
            | Output::HostMessageRefused(_)
            | Output::IceServersWanted { .. }
            | Output::OverRate { .. }
            | Output::ToHost(_)
            | Output::Unwatch(_)
            | Output::Watch(_) => {}
        }
    }
}

/// The room `222222` of epoch 1, whose ids are `p_zzzzz001`, `p_zzzzy001` and so on.
fn room() -> Room {
    let mut spec = RoomSpec::draw([0; 50], PASSWORD, NOW, Duration::from_secs(3600));
    (spec.epoch, spec.suffix) = (1, IdSuffix::new(1));
    Room::create(spec)
}

fn attach(grant: Grant, conn: u64) -> Op {
    Op::Attach {
        grant,
        name: name(),
        protocol: ProtocolVersion::V2,
        attachment: attachment(conn),
        resume: TokenHash::new([1; 32]),
        client: None,
        most_of_address: None,
        suffix: IdSuffix::new(1),
    }
}

fn attachment(conn: u64) -> Attachment {
    Attachment { node: NodeId(1), conn: ConnId(conn) }
}

fn name() -> DisplayName {
    DisplayName::parse("guest").expect("short").expect("not empty")
}
