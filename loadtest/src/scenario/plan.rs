//! The arrivals and departures of a run, drawn before it starts.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use thiserror::Error;

use super::{Scenario, Shape, Stay};

/// The plan of a run. Times count from the first arrival.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How many participants each room has at once.
    pub(crate) rooms: Vec<u8>,
    /// In order of arrival.
    pub(crate) visits: Vec<Visit>,
    /// When the last participant of the first filling arrives.
    pub(crate) filled: Duration,
    /// When everybody who is still there leaves.
    pub(crate) end: Duration,
}

/// The stay of one participant in a room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Visit {
    /// The index of the room.
    pub(crate) room: usize,
    /// The lowest number that nobody in the room has. A newcomer that replaces another one has its
    /// number.
    pub(crate) seat: u8,
    /// Whether it is the room's creator, who enters without joining.
    pub(crate) is_creator: bool,
    /// Whether it sends media.
    pub(crate) publishes: bool,
    pub(crate) arrive: Duration,
    /// `None` for the end of the run.
    pub(crate) leave: Option<Duration>,
    /// The seed of its own times and sizes.
    pub(crate) seed: u64,
}

/// A plan takes longer than a room can last.
#[derive(Debug, Error)]
#[error(
    "this run takes {:.1} hours, and rooms last 24 hours at most, of which half an hour is kept in \
     reserve: choose a shorter --duration, a higher --rate or a higher --create-rate",
    took.as_secs_f64() / 3600.0
)]
pub(crate) struct TooLong {
    took: Duration,
}

impl Plan {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let mut random = StdRng::seed_from_u64(scenario.seed);
        if let Some(shape) = &scenario.shape {
            return Self::replay(shape, scenario, &mut random);
        }
        let rooms: Vec<u8> =
            (0..scenario.rooms).map(|_| scenario.peers.draw(&mut random)).collect();
        let largest = rooms.iter().copied().max().unwrap_or(0);
        // The rooms fill in turns.
        let seats: Vec<(usize, u8)> = (0..largest)
            .flat_map(|seat| rooms.iter().enumerate().map(move |(room, size)| (room, seat, *size)))
            .filter(|(_, seat, size)| seat < size)
            .map(|(room, seat, _)| (room, seat))
            .collect();
        let times = scenario.rate.times(seats.len());
        // The arrivals take a whole number of gaps, the one after the last included.
        let filled = scenario.rate.times(seats.len() + 1).last().copied().unwrap_or_default();
        let end = filled + scenario.duration.0;
        let mut visits = Vec::with_capacity(seats.len());
        for (&(room, seat), arrive) in seats.iter().zip(times) {
            let publishes = scenario.publishers.is_none_or(|publishers| seat < publishers);
            let mut visit = Visit {
                room,
                seat,
                is_creator: seat == 0,
                publishes,
                arrive,
                leave: scenario.stay.map(|stay| arrive + stay_time(stay.0, &mut random)),
                seed: random.random(),
            };
            while let Some(left) = visit.leave.filter(|leave| *leave < end) {
                visits.push(visit.clone());
                let Some(stay) = scenario.stay.filter(|_| scenario.churn) else { break };
                visit.is_creator = false;
                visit.arrive = left;
                visit.leave = Some(left + stay_time(stay.0, &mut random));
                visit.seed = random.random();
            }
            if visit.leave.is_none_or(|leave| leave >= end) {
                visits.push(Visit { leave: None, ..visit });
            }
        }
        visits.sort_by_key(|visit| visit.arrive);
        Self { rooms, visits, filled, end }
    }

    /// Plans a recorded shape. A participant without a departure stays to the end.
    fn replay(shape: &Shape, scenario: &Scenario, random: &mut StdRng) -> Self {
        let stays = shape.stays();
        let filled = stays.last().map_or(Duration::ZERO, |stay| stay.arrive);
        let end = shape.end(scenario.duration.0);
        // The stay that each seat of a room has had last.
        let mut seats: Vec<Vec<&Stay>> = vec![Vec::new(); shape.rooms() as usize];
        let visits = stays.iter().map(|stay| {
            let room = stay.room as usize;
            let taken = &mut seats[room];
            let is_creator = taken.is_empty();
            let is_free = |last: &&Stay| last.leave.is_some_and(|leave| leave <= stay.arrive);
            let free = taken.iter().position(is_free).unwrap_or(taken.len());
            match taken.get_mut(free) {
                Some(last) => *last = stay,
                None => taken.push(stay),
            }
            let seat = u8::try_from(free).unwrap_or(u8::MAX);
            let publishes = scenario.publishers.is_none_or(|publishers| seat < publishers);
            Visit {
                room,
                seat,
                is_creator,
                publishes,
                arrive: stay.arrive,
                leave: stay.leave.filter(|leave| *leave < end),
                seed: random.random(),
            }
        });
        let visits = visits.collect();
        let sizes = shape.sizes().into_iter().map(|size| u8::try_from(size).unwrap_or(u8::MAX));
        Self { rooms: sizes.collect(), visits, filled, end }
    }

    /// Ends the plan at an earlier time.
    pub(crate) fn cut(&mut self, end: Duration) {
        self.visits.retain(|visit| visit.arrive <= end);
        self.end = end;
    }

    /// How many minutes its rooms have to last if that many a second are created.
    pub(crate) fn room_minutes(&self, create_rate: f64) -> Result<u16, TooLong> {
        let creating = Duration::from_secs_f64(self.rooms.len() as f64 / create_rate);
        let took = creating.saturating_add(self.end);
        let minutes = took.saturating_add(RESERVE).as_secs().div_ceil(60);
        let minutes = u16::try_from(minutes).ok().filter(|minutes| *minutes <= MOST_MINUTES);
        minutes.ok_or(TooLong { took })
    }

    /// The most participants at once, if every one of them is let in.
    pub(crate) fn most_at_once(&self) -> usize {
        self.rooms.iter().map(|size| usize::from(*size)).sum()
    }

    /// Whether everybody stays to the end.
    pub(crate) fn is_everybody_staying(&self) -> bool {
        self.visits.iter().all(|visit| visit.leave.is_none())
    }

    /// How many ends of connections there are when everybody has arrived and nobody has left.
    pub(crate) fn connections(&self) -> u64 {
        self.rooms.iter().map(|size| u64::from(*size)).map(|size| size * (size - 1)).sum()
    }
}

/// Draws a stay from an exponential distribution. It is at least a second.
fn stay_time(mean: Duration, random: &mut StdRng) -> Duration {
    let share: f64 = random.random();
    mean.mul_f64(-(1.0 - share).ln()).max(Duration::from_secs(1))
}

/// A run takes longer than planned where the rooms take longer to fill.
const RESERVE: Duration = Duration::from_secs(30 * 60);
/// The longest that a server lets a room last.
const MOST_MINUTES: u16 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioSettings;
    use crate::span::Span;

    fn scenario() -> Scenario {
        Scenario::new(&ScenarioSettings::default(), None).unwrap()
    }

    #[test]
    fn rooms_fill_in_turns_and_stay_full() {
        let plan = Plan::new(&scenario());
        assert_eq!((plan.visits.len(), plan.connections()), (16, 48));
        let rooms: Vec<usize> = plan.visits.iter().map(|visit| visit.room).take(5).collect();
        assert_eq!(rooms, [0, 1, 2, 3, 0]);
        assert_eq!(plan.visits.iter().filter(|visit| visit.is_creator).count(), 4);
        assert!(plan.visits.iter().all(|visit| visit.leave.is_none()));
        assert_eq!(plan.end, Duration::from_millis(1600 + 15_000));
    }

    #[test]
    fn a_shape_is_planned_as_it_was_recorded() {
        let mut scenario = scenario();
        scenario.shape = Some("0,5,9\n1,6,\n0,7,50\n0,10,\n".parse().unwrap());
        scenario.duration = Span::seconds(1);
        let plan = Plan::new(&scenario);
        let second = Duration::from_secs(1);
        let told: Vec<_> = plan
            .visits
            .iter()
            .map(|visit| (visit.room, visit.is_creator, visit.arrive, visit.leave))
            .collect();
        let expected = [
            (0, true, Duration::ZERO, Some(4 * second)),
            (1, true, second, None),
            (0, false, 2 * second, None),
            (0, false, 5 * second, None),
        ];
        assert_eq!(told, expected);
        assert_eq!((plan.rooms, plan.filled, plan.end), (vec![2, 1], 5 * second, 45 * second));
    }

    #[test]
    fn whoever_comes_to_a_recorded_room_after_others_have_left_publishes_in_their_place() {
        let mut scenario = scenario();
        scenario.shape = Some("0,0,10\n0,1,20\n0,2,\n0,10,\n0,15,\n0,20,\n".parse().unwrap());
        scenario.publishers = Some(2);
        let visits = Plan::new(&scenario).visits;
        let told: Vec<_> = visits.iter().map(|visit| (visit.seat, visit.publishes)).collect();
        let (sends, watches) = (true, false);
        let expected = [(0, sends), (1, sends), (2, watches), (0, sends), (3, watches), (1, sends)];
        assert_eq!(told, expected);
        assert_eq!(visits.iter().filter(|visit| visit.is_creator).count(), 1);
    }

    #[test]
    fn rooms_last_longer_than_the_run_and_no_run_longer_than_a_day() {
        let mut scenario = scenario();
        let minutes = |scenario: &Scenario| Plan::new(scenario).room_minutes(100.0);
        assert_eq!(minutes(&scenario).unwrap(), 31);
        scenario.duration = Span::seconds(3 * 3600);
        assert_eq!(minutes(&scenario).unwrap(), 3 * 60 + 31);
        assert_eq!(Plan::new(&scenario).room_minutes(0.001).unwrap(), 3 * 60 + 31 + 4000 / 60);
        scenario.duration = Span::seconds(24 * 3600);
        let told = minutes(&scenario).unwrap_err().to_string();
        assert!(told.starts_with("this run takes 24.0 hours, and rooms last 24 hours"), "{told}");
    }

    #[test]
    fn churn_keeps_every_seat_taken_and_the_same_seed_plans_the_same() {
        let mut scenario = scenario();
        scenario.stay = Some(Span::seconds(3));
        scenario.churn = true;
        let plan = Plan::new(&scenario);
        assert!(plan.visits.len() > 40, "{}", plan.visits.len());
        let at = plan.filled + Duration::from_secs(5);
        let there = plan
            .visits
            .iter()
            .filter(|visit| visit.arrive <= at && visit.leave.is_none_or(|leave| leave > at));
        assert_eq!(there.count(), 16);
        assert_eq!(Plan::new(&scenario).visits, plan.visits);
        scenario.seed = 2;
        assert_ne!(Plan::new(&scenario).visits, plan.visits);
    }
}
