//! Rules of a room's record, checked against every operation that the store applies.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use signal_core::message::Moderation;
use signal_core::room::{
    Admission, Attachment, LeaveKind, Op, Presence, Receipt, Reject, Room, Seat, Status, Ticket,
    TokenHash,
};
use signal_core::{AddressTag, ParticipantId, Permissions, ProtocolVersion, Timestamp};

/// What has been seen of one room so far.
pub struct RecordRules {
    /// Every id that ever had a seat.
    entered: BTreeSet<ParticipantId>,
    /// Every socket that ever had a seat.
    attachments: HashSet<Attachment>,
    put_out: Vec<Ticket>,
    /// When each wrong password was answered since all were left.
    wrong_guesses: Vec<Timestamp>,
    /// The token that resumes each seat, and the one before.
    tokens: BTreeMap<ParticipantId, [Option<TokenHash>; 2]>,
    /// How many seats the guests of one address may have.
    max_seats_per_address: Option<u32>,
    /// Where those who have seats came from.
    addresses: BTreeMap<ParticipantId, AddressTag>,
    /// What the host has changed.
    permitted: BTreeMap<Ticket, Permissions>,
    /// The last operation that was accepted, and what it answered.
    last: Option<(Op, Receipt)>,
}

impl RecordRules {
    pub fn new(max_seats_per_address: Option<u32>) -> Self {
        Self {
            entered: BTreeSet::new(),
            attachments: HashSet::new(),
            put_out: Vec::new(),
            wrong_guesses: Vec::new(),
            tokens: BTreeMap::new(),
            max_seats_per_address,
            addresses: BTreeMap::new(),
            permitted: BTreeMap::new(),
            last: None,
        }
    }

    pub fn check(
        &mut self,
        before: &Room,
        op: &Op,
        after: &Room,
        reply: &Result<Receipt, Reject>,
        now: Timestamp,
    ) {
        check_version(before, after);
        check_seats(after);
        let is_over = after.status() != Status::Open;
        if before.status() != Status::Open {
            // That it has expired is told only to those who guess the password, so guesses count
            // on.
            assert_eq!(before.status(), after.status(), "{op:?} reopened a room");
        }
        if after.expires_at() <= now {
            assert!(is_over, "the room outlived its time");
        }
        if is_over {
            let takes = match op {
                Op::Admit { .. } => true,
                // What was done before may be asked for again.
                Op::Attach { attachment, .. } | Op::Resume { attachment, .. } => {
                    !self.attachments.contains(attachment)
                }
                _ => false,
            };
            assert!(!takes || reply.is_err(), "{op:?} was accepted by a room that is over");
        } else {
            self.check_departures(before, op, after, reply, now);
            self.check_arrivals(before, op, after);
            self.check_addresses(before, op, reply, after);
        }
        self.check_permissions(before, op, reply, after);
        self.check_guesses(op, reply, before, after, now);
        self.check_tokens(before, op, reply, after);
        self.check_links(before, after);
        check_refusal(before, op, after, reply, now);
        self.check_repetition(before, op, after, reply);
    }

    /// Whoever lost a seat, lost it for a reason.
    fn check_departures(
        &mut self,
        before: &Room,
        op: &Op,
        after: &Room,
        reply: &Result<Receipt, Reject>,
        now: Timestamp,
    ) {
        for seat in before.seats().iter().filter(|seat| after.seat(seat.id).is_none()) {
            let lapsed = detached(seat).is_some_and(|(_, until)| until <= now);
            let explained = match op {
                Op::Attach { grant, .. } => {
                    seat.ticket == grant.ticket || self.is_evicted(before, seat, after)
                }
                Op::Detach { attachment, until } => {
                    let is_kept = seat.protocol == ProtocolVersion::V2 && *until > now;
                    seat.attachment == *attachment && !is_kept
                }
                Op::Kick { participant, .. } => seat.id == *participant,
                Op::Moderate { moderation, .. } => removed_by(*moderation) == Some(seat.id),
                Op::KickUser { user, .. } => seat.identity.user.as_ref() == Some(user),
                Op::Leave { attachment, how } => {
                    let ends_room = seat.is_creator() && *how == LeaveKind::Leave;
                    seat.attachment == *attachment && seat.is_attached() || ends_room
                }
                Op::Admit { .. }
                | Op::Change(_)
                | Op::Close(_)
                | Op::Prune
                | Op::Resume { .. }
                | Op::SetAttributes { .. }
                | Op::SetName { .. }
                | Op::SetPermissions { .. }
                | Op::Update { .. } => false,
            };
            assert!(
                lapsed || explained,
                "{op:?} ended the seat of {:?} ({:?})",
                seat.id,
                seat.presence
            );
            let kicked = match op {
                Op::Kick { participant, .. } => Some(*participant),
                Op::Moderate { moderation, .. } => removed_by(*moderation),
                _ => None,
            };
            if kicked == Some(seat.id) && reply.is_ok() {
                assert!(!seat.is_creator(), "the creator was put out");
                self.put_out.push(seat.ticket);
            }
            self.tokens.remove(&seat.id);
        }
    }

    /// A newcomer to a full room takes the place of the guest that was lost longest ago.
    fn is_evicted(&self, before: &Room, seat: &Seat, after: &Room) -> bool {
        let Some((since, _)) = detached(seat).filter(|_| !seat.is_creator()) else { return false };
        let earlier = after.seats().iter().filter(|other| !other.is_creator());
        let earlier = earlier.filter_map(detached).any(|(other, _)| other < since);
        // Without it there would have been one guest too many.
        guests(after) + 1 > usize::from(before.capacity().participants()) - 1 && !earlier
    }

    fn check_arrivals(&mut self, before: &Room, op: &Op, after: &Room) {
        for seat in after.seats().iter().filter(|seat| before.seat(seat.id).is_none()) {
            let Op::Attach { grant, attachment, protocol, name, .. } = op else {
                panic!("{op:?} gave a seat to {:?}", seat.id);
            };
            let lowest = self.entered.first();
            assert!(
                lowest.is_none_or(|lowest| seat.id < *lowest),
                "{:?} is not below {lowest:?}",
                seat.id
            );
            self.entered.insert(seat.id);
            let given = (
                seat.ticket,
                seat.attachment,
                seat.protocol,
                &seat.name,
                seat.presence,
                seat.generation,
            );
            assert_eq!(given, (grant.ticket, *attachment, *protocol, name, Presence::Attached, 1));
            assert!(
                !self.put_out.contains(&seat.ticket),
                "{:?} was put out and is back",
                seat.ticket
            );
            let is_seated = before.seats().iter().any(|other| other.ticket == seat.ticket);
            if is_seated || seat.is_creator() {
                continue;
            }
            assert_eq!(
                grant.password_epoch,
                before.password_epoch(),
                "a token outlived its password"
            );
            assert!(!before.locked(), "{:?} entered a locked room", seat.id);
            let most = usize::from(after.capacity().participants());
            assert!(
                guests(after) < most && after.seats().len() <= most,
                "{} of {most} seats",
                guests(after)
            );
        }
    }

    /// The guests of an address have so many seats at most, and are refused no other.
    fn check_addresses(
        &mut self,
        before: &Room,
        op: &Op,
        reply: &Result<Receipt, Reject>,
        after: &Room,
    ) {
        let Op::Attach { client, grant, .. } = op else { return };
        let address = client.expect("everybody comes from somewhere").address;
        for seat in after.seats().iter().filter(|seat| before.seat(seat.id).is_none()) {
            self.addresses.insert(seat.id, address);
        }
        let Some(most) = self.max_seats_per_address.filter(|_| grant.ticket != Ticket::Creator)
        else {
            return;
        };
        let guests = after.seats().iter().filter(|seat| !seat.is_creator());
        let of_address = guests.filter(|seat| self.addresses.get(&seat.id) == Some(&address));
        let taken = of_address.count();
        match reply {
            Ok(_) => assert!(taken <= most as usize, "an address has {taken} of {most} seats"),
            Err(Reject::AddressFull) => {
                assert!(taken >= most as usize, "refused with {taken} of {most} seats");
            }
            Err(_) => {}
        }
    }

    /// Only moderators moderate, and only the host changes what somebody may do: no token does.
    fn check_permissions(
        &mut self,
        before: &Room,
        op: &Op,
        reply: &Result<Receipt, Reject>,
        after: &Room,
    ) {
        match op {
            Op::Moderate { attachment, .. } if reply.is_ok() && before.status() == Status::Open => {
                let by = before.seats().iter().find(|seat| seat.attachment == *attachment);
                let may = by.is_some_and(|seat| seat.permissions.moderate);
                assert!(may, "{by:?} is no moderator, and {op:?} was done");
            }
            Op::SetPermissions { participant, permissions } if reply.is_ok() => {
                let seat = after.seat(*participant).expect("it was accepted");
                assert_eq!(seat.permissions, *permissions);
                self.permitted.insert(seat.ticket, *permissions);
            }
            Op::Update { attachment, .. } => {
                let by = |room: &Room| {
                    let seat = room.seats().iter().find(|seat| seat.attachment == *attachment);
                    seat.map(|seat| (seat.permissions, seat.name.clone(), seat.state.clone()))
                };
                let may = by(before).is_none_or(|(permissions, ..)| permissions.update);
                let is_done = by(after).is_some_and(|after| Some(after) != by(before));
                assert!(may || !is_done, "{op:?} was done without the permission");
            }
            _ => {}
        }
        for seat in after.seats() {
            let known = before.seat(seat.id).map(|seat| seat.permissions);
            let granted = match op {
                Op::Attach { grant, .. } => Some(grant.permissions),
                _ => None,
            };
            let may = self.permitted.get(&seat.ticket).copied().or(known).or(granted);
            assert_eq!(Some(seat.permissions), may, "what {:?} may do after {op:?}", seat.id);
        }
    }

    /// No socket gets a seat twice: an operation that is repeated late does not undo what came
    /// after it.
    fn check_links(&mut self, before: &Room, after: &Room) {
        for seat in after.seats() {
            if before.seat(seat.id).is_none_or(|older| older.attachment != seat.attachment) {
                assert!(
                    self.attachments.insert(seat.attachment),
                    "{:?} got a seat again",
                    seat.attachment
                );
            }
        }
    }

    /// Wrong passwords are counted whatever the password is, and come back with time alone.
    fn check_guesses(
        &mut self,
        op: &Op,
        reply: &Result<Receipt, Reject>,
        before: &Room,
        after: &Room,
        now: Timestamp,
    ) {
        if after.restores() != before.restores() {
            self.wrong_guesses.clear();
        }
        // A password that does not exist is not counted.
        if !before.has_password() {
            return;
        }
        let Op::Admit { by: Admission::Password(_), .. } = op else { return };
        match reply {
            Err(Reject::WrongPassword) => {
                self.wrong_guesses.push(now);
                for (index, first) in self.wrong_guesses.iter().enumerate() {
                    let answered = (self.wrong_guesses.len() - index) as u128;
                    let window = now.saturating_since(*first).as_millis();
                    let most = u128::from(Room::PASSWORD_ATTEMPTS)
                        + window / Room::ATTEMPT_EVERY.as_millis();
                    assert!(answered <= most, "{answered} guesses were answered in {window} ms");
                }
            }
            Ok(_) => {
                assert!(
                    before.password_attempts_left(now) > 0,
                    "a password was accepted after its last guess"
                );
            }
            Err(Reject::PasswordLocked) => {
                assert!(
                    self.wrong_guesses.len() >= usize::from(Room::PASSWORD_ATTEMPTS),
                    "locked after {} guesses",
                    self.wrong_guesses.len()
                );
            }
            Err(_) => {}
        }
    }

    /// The newest token of a seat resumes it, and the one before until the newest is used.
    fn check_tokens(
        &mut self,
        before: &Room,
        op: &Op,
        reply: &Result<Receipt, Reject>,
        after: &Room,
    ) {
        match (op, reply) {
            (
                Op::Attach { resume, protocol: ProtocolVersion::V2, .. },
                Ok(Receipt::Entered { id }),
            ) if before.seat(*id).is_none() => {
                self.tokens.insert(*id, [Some(*resume), None]);
            }
            (
                Op::Resume { token, next_token, attachment, continues, .. },
                Ok(Receipt::Resumed { id, continued }),
            ) if moves(before, after, *id, *attachment) => {
                let known = self.tokens.get(id).copied().unwrap_or_default();
                assert!(known.contains(&Some(*token)), "{id:?} was resumed with a void token");
                let before = before.seat(*id).expect("nobody else can be resumed");
                let seat = after.seat(*id).expect("just resumed");
                assert!(
                    !continued || known[0] == Some(*token) && *continues == Some(before.attachment)
                );
                assert_eq!(seat.generation, before.generation + u32::from(!continued));
                self.tokens.insert(*id, [Some(*next_token), Some(*token)]);
            }
            (Op::Resume { token, .. }, Err(Reject::RoomClosed | Reject::RoomExpired)) => {
                let known = self.tokens.values().any(|known| known.contains(&Some(*token)));
                assert!(known, "a stranger learns that the room is over");
            }
            (Op::Resume { token, .. }, Err(Reject::ResumeFailed))
                if after.status() == Status::Open =>
            {
                let known = self.tokens.iter().find(|(_, known)| known.contains(&Some(*token)));
                assert!(known.is_none(), "the token of {known:?} was refused");
            }
            _ => {}
        }
    }

    /// The same operation once more changes nothing and gets the same answer.
    fn check_repetition(
        &mut self,
        before: &Room,
        op: &Op,
        after: &Room,
        reply: &Result<Receipt, Reject>,
    ) {
        let is_repeated = self.last.as_ref().is_some_and(|(last, _)| last == op);
        if let Some((_, receipt)) =
            self.last.take().filter(|_| is_repeated && after.status() == Status::Open)
            && !matches!(op, Op::Admit { .. } | Op::Prune)
            && before.version() == after.version()
        {
            assert_eq!(*reply, Ok(receipt), "{op:?} was answered differently the second time");
        }
        self.last = reply.ok().map(|receipt| (op.clone(), receipt));
    }
}

/// Whom a moderator puts out.
fn removed_by(moderation: Moderation) -> Option<ParticipantId> {
    match moderation {
        Moderation::Ban(participant) | Moderation::Kick(participant) => Some(participant),
        _ => None,
    }
}

/// Whether that socket has got the seat only now.
fn moves(before: &Room, after: &Room, id: ParticipantId, attachment: Attachment) -> bool {
    let has_seat = |room: &Room| room.seat(id).is_some_and(|seat| seat.attachment == attachment);
    !has_seat(before) && has_seat(after)
}

/// What is refused changes nothing, but for a wrong password, which counts, and for what time has
/// ended.
fn check_refusal(
    before: &Room,
    op: &Op,
    after: &Room,
    reply: &Result<Receipt, Reject>,
    now: Timestamp,
) {
    let Err(reject) = reply else { return };
    let is_counted = *reject == Reject::WrongPassword;
    let has_lapsed = before.seats().iter().filter_map(detached).any(|(_, until)| until <= now);
    if !is_counted && !has_lapsed && before.status() == after.status() {
        assert_eq!(before, after, "{op:?} was refused ({reject}) and changed something");
    }
}

fn check_version(before: &Room, after: &Room) {
    let (old, new) = (before.version(), after.version());
    assert_eq!((before.id(), before.epoch()), (after.id(), after.epoch()));
    assert!(new == old || new == old + 1, "version {new} follows {old}");
    assert_eq!(new == old, before == after, "version {new} follows {old}");
}

fn check_seats(room: &Room) {
    let seats = room.seats();
    assert!(
        seats.is_sorted_by(|older, newer| older.id > newer.id),
        "ids do not descend: {seats:?}"
    );
    for (index, seat) in seats.iter().enumerate() {
        let others = &seats[index + 1..];
        assert!(
            others.iter().all(|other| other.ticket != seat.ticket),
            "{:?} has two seats",
            seat.ticket
        );
        assert!(
            others.iter().all(|other| other.attachment != seat.attachment),
            "{:?} has two seats",
            seat.attachment
        );
    }
    assert!(
        room.status() == Status::Open || seats.is_empty(),
        "seats are left in a room that is over"
    );
}

fn guests(room: &Room) -> usize {
    room.seats().iter().filter(|seat| !seat.is_creator()).count()
}

fn detached(seat: &Seat) -> Option<(Timestamp, Timestamp)> {
    match seat.presence {
        Presence::Attached => None,
        Presence::Detached { since, until } => Some((since, until)),
    }
}
