//! The bytes of operations.

use proptest::option;
use proptest::prelude::*;
use signal_core::hub::NodeId;
use signal_core::identity::{Attributes, Identity};
use signal_core::message::{Moderation, Payload};
use signal_core::room::{
    Admission, Attachment, Capacity, Change, CloseReason, Grant, IdSuffix, LeaveKind, Op,
    PasswordTag, Rotation, Ticket, TicketTag, TokenHash,
};
use signal_core::{
    AddressTag, Client, ConnId, DisplayName, InvalidBytes, ParticipantId, Permissions,
    ProtocolVersion, Timestamp,
};

use super::{
    Form, assert_golden, assert_harmless, assert_newer_is_read, assert_read_again, assert_unknown,
    assert_whole, values,
};

impl Form for Op {
    const KINDS: &[&str] = &[
        "admit",
        "attach",
        "change",
        "close",
        "detach",
        "kick",
        "kick_user",
        "leave",
        "moderate",
        "prune",
        "resume",
        "set_attributes",
        "set_name",
        "set_permissions",
        "update",
    ];

    fn kind(&self) -> &'static str {
        match self {
            Self::Admit { .. } => "admit",
            Self::Attach { .. } => "attach",
            Self::Change(_) => "change",
            Self::Close(_) => "close",
            Self::Detach { .. } => "detach",
            Self::Kick { .. } => "kick",
            Self::KickUser { .. } => "kick_user",
            Self::Leave { .. } => "leave",
            Self::Moderate { .. } => "moderate",
            Self::Prune => "prune",
            Self::Resume { .. } => "resume",
            Self::SetAttributes { .. } => "set_attributes",
            Self::SetName { .. } => "set_name",
            Self::SetPermissions { .. } => "set_permissions",
            Self::Update { .. } => "update",
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        Self::from_bytes(bytes)
    }
}

#[test]
fn each_kind_of_operation_keeps_its_bytes() {
    assert_golden("operations.txt", &samples());
}

#[test]
fn an_operation_is_the_same_after_writing_and_reading_it() {
    assert_read_again(operation());
}

#[test]
fn an_operation_is_read_whole_or_not_at_all() {
    assert_whole(&samples());
}

#[test]
fn no_bytes_in_place_of_an_operation_do_harm() {
    assert_harmless(&samples());
}

#[test]
fn an_operation_of_a_newer_version_is_read_unless_it_says_otherwise() {
    assert_newer_is_read(&samples());
}

#[test]
fn an_operation_of_an_unknown_kind_names_the_version_that_knows_it() {
    assert_unknown(&Op::Prune, 2);
    assert_unknown(&Op::Close(CloseReason::Expired), 3);
    assert_unknown(&Op::Leave { attachment: attachment(), how: LeaveKind::Leave }, 19);
    assert_unknown(&Op::Moderate { attachment: attachment(), moderation: Moderation::Lock }, 19);
}

#[test]
fn what_a_newer_version_adds_to_an_identity_passes_through_an_operation() {
    let mut identity = identified().to_bytes();
    identity[0] += 1;
    identity.extend(b"what only a newer version knows");
    let identity = Identity::from_bytes(&identity).unwrap();
    let mut grant = Grant::new(Ticket::Creator, 0);
    grant.identity = identity.into();
    let op = attach(grant);
    assert_eq!(Op::from_bytes(&op.to_bytes()), Ok(op));
}

#[test]
fn permissions_that_only_a_newer_version_knows_pass_through_an_operation() {
    let op = Op::SetPermissions { participant: id(), permissions: Permissions::NONE };
    let mut bytes = op.to_bytes();
    *bytes.last_mut().unwrap() = 0b1000_0001;
    assert_eq!(Op::from_bytes(&bytes).unwrap().to_bytes(), bytes);
}

fn samples() -> Vec<(&'static str, Op)> {
    let admit = |by, client| Op::Admit { by, client, suffix: IdSuffix::new(7) };
    let moderate = |moderation| Op::Moderate { attachment: attachment(), moderation };
    let leave = |how| Op::Leave { attachment: attachment(), how };
    let resume = |continues, client| Op::Resume {
        token: TokenHash::new([4; 32]),
        next_token: TokenHash::new([5; 32]),
        attachment: attachment(),
        continues,
        client,
    };
    let mut full = Grant::new(Ticket::Host(TicketTag::new([6; 16])), 3)
        .promised(id())
        .for_epoch(9)
        .identified(identified())
        .permitted(Permissions::ALL);
    (full.passes_lock, full.passes_rotation) = (true, true);
    let change = Change {
        name: Some("站会".into()),
        locked: Some(true),
        capacity: Some(Capacity::new(500).unwrap()),
        expires_at: Some(TIME),
        data: Some(attributes()),
        rotate: Some(rotation()),
        restore_attempts: Some(2),
    };
    let state = Payload::new(&["muted"]).unwrap();
    vec![
        ("admit by the host", admit(Admission::Host { passes_lock: true }, None)),
        ("admit by an invite", admit(Admission::Invite(TokenHash::new([1; 32])), None)),
        (
            "admit by a password",
            admit(Admission::Password(PasswordTag::new([2; 32])), Some(client())),
        ),
        ("attach with everything", attach(full)),
        ("attach with little", attach(Grant::new(Ticket::Guest(id()), 0))),
        ("attach the creator", attach(Grant::creator())),
        ("change everything", Op::Change(change)),
        ("change nothing", Op::Change(Change::default())),
        ("close by the host", Op::Close(CloseReason::ByAdmin)),
        ("close by the creator", Op::Close(CloseReason::ByCreator)),
        ("close by time", Op::Close(CloseReason::Expired)),
        ("detach", Op::Detach { attachment: attachment(), until: TIME }),
        ("kick", Op::Kick { participant: id(), rotate: None }),
        ("kick and rotate", Op::Kick { participant: id(), rotate: Some(rotation()) }),
        ("kick a user", Op::KickUser { user: "user-1".parse().unwrap(), ban: false }),
        ("ban a user", Op::KickUser { user: "user-1".parse().unwrap(), ban: true }),
        ("leave by closing", leave(LeaveKind::Close)),
        ("leave", leave(LeaveKind::Leave)),
        ("ban by a moderator", moderate(Moderation::Ban(id()))),
        ("close by a moderator", moderate(Moderation::Close)),
        ("kick by a moderator", moderate(Moderation::Kick(id()))),
        ("lock by a moderator", moderate(Moderation::Lock)),
        ("unlock by a moderator", moderate(Moderation::Unlock)),
        ("prune", Op::Prune),
        ("resume", resume(None, None)),
        ("resume without a loss", resume(Some(attachment()), Some(client()))),
        ("set attributes", Op::SetAttributes { participant: id(), attributes: attributes() }),
        ("set the name", Op::SetName { participant: id(), name: name() }),
        (
            "set permissions",
            Op::SetPermissions { participant: id(), permissions: Permissions::default() },
        ),
        ("update", Op::Update { attachment: attachment(), name: Some(name()), state: Some(state) }),
        ("update nothing", Op::Update { attachment: attachment(), name: None, state: None }),
    ]
}

fn attach(grant: Grant) -> Op {
    Op::Attach {
        name: name(),
        protocol: match grant.ticket {
            Ticket::Creator => ProtocolVersion::V1,
            Ticket::Guest(_) | Ticket::Host(_) => ProtocolVersion::V2,
        },
        attachment: attachment(),
        resume: TokenHash::new([3; 32]),
        client: grant.epoch.map(|_| client()),
        most_of_address: grant.epoch.map(|_| 4),
        suffix: IdSuffix::new(46_655),
        grant,
    }
}

fn attachment() -> Attachment {
    Attachment { node: NodeId(1), conn: ConnId(u64::MAX) }
}

fn attributes() -> Attributes {
    Attributes::new([("role", "主持人")]).unwrap()
}

fn client() -> Client {
    Client { address: AddressTag::new(10), network: AddressTag::new(11) }
}

fn id() -> ParticipantId {
    "p_zzzy0001".parse().unwrap()
}

fn identified() -> Identity {
    Identity::of("user-1".parse().unwrap()).with(attributes())
}

fn name() -> DisplayName {
    DisplayName::parse("小红").unwrap().unwrap()
}

fn rotation() -> Rotation {
    let (password, invite) = (PasswordTag::new([8; 32]), TokenHash::new([9; 32]));
    Rotation { password, invite, follows: 1 }
}

fn operation() -> impl Strategy<Value = Op> {
    prop_oneof![
        (admission(), values::client(), values::suffix())
            .prop_map(|(by, client, suffix)| Op::Admit { by, client, suffix }),
        attaching(),
        changing().prop_map(Op::Change),
        prop_oneof![
            Just(CloseReason::ByAdmin),
            Just(CloseReason::ByCreator),
            Just(CloseReason::Expired),
        ]
        .prop_map(Op::Close),
        (values::attachment(), values::time())
            .prop_map(|(attachment, until)| Op::Detach { attachment, until }),
        (values::participant(), values::rotation())
            .prop_map(|(participant, rotate)| Op::Kick { participant, rotate }),
        (values::user(), any::<bool>()).prop_map(|(user, ban)| Op::KickUser { user, ban }),
        (values::attachment(), prop_oneof![Just(LeaveKind::Close), Just(LeaveKind::Leave)])
            .prop_map(|(attachment, how)| Op::Leave { attachment, how }),
        (values::attachment(), moderation())
            .prop_map(|(attachment, moderation)| Op::Moderate { attachment, moderation }),
        Just(Op::Prune),
        resuming(),
        (values::participant(), values::attributes())
            .prop_map(|(participant, attributes)| Op::SetAttributes { participant, attributes }),
        (values::participant(), values::name())
            .prop_map(|(participant, name)| Op::SetName { participant, name }),
        (values::participant(), values::permissions())
            .prop_map(|(participant, permissions)| Op::SetPermissions { participant, permissions }),
        (values::attachment(), option::of(values::name()), option::of(values::payload()))
            .prop_map(|(attachment, name, state)| Op::Update { attachment, name, state }),
    ]
}

fn admission() -> impl Strategy<Value = Admission> {
    prop_oneof![
        any::<bool>().prop_map(|passes_lock| Admission::Host { passes_lock }),
        values::token().prop_map(Admission::Invite),
        values::password().prop_map(Admission::Password),
    ]
}

fn attaching() -> impl Strategy<Value = Op> {
    let who = (values::grant(), values::name(), values::protocol(), values::attachment());
    let from = (values::token(), values::client(), any::<Option<u32>>(), values::suffix());
    (who, from).prop_map(|(who, from)| {
        let (grant, name, protocol, attachment) = who;
        let (resume, client, most_of_address, suffix) = from;
        Op::Attach { grant, name, protocol, attachment, resume, client, most_of_address, suffix }
    })
}

fn changing() -> impl Strategy<Value = Change> {
    (
        any::<Option<String>>(),
        any::<Option<bool>>(),
        option::of(values::capacity()),
        option::of(values::time()),
        option::of(values::attributes()),
        values::rotation(),
        any::<Option<u8>>(),
    )
        .prop_map(|(name, locked, capacity, expires_at, data, rotate, restore_attempts)| {
            Change {
                name: name.map(Into::into),
                locked,
                capacity,
                expires_at,
                data,
                rotate,
                restore_attempts,
            }
        })
}

fn moderation() -> impl Strategy<Value = Moderation> {
    prop_oneof![
        values::participant().prop_map(Moderation::Ban),
        Just(Moderation::Close),
        values::participant().prop_map(Moderation::Kick),
        Just(Moderation::Lock),
        Just(Moderation::Unlock),
    ]
}

fn resuming() -> impl Strategy<Value = Op> {
    let (token, next_token) = (values::token(), values::token());
    let (attachment, continues) = (values::attachment(), option::of(values::attachment()));
    (token, next_token, attachment, continues, values::client()).prop_map(
        |(token, next_token, attachment, continues, client)| Op::Resume {
            token,
            next_token,
            attachment,
            continues,
            client,
        },
    )
}

const TIME: Timestamp = Timestamp::from_millis(1_764_943_200_000);
