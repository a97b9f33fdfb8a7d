//! What is done about a connection that does not get through any more.

use std::time::{Duration, Instant};

/// The measures that were taken, one after the other: ICE starts anew, and where that does not help the connection is
/// built anew, a few times.
///
/// Of two sides one begins. The other one gives it time, and then does not wait for it any longer.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    step: Step,
    /// Since the last time a connection got through.
    rebuilds: usize,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    None,
    /// The other side is expected to start ICE anew.
    Awaiting { until: Instant },
    /// Descriptions were exchanged, and the connection is expected to get through or to fail.
    Connecting { until: Instant },
    /// The connection is of no use, and is built anew then.
    Pausing { until: Instant },
    /// This side has started ICE anew.
    Restarting { until: Instant },
}

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    GiveUp,
    Rebuild,
    RestartIce,
    Wait,
}

impl Recovery {
    /// The connection got through.
    pub(super) fn connected(&mut self) {
        *self = Self::default();
    }

    /// There is another connection, or none.
    pub(super) fn start_anew(&mut self) {
        self.step = Step::None;
    }

    /// Descriptions were exchanged. The library tells when ICE fails, but not when the ends do not know each other, after an
    /// answer to an offer that was taken back.
    pub(super) fn connecting(&mut self, begins: bool, now: Instant) {
        if matches!(self.step, Step::None) {
            let until = now + if begins { CONNECTING } else { 2 * CONNECTING };
            self.step = Step::Connecting { until };
        }
    }

    /// ICE has found a path. Where packets are lost, the library does not always bring the DTLS handshake to an end, and
    /// does not tell.
    pub(super) fn shaking_hands(&mut self, begins: bool, now: Instant) {
        if let Step::Connecting { .. } | Step::None = self.step {
            let until = now + if begins { HANDSHAKE } else { 2 * HANDSHAKE };
            self.step = Step::Connecting { until };
        }
    }

    /// ICE or DTLS has failed; `begins` says whether it is up to this side to do something.
    pub(super) fn failed(&mut self, begins: bool, now: Instant) -> Measure {
        match self.step {
            Step::Connecting { .. } | Step::None if begins => {
                self.step = Step::Restarting { until: now + PATIENCE };
                Measure::RestartIce
            }
            Step::Connecting { .. } | Step::None => {
                self.step = Step::Awaiting { until: now + 2 * PATIENCE };
                Measure::Wait
            }
            Step::Awaiting { .. } | Step::Pausing { .. } => Measure::Wait,
            Step::Restarting { .. } => self.rebuild(now),
        }
    }

    /// Only another connection helps, at once or after a pause: a network that is gone fails them one after the other.
    pub(super) fn rebuild(&mut self, now: Instant) -> Measure {
        if let Step::Pausing { .. } = self.step {
            return Measure::Wait;
        }
        let Some(pause) = PAUSES.get(self.rebuilds) else { return Measure::GiveUp };
        self.rebuilds += 1;
        if pause.is_zero() {
            return Measure::Rebuild;
        }
        self.step = Step::Pausing { until: now + *pause };
        Measure::Wait
    }

    /// Nothing can be negotiated without the server, so that while it `is_away` patience does not end.
    pub(super) fn timeout(&mut self, is_away: bool, now: Instant) -> Measure {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Measure::Wait;
        }
        match &mut self.step {
            Step::Awaiting { until }
            | Step::Connecting { until }
            | Step::Pausing { until }
            | Step::Restarting { until }
                if is_away =>
            {
                *until = now + PATIENCE;
                Measure::Wait
            }
            Step::Pausing { .. } => Measure::Rebuild,
            Step::Awaiting { .. } | Step::Connecting { .. } | Step::Restarting { .. } => {
                self.rebuild(now)
            }
            Step::None => Measure::Wait,
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

/// Time for an offer, an answer and connectivity checks over a slow network.
const PATIENCE: Duration = Duration::from_secs(15);
/// Four flights, some of which are sent again after 1, 2 and 4 seconds (RFC 6347 section 4.2.4.1).
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longer than ICE takes to fail.
const CONNECTING: Duration = Duration::from_secs(45);
/// Before the first time that a connection is built anew, the second and the third; then it is given up.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];
