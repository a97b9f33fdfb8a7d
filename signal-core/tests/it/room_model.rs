//! Random operations on a room, in any order, late and repeated, against a plain model of the same
//! rules: 1,000 cases, or more if `PROPTEST_CASES` says so.

mod model;

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use signal_core::hub::NodeId;
use signal_core::message::{Moderation, Payload};
use signal_core::room::{
    Admission, Attachment, Capacity, Change, CloseReason, Grant, IdSuffix, LeaveKind,
    OnCreatorLeave, Op, PasswordTag, Receipt, Reject, Room, RoomSpec, Rotation, Status, Ticket,
    TokenHash,
};
use signal_core::{
    ConnId, DisplayName, ParticipantId, Permissions, ProtocolVersion, RoomId, Timestamp,
};

use self::model::{Model, SUFFIX};

/// Fewer than the record remembers of departures and attachments, so that it knows all that the
/// model knows.
const MOST_STEPS: usize = 60;
const START: Timestamp = Timestamp::from_millis(1_764_943_200_000);

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(1000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_room_does_what_its_model_does(
        participants in 1_u16..6,
        keep in any::<bool>(),
        steps in prop::collection::vec((pause(), step()), 1..MOST_STEPS),
    ) {
        let mut trial = Trial::new(participants, keep);
        for (pause, step) in &steps {
            trial.now = trial.now + *pause;
            let op = trial.operation(step);
            trial.check(&op);
            trial.past.push(op);
        }
    }
}

/// Something to do next; indices pick among what there has been.
#[derive(Clone, Debug)]
enum Step {
    Admit {
        by: Shown,
    },
    Again(Index),
    Attach {
        ticket: Option<Index>,
        epochs_ago: u32,
        v1: bool,
    },
    Change {
        name: Option<bool>,
        locked: Option<bool>,
        participants: Option<u16>,
        minutes: Option<u64>,
        rotate: Option<u8>,
        restore: bool,
    },
    Close {
        by_admin: bool,
    },
    Detach {
        attachment: Index,
        grace: u64,
    },
    Kick {
        id: Index,
        rotate: Option<u8>,
    },
    Leave {
        attachment: Index,
        how: LeaveKind,
    },
    Moderate {
        attachment: Index,
        id: Index,
        what: u8,
    },
    Permit {
        id: Index,
        message: bool,
        update: bool,
        moderate: bool,
    },
    Prune,
    Rename {
        id: Index,
        name: bool,
    },
    Resume {
        token: Index,
        continues: Option<Index>,
    },
    Update {
        attachment: Index,
        name: Option<bool>,
        state: Option<bool>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    Host(bool),
    Invite,
    Password,
    WrongInvite,
    WrongPassword,
}

fn step() -> impl Strategy<Value = Step> {
    let shown = prop_oneof![
        6 => Just(Shown::Password),
        1 => Just(Shown::Invite),
        1 => any::<bool>().prop_map(Shown::Host),
        1 => Just(Shown::WrongInvite),
        2 => Just(Shown::WrongPassword),
    ];
    let how = prop_oneof![Just(LeaveKind::Close), Just(LeaveKind::Leave)];
    // Few passwords, so that one comes back; some rotations follow what has been rotated away.
    let rotate = || prop::option::weighted(0.3, 0_u8..4);
    let change = (
        any::<Option<bool>>(),
        prop::option::weighted(0.3, any::<bool>()),
        prop::option::weighted(0.3, 1_u16..6),
        prop::option::weighted(0.1, 0_u64..60),
        rotate(),
        prop::bool::weighted(0.3),
    );
    prop_oneof![
        8 => shown.prop_map(|by| Step::Admit { by }),
        8 => any::<Index>().prop_map(Step::Again),
        12 => (
            prop::option::weighted(0.8, any::<Index>()),
            prop_oneof![9 => Just(0), 1 => Just(1)],
            prop::bool::weighted(0.2),
        )
            .prop_map(|(ticket, epochs_ago, v1)| Step::Attach { ticket, epochs_ago, v1 }),
        2 => change.prop_map(|(name, locked, participants, minutes, rotate, restore)| {
            Step::Change { name, locked, participants, minutes, rotate, restore }
        }),
        1 => prop::bool::weighted(0.5).prop_map(|by_admin| Step::Close { by_admin }),
        8 => (any::<Index>(), prop_oneof![Just(0), Just(5), Just(30)])
            .prop_map(|(attachment, grace)| Step::Detach { attachment, grace }),
        3 => (any::<Index>(), rotate()).prop_map(|(id, rotate)| Step::Kick { id, rotate }),
        4 => (any::<Index>(), how).prop_map(|(attachment, how)| Step::Leave { attachment, how }),
        4 => (any::<Index>(), any::<Index>(), 0_u8..12)
            .prop_map(|(attachment, id, what)| Step::Moderate { attachment, id, what }),
        4 => (any::<Index>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(id, message, update, moderate)| Step::Permit { id, message, update, moderate }
        ),
        2 => Just(Step::Prune),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(id, name)| Step::Rename { id, name }),
        10 => (any::<Index>(), any::<Option<Index>>())
            .prop_map(|(token, continues)| Step::Resume { token, continues }),
        4 => (any::<Index>(), any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(attachment, name, state)| Step::Update { attachment, name, state }),
    ]
}

fn pause() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => Just(Duration::ZERO),
        3 => (1_u64..8).prop_map(Duration::from_secs),
        1 => (20_u64..600).prop_map(Duration::from_secs),
    ]
}

/// A room, its model, and what has been done to both.
struct Trial {
    room: Room,
    model: Model,
    now: Timestamp,
    past: Vec<Op>,
    /// How many attachments there have been; the token of each has its number.
    attachments: u64,
    tickets: Vec<Ticket>,
    seated: BTreeSet<ParticipantId>,
}

impl Trial {
    fn new(participants: u16, keep: bool) -> Self {
        let new = RoomSpec {
            id: RoomId::from_indices([0; 6]),
            epoch: 1,
            name: "room".into(),
            creator: Some("alice".into()),
            password: Some(password(0)),
            invite: invite(0),
            capacity: Capacity::new(participants).unwrap(),
            created_at: START,
            expires_at: START + Duration::from_secs(30 * 60),
            on_creator_leave: if keep { OnCreatorLeave::Keep } else { OnCreatorLeave::Close },
            suffix: IdSuffix::new(SUFFIX),
        };
        Self {
            model: Model::of(&new),
            room: Room::create(new),
            now: START,
            past: Vec::new(),
            attachments: 0,
            tickets: vec![Ticket::Creator],
            seated: BTreeSet::new(),
        }
    }

    fn operation(&mut self, step: &Step) -> Op {
        match step {
            Step::Admit { by } => {
                Op::Admit { by: self.shown(*by), client: None, suffix: IdSuffix::new(SUFFIX) }
            }
            Step::Again(_) if self.past.is_empty() => Op::Prune,
            Step::Again(index) => index.get(&self.past).clone(),
            Step::Attach { ticket, epochs_ago, v1 } => {
                let ticket = ticket.map_or(Ticket::Creator, |index| *index.get(&self.tickets));
                let password_epoch = self.room.password_epoch().saturating_sub(*epochs_ago);
                self.attachments += 1;
                Op::Attach {
                    grant: Grant::new(ticket, password_epoch),
                    name: name(false),
                    protocol: if *v1 { ProtocolVersion::V1 } else { ProtocolVersion::V2 },
                    attachment: attachment(self.attachments),
                    resume: token(self.attachments),
                    client: None,
                    most_of_address: None,
                    suffix: IdSuffix::new(SUFFIX),
                }
            }
            Step::Change { name, locked, participants, minutes, rotate, restore } => {
                Op::Change(Change {
                    name: name.map(|other| if other { "other".into() } else { "room".into() }),
                    locked: *locked,
                    capacity: participants.map(|participants| Capacity::new(participants).unwrap()),
                    expires_at: minutes.map(|minutes| START + Duration::from_secs(60 * minutes)),
                    data: None,
                    rotate: rotate.map(|password| self.rotation(password)),
                    restore_attempts: restore.then(|| self.room.restores()),
                })
            }
            Step::Close { by_admin: true } => Op::Close(CloseReason::ByAdmin),
            Step::Close { by_admin: false } => Op::Close(CloseReason::ByCreator),
            Step::Detach { attachment, grace } => Op::Detach {
                attachment: self.some_link(attachment),
                until: self.now + Duration::from_secs(*grace),
            },
            Step::Kick { id, rotate } => Op::Kick {
                participant: self.some_id(id),
                rotate: rotate.map(|password| self.rotation(password)),
            },
            Step::Leave { attachment, how } => {
                Op::Leave { attachment: self.some_link(attachment), how: *how }
            }
            Step::Moderate { attachment, id, what } => {
                let attachment = self.some_link(attachment);
                let participant = self.some_id(id);
                let own = self.room.seats().iter().find(|seat| seat.attachment == attachment);
                // The hub refuses a moderator that wants to kick itself.
                let is_own = own.is_some_and(|seat| seat.id == participant);
                let moderation = match what {
                    0..=2 if !is_own => Moderation::Kick(participant),
                    3 | 4 if !is_own => Moderation::Ban(participant),
                    5 => Moderation::Close,
                    6..=8 => Moderation::Lock,
                    _ => Moderation::Unlock,
                };
                Op::Moderate { attachment, moderation }
            }
            Step::Permit { id, message, update, moderate } => {
                let mut permissions = Permissions::NONE;
                (permissions.message, permissions.update) = (*message, *update);
                permissions.moderate = *moderate;
                Op::SetPermissions { participant: self.some_id(id), permissions }
            }
            Step::Prune => Op::Prune,
            Step::Rename { id, name: other } => {
                Op::SetName { participant: self.some_id(id), name: name(*other) }
            }
            Step::Resume { token: shown, continues } => {
                let shown = 1 + shown.index(self.attachments.max(1) as usize) as u64;
                // Mostly the attachment that the seat has, sometimes another.
                let current = self.room.resumable(token(shown)).map(|seat| seat.attachment);
                let continues = continues.as_ref().and_then(|index| match index.index(4) {
                    0 => Some(self.some_link(index)),
                    _ => current,
                });
                self.attachments += 1;
                Op::Resume {
                    token: token(shown),
                    next_token: token(self.attachments),
                    attachment: attachment(self.attachments),
                    continues,
                    client: None,
                }
            }
            Step::Update { attachment, name: other, state } => Op::Update {
                attachment: self.some_link(attachment),
                name: other.map(name),
                state: state.map(|state| Payload::new(&state).unwrap()),
            },
        }
    }

    /// Somebody that has or had a seat, or the id of the creator.
    fn some_id(&self, index: &Index) -> ParticipantId {
        let ids: Vec<_> = self.seated.iter().copied().chain([self.room.creator_id()]).collect();
        *index.get(&ids)
    }

    /// Mostly the socket of a seat, sometimes any there has been.
    fn some_link(&self, index: &Index) -> Attachment {
        let seats = self.room.seats();
        let any = 1 + index.index(self.attachments.max(1) as usize) as u64;
        if seats.is_empty() || any.is_multiple_of(4) {
            attachment(any)
        } else {
            index.get(seats).attachment
        }
    }

    fn shown(&self, shown: Shown) -> Admission {
        match shown {
            Shown::Host(passes_lock) => Admission::Host { passes_lock },
            Shown::Invite => Admission::Invite(self.model.invite.unwrap_or(invite(0))),
            Shown::Password => Admission::Password(self.model.password.unwrap_or(password(0))),
            Shown::WrongInvite => Admission::Invite(invite(u8::MAX)),
            Shown::WrongPassword => Admission::Password(password(u8::MAX)),
        }
    }

    fn rotation(&self, number: u8) -> Rotation {
        let follows = self.room.password_epoch().saturating_sub(u32::from(number == 3));
        Rotation { password: password(number), invite: invite(self.past.len() as u8), follows }
    }

    /// Applies an operation to both, twice, and compares.
    fn check(&mut self, op: &Op) {
        let before = self.room.clone();
        let reply = self.apply(op);
        self.check_rules(&before);
        if let (Op::Admit { .. }, Ok(Receipt::Entered { id })) = (op, reply) {
            self.tickets.push(Ticket::Guest(id));
        }
        let once = self.room.clone();
        match op {
            // Each is a new request.
            Op::Admit { .. } => {}
            // The end of the room was moved into the past: the next operation finds it over.
            _ if self.room.deadline().is_some_and(|at| at <= self.now) => {}
            _ => assert_eq!(
                (self.apply(op), &self.room),
                (reply, &once),
                "{op:?} changes something again"
            ),
        }
    }

    fn apply(&mut self, op: &Op) -> Result<Receipt, Reject> {
        let (version, model) = (self.room.version(), self.model.clone());
        let reply = self.room.apply(op, self.now);
        assert_eq!(reply, self.model.apply(op, self.now), "the answer to {op:?}");
        let is_changed = self.model != model;
        assert_eq!(
            self.room.version() - version,
            u64::from(is_changed),
            "the version after {op:?}"
        );
        self.compare();
        reply
    }

    fn compare(&self) {
        let (room, model) = (&self.room, &self.model);
        assert_eq!(usize::from(room.capacity().participants()), model.participants);
        assert_eq!(room.locked(), model.locked);
        assert_eq!(
            (room.name(), room.status(), room.expires_at()),
            (&*model.name, model.status, model.expires_at)
        );
        assert_eq!(room.password_epoch(), model.password_epoch);
        assert_eq!(room.seats().len(), model.seats.len());
        for (seat, expected) in room.seats().iter().zip(&model.seats) {
            assert_eq!(
                (seat.id, seat.ticket, seat.attachment),
                (expected.id, expected.ticket, expected.attachment)
            );
            assert_eq!((seat.presence, seat.generation), (expected.presence, expected.generation));
            assert_eq!(
                (seat.name.as_str(), seat.permissions),
                (&*expected.name, expected.permissions)
            );
            assert_eq!(
                seat.state.as_ref().map(|state| state.as_bytes()),
                expected.state.as_deref()
            );
        }
        for number in 1..=self.attachments {
            let opened = model.seats.iter().find(|seat| seat.tokens.contains(&token(number)));
            let seat = room.resumable(token(number));
            assert_eq!(seat.map(|seat| seat.id), opened.map(|seat| seat.id));
            let newest = opened.map(|seat| seat.tokens[0] == token(number));
            assert_eq!(seat.map(|seat| seat.resumes_current(token(number))), newest);
        }
        for (id, reason) in &model.departures {
            assert_eq!(room.departure(*id), Some(*reason));
        }
    }

    /// Rules of every room, independent of the model.
    fn check_rules(&mut self, before: &Room) {
        let room = &self.room;
        assert_eq!(
            Room::from_record(&room.to_record()).map(|read| read.to_record()),
            Ok(room.to_record()),
            "a record is read as it was written"
        );
        assert!(room.seats().is_sorted_by(|older, newer| newer.id < older.id), "ids descend");
        let tickets: Vec<_> = room.seats().iter().map(|seat| seat.ticket).collect();
        for (index, ticket) in tickets.iter().enumerate() {
            assert!(!tickets[..index].contains(ticket), "one seat a ticket");
            assert!(!self.model.kicked.contains(ticket), "who was put out stays out");
        }
        for seat in room.seats().iter().filter(|seat| before.seat(seat.id).is_none()) {
            assert!(self.seated.iter().all(|old| seat.id < *old), "ids are not reused");
            assert!(room.departure(seat.id).is_none());
            let is_replacing = before.seats().iter().any(|old| old.ticket == seat.ticket);
            let guests = room.seats().iter().filter(|seat| !seat.is_creator()).count();
            let fits = guests < usize::from(room.capacity().participants());
            assert!(fits || seat.is_creator() || is_replacing, "a newcomer fits");
        }
        match room.status() {
            Status::Open => {
                for gone in before.seats().iter().filter(|seat| room.seat(seat.id).is_none()) {
                    assert!(room.departure(gone.id).is_some(), "a seat ends for a reason");
                }
                assert!(room.deadline().is_some() && room.forgotten_at().is_none());
            }
            Status::Closed(_) => {
                assert!(
                    room.seats().is_empty() && room.deadline().is_none(),
                    "nobody sits in a room that is over"
                );
                assert!(room.forgotten_at().is_some());
            }
        }
        for seat in room.seats() {
            let generation = before.seat(seat.id).map_or(1, |before| before.generation);
            assert!(seat.generation >= generation, "generations rise");
        }
        self.seated.extend(room.seats().iter().map(|seat| seat.id));
    }
}

fn attachment(number: u64) -> Attachment {
    Attachment { node: NodeId(number % 2), conn: ConnId(number) }
}

fn token(number: u64) -> TokenHash {
    TokenHash::new([number as u8; 32])
}

fn password(number: u8) -> PasswordTag {
    PasswordTag::new([number; 32])
}

fn invite(number: u8) -> TokenHash {
    TokenHash::new([number; 32])
}

fn name(other: bool) -> DisplayName {
    DisplayName::parse(if other { "other" } else { "name" }).unwrap().unwrap()
}
