//! The expected arrivals in a room: messages that were sent, and news of joins and leaves.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use signal_core::ParticipantId;

use crate::measure::latency_kind::Kind;
use crate::measure::recorder::{Fate, Recorder, Step};

/// The deliveries that are expected in a room, shared by its participants.
#[derive(Debug, Default)]
pub(crate) struct RoomDeliveries(Mutex<Expectations>);

#[derive(Debug, Default)]
struct Expectations {
    messages: HashMap<(u64, ParticipantId), Message>,
    /// Those who have `joined` and have not left.
    members: HashSet<ParticipantId>,
    departed: HashSet<ParticipantId>,
    arrivals: HashMap<ParticipantId, News>,
    departures: HashMap<ParticipantId, News>,
}

/// A message under way.
#[derive(Clone, Copy, Debug)]
struct Message {
    kind: Kind,
    intended: Instant,
    started: Instant,
}

/// News of a join or leave.
#[derive(Debug, Default)]
struct News {
    /// When it began, once that is known: others may hear of it before whom it is about.
    since: Option<Instant>,
    /// Those who have to hear of it and have not.
    missing: HashSet<ParticipantId>,
    heard: Vec<(ParticipantId, Instant)>,
}

impl RoomDeliveries {
    pub(crate) fn sends(
        &self,
        number: u64,
        kind: Kind,
        to: ParticipantId,
        intended: Instant,
        now: Instant,
    ) {
        let mut room = self.lock();
        if !room.departed.contains(&to) {
            room.messages.insert((number, to), Message { kind, intended, started: now });
        }
    }

    /// Those whom a message to the room has to reach.
    pub(crate) fn others(&self, than: ParticipantId) -> Vec<ParticipantId> {
        self.lock().members.iter().copied().filter(|member| *member != than).collect()
    }

    pub(crate) fn receives(
        &self,
        number: u64,
        to: ParticipantId,
        now: Instant,
        recorder: &Recorder,
    ) {
        let Some(message) = self.lock().messages.remove(&(number, to)) else { return };
        let Message { kind, intended, started } = message;
        recorder.answered(kind, Step { intended, started, ended: now });
    }

    /// A participant has entered that began to at `since`. The server has named the members.
    pub(crate) fn enters(
        &self,
        newcomer: ParticipantId,
        since: Instant,
        there: &[ParticipantId],
        recorder: &Recorder,
    ) {
        let mut room = self.lock();
        let Expectations { members, departed, arrivals, .. } = &mut *room;
        members.insert(newcomer);
        let news = arrivals.entry(newcomer).or_default();
        news.since = Some(since);
        news.missing = there
            .iter()
            .copied()
            .filter(|member| !departed.contains(member))
            .filter(|member| news.heard.iter().all(|(heard, _)| heard != member))
            .collect();
        if news.is_complete() {
            news.record(ARRIVAL, recorder);
            arrivals.remove(&newcomer);
        }
    }

    /// A member has heard of a newcomer.
    pub(crate) fn hears_arrival(
        &self,
        member: ParticipantId,
        of: ParticipantId,
        now: Instant,
        recorder: &Recorder,
    ) {
        let mut room = self.lock();
        // News of a participant that has left meanwhile still arrives.
        if room.departed.contains(&of) && !room.arrivals.contains_key(&of) {
            return;
        }
        let news = room.arrivals.entry(of).or_default();
        news.hears(member, now);
        if news.is_complete() {
            news.record(ARRIVAL, recorder);
            room.arrivals.remove(&of);
        }
    }

    /// A participant leaves on purpose.
    pub(crate) fn leaves(&self, leaver: ParticipantId, intended: Instant, recorder: &Recorder) {
        let mut room = self.lock();
        room.forget(leaver, recorder);
        let missing: HashSet<_> = room.members.clone();
        if !missing.is_empty() {
            let news = News { since: Some(intended), missing, heard: Vec::new() };
            room.departures.insert(leaver, news);
        }
    }

    /// A participant is gone without leaving; nothing more is expected from it.
    pub(crate) fn loses(&self, lost: ParticipantId, recorder: &Recorder) {
        self.lock().forget(lost, recorder);
    }

    /// A member has heard that a participant left. Returns whether that was planned.
    pub(crate) fn hears_departure(
        &self,
        member: ParticipantId,
        of: ParticipantId,
        now: Instant,
        recorder: &Recorder,
    ) -> bool {
        let mut room = self.lock();
        let was_meant = room.departed.contains(&of);
        if let Some(news) = room.departures.get_mut(&of) {
            news.hears(member, now);
            if news.is_complete() {
                news.record(DEPARTURE, recorder);
                room.departures.remove(&of);
            }
        }
        was_meant
    }

    pub(crate) fn has_left(&self, participant: ParticipantId) -> bool {
        self.lock().departed.contains(&participant)
    }

    /// Whether nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        let room = self.lock();
        let is_awaited = |news: &News| news.since.is_some();
        room.messages.is_empty()
            && !room.arrivals.values().any(is_awaited)
            && room.departures.is_empty()
    }

    /// At the end of a run: missing arrivals are lost, unless their time was cut short.
    pub(crate) fn give_up(
        &self,
        now: Instant,
        recorder: &Recorder,
        is_cut_short: impl Fn(Instant) -> bool,
    ) {
        let mut room = self.lock();
        room.messages.retain(|_, message| !is_cut_short(message.intended));
        let is_awaited = |news: &News| news.since.is_none_or(|since| !is_cut_short(since));
        room.arrivals.retain(|_, news| is_awaited(news));
        room.departures.retain(|_, news| is_awaited(news));
        for message in std::mem::take(&mut room.messages).into_values() {
            recorder.unanswered(message.kind, message.intended, Fate::Lost, now);
        }
        for news in std::mem::take(&mut room.arrivals).into_values() {
            news.give_up(ARRIVAL, now, recorder);
        }
        for news in std::mem::take(&mut room.departures).into_values() {
            news.give_up(DEPARTURE, now, recorder);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Expectations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expectations {
    /// Expects nothing more from a participant that is gone.
    fn forget(&mut self, gone: ParticipantId, recorder: &Recorder) {
        self.members.remove(&gone);
        self.departed.insert(gone);
        self.messages.retain(|(_, to), _| *to != gone);
        for (all, kinds) in [(&mut self.arrivals, ARRIVAL), (&mut self.departures, DEPARTURE)] {
            all.retain(|_, news| {
                news.missing.remove(&gone);
                if news.is_complete() {
                    news.record(kinds, recorder);
                }
                !news.is_complete()
            });
        }
    }
}

impl News {
    fn hears(&mut self, member: ParticipantId, now: Instant) {
        self.missing.remove(&member);
        self.heard.push((member, now));
    }

    fn is_complete(&self) -> bool {
        self.since.is_some() && self.missing.is_empty()
    }

    fn record(&self, kinds: [Kind; 3], recorder: &Recorder) {
        let Some(intended) = self.since else { return };
        let mut times: Vec<Instant> = self.heard.iter().map(|(_, at)| *at).collect();
        times.sort();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
        let median = times[times.len() / 2];
        for (kind, ended) in kinds.into_iter().zip([*first, median, *last]) {
            recorder.answered(kind, Step { intended, started: intended, ended });
        }
    }

    fn give_up(&self, [first, median, last]: [Kind; 3], now: Instant, recorder: &Recorder) {
        let Some(intended) = self.since else { return };
        let mut times: Vec<Instant> = self.heard.iter().map(|(_, at)| *at).collect();
        times.sort();
        let all = times.len() + self.missing.len();
        for (kind, index) in [(first, 0), (median, all / 2), (last, all - 1)] {
            match times.get(index) {
                Some(&ended) => {
                    recorder.answered(kind, Step { intended, started: intended, ended });
                }
                None => recorder.unanswered(kind, intended, Fate::Lost, now),
            }
        }
    }
}

/// The first, the median and the last of those who hear of a newcomer.
const ARRIVAL: [Kind; 3] = [Kind::FanOutFirst, Kind::FanOutMedian, Kind::FanOut];
const DEPARTURE: [Kind; 3] = [Kind::LeaveFirst, Kind::LeaveMedian, Kind::Leave];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(text: &str) -> ParticipantId {
        text.parse().unwrap()
    }

    #[test]
    fn a_newcomer_is_known_when_the_last_has_heard_of_it_in_whatever_order() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let recorder = Recorder::new(begin, begin);
        let room = RoomDeliveries::default();
        let (old, older, newcomer) = (id("p_00000003"), id("p_00000004"), id("p_00000002"));
        room.enters(older, at(0), &[], &recorder);
        // The member hears before the newcomer itself does.
        room.hears_arrival(older, newcomer, at(12), &recorder);
        room.enters(newcomer, at(10), &[older, old], &recorder);
        assert!(!room.is_quiet());
        room.hears_arrival(old, newcomer, at(40), &recorder);
        assert!(room.is_quiet());
        let of = |kind| recorder.measured(kind).corrected.percentiles(begin).unwrap().max;
        assert!((of(Kind::FanOutFirst) - 2.0).abs() < 0.1);
        assert!((of(Kind::FanOut) - 30.0).abs() < 0.1);
    }

    #[test]
    fn whoever_never_hears_makes_the_fan_out_worse_and_not_better() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let recorder = Recorder::new(begin, begin);
        let room = RoomDeliveries::default();
        let (old, older, newcomer) = (id("p_00000003"), id("p_00000004"), id("p_00000002"));
        room.enters(newcomer, at(10), &[older, old], &recorder);
        room.hears_arrival(older, newcomer, at(12), &recorder);
        room.give_up(at(9000), &recorder, |since| since > at(10));
        let fan_out = recorder.measured(Kind::FanOut);
        assert_eq!(fan_out.lost, 1);
        assert!(fan_out.corrected.percentiles(begin).unwrap().max > 8900.0);
        assert_eq!(recorder.measured(Kind::FanOutFirst).lost, 0);
    }

    #[test]
    fn what_was_cut_short_is_not_lost() {
        let begin = Instant::now();
        let recorder = Recorder::new(begin, begin);
        let room = RoomDeliveries::default();
        let (old, newcomer) = (id("p_00000003"), id("p_00000002"));
        room.enters(old, begin, &[], &recorder);
        room.enters(newcomer, begin, &[old], &recorder);
        room.sends(7, Kind::Offer, old, begin, begin);
        room.give_up(begin, &recorder, |since| since >= begin);
        assert!(room.is_quiet());
        let lost = |kind| recorder.measured(kind).missing();
        assert_eq!((lost(Kind::FanOut), lost(Kind::Offer)), (0, 0));
    }

    #[test]
    fn whoever_leaves_at_once_is_still_heard_of() {
        let begin = Instant::now();
        let recorder = Recorder::new(begin, begin);
        let room = RoomDeliveries::default();
        let (old, newcomer) = (id("p_00000003"), id("p_00000002"));
        room.enters(old, begin, &[], &recorder);
        room.enters(newcomer, begin, &[old], &recorder);
        room.leaves(newcomer, begin, &recorder);
        room.hears_arrival(old, newcomer, begin, &recorder);
        assert!(room.hears_departure(old, newcomer, begin, &recorder) && room.is_quiet());
    }

    #[test]
    fn nothing_is_expected_of_whoever_has_left() {
        let begin = Instant::now();
        let recorder = Recorder::new(begin, begin);
        let room = RoomDeliveries::default();
        let (one, other) = (id("p_00000003"), id("p_00000002"));
        room.enters(one, begin, &[], &recorder);
        room.enters(other, begin, &[one], &recorder);
        room.sends(7, Kind::Offer, one, begin, begin);
        room.leaves(one, begin, &recorder);
        assert!(room.hears_departure(other, one, begin, &recorder));
        assert!(room.is_quiet());
        room.give_up(begin, &recorder, |_| false);
        assert_eq!(recorder.measured(Kind::Offer).missing(), 0);
        assert_eq!(recorder.measured(Kind::Leave).corrected.percentiles(begin).unwrap().count, 1);
    }
}
