//! The losses of participants before the run ended.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use client_sdk::ParticipantId;
use serde::{Deserialize, Serialize};

use crate::measure::stream::StreamKind;

/// Something that was lost after entering, and perhaps came back.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) of: Lost,
    pub(crate) at: Instant,
    pub(crate) back_at: Option<Instant>,
}

/// The kinds of losses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Lost {
    /// The connection to another participant.
    Connection(ParticipantId),
    /// Another participant's audio or video.
    Media(StreamKind, ParticipantId),
    /// Another participant, who left or was removed.
    Participant(ParticipantId),
    /// The place in the room, for good.
    Seat,
    /// The signaling socket.
    Signaling,
}

/// The losses of one participant, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses(Vec<Loss>);

impl Losses {
    /// Notes a loss, unless it is lost already.
    pub(crate) fn lose(&mut self, of: Lost, now: Instant) {
        if self.open(&of).is_none() {
            self.0.push(Loss { of, at: now, back_at: None });
        }
    }

    /// Notes that something is there, and ends its loss if it was lost.
    pub(crate) fn regain(&mut self, of: &Lost, now: Instant) {
        if let Some(loss) = self.open(of) {
            loss.back_at = Some(now);
        }
    }

    /// The losses before the run ended, when everybody leaves.
    pub(crate) fn before(&self, end: Instant) -> impl Iterator<Item = &Loss> {
        self.0.iter().filter(move |loss| loss.at < end)
    }

    /// Removes the losses that an intended leave causes.
    pub(crate) fn retain(&mut self, keeps: impl FnMut(&Loss) -> bool) {
        self.0.retain(keeps);
    }

    fn open(&mut self, of: &Lost) -> Option<&mut Loss> {
        self.0.iter_mut().find(|loss| loss.of == *of && loss.back_at.is_none())
    }
}

/// The losses of all participants.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllLosses {
    pub(crate) by_kind: BTreeMap<LostKind, LossTotals>,
    /// Until when any participant had a signaling socket, without those that lost theirs for good.
    attended_until: Option<Instant>,
}

/// The losses of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossTotals {
    pub(crate) lost: u64,
    /// Those that were there again before the end.
    pub(crate) back: u64,
    pub(crate) first_at: Instant,
    /// When the last one that did not come back was lost.
    last_for_good_at: Option<Instant>,
}

impl AllLosses {
    /// Adds the losses of a participant before the end of its stay or of the run.
    pub(crate) fn add_visit(&mut self, losses: &Losses, until: Instant, end: Instant) {
        let mut is_gone = false;
        for loss in losses.before(end) {
            is_gone |= loss.of == Lost::Signaling && loss.back_at.is_none();
            self.add(loss);
        }
        if !is_gone {
            self.attended_until = self.attended_until.max(Some(until.min(end)));
        }
    }

    pub(crate) fn add(&mut self, loss: &Loss) {
        let totals = self.by_kind.entry(loss.of.kind()).or_insert(LossTotals {
            lost: 0,
            back: 0,
            first_at: loss.at,
            last_for_good_at: None,
        });
        totals.lost += 1;
        totals.first_at = totals.first_at.min(loss.at);
        match loss.back_at {
            Some(_) => totals.back += 1,
            None => totals.last_for_good_at = totals.last_for_good_at.max(Some(loss.at)),
        }
    }

    /// When the last of those who were there lost its signaling socket, if none got one back.
    pub(crate) fn server_gone_at(&self) -> Option<Instant> {
        let gone_at = self.by_kind.get(&LostKind::SignalingSockets)?.last_for_good_at?;
        self.attended_until.is_none_or(|until| until <= gone_at).then_some(gone_at)
    }
}

impl Lost {
    /// The kind of thing, as the report names it.
    pub(crate) fn kind(&self) -> LostKind {
        match self {
            Self::Connection(_) => LostKind::Connections,
            Self::Media(..) => LostKind::Media,
            Self::Participant(_) => LostKind::Participants,
            Self::Seat => LostKind::Seats,
            Self::Signaling => LostKind::SignalingSockets,
        }
    }
}

/// A row of the report.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LostKind {
    Connections,
    Media,
    Participants,
    Seats,
    SignalingSockets,
}

impl fmt::Display for LostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connections => "connections",
            Self::Media => "media tracks",
            Self::Participants => "participants",
            Self::Seats => "seats",
            Self::SignalingSockets => "signaling sockets",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_loss_lasts_until_what_was_lost_is_back() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut losses = Losses::default();
        losses.regain(&Lost::Signaling, at(0));
        losses.lose(Lost::Signaling, at(1));
        losses.lose(Lost::Signaling, at(2));
        losses.regain(&Lost::Signaling, at(3));
        losses.lose(Lost::Signaling, at(4));
        losses.lose(Lost::Seat, at(9));
        let seen: Vec<_> =
            losses.before(at(9)).map(|loss| (loss.of.kind(), loss.at, loss.back_at)).collect();
        let kind = LostKind::SignalingSockets;
        assert_eq!(seen, [(kind, at(1), Some(at(3))), (kind, at(4), None)]);
    }

    #[test]
    fn a_server_is_gone_when_nobody_who_was_there_has_a_socket() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let lost_at = |seconds| {
            let mut losses = Losses::default();
            losses.lose(Lost::Signaling, at(seconds));
            losses
        };
        let end = at(60);
        let mut all = AllLosses::default();
        // It had left long before.
        all.add_visit(&Losses::default(), at(10), end);
        all.add_visit(&lost_at(20), end, end);
        all.add_visit(&lost_at(21), end, end);
        assert_eq!(all.server_gone_at(), Some(at(21)));
        let mut back = lost_at(20);
        back.regain(&Lost::Signaling, at(22));
        all.add_visit(&back, at(50), end);
        assert_eq!(all.server_gone_at(), None);
        assert_eq!(AllLosses::default().server_gone_at(), None);
    }
}
