//! The losses that intended stalls of a network cause.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use client_sdk::ParticipantId;

use super::observations::Observations;
use crate::measure::loss::Lost;
use crate::measure::stream::StreamKind;
use crate::scenario::Stalls;

/// How much of a time two participants had no path, or one that had to recover.
pub(super) fn stalled(
    stalls: Option<Stalls>,
    one: &Observations,
    other: &Observations,
    from: Instant,
    until: Instant,
) -> Duration {
    let Some(stalls) = stalls else { return Duration::ZERO };
    let mut begun: Vec<Instant> = one.stalls.iter().chain(&other.stalls).copied().collect();
    begun.sort();
    let (mut counted, mut stalled) = (from, Duration::ZERO);
    for begin in begun {
        let over = (begin + stalls.lasts + TIME_TO_RECOVER).min(until);
        stalled += over.saturating_duration_since(begin.max(counted));
        counted = counted.max(over);
    }
    stalled
}

/// Removes losses that an intended stall caused, if they ended soon after it or the run ended
/// first. Losses at other times remain.
pub(super) fn forgive_stalls(room: &mut [Observations], stalls: Stalls, end: Instant) {
    let by_id = room.iter().flat_map(|visit| visit.ids.iter().map(|id| (*id, &visit.stalls)));
    let begun: HashMap<ParticipantId, Vec<Instant>> =
        by_id.map(|(id, stalls)| (id, stalls.clone())).collect();
    for observations in room {
        let own = observations.stalls.clone();
        let is_stalled = |lost: &Lost, at: Instant, back_at: Option<Instant>| {
            let (Lost::Connection(other) | Lost::Media(_, other)) = lost else { return false };
            own.iter().chain(begun.get(other).into_iter().flatten()).any(|begin| {
                let over = *begin + stalls.lasts;
                let is_within = *begin <= at && at <= over + TIME_TO_NOTICE;
                is_within && back_at.unwrap_or(end) <= over + TIME_TO_RECOVER
            })
        };
        let Observations { losses, failed, tracks, .. } = observations;
        losses.retain(|loss| {
            let is_stalled = is_stalled(&loss.of, loss.at, loss.back_at);
            if let (true, Lost::Connection(other), None) = (is_stalled, &loss.of, loss.back_at) {
                failed.remove(other);
            }
            !is_stalled
        });
        // A connection that is rebuilt has other tracks.
        let begun: Vec<(StreamKind, ParticipantId, Option<Instant>)> =
            tracks.iter().map(|track| (track.kind, track.from, track.first_packet)).collect();
        for track in tracks {
            let (kind, from) = (track.kind, track.from);
            let next_after = |at: Instant| {
                let others = begun.iter().filter(|(k, f, _)| (*k, *f) == (kind, from));
                others.filter_map(|(.., first)| first.filter(|first| *first > at)).min()
            };
            track.silences.retain(|loss| {
                !is_stalled(&loss.of, loss.at, loss.back_at.or(next_after(loss.at)))
            });
        }
    }
}

/// Media and connections are missed a while after they have stopped.
const TIME_TO_NOTICE: Duration = Duration::from_secs(5);
/// A connection that was stalled for long enough to fail looks for a path again.
const TIME_TO_RECOVER: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stall_interrupts_is_not_lost_if_it_comes_back() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let [one, other]: [ParticipantId; 2] =
            ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let stalls: Stalls = "6s/60s".parse().unwrap();
        let lost = |stall: Option<u64>, back: Option<u64>, end| {
            let mut room = [one, other].map(|id| Observations::new(id, begin));
            room[0].stalls.extend(stall.map(at));
            room[1].losses.lose(Lost::Connection(one), at(10));
            room[1].failed.insert(one, None);
            if let Some(back) = back {
                room[1].losses.regain(&Lost::Connection(one), at(back));
                room[1].failed.clear();
            }
            room[1].losses.lose(Lost::Signaling, at(9));
            forgive_stalls(&mut room, stalls, at(end));
            let lost = room[1].losses.before(at(end)).count();
            (lost, room[1].failed.len())
        };
        // The socket is lost in any case.
        assert_eq!(lost(Some(5), Some(30), 300), (1, 0));
        assert_eq!(lost(Some(5), None, 30), (1, 0), "it had no time to come back");
        assert_eq!(lost(Some(5), None, 300), (2, 1));
        assert_eq!(lost(Some(5), Some(50), 300), (2, 0));
        assert_eq!(lost(None, Some(30), 300), (2, 0));
        assert_eq!(lost(Some(11), None, 30), (2, 1), "it was lost before the stall");
        assert_eq!(lost(Some(0), None, 24), (1, 0));
        assert_eq!(lost(Some(0), None, 28), (2, 1), "the stall was long over");
    }

    #[test]
    fn stalls_that_overlap_count_once_and_only_in_the_time_that_is_asked_for() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let ids: [ParticipantId; 2] = ["p_00000002", "p_00000003"].map(|id| id.parse().unwrap());
        let [mut one, mut other] = ids.map(|id| Observations::new(id, begin));
        one.stalls = vec![at(10), at(100)];
        other.stalls = vec![at(20)];
        let stalls = Some("6s/60s".parse().unwrap());
        let seconds = |from, until| stalled(stalls, &one, &other, at(from), at(until)).as_secs();
        // Each is over after 6 seconds and has another 20 to recover.
        assert_eq!(seconds(0, 90), 36);
        assert_eq!(seconds(0, 200), 62);
        assert_eq!(seconds(15, 30), 15);
        assert_eq!(seconds(46, 100), 0);
        assert_eq!(stalled(None, &one, &other, at(0), at(90)), Duration::ZERO);
    }
}
