//! What one participant observed.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use client_sdk::{ConnectionFailure, ConnectionState, ParticipantId, PeerStats};

use super::meter::ObservedTrack;
use crate::measure::loss::{Losses, Lost};
use crate::measure::stream::StreamKind;

/// What one participant observed.
#[derive(Debug)]
pub(crate) struct Observations {
    /// The ids that it had, of which it entered with the first.
    pub(super) ids: Vec<ParticipantId>,
    /// When it was planned to arrive.
    pub(super) intended: Instant,
    pub(super) entered: Instant,
    /// Those who were there when it entered.
    pub(super) there: HashSet<ParticipantId>,
    /// Whether it sends media.
    pub(super) publishes: bool,
    /// When its network was made to stall.
    pub(super) stalls: Vec<Instant>,
    /// When it left before the end, as was planned.
    pub(super) left: Option<Instant>,
    /// When it learned of each other participant.
    pub(super) met: HashMap<ParticipantId, Instant>,
    pub(super) connected: HashMap<ParticipantId, Instant>,
    pub(super) failed: HashMap<ParticipantId, Option<ConnectionFailure>>,
    /// Those to whom the connection was gone for a while, for whatever reason.
    pub(super) interrupted: HashSet<ParticipantId>,
    /// When it showed a screen, and until when.
    pub(super) screens: Vec<(Instant, Option<Instant>)>,
    /// Its sources that are not sent, and why.
    pub(super) degraded: HashMap<StreamKind, String>,
    pub(super) tracks: Vec<ObservedTrack>,
    /// The last statistics of its connections.
    pub(super) stats: HashMap<ParticipantId, PeerStats>,
    pub(super) losses: Losses,
    /// When it measured for the last time.
    pub(super) until: Instant,
}

impl Observations {
    /// The observations of a participant that has just entered, came first and only watches.
    pub(super) fn new(id: ParticipantId, now: Instant) -> Self {
        Self {
            ids: vec![id],
            intended: now,
            entered: now,
            there: HashSet::new(),
            publishes: false,
            stalls: Vec::new(),
            left: None,
            met: HashMap::new(),
            connected: HashMap::new(),
            failed: HashMap::new(),
            interrupted: HashSet::new(),
            screens: Vec::new(),
            degraded: HashMap::new(),
            tracks: Vec::new(),
            stats: HashMap::new(),
            losses: Losses::default(),
            until: now,
        }
    }

    /// The connection to another participant is in that state, and not up. A planned negotiation
    /// restarts ICE while the old path still works.
    pub(super) fn disconnected(
        &mut self,
        participant: ParticipantId,
        state: ConnectionState,
        failure: Option<ConnectionFailure>,
        is_negotiated_again: bool,
        now: Instant,
    ) {
        if state == ConnectionState::Failed {
            self.failed.insert(participant, failure);
        }
        let is_planned = state == ConnectionState::Connecting && is_negotiated_again;
        if self.connected.contains_key(&participant) && !is_planned {
            self.interrupted.insert(participant);
            self.losses.lose(Lost::Connection(participant), now);
        }
    }

    /// It no longer shows its screen.
    pub(super) fn end_screen(&mut self, now: Instant) {
        if let Some((_, until)) = self.screens.last_mut() {
            until.get_or_insert(now);
        }
    }

    /// The id with which it entered.
    pub(super) fn id(&self) -> ParticipantId {
        self.ids[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_negotiation_interrupts_no_stream() {
        let now = Instant::now();
        let [id, other]: [ParticipantId; 2] =
            ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let told = |state, is_negotiated_again| {
            let mut observations = Observations::new(id, now);
            observations.connected.insert(other, now);
            observations.disconnected(other, state, None, is_negotiated_again, now);
            let lost = observations.losses.before(now + std::time::Duration::from_secs(1)).count();
            (observations.interrupted.contains(&other), lost)
        };
        assert_eq!(told(ConnectionState::Connecting, true), (false, 0));
        assert_eq!(told(ConnectionState::Connecting, false), (true, 1));
        assert_eq!(told(ConnectionState::Disconnected, true), (true, 1));
        assert_eq!(told(ConnectionState::Failed, true), (true, 1));
    }
}
