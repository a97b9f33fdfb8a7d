//! How a participant comes back to its seat.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;

use super::Participant;
use crate::measure::latency_kind::Kind;
use crate::measure::loss::Lost;
use crate::measure::phase::{Phase, reached};
use crate::measure::recorder::{Fate, Step};
use crate::participants::signaling::entrance;

impl Participant<'_> {
    /// Comes back with another socket; `false` if there is no way back or the run is over.
    pub(super) async fn come_back(
        &mut self,
        since: Instant,
        phases: &mut watch::Receiver<Phase>,
    ) -> bool {
        self.connection.cut();
        self.world.live.goes_away();
        let returned = tokio::select! {
            returned = self.try_to_come_back() => returned,
            () = reached(Phase::Over, phases) => false,
        };
        self.world.live.comes_back();
        let now = Instant::now();
        let recorder = &self.world.recorder;
        if returned {
            recorder.answered(Kind::Resume, Step { intended: since, started: since, ended: now });
            self.losses.regain(&Lost::Signaling, now);
        } else {
            recorder.unanswered(Kind::Resume, since, Fate::Lost, now);
            self.losses.lose(Lost::Signaling, since);
            self.room.loses(self.id, recorder);
        }
        returned
    }

    async fn try_to_come_back(&mut self) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let (token, received) = (&self.resume_token, self.connection.received);
            match entrance::resume(self.world, self.access, token, received).await {
                Ok(resumed) => {
                    self.resume_token = resumed.resume_token;
                    if let Some(received) = resumed.received {
                        self.connection.received = received;
                    }
                    self.connection.resume(resumed.socket, resumed.taken);
                    return true;
                }
                Err(error) if error.is_passing() => {}
                Err(error) => {
                    self.world.recorder.failed(format!("a participant could not resume: {error}"));
                    return false;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
