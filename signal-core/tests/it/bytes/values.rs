//! Random values of the types that operations and frames are made of.

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use signal_core::hub::NodeId;
use signal_core::identity::{Attributes, Identity, UserId};
use signal_core::message::{Payload, RequestId, Topic};
use signal_core::room::{
    Attachment, Capacity, Grant, IdSuffix, PasswordTag, Rotation, Ticket, TicketTag, TokenHash,
};
use signal_core::{
    AddressTag, Client, ConnId, DisplayName, ParticipantId, Permissions, ProtocolVersion, RoomId,
    Timestamp,
};

pub(super) fn attachment() -> impl Strategy<Value = Attachment> {
    any::<(u64, u64)>()
        .prop_map(|(node, conn)| Attachment { node: NodeId(node), conn: ConnId(conn) })
}

pub(super) fn attributes() -> impl Strategy<Value = Attributes> {
    btree_map("[a-z]{1,8}", ".{0,20}", 0..4).prop_map(|texts| {
        let texts = texts.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        Attributes::new(texts).unwrap()
    })
}

pub(super) fn capacity() -> impl Strategy<Value = Capacity> {
    (1..=Capacity::MAX).prop_map(|participants| Capacity::new(participants).unwrap())
}

pub(super) fn client() -> impl Strategy<Value = Option<Client>> {
    option::of(any::<(u64, u64)>().prop_map(|(address, network)| Client {
        address: AddressTag::new(address),
        network: AddressTag::new(network),
    }))
}

pub(super) fn grant() -> impl Strategy<Value = Grant> {
    let rules = (any::<u32>(), option::of(any::<u64>()), any::<(bool, bool)>());
    (ticket(), option::of(participant()), identity(), permissions(), rules).prop_map(
        |(ticket, promised, identity, permissions, rules)| {
            let (password_epoch, epoch, (passes_lock, passes_rotation)) = rules;
            let mut grant = Grant::new(ticket, password_epoch);
            (grant.promised, grant.epoch) = (promised, epoch);
            (grant.passes_lock, grant.passes_rotation) = (passes_lock, passes_rotation);
            grant.identified(identity).permitted(permissions)
        },
    )
}

pub(super) fn identity() -> impl Strategy<Value = Identity> {
    (option::of(user()), option::of(attributes())).prop_map(|(user, attributes)| {
        let mut identity = Identity::default();
        (identity.user, identity.attributes) = (user, attributes);
        identity
    })
}

pub(super) fn name() -> impl Strategy<Value = DisplayName> {
    "[A-Za-z小红]{1,32}".prop_map(|name| DisplayName::parse(&name).unwrap().unwrap())
}

pub(super) fn participant() -> impl Strategy<Value = ParticipantId> {
    "[0-9A-Za-z_-]{1,15}".prop_map(|id| id.parse().unwrap())
}

pub(super) fn password() -> impl Strategy<Value = PasswordTag> {
    any::<[u8; 32]>().prop_map(PasswordTag::new)
}

pub(super) fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        any::<String>().prop_map(|text| Payload::new(&text).unwrap()),
        any::<Option<i64>>().prop_map(|number| Payload::new(&number).unwrap()),
        attributes().prop_map(|object| Payload::new(&object.texts()).unwrap()),
    ]
}

pub(super) fn permissions() -> impl Strategy<Value = Permissions> {
    any::<[bool; 4]>().prop_map(|[message, update, publish, moderate]| {
        let mut permissions = Permissions::NONE;
        (permissions.message, permissions.update) = (message, update);
        (permissions.publish, permissions.moderate) = (publish, moderate);
        permissions
    })
}

pub(super) fn protocol() -> impl Strategy<Value = ProtocolVersion> {
    prop_oneof![Just(ProtocolVersion::V1), Just(ProtocolVersion::V2)]
}

pub(super) fn req() -> impl Strategy<Value = Option<RequestId>> {
    option::of(".{1,64}".prop_map(|text| RequestId::new(&text).unwrap()))
}

pub(super) fn room() -> impl Strategy<Value = RoomId> {
    prop_oneof![
        any::<[u8; 6]>().prop_map(RoomId::from_indices),
        "[0-9A-Za-z_~-]{7,64}".prop_map(|id| RoomId::chosen(&id).unwrap()),
    ]
}

pub(super) fn rotation() -> impl Strategy<Value = Option<Rotation>> {
    let rotation = (password(), token(), any::<u32>());
    option::of(rotation.prop_map(|(password, invite, follows)| Rotation {
        password,
        invite,
        follows,
    }))
}

pub(super) fn suffix() -> impl Strategy<Value = IdSuffix> {
    any::<u32>().prop_map(IdSuffix::new)
}

pub(super) fn ticket() -> impl Strategy<Value = Ticket> {
    prop_oneof![
        Just(Ticket::Creator),
        participant().prop_map(Ticket::Guest),
        any::<[u8; 16]>().prop_map(|tag| Ticket::Host(TicketTag::new(tag))),
    ]
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

pub(super) fn token() -> impl Strategy<Value = TokenHash> {
    any::<[u8; 32]>().prop_map(TokenHash::new)
}

pub(super) fn topic() -> impl Strategy<Value = Topic> {
    ".{1,64}".prop_map(|text| Topic::new(&text).unwrap())
}

pub(super) fn user() -> impl Strategy<Value = UserId> {
    "[a-z0-9-]{1,128}".prop_map(|user| user.parse().unwrap())
}
