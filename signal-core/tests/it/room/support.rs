//! A room for tests, and short names for operations on it.

use std::time::Duration;

use signal_core::hub::NodeId;
use signal_core::room::{
    Admission, Attachment, Capacity, Change, Grant, IdSuffix, LeaveKind, OnCreatorLeave, Op,
    PasswordTag, Receipt, Reject, Room, RoomSpec, Rotation, Ticket, TokenHash,
};
use signal_core::{Client, ConnId, DisplayName, ParticipantId, ProtocolVersion, RoomId, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_764_943_200_000);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const GRACE: Duration = Duration::from_secs(30);
pub(crate) const PASSWORD: [u8; 32] = [7; 32];
pub(crate) const INVITE: [u8; 32] = [9; 32];

pub(crate) fn room(capacity: u16) -> Room {
    Room::create(new_room(capacity))
}

pub(crate) fn new_room(capacity: u16) -> RoomSpec {
    RoomSpec {
        id: RoomId::from_indices([0; 6]),
        epoch: 3,
        name: "room".into(),
        creator: Some("alice".into()),
        password: Some(PasswordTag::new(PASSWORD)),
        invite: TokenHash::new(INVITE),
        capacity: Capacity::new(capacity).unwrap(),
        created_at: NOW,
        expires_at: NOW + HOUR,
        on_creator_leave: OnCreatorLeave::Close,
        suffix: IdSuffix::new(1),
    }
}

pub(crate) fn admit(room: &mut Room) -> Result<ParticipantId, Reject> {
    entered(room.apply(&admit_op(PASSWORD), NOW))
}

pub(crate) fn attach(room: &mut Room, ticket: Ticket, conn: u64) -> Result<ParticipantId, Reject> {
    entered(room.apply(&attach_op(ticket, conn), NOW))
}

pub(crate) fn attach_op(ticket: Ticket, conn: u64) -> Op {
    Op::Attach {
        grant: Grant::new(ticket, 0),
        name: name("name"),
        protocol: ProtocolVersion::V2,
        attachment: attachment(conn),
        resume: token(conn),
        client: None,
        most_of_address: None,
        suffix: IdSuffix::new(3),
    }
}

/// The same from there, where so many guests may come from one address.
pub(crate) fn attach_from(from: Client, most: Option<u32>, ticket: Ticket, conn: u64) -> Op {
    let mut op = attach_op(ticket, conn);
    let Op::Attach { client, most_of_address, .. } = &mut op else { unreachable!() };
    (*client, *most_of_address) = (Some(from), most);
    op
}

/// Applies an operation and tells by how much the version rose.
pub(crate) fn change(room: &mut Room, op: &Op) -> u64 {
    let before = room.version();
    let _ = room.apply(op, NOW);
    room.version() - before
}

pub(crate) fn entered(reply: Result<Receipt, Reject>) -> Result<ParticipantId, Reject> {
    match reply? {
        Receipt::Entered { id } => Ok(id),
        other => panic!("no id in {other:?}"),
    }
}

pub(crate) fn attachment(conn: u64) -> Attachment {
    Attachment { node: NodeId(1), conn: ConnId(conn) }
}

pub(crate) fn ids(room: &Room) -> Vec<ParticipantId> {
    room.seats().iter().map(|seat| seat.id).collect()
}

pub(crate) fn admit_op(password: [u8; 32]) -> Op {
    Op::Admit {
        by: Admission::Password(PasswordTag::new(password)),
        client: None,
        suffix: IdSuffix::new(2),
    }
}

pub(crate) fn leave(conn: u64) -> Op {
    Op::Leave { attachment: attachment(conn), how: LeaveKind::Leave }
}

pub(crate) fn name(text: &str) -> DisplayName {
    DisplayName::parse(text).unwrap().unwrap()
}

/// The token that the attach or resume of that connection gives out.
pub(crate) fn token(conn: u64) -> TokenHash {
    TokenHash::new([conn as u8; 32])
}

pub(crate) fn detach(room: &mut Room, conn: u64) {
    room.apply(&Op::Detach { attachment: attachment(conn), until: NOW + GRACE }, NOW).unwrap();
}

pub(crate) fn resume(
    room: &mut Room,
    with: u64,
    conn: u64,
    continues: Option<u64>,
) -> Result<Receipt, Reject> {
    let continues = continues.map(attachment);
    room.apply(
        &Op::Resume {
            token: token(with),
            next_token: token(conn),
            attachment: attachment(conn),
            continues,
            client: None,
        },
        NOW,
    )
}

pub(crate) fn rotation(password: u8, follows: u32) -> Rotation {
    let (password, invite) =
        (PasswordTag::new([password; 32]), TokenHash::new([password + 100; 32]));
    Rotation { password, invite, follows }
}

pub(crate) fn rotate(room: &mut Room, password: u8, follows: u32) -> Result<Receipt, Reject> {
    let rotate = Some(rotation(password, follows));
    room.apply(&Op::Change(Change { rotate, ..Change::default() }), NOW)
}

pub(crate) fn seated(room: &mut Room, conn: u64) -> ParticipantId {
    let guest = admit(room).unwrap();
    attach(room, Ticket::Guest(guest), conn).unwrap()
}

/// Somebody who has joined and not attached yet.
pub(crate) fn guest(room: &mut Room) -> Ticket {
    Ticket::Guest(admit(room).unwrap())
}

pub(crate) fn admit_by_invite(room: &mut Room, token: [u8; 32]) -> Result<ParticipantId, Reject> {
    let by = Admission::Invite(TokenHash::new(token));
    entered(room.apply(&Op::Admit { by, client: None, suffix: IdSuffix::new(2) }, NOW))
}

pub(crate) fn kick(room: &mut Room, participant: ParticipantId) -> Result<Receipt, Reject> {
    room.apply(&Op::Kick { participant, rotate: None }, NOW)
}

pub(crate) fn set(room: &mut Room, change: Change) -> Result<Receipt, Reject> {
    room.apply(&Op::Change(change), NOW)
}

pub(crate) fn lock(room: &mut Room) {
    set(room, Change { locked: Some(true), ..Change::default() }).unwrap();
}

pub(crate) fn resize(room: &mut Room, participants: u16) {
    let capacity = Some(Capacity::new(participants).unwrap());
    set(room, Change { capacity, ..Change::default() }).unwrap();
}

pub(crate) fn prune(room: &mut Room, now: Timestamp) {
    room.apply(&Op::Prune, now).unwrap();
}

/// Does something that must leave the record exactly as it was.
pub(crate) fn unchanged(room: &mut Room, doing: impl FnOnce(&mut Room)) {
    let before = room.clone();
    doing(room);
    assert_eq!(*room, before);
}
