//! The scheduled acts of a participant.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use crate::scenario::Scenario;
use crate::span::Span;

/// The next time of each act.
#[derive(Debug)]
pub(crate) struct Schedule {
    cut: Option<Instant>,
    /// The time after which a cut socket might not be back before its participant leaves or the run
    /// ends.
    last_cut: Option<Instant>,
    leave: Option<Instant>,
    message: Option<Instant>,
    renegotiation: Option<Instant>,
    share: Option<Instant>,
}

/// A scheduled act of a participant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    /// Its signaling socket is cut, and it comes back to its seat.
    Cut,
    Leave,
    /// A message to the room.
    Message,
    /// It negotiates again with everybody.
    Renegotiate,
    /// It shows its screen, or stops to.
    Share,
}

impl Schedule {
    /// The acts of a participant that has just entered and leaves at that time, or stays to the
    /// end.
    pub(crate) fn new(
        scenario: &Scenario,
        leave: Option<Instant>,
        end: Instant,
        now: Instant,
        random: &mut StdRng,
    ) -> Self {
        let pause = pause(scenario);
        let last_cut = leave.map_or(end, |leave| leave.min(end)).checked_sub(TIME_TO_RESUME);
        Self {
            cut: after(scenario.cut_every, now, random).filter(|at| Some(*at) <= last_cut),
            last_cut,
            leave,
            // The first comes at a random time within the interval, or all would speak at once.
            message: pause.map(|pause| now + pause.mul_f64(random.random())),
            renegotiation: after(scenario.renegotiate_every, now, random),
            share: after(scenario.share_every, now, random),
        }
    }

    /// The next act and its time.
    pub(crate) fn next(&self) -> Option<(Instant, Act)> {
        let acts = [
            (self.leave, Act::Leave),
            (self.cut, Act::Cut),
            (self.message, Act::Message),
            (self.renegotiation, Act::Renegotiate),
            (self.share, Act::Share),
        ];
        acts.into_iter().filter_map(|(at, act)| Some((at?, act))).min_by_key(|(at, _)| *at)
    }

    /// Plans an act that was planned for `intended` once more.
    pub(crate) fn repeat(
        &mut self,
        act: Act,
        intended: Instant,
        scenario: &Scenario,
        random: &mut StdRng,
    ) {
        match act {
            Act::Cut => {
                let next = after(scenario.cut_every, intended, random);
                self.cut = next.filter(|at| Some(*at) <= self.last_cut);
            }
            Act::Leave => self.leave = None,
            Act::Message => self.message = pause(scenario).map(|pause| intended + pause),
            Act::Renegotiate => {
                self.renegotiation = after(scenario.renegotiate_every, intended, random);
            }
            Act::Share => self.share = after(scenario.share_every, intended, random),
        }
    }
}

/// Between the messages of one participant.
fn pause(scenario: &Scenario) -> Option<Duration> {
    (scenario.message_rate > 0.0).then(|| Duration::from_secs_f64(1.0 / scenario.message_rate))
}

/// A time drawn from an exponential distribution.
fn after(mean: Option<Span>, now: Instant, random: &mut StdRng) -> Option<Instant> {
    let share: f64 = random.random();
    mean.map(|mean| now + mean.0.mul_f64(-(1.0 - share).ln()).max(LEAST_PAUSE))
}

const LEAST_PAUSE: Duration = Duration::from_millis(100);
const TIME_TO_RESUME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::scenario::ScenarioSettings;

    #[test]
    fn messages_come_by_the_plan_and_everything_else_in_between() {
        let mut scenario = Scenario::new(&ScenarioSettings::default(), None).unwrap();
        scenario.message_rate = 2.0;
        scenario.share_every = Some(Span::seconds(1));
        let (now, mut random) = (Instant::now(), StdRng::seed_from_u64(1));
        let leave = now + Duration::from_secs(60);
        let mut schedule = Schedule::new(&scenario, Some(leave), leave, now, &mut random);
        let (mut messages, mut shares) = (Vec::new(), 0);
        loop {
            let (at, act) = schedule.next().unwrap();
            match act {
                Act::Leave => break assert_eq!(at, leave),
                Act::Message => messages.push(at),
                Act::Share => shares += 1,
                Act::Cut | Act::Renegotiate => panic!("{act:?} is not planned"),
            }
            schedule.repeat(act, at, &scenario, &mut random);
        }
        assert_eq!(messages.len(), 120);
        assert!(messages.windows(2).all(|two| two[1] - two[0] == Duration::from_millis(500)));
        assert!((30..=90).contains(&shares), "{shares}");
    }

    #[test]
    fn no_socket_is_cut_that_could_not_be_back_in_time() {
        let mut scenario = Scenario::new(&ScenarioSettings::default(), None).unwrap();
        scenario.cut_every = Some(Span::seconds(1));
        let (now, mut random) = (Instant::now(), StdRng::seed_from_u64(1));
        let at = |seconds| now + Duration::from_secs(seconds);
        for (leave, end, last) in [(None, 60, 55), (Some(40), 60, 35), (Some(90), 60, 55)] {
            let leave = leave.map(at);
            let mut schedule = Schedule::new(&scenario, leave, at(end), now, &mut random);
            let mut cuts = Vec::new();
            while let Some((cut, Act::Cut)) = schedule.next() {
                cuts.push(cut);
                schedule.repeat(Act::Cut, cut, &scenario, &mut random);
            }
            assert!(cuts.len() > 10, "{}", cuts.len());
            assert!(cuts.iter().all(|cut| *cut <= at(last)), "{cuts:?}");
        }
    }
}
