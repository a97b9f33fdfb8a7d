//! What is done about a connection over which nothing gets through.

use std::time::{Duration, Instant};

/// The steps taken so far: ICE is restarted, and if that does not help the connection is rebuilt, a
/// few times.
///
/// One of the two sides begins. The other waits for it, but not for ever.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    step: Step,
    /// Since the last time that the connection worked.
    rebuilds: usize,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    None,
    /// The other side is expected to restart ICE.
    Awaiting { until: Instant },
    /// Descriptions were exchanged, and the connection is expected to work or to fail.
    Connecting { until: Instant },
    /// The connection is useless and will be rebuilt.
    Pausing { until: Instant },
    /// This side has restarted ICE.
    Restarting { until: Instant },
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RecoveryAction {
    GiveUp,
    Rebuild,
    RestartIce,
    Wait,
}

impl Recovery {
    /// The connection works.
    pub(super) fn connected(&mut self) {
        *self = Self::default();
    }

    /// The connection was replaced or closed.
    pub(super) fn start_anew(&mut self) {
        self.step = Step::None;
    }

    /// Descriptions were exchanged. webrtc-rs reports that ICE has failed, but not that the two
    /// ends do not belong together, as after an answer to an offer that was rolled back.
    pub(super) fn connecting(&mut self, begins: bool, now: Instant) {
        if matches!(self.step, Step::None) {
            let until = now + if begins { CONNECTING } else { 2 * CONNECTING };
            self.step = Step::Connecting { until };
        }
    }

    /// ICE has found a path. When packets are lost webrtc-rs does not always finish the DTLS
    /// handshake, and does not report that.
    pub(super) fn shaking_hands(&mut self, begins: bool, now: Instant) {
        if let Step::Connecting { .. } | Step::None = self.step {
            let until = now + if begins { HANDSHAKE } else { 2 * HANDSHAKE };
            self.step = Step::Connecting { until };
        }
    }

    /// ICE or DTLS has failed; `begins` says whether this side takes the first step.
    pub(super) fn failed(&mut self, begins: bool, now: Instant) -> RecoveryAction {
        match self.step {
            Step::Connecting { .. } | Step::None if begins => {
                self.step = Step::Restarting { until: now + PATIENCE };
                RecoveryAction::RestartIce
            }
            Step::Connecting { .. } | Step::None => {
                self.step = Step::Awaiting { until: now + 2 * PATIENCE };
                RecoveryAction::Wait
            }
            Step::Awaiting { .. } | Step::Pausing { .. } => RecoveryAction::Wait,
            Step::Restarting { .. } => self.rebuild(now),
        }
    }

    /// Only another connection helps: at once the first time, after a pause later, since a network
    /// that is gone fails one connection after the other.
    pub(super) fn rebuild(&mut self, now: Instant) -> RecoveryAction {
        if let Step::Pausing { .. } = self.step {
            return RecoveryAction::Wait;
        }
        let Some(pause) = PAUSES.get(self.rebuilds) else { return RecoveryAction::GiveUp };
        self.rebuilds += 1;
        if pause.is_zero() {
            return RecoveryAction::Rebuild;
        }
        self.step = Step::Pausing { until: now + *pause };
        RecoveryAction::Wait
    }

    /// A deadline may have passed. While the server `is_away` nothing can be negotiated, and the
    /// deadline moves.
    pub(super) fn timeout(&mut self, is_away: bool, now: Instant) -> RecoveryAction {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return RecoveryAction::Wait;
        }
        match &mut self.step {
            Step::Awaiting { until }
            | Step::Connecting { until }
            | Step::Pausing { until }
            | Step::Restarting { until }
                if is_away =>
            {
                *until = now + PATIENCE;
                RecoveryAction::Wait
            }
            Step::Pausing { .. } => RecoveryAction::Rebuild,
            Step::Awaiting { .. } | Step::Connecting { .. } | Step::Restarting { .. } => {
                self.rebuild(now)
            }
            Step::None => RecoveryAction::Wait,
        }
    }

    /// Whether a connection has not worked in time.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        match self.step {
            Step::Awaiting { until } | Step::Connecting { until } | Step::Restarting { until } => {
                until <= now
            }
            Step::None | Step::Pausing { .. } => false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.step {
            Step::Awaiting { until }
            | Step::Connecting { until }
            | Step::Pausing { until }
            | Step::Restarting { until } => Some(until),
            Step::None => None,
        }
    }
}

/// For an offer, an answer and connectivity checks over a slow network.
const PATIENCE: Duration = Duration::from_secs(15);
/// For four flights, some of which are sent again after 1, 2 and 4 seconds (RFC 6347 section
/// 4.2.4.1).
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longer than ICE takes to fail.
const CONNECTING: Duration = Duration::from_secs(45);
/// Before the first, second and third rebuild. There is no fourth.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];
