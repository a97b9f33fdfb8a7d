//! The return to a room after the signaling connection was lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::CloseReason;

/// How to enter the room again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reconnect {
    /// Take a new seat with the token of the old one, under another id.
    Attach,
    /// Join the room again.
    Join,
    /// Resume the old seat.
    Resume {
        /// The resume token; keep it out of logs.
        token: Arc<str>,
        /// How many messages were received.
        last_seq: u64,
    },
}

/// Why there is no signaling connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignalingLoss {
    /// The connection was closed or broke.
    Lost {
        /// The WebSocket close code, if there was one.
        code: Option<u16>,
        /// A human-readable reason.
        reason: String,
    },
    /// The server refused the attempt.
    Refused {
        /// The stable code, like `room_full`.
        code: String,
        /// A human-readable reason.
        reason: String,
        /// How long to wait before the next attempt, if the server specifies it.
        retry_after: Option<Duration>,
    },
    /// The server could not be reached.
    Unreachable {
        /// A human-readable reason.
        reason: String,
    },
}

impl SignalingLoss {
    /// Whether the server closed the connection because of a message that it received: one that
    /// violates RFC 6455, is not UTF-8, or is too long.
    pub(super) fn is_for_a_message(&self) -> bool {
        matches!(self, Self::Lost { code: Some(1002 | 1007 | 1009), .. })
    }
}

/// The steps that are left, and the pauses between attempts.
#[derive(Debug, Default)]
pub(super) struct ReconnectPolicy {
    resume_token: Option<Arc<str>>,
    /// The step to try next. Only entering the room makes earlier steps available again.
    rung: Step,
    /// The number of attempts since the last stable connection.
    attempts: u32,
    entered_at: Option<Instant>,
    /// The next pause, if the server has asked for one.
    asked_pause: Option<Duration>,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Step {
    #[default]
    Resume,
    Attach,
    Join,
    None,
}

impl ReconnectPolicy {
    /// Notes that the room was entered, so every step is available again.
    pub(super) fn entered(&mut self, resume_token: Option<Arc<str>>, now: Instant) {
        self.rung = if resume_token.is_some() { Step::Resume } else { Step::Attach };
        self.resume_token = resume_token;
        self.entered_at = Some(now);
    }

    /// Notes that the server asks for a pause before the next attempt.
    pub(super) fn asked_to_wait(&mut self, pause: Duration) {
        self.asked_pause = Some(pause.min(LONGEST_ASKED_PAUSE));
    }

    /// Returns the next step and the pause before it, or why there is none.
    ///
    /// A participant that `is_calling`, whose media flows without the server, never stops trying.
    /// Others stop after some minutes.
    pub(super) fn after(
        &mut self,
        loss: SignalingLoss,
        last_seq: u64,
        is_calling: bool,
        jitter: f64,
        now: Instant,
    ) -> Result<(Reconnect, Duration), CloseReason> {
        // A connection that is lost soon after it was opened does not reset the pauses.
        if self.entered_at.take().is_some_and(|at| now.saturating_duration_since(at) >= STEADY) {
            self.attempts = 0;
        }
        let reason = match loss {
            SignalingLoss::Lost { code: Some(code), reason } => {
                if let Some(closed) = final_reason(code, &reason) {
                    return Err(closed);
                }
                if code == RESUME_FAILED {
                    self.step_down();
                }
                reason
            }
            SignalingLoss::Refused { code, reason, retry_after } => {
                if let Some(pause) = retry_after {
                    self.asked_to_wait(pause);
                }
                match EntryRefusal::of(&code) {
                    EntryRefusal::Closed => return Err(CloseReason::RoomClosed { reason }),
                    EntryRefusal::Expired => return Err(CloseReason::RoomExpired { reason }),
                    EntryRefusal::ForAll => self.rung = Step::None,
                    EntryRefusal::ForNow => {}
                    EntryRefusal::OfThisWay => self.step_down(),
                }
                reason
            }
            SignalingLoss::Lost { code: None, reason } | SignalingLoss::Unreachable { reason } => {
                reason
            }
        };
        let how = match (self.rung, &self.resume_token) {
            (Step::Resume, Some(token)) => Reconnect::Resume { token: Arc::clone(token), last_seq },
            (Step::Resume, None) | (Step::Attach, _) => Reconnect::Attach,
            (Step::Join, _) => Reconnect::Join,
            (Step::None, _) => return Err(CloseReason::SignalingLost { reason }),
        };
        if self.attempts >= MAX_ATTEMPTS && !is_calling {
            return Err(CloseReason::SignalingLost { reason });
        }
        self.attempts = self.attempts.saturating_add(1);
        let pause = self.asked_pause.take().unwrap_or_else(|| backoff(self.attempts, jitter));
        Ok((how, pause))
    }

    /// Returns the next step to tell the server that this participant has left, and the pause
    /// before it; `None` if no step is left. Whoever leaves waits for the end of the attempts, so
    /// the pauses are short, and the server's answer that a step is refused needs none.
    pub(super) fn after_leave(
        &mut self,
        loss: SignalingLoss,
        last_seq: u64,
        jitter: f64,
        now: Instant,
    ) -> Option<(Reconnect, Duration)> {
        let before = self.rung;
        let (how, _) = self.after(loss, last_seq, true, jitter, now).ok()?;
        let longest = if self.rung == before { LONGEST_LEAVING_PAUSE } else { Duration::ZERO };
        Some((how, longest.mul_f64(jitter.clamp(0.0, 1.0))))
    }

    fn step_down(&mut self) {
        self.rung = match self.rung {
            Step::Resume => Step::Attach,
            Step::Attach => Step::Join,
            Step::Join | Step::None => Step::None,
        };
    }

    /// Whether the server speaks v2. Only v2 has resume tokens.
    pub(super) fn knows_v2(&self) -> bool {
        self.resume_token.is_some()
    }

    pub(super) fn close(&mut self) {
        self.is_over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// The consequence of a refusal for returning to the room.
enum EntryRefusal {
    /// The room was closed.
    Closed,
    /// The room has expired.
    Expired,
    /// No step is left: the room is unknown, or this participant is not admitted. Joining under
    /// another id would circumvent a kick, and trying a changed password would only use up
    /// attempts.
    ForAll,
    /// The same step may be tried later.
    ForNow,
    /// The next step may succeed.
    OfThisWay,
}

impl EntryRefusal {
    fn of(code: &str) -> Self {
        match code {
            "room_closed" => Self::Closed,
            "room_expired" => Self::Expired,
            "forbidden" | "room_not_found" | "token_invalid" => Self::ForAll,
            "rate_limited" | "unavailable" => Self::ForNow,
            _ => Self::OfThisWay,
        }
    }
}

/// The reason for a close code after which returning is pointless.
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

/// Exponential backoff with full jitter, so that the participants of a lost server do not all
/// return at once.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let ceiling = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_PAUSE);
    ceiling.mul_f64(jitter.clamp(0.0, 1.0))
}

const RESUME_FAILED: u16 = 4510;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_LEAVING_PAUSE: Duration = Duration::from_millis(500);
/// The server keeps a seat for half a minute.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(20);
/// A connection that lasts this long counts as stable.
const STEADY: Duration = Duration::from_secs(10);
/// About three minutes of attempts.
const MAX_ATTEMPTS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(code: u16) -> SignalingLoss {
        SignalingLoss::Lost { code: Some(code), reason: "x".into() }
    }

    fn refused(code: &str) -> SignalingLoss {
        refused_for(code, None)
    }

    fn refused_for(code: &str, retry_after: Option<Duration>) -> SignalingLoss {
        SignalingLoss::Refused { code: code.into(), reason: "x".into(), retry_after }
    }

    fn unreachable() -> SignalingLoss {
        SignalingLoss::Unreachable { reason: "x".into() }
    }

    /// A participant in no call that has received seven messages.
    struct Walk {
        path: ReconnectPolicy,
        now: Instant,
    }

    impl Walk {
        fn new() -> Self {
            let mut walk = Self { path: ReconnectPolicy::default(), now: Instant::now() };
            walk.path.entered(Some("token".into()), walk.now);
            walk
        }

        fn after(&mut self, loss: SignalingLoss) -> Result<Reconnect, CloseReason> {
            self.path.after(loss, 7, false, 0.0, self.now).map(|(way, _)| way)
        }

        fn pauses(&mut self, is_calling: bool, count: usize) -> Vec<Duration> {
            let tries =
                (0..count).map(|_| self.path.after(unreachable(), 7, is_calling, 1.0, self.now));
            tries.map_while(Result::ok).map(|(_, after)| after).collect()
        }
    }

    fn resume() -> Reconnect {
        Reconnect::Resume { token: "token".into(), last_seq: 7 }
    }

    fn nowhere() -> Result<Reconnect, CloseReason> {
        Err(CloseReason::SignalingLost { reason: "x".into() })
    }

    #[test]
    fn no_way_is_tried_again_that_was_refused() {
        let mut walk = Walk::new();
        assert_eq!(walk.after(lost(4001)), Ok(resume()));
        assert_eq!(walk.after(unreachable()), Ok(resume()));
        assert_eq!(walk.after(refused("resume_failed")), Ok(Reconnect::Attach));
        assert_eq!(walk.after(refused("token_expired")), Ok(Reconnect::Join));
        assert_eq!(walk.after(refused("wrong_password")), nowhere());
    }

    #[test]
    fn a_server_that_asks_for_patience_is_asked_the_same_again() {
        let mut walk = Walk::new();
        for code in ["unavailable", "rate_limited"] {
            assert_eq!(walk.after(refused(code)), Ok(resume()), "{code}");
        }
    }

    #[test]
    fn whoever_is_not_let_in_does_not_join_under_another_id() {
        for code in ["token_invalid", "forbidden", "room_not_found"] {
            let mut walk = Walk::new();
            assert_eq!(walk.after(refused("resume_failed")), Ok(Reconnect::Attach));
            assert_eq!(walk.after(refused(code)), nowhere(), "{code}");
        }
    }

    #[test]
    fn a_room_that_was_closed_meanwhile_is_over() {
        for (code, over) in [
            ("room_closed", CloseReason::RoomClosed { reason: "x".into() }),
            ("room_expired", CloseReason::RoomExpired { reason: "x".into() }),
        ] {
            assert_eq!(Walk::new().after(refused(code)), Err(over), "{code}");
        }
    }

    #[test]
    fn entering_opens_every_way_again() {
        let mut walk = Walk::new();
        walk.after(refused("resume_failed")).unwrap();
        walk.path.entered(Some("newer".into()), walk.now);
        assert_eq!(
            walk.after(lost(4008)),
            Ok(Reconnect::Resume { token: "newer".into(), last_seq: 7 })
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
            assert_eq!(Walk::new().after(lost(code)), Err(reason));
        }
        assert_eq!(Walk::new().after(lost(4510)), Ok(Reconnect::Attach));
    }

    #[test]
    fn a_server_that_stops_says_when_to_come_back() {
        let mut walk = Walk::new();
        walk.path.asked_to_wait(Duration::from_secs(3));
        let pause = |walk: &mut Walk| {
            let (_, pause) = walk.path.after(lost(4001), 7, true, 1.0, walk.now).unwrap();
            pause
        };
        assert_eq!(pause(&mut walk), Duration::from_secs(3));
        assert_eq!(pause(&mut walk), 2 * FIRST_PAUSE);
    }

    #[test]
    fn a_server_that_refuses_says_when_to_come_back() {
        let mut walk = Walk::new();
        let mut pause = |seconds: Option<u64>| {
            let loss = refused_for("rate_limited", seconds.map(Duration::from_secs));
            let (how, pause) = walk.path.after(loss, 7, true, 1.0, walk.now).unwrap();
            assert_eq!(how, resume());
            pause
        };
        assert_eq!(pause(Some(3)), Duration::from_secs(3));
        assert_eq!(pause(Some(3600)), LONGEST_ASKED_PAUSE);
        assert_eq!(pause(None), 4 * FIRST_PAUSE);
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_trying_ends_unless_there_is_a_call() {
        let mut walk = Walk::new();
        let pauses = walk.pauses(false, 100);
        assert_eq!(pauses.len(), MAX_ATTEMPTS as usize);
        assert!(
            pauses.is_sorted() && pauses[0] == FIRST_PAUSE && pauses[39] == LONGEST_PAUSE,
            "{pauses:?}"
        );
        assert_eq!(backoff(3, 0.5), Duration::from_millis(400));
        assert_eq!(walk.pauses(true, 100), [LONGEST_PAUSE; 100]);
    }

    #[test]
    fn pauses_are_short_again_only_once_a_connection_has_lasted() {
        let mut walk = Walk::new();
        assert_eq!(walk.pauses(false, 3)[2], 4 * FIRST_PAUSE);
        walk.path.entered(Some("token".into()), walk.now);
        assert_eq!(walk.pauses(false, 1), [8 * FIRST_PAUSE]);
        walk.path.entered(Some("token".into()), walk.now);
        walk.now += STEADY;
        assert_eq!(walk.pauses(false, 1), [FIRST_PAUSE]);
    }
}
