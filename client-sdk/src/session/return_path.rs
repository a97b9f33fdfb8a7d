//! The way back into a room after the signaling connection was lost.

use std::sync::Arc;
use std::time::Duration;

use crate::event::CloseReason;

/// How to come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// With the token that the seat was taken with: as the newest, under another id.
    Attach,
    /// By joining anew.
    Join,
    /// With the resume token: the seat is as it was.
    Resume {
        /// The token; keep it out of logs.
        token: Arc<str>,
        /// How many messages were received.
        last_seq: u64,
    },
}

/// Why there is no signaling connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Setback {
    /// It was closed or lost.
    Lost {
        /// The WebSocket close code, where there was one.
        code: Option<u16>,
        /// What is known of it, for people.
        reason: String,
    },
    /// The server answered that this way is closed.
    Refused {
        /// The reason, for people.
        reason: String,
    },
    /// The server could not be reached.
    Unreachable {
        /// How, for people.
        reason: String,
    },
}

/// Which ways are left, and how patiently they are tried.
#[derive(Debug, Default)]
pub(super) struct ReturnPath {
    resume_token: Option<Arc<str>>,
    /// The way that is tried now; steps down only.
    rung: Rung,
    attempts: u32,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Rung {
    #[default]
    Resume,
    Attach,
    Join,
    None,
}

impl ReturnPath {
    /// The room was entered: every way is open again.
    pub(super) fn entered(&mut self, resume_token: Option<Arc<str>>) {
        let rung = if resume_token.is_some() { Rung::Resume } else { Rung::Attach };
        *self = Self { resume_token, rung, attempts: 0, is_over: false };
    }

    /// The next way to try and after which time, or why there is none.
    pub(super) fn after(
        &mut self,
        setback: Setback,
        last_seq: u64,
        jitter: f64,
    ) -> Result<(Way, Duration), CloseReason> {
        let reason = match setback {
            Setback::Lost { code: Some(code), reason } => {
                if let Some(closed) = final_reason(code, &reason) {
                    return Err(closed);
                }
                if code == RESUME_FAILED {
                    self.step_down();
                }
                reason
            }
            Setback::Refused { reason } => {
                self.step_down();
                reason
            }
            Setback::Lost { code: None, reason } | Setback::Unreachable { reason } => reason,
        };
        let way = match (self.rung, &self.resume_token) {
            (Rung::Resume, Some(token)) => Way::Resume { token: Arc::clone(token), last_seq },
            (Rung::Resume, None) | (Rung::Attach, _) => Way::Attach,
            (Rung::Join, _) => Way::Join,
            (Rung::None, _) => return Err(CloseReason::SignalingLost { reason }),
        };
        if self.attempts >= MOST_ATTEMPTS {
            return Err(CloseReason::SignalingLost { reason });
        }
        self.attempts += 1;
        Ok((way, backoff(self.attempts, jitter)))
    }

    fn step_down(&mut self) {
        self.rung = match self.rung {
            Rung::Resume => Rung::Attach,
            Rung::Attach => Rung::Join,
            Rung::Join | Rung::None => Rung::None,
        };
    }

    pub(super) fn close(&mut self) {
        self.is_over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Close codes after which coming back is of no use.
fn final_reason(code: u16, reason: &str) -> Option<CloseReason> {
    let reason = reason.to_owned();
    match code {
        4503 => Some(CloseReason::RoomClosed { reason }),
        4509 => Some(CloseReason::Replaced),
        4511 => Some(CloseReason::Kicked { reason }),
        // Bad token, bad messages, room full, too much sent.
        4500 | 4501 | 4504 | 4513 => Some(CloseReason::Refused { code }),
        _ => None,
    }
}

/// Exponential, with full jitter: whatever lost a thousand participants does not get them back at once.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_PAUSE);
    ceiling.mul_f64(jitter.clamp(0.0, 1.0))
}

const RESUME_FAILED: u16 = 4510;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// About three minutes of trying.
const MOST_ATTEMPTS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(code: u16) -> Setback {
        Setback::Lost { code: Some(code), reason: "x".into() }
    }

    fn refused() -> Setback {
        Setback::Refused { reason: "x".into() }
    }

    fn unreachable() -> Setback {
        Setback::Unreachable { reason: "x".into() }
    }

    fn path() -> ReturnPath {
        let mut path = ReturnPath::default();
        path.entered(Some("token".into()));
        path
    }

    #[test]
    fn no_way_is_tried_again_that_was_refused() {
        let mut path = path();
        let resume = Way::Resume { token: "token".into(), last_seq: 7 };
        assert_eq!(path.after(lost(4001), 7, 0.0).unwrap().0, resume);
        assert_eq!(path.after(unreachable(), 7, 0.0).unwrap().0, resume);
        assert_eq!(path.after(refused(), 7, 0.0).unwrap().0, Way::Attach);
        assert_eq!(path.after(refused(), 7, 0.0).unwrap().0, Way::Join);
        assert_eq!(path.after(refused(), 7, 0.0), Err(CloseReason::SignalingLost { reason: "x".into() }));
    }

    #[test]
    fn entering_opens_every_way_again() {
        let mut path = path();
        path.after(refused(), 0, 0.0).unwrap();
        path.entered(Some("newer".into()));
        assert_eq!(
            path.after(lost(4008), 1, 0.0).unwrap().0,
            Way::Resume { token: "newer".into(), last_seq: 1 }
        );
    }

    #[test]
    fn some_codes_are_final() {
        for (code, reason) in [
            (4503, CloseReason::RoomClosed { reason: "x".into() }),
            (4509, CloseReason::Replaced),
            (4511, CloseReason::Kicked { reason: "x".into() }),
            (4500, CloseReason::Refused { code: 4500 }),
        ] {
            assert_eq!(path().after(lost(code), 0, 0.0), Err(reason));
        }
        assert_eq!(path().after(lost(4510), 0, 0.0).unwrap().0, Way::Attach);
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_trying_ends() {
        let mut path = path();
        let pauses: Vec<Duration> =
            std::iter::from_fn(|| path.after(unreachable(), 0, 1.0).ok().map(|(_, after)| after)).collect();
        assert_eq!(pauses.len(), MOST_ATTEMPTS as usize);
        assert!(pauses.is_sorted() && pauses[0] == FIRST_PAUSE && pauses[39] == LONGEST_PAUSE, "{pauses:?}");
        assert_eq!(backoff(3, 0.5), Duration::from_millis(400));
    }
}
