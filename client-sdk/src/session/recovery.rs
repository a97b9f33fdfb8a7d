//! The recovery of a connection over which nothing gets through.

use std::time::{Duration, Instant};

/// The steps taken so far: ICE is restarted, and if that does not help, the connection is rebuilt a
/// few times.
///
/// One of the two sides begins. The other waits for it for a limited time.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    step: Step,
    /// The rebuilds since the connection last worked.
    rebuilds: usize,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    None,
    /// The other side is expected to restart ICE.
    Awaiting { until: Instant },
    /// Descriptions were exchanged, and the connection is expected to succeed or to fail.
    Connecting { until: Instant },
    /// The connection is useless and will be rebuilt.
    Pausing { until: Instant },
    /// This side has restarted ICE.
    Restarting { until: Instant },
}

/// The next step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RecoveryAction {
    GiveUp,
    Rebuild,
    RestartIce,
    Wait,
}

impl Recovery {
    /// Notes that the connection works.
    pub(super) fn connected(&mut self) {
        *self = Self::default();
    }

    /// Notes that the connection was replaced or closed.
    pub(super) fn start_anew(&mut self) {
        self.step = Step::None;
    }

    /// Notes that descriptions were exchanged. webrtc-rs reports a failure of ICE, but not that the
    /// two descriptions do not match, as after an answer to an offer that was rolled back.
    pub(super) fn connecting(&mut self, begins: bool, now: Instant) {
        if matches!(self.step, Step::None) {
            let until = now + if begins { CONNECTING } else { 2 * CONNECTING };
            self.step = Step::Connecting { until };
        }
    }

    /// Notes that ICE has found a path. If packets are lost, webrtc-rs may never finish the DTLS
    /// handshake, and does not report that.
    pub(super) fn shaking_hands(&mut self, begins: bool, now: Instant) {
        if let Step::Connecting { .. } | Step::None = self.step {
            let until = now + if begins { HANDSHAKE } else { 2 * HANDSHAKE };
            self.step = Step::Connecting { until };
        }
    }

    /// Handles that ICE or DTLS has failed. `begins` tells whether this side takes the first step.
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

    /// Rebuilds the connection: at once the first time, and after a pause later, since without a
    /// network one connection fails after the other.
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

    /// Handles a deadline that may have passed. While the server `is_away`, nothing can be
    /// negotiated, and the deadline is moved.
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

    /// Whether the connection has not been established in time.
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

/// Enough for an offer, an answer and connectivity checks over a slow network.
const PATIENCE: Duration = Duration::from_secs(15);
/// Enough for four flights, some of which are retransmitted after 1, 2 and 4 seconds (RFC 6347
/// section 4.2.4.1).
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longer than ICE takes to fail.
const CONNECTING: Duration = Duration::from_secs(45);
/// The pauses before the first, second and third rebuild. There is no fourth.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];
