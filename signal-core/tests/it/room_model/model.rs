//! A plain second implementation of a room's rules: it forgets nothing and finds everything by
//! linear search.

use signal_core::message::Moderation;
use signal_core::room::{
    Admission, Attachment, Change, CloseReason, Grant, LeaveKind, LeaveReason, OnCreatorLeave, Op,
    PasswordTag, Presence, Receipt, Reject, Room, RoomSpec, Rotation, Status, Ticket, TokenHash,
};
use signal_core::{ParticipantId, Permissions, ProtocolVersion, Timestamp};

/// Every id is drawn with it.
pub(crate) const SUFFIX: u32 = 35;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) expires_at: Timestamp,
    pub(crate) participants: usize,
    pub(crate) locked: bool,
    pub(crate) password_epoch: u32,
    pub(crate) seats: Vec<ModelSeat>,
    pub(crate) departures: Vec<(ParticipantId, LeaveReason)>,
    pub(crate) kicked: Vec<Ticket>,
    /// The password epoch that each of them has known last.
    kicked_in: Vec<(ParticipantId, u32)>,
    pub(crate) password: Option<PasswordTag>,
    pub(crate) invite: Option<TokenHash>,
    /// What the host has changed, the last one last.
    permitted: Vec<(Ticket, Permissions)>,
    on_creator_leave: OnCreatorLeave,
    /// When each wrong password was tried since all were left.
    guesses: Vec<Timestamp>,
    ran_out: bool,
    restores: u8,
    creator_id: ParticipantId,
    issued: u32,
    entered: Vec<ParticipantId>,
    /// What every attachment that ever got a seat was answered.
    answers: Vec<(Attachment, Receipt)>,
    /// What could have resumed a seat when the room ended.
    last_tokens: Vec<TokenHash>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelSeat {
    pub(crate) ticket: Ticket,
    pub(crate) id: ParticipantId,
    pub(crate) name: String,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) attachment: Attachment,
    pub(crate) presence: Presence,
    pub(crate) generation: u32,
    /// The newest first.
    pub(crate) tokens: Vec<TokenHash>,
    pub(crate) permissions: Permissions,
}

impl Model {
    pub(crate) fn of(new: &RoomSpec) -> Self {
        Self {
            name: new.name.clone(),
            status: Status::Open,
            expires_at: new.expires_at,
            participants: usize::from(new.capacity.participants()),
            locked: false,
            password_epoch: 0,
            seats: Vec::new(),
            departures: Vec::new(),
            kicked: Vec::new(),
            kicked_in: Vec::new(),
            on_creator_leave: new.on_creator_leave,
            password: new.password,
            invite: Some(new.invite),
            permitted: Vec::new(),
            guesses: Vec::new(),
            ran_out: false,
            restores: 0,
            creator_id: id_number(0),
            issued: 1,
            entered: Vec::new(),
            answers: Vec::new(),
            last_tokens: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, op: &Op, now: Timestamp) -> Result<Receipt, Reject> {
        if self.status == Status::Open && self.expires_at <= now {
            let end = self.expires_at;
            self.depart(LeaveReason::Lost, |seat| is_over(seat.presence, end));
            self.close(CloseReason::Expired);
        }
        self.depart(LeaveReason::Lost, |seat| is_over(seat.presence, now));
        self.ran_out &=
            self.status != Status::Open || self.guesses_left(now) < Room::PASSWORD_ATTEMPTS;
        match op {
            Op::Admit { by, .. } => self.admit(*by, now),
            Op::Attach { grant, name, protocol, attachment, resume, .. } => {
                let tokens = match protocol {
                    ProtocolVersion::V1 => Vec::new(),
                    ProtocolVersion::V2 => vec![*resume],
                };
                self.attach(grant, name.as_str(), *attachment, tokens)
            }
            Op::Change(change) => self.change(change),
            Op::Close(reason) => {
                if self.status == Status::Open {
                    self.close(*reason);
                }
                Ok(Receipt::Done)
            }
            Op::Detach { attachment, until } => {
                if let Some(seat) =
                    self.seat_of(*attachment).filter(|seat| seat.presence == Presence::Attached)
                {
                    // A v1 seat has no token, and nobody can resume it.
                    let until = if seat.tokens.is_empty() { now } else { *until };
                    seat.presence = Presence::Detached { since: now, until };
                }
                self.depart(LeaveReason::Lost, |seat| is_over(seat.presence, now));
                Ok(Receipt::Done)
            }
            Op::Kick { participant, rotate } => self.kick(*participant, rotate.as_ref()),
            Op::KickUser { .. } | Op::SetAttributes { .. } => panic!("nobody has an identity here"),
            Op::Leave { attachment, how } => {
                let closes =
                    *how == LeaveKind::Leave && self.on_creator_leave == OnCreatorLeave::Close;
                match self.seat_of(*attachment).map(|seat| seat.ticket) {
                    Some(Ticket::Creator) if closes => self.close(CloseReason::ByCreator),
                    Some(_) => {
                        self.depart(LeaveReason::Left, |seat| seat.attachment == *attachment);
                    }
                    None => {}
                }
                Ok(Receipt::Done)
            }
            Op::Moderate { attachment, moderation } => self.moderate(*attachment, *moderation),
            Op::Prune => Ok(Receipt::Done),
            Op::Resume { token, next_token, attachment, continues, .. } => {
                self.resume(*token, *next_token, *attachment, *continues)
            }
            Op::SetName { participant, name } => {
                self.running()?;
                let seat = self.seats.iter_mut().find(|seat| seat.id == *participant);
                name.as_str().clone_into(&mut seat.ok_or(Reject::ParticipantNotFound)?.name);
                Ok(Receipt::Done)
            }
            Op::SetPermissions { participant, permissions } => {
                self.running()?;
                let seat = self.seats.iter_mut().find(|seat| seat.id == *participant);
                let seat = seat.ok_or(Reject::ParticipantNotFound)?;
                seat.permissions = *permissions;
                let ticket = seat.ticket;
                if !self.permitted.contains(&(ticket, *permissions)) {
                    self.permitted.retain(|(changed, _)| *changed != ticket);
                    self.permitted.push((ticket, *permissions));
                }
                Ok(Receipt::Done)
            }
            Op::Update { attachment, name, state } => {
                if let Some(seat) = self.seat_of(*attachment) {
                    let is_shown = name.as_ref().is_none_or(|name| name.as_str() == seat.name)
                        && state
                            .as_ref()
                            .is_none_or(|state| seat.state.as_deref() == Some(state.as_bytes()));
                    if !is_shown && !seat.permissions.update {
                        return Err(Reject::NotPermitted);
                    }
                    seat.name =
                        name.as_ref().map_or(seat.name.clone(), |name| name.as_str().to_owned());
                    seat.state = state
                        .as_ref()
                        .map_or(seat.state.clone(), |state| Some(state.as_bytes().to_vec()));
                }
                Ok(Receipt::Done)
            }
        }
    }

    fn admit(&mut self, by: Admission, now: Timestamp) -> Result<Receipt, Reject> {
        if matches!(self.status, Status::Closed(CloseReason::ByAdmin | CloseReason::ByCreator)) {
            return Err(Reject::RoomClosed);
        }
        match by {
            Admission::Invite(token) if Some(token) != self.invite => {
                return Err(Reject::InviteVoid);
            }
            Admission::Password(_) if self.password.is_none() => {
                return Err(Reject::WrongPassword);
            }
            Admission::Password(_) if self.guesses_left(now) == 0 => {
                return Err(Reject::PasswordLocked);
            }
            Admission::Password(password) if Some(password) != self.password => {
                self.guesses.push(now);
                self.ran_out |= self.guesses_left(now) == 0;
                return Err(Reject::WrongPassword);
            }
            Admission::Host { .. } | Admission::Invite(_) | Admission::Password(_) => {}
        }
        self.running()?;
        if self.locked && by != (Admission::Host { passes_lock: true }) {
            return Err(Reject::RoomLocked);
        }
        let attached = self.guests().filter(|seat| seat.presence == Presence::Attached).count();
        if attached + 1 > self.participants - 1 {
            return Err(Reject::RoomFull);
        }
        Ok(Receipt::Entered { id: self.issue() })
    }

    fn attach(
        &mut self,
        grant: &Grant,
        name: &str,
        attachment: Attachment,
        tokens: Vec<TokenHash>,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        if let Some(answer) = self.answer(attachment) {
            return Ok(answer);
        }
        let ticket = grant.ticket;
        let promised = match ticket {
            Ticket::Creator => self.creator_id,
            Ticket::Guest(id) => id,
            Ticket::Host(_) => panic!("no seat is named by the host here"),
        };
        if self.kicked.contains(&ticket) {
            return Err(Reject::GrantVoid);
        }
        if ticket != Ticket::Creator && self.seats.iter().all(|seat| seat.ticket != ticket) {
            if grant.password_epoch < self.password_epoch {
                return Err(Reject::GrantVoid);
            }
            if self.locked {
                return Err(Reject::RoomLocked);
            }
            let mut smaller = self.clone();
            while smaller.guests().count() + 1 > smaller.participants - 1 {
                let longest = smaller
                    .guests()
                    .filter_map(|seat| Some((since(seat.presence)?, seat.id)))
                    .min();
                let (_, id) = longest.ok_or(Reject::RoomFull)?;
                smaller.depart(LeaveReason::Lost, |seat| seat.id == id);
            }
            *self = smaller;
        }
        self.depart(LeaveReason::Replaced, |seat| seat.ticket == ticket);
        let is_newest = self.entered.iter().all(|entered| promised < *entered);
        let id = if is_newest { promised } else { self.issue() };
        self.entered.push(id);
        self.answers.push((attachment, Receipt::Entered { id }));
        let changed = self.permitted.iter().find(|(changed, _)| *changed == ticket);
        let permissions = changed.map_or(grant.permissions, |(_, permissions)| *permissions);
        let (name, presence) = (name.to_owned(), Presence::Attached);
        self.seats.push(ModelSeat {
            ticket,
            id,
            name,
            state: None,
            attachment,
            presence,
            generation: 1,
            tokens,
            permissions,
        });
        Ok(Receipt::Entered { id })
    }

    fn resume(
        &mut self,
        token: TokenHash,
        next_token: TokenHash,
        attachment: Attachment,
        continues: Option<Attachment>,
    ) -> Result<Receipt, Reject> {
        if let Err(over) = self.running() {
            let was_there = self.last_tokens.contains(&token);
            return Err(if was_there { over } else { Reject::ResumeFailed });
        }
        if let Some(answer) = self.answer(attachment) {
            return Ok(answer);
        }
        let seat = self
            .seats
            .iter_mut()
            .find(|seat| seat.tokens.contains(&token))
            .ok_or(Reject::ResumeFailed)?;
        let continued = seat.tokens[0] == token && continues == Some(seat.attachment);
        seat.generation += u32::from(!continued);
        seat.tokens = vec![next_token, token];
        (seat.attachment, seat.presence) = (attachment, Presence::Attached);
        let answer = Receipt::Resumed { id: seat.id, continued };
        self.answers.push((attachment, answer));
        Ok(answer)
    }

    fn change(&mut self, change: &Change) -> Result<Receipt, Reject> {
        self.running()?;
        if change.restore_attempts.is_some() && self.restores == Room::RESTORES {
            return Err(Reject::RestoresExhausted);
        }
        if let Some(rotation) = &change.rotate {
            self.rotate(rotation)?;
        }
        if change.restore_attempts == Some(self.restores) {
            self.restores += 1;
            self.guesses.clear();
            self.ran_out = false;
        }
        self.name = change.name.as_deref().map_or(self.name.clone(), str::to_owned);
        self.locked = change.locked.unwrap_or(self.locked);
        self.participants =
            change.capacity.map_or(self.participants, |new| usize::from(new.participants()));
        self.expires_at = change.expires_at.unwrap_or(self.expires_at);
        Ok(Receipt::Done)
    }

    fn kick(
        &mut self,
        participant: ParticipantId,
        rotate: Option<&Rotation>,
    ) -> Result<Receipt, Reject> {
        self.running()?;
        let ticket = self.seats.iter().find(|seat| seat.id == participant).map(|seat| seat.ticket);
        if ticket == Some(Ticket::Creator) {
            return Err(Reject::CreatorStays);
        }
        if ticket.is_none() && !self.departures.contains(&(participant, LeaveReason::Kicked)) {
            return Err(Reject::ParticipantNotFound);
        }
        let epoch = self.password_epoch;
        if let Some(rotation) = rotate {
            self.rotate(rotation)?;
        }
        self.kicked.extend(ticket);
        self.kicked_in.extend(ticket.map(|_| (participant, epoch)));
        self.depart(LeaveReason::Kicked, |seat| seat.id == participant);
        Ok(Receipt::Done)
    }

    fn moderate(&mut self, by: Attachment, moderation: Moderation) -> Result<Receipt, Reject> {
        if moderation == Moderation::Close && self.status != Status::Open {
            return Ok(Receipt::Done);
        }
        self.running()?;
        let moderator = self.seat_of(by).filter(|seat| seat.permissions.moderate);
        let ticket = moderator.ok_or(Reject::NotPermitted)?.ticket;
        match moderation {
            Moderation::Ban(participant) => {
                self.kick(participant, None)?;
                if self.kicked_in.contains(&(participant, self.password_epoch)) {
                    (self.password, self.invite) = (None, None);
                    self.password_epoch += 1;
                }
            }
            Moderation::Close if ticket == Ticket::Creator => self.close(CloseReason::ByCreator),
            Moderation::Close => self.close(CloseReason::ByAdmin),
            Moderation::Kick(participant) => drop(self.kick(participant, None)?),
            Moderation::Lock => self.locked = true,
            Moderation::Unlock => self.locked = false,
            other => panic!("a request that this model does not know: {other:?}"),
        }
        Ok(Receipt::Done)
    }

    fn rotate(&mut self, new: &Rotation) -> Result<(), Reject> {
        let is_same = Some(new.password) == self.password;
        let is_repeated = is_same && Some(new.invite) == self.invite;
        if is_repeated && new.follows < self.password_epoch {
            return Ok(());
        }
        if new.follows != self.password_epoch {
            return Err(Reject::RotationStale);
        }
        if is_same {
            return Err(Reject::PasswordUnchanged);
        }
        (self.password, self.invite) = (Some(new.password), Some(new.invite));
        self.password_epoch += 1;
        Ok(())
    }

    fn close(&mut self, reason: CloseReason) {
        self.status = Status::Closed(reason);
        self.last_tokens = self.seats.iter().flat_map(|seat| seat.tokens.clone()).collect();
        self.seats.clear();
    }

    fn depart(&mut self, reason: LeaveReason, is_leaving: impl Fn(&ModelSeat) -> bool) {
        let leaving = self.seats.iter().filter(|seat| is_leaving(seat));
        self.departures.extend(leaving.map(|seat| (seat.id, reason)));
        self.seats.retain(|seat| !is_leaving(seat));
    }

    fn running(&self) -> Result<(), Reject> {
        match self.status {
            Status::Closed(CloseReason::Expired) => Err(Reject::RoomExpired),
            Status::Closed(_) => Err(Reject::RoomClosed),
            Status::Open => Ok(()),
        }
    }

    /// Replays all attempts: used ones come back at intervals, one at a time.
    fn guesses_left(&self, now: Timestamp) -> u8 {
        let mut left = Room::PASSWORD_ATTEMPTS;
        let mut back_at: Option<Timestamp> = None;
        for (time, is_guess) in self.guesses.iter().map(|at| (*at, true)).chain([(now, false)]) {
            while let Some(at) = back_at.filter(|at| *at <= time) {
                left += 1;
                back_at = (left < Room::PASSWORD_ATTEMPTS).then(|| at + Room::ATTEMPT_EVERY);
            }
            if is_guess {
                left -= 1;
                back_at = back_at.or(Some(time + Room::ATTEMPT_EVERY));
            }
        }
        left
    }

    fn issue(&mut self) -> ParticipantId {
        self.issued += 1;
        id_number(self.issued - 1)
    }

    fn answer(&self, attachment: Attachment) -> Option<Receipt> {
        self.answers.iter().find(|(answered, _)| *answered == attachment).map(|(_, answer)| *answer)
    }

    fn seat_of(&mut self, attachment: Attachment) -> Option<&mut ModelSeat> {
        self.seats.iter_mut().find(|seat| seat.attachment == attachment)
    }

    fn guests(&self) -> impl Iterator<Item = &ModelSeat> {
        self.seats.iter().filter(|seat| seat.ticket != Ticket::Creator)
    }
}

/// The id that is issued after that many others: they count down from `zzzzz`.
fn id_number(issued: u32) -> ParticipantId {
    let digits = |number: u32| -> String {
        let digit = |place: u32| char::from_digit(number / 36_u32.pow(place) % 36, 36).unwrap();
        [4, 3, 2, 1, 0].map(digit).iter().collect()
    };
    let (number, suffix) = (digits(36_u32.pow(5) - 1 - issued), digits(SUFFIX));
    format!("p_{number}{}", &suffix[2..]).parse().unwrap()
}

fn since(presence: Presence) -> Option<Timestamp> {
    match presence {
        Presence::Attached => None,
        Presence::Detached { since, .. } => Some(since),
    }
}

fn is_over(presence: Presence, now: Timestamp) -> bool {
    match presence {
        Presence::Attached => false,
        Presence::Detached { until, .. } => until <= now,
    }
}
