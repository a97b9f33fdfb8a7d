//! The way back into a room after the signaling connection was lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
        /// The stable reason, like `room_full`.
        code: String,
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
    /// Since the room was in reach for a while.
    attempts: u32,
    entered_at: Option<Instant>,
    /// The first pause, where the server has asked for one.
    asked_pause: Option<Duration>,
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
    pub(super) fn entered(&mut self, resume_token: Option<Arc<str>>, now: Instant) {
        self.rung = if resume_token.is_some() { Rung::Resume } else { Rung::Attach };
        self.resume_token = resume_token;
        self.entered_at = Some(now);
    }

    /// The server is about to stop, and there will be another one after that time.
    pub(super) fn drained(&mut self, reconnect_after: Duration) {
        self.asked_pause = Some(reconnect_after.min(LONGEST_ASKED_PAUSE));
    }

    /// The next way to try and after which time, or why there is none.
    ///
    /// Somebody who `is_calling`, with media that goes on without the server, goes on trying; anybody else gives up
    /// after some minutes.
    pub(super) fn after(
        &mut self,
        setback: Setback,
        last_seq: u64,
        is_calling: bool,
        jitter: f64,
        now: Instant,
    ) -> Result<(Way, Duration), CloseReason> {
        // A connection that is lost as soon as it stands is no reason to begin with short pauses again.
        if self.entered_at.take().is_some_and(|at| now.saturating_duration_since(at) >= STEADY) {
            self.attempts = 0;
        }
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
            Setback::Refused { code, reason } => {
                match Refusal::of(&code) {
                    Refusal::Closed => return Err(CloseReason::RoomClosed { reason }),
                    Refusal::ForAll => self.rung = Rung::None,
                    Refusal::ForNow => {}
                    Refusal::OfThisWay => self.step_down(),
                }
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
        if self.attempts >= MOST_ATTEMPTS && !is_calling {
            return Err(CloseReason::SignalingLost { reason });
        }
        self.attempts = self.attempts.saturating_add(1);
        let pause = self.asked_pause.take().unwrap_or_else(|| backoff(self.attempts, jitter));
        Ok((way, pause))
    }

    fn step_down(&mut self) {
        self.rung = match self.rung {
            Rung::Resume => Rung::Attach,
            Rung::Attach => Rung::Join,
            Rung::Join | Rung::None => Rung::None,
        };
    }

    /// Only v2 has ways to resume.
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

/// What a refusal says about coming back.
enum Refusal {
    /// The room is over.
    Closed,
    /// No way leads back: the room is not known any more, or this participant is not welcome. Joining under another id
    /// would get around a kick, and with a password that has changed it would only use up the guesses that are left.
    ForAll,
    /// The server asks for patience.
    ForNow,
    /// Another way may lead back.
    OfThisWay,
}

impl Refusal {
    fn of(code: &str) -> Self {
        match code {
            "room_closed" | "room_expired" => Self::Closed,
            "forbidden" | "room_not_found" | "token_invalid" => Self::ForAll,
            "rate_limited" | "unavailable" => Self::ForNow,
            _ => Self::OfThisWay,
        }
    }
}

/// Close codes after which coming back is of no use.
fn final_reason(code: u16, reason: &str) -> Option<CloseReason> {
    let reason = reason.to_owned();
    match code {
        4503 => Some(CloseReason::RoomClosed { reason }),
        4509 => Some(CloseReason::Replaced),
        4511 => Some(CloseReason::Kicked { reason }),
        // Bad frames, too long a message: whatever was not taken would be sent again, and refused again.
        1002 | 1007 | 1009 => Some(CloseReason::Refused { code }),
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
/// Seats are kept for half a minute.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(20);
/// A connection that lasts this long stands.
const STEADY: Duration = Duration::from_secs(10);
/// About three minutes of trying.
const MOST_ATTEMPTS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(code: u16) -> Setback {
        Setback::Lost { code: Some(code), reason: "x".into() }
    }

    fn refused(code: &str) -> Setback {
        Setback::Refused { code: code.into(), reason: "x".into() }
    }

    fn unreachable() -> Setback {
        Setback::Unreachable { reason: "x".into() }
    }

    /// A way back of somebody who is in no call, seven messages into it.
    struct Walk {
        path: ReturnPath,
        now: Instant,
    }

    impl Walk {
        fn new() -> Self {
            let mut walk = Self { path: ReturnPath::default(), now: Instant::now() };
            walk.path.entered(Some("token".into()), walk.now);
            walk
        }

        fn after(&mut self, setback: Setback) -> Result<Way, CloseReason> {
            self.path.after(setback, 7, false, 0.0, self.now).map(|(way, _)| way)
        }

        fn pauses(&mut self, is_calling: bool, count: usize) -> Vec<Duration> {
            let tries =
                (0..count).map(|_| self.path.after(unreachable(), 7, is_calling, 1.0, self.now));
            tries.map_while(Result::ok).map(|(_, after)| after).collect()
        }
    }

    fn resume() -> Way {
        Way::Resume { token: "token".into(), last_seq: 7 }
    }

    fn nowhere() -> Result<Way, CloseReason> {
        Err(CloseReason::SignalingLost { reason: "x".into() })
    }

    #[test]
    fn no_way_is_tried_again_that_was_refused() {
        let mut walk = Walk::new();
        assert_eq!(walk.after(lost(4001)), Ok(resume()));
        assert_eq!(walk.after(unreachable()), Ok(resume()));
        assert_eq!(walk.after(refused("resume_failed")), Ok(Way::Attach));
        assert_eq!(walk.after(refused("token_expired")), Ok(Way::Join));
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
            assert_eq!(walk.after(refused("resume_failed")), Ok(Way::Attach));
            assert_eq!(walk.after(refused(code)), nowhere(), "{code}");
        }
    }

    #[test]
    fn a_room_that_was_closed_meanwhile_is_over() {
        for code in ["room_closed", "room_expired"] {
            let over = Err(CloseReason::RoomClosed { reason: "x".into() });
            assert_eq!(Walk::new().after(refused(code)), over, "{code}");
        }
    }

    #[test]
    fn entering_opens_every_way_again() {
        let mut walk = Walk::new();
        walk.after(refused("resume_failed")).unwrap();
        walk.path.entered(Some("newer".into()), walk.now);
        assert_eq!(walk.after(lost(4008)), Ok(Way::Resume { token: "newer".into(), last_seq: 7 }));
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
        assert_eq!(Walk::new().after(lost(4510)), Ok(Way::Attach));
    }

    #[test]
    fn a_server_that_stops_says_when_to_come_back() {
        let mut walk = Walk::new();
        walk.path.drained(Duration::from_secs(3));
        let pause = |walk: &mut Walk| {
            let (_, pause) = walk.path.after(lost(4001), 7, true, 1.0, walk.now).unwrap();
            pause
        };
        assert_eq!(pause(&mut walk), Duration::from_secs(3));
        assert_eq!(pause(&mut walk), 2 * FIRST_PAUSE);
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_trying_ends_unless_there_is_a_call() {
        let mut walk = Walk::new();
        let pauses = walk.pauses(false, 100);
        assert_eq!(pauses.len(), MOST_ATTEMPTS as usize);
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
