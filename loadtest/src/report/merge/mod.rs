//! The reports of several generators that loaded one server at the same time, as one.

mod parts;
mod sums;

use std::collections::BTreeMap;

pub(crate) use self::parts::MergeError;
use self::sums::{add, add_phases, widened};
use super::{Failure, LatencyDetails, Losses, Phases, Report, ServerCounts, Window};
use crate::measure::latency::Percentiles;
use crate::measure::latency_kind::Kind;
use crate::objectives::slo::Objectives;
use crate::scenario::Arrivals;

impl Report {
    /// Merges the reports of generators that loaded one server at the same time. Refuses others.
    pub(crate) fn merge(reports: Vec<Self>) -> Result<Self, MergeError> {
        parts::check(&reports)?;
        Self::add_up(reports)
    }

    /// One report of the parts of one run. Histograms are added, so that percentiles are as exact
    /// as those of a single generator.
    pub(crate) fn add_up(reports: Vec<Self>) -> Result<Self, MergeError> {
        let allows_invalid = reports.iter().all(|report| report.allowed_invalid());
        let mut parts = reports;
        parts.sort_by_key(|report| report.started_unix_ms);
        let mut parts = parts.into_iter();
        let mut merged = parts.next().ok_or(MergeError::Nothing)?;
        for mut report in parts {
            report.shift((report.started_unix_ms - merged.started_unix_ms) as f64 / 1000.0);
            merged.add(report)?;
        }
        // The text of an objective is how one is written.
        let objectives = merged.objectives.iter().filter_map(|held| held.objective.parse().ok());
        merged.judge(&Objectives(objectives.collect()), allows_invalid);
        Ok(merged)
    }

    /// Counts the times of the report from so many seconds earlier.
    fn shift(&mut self, seconds: f64) {
        self.took_seconds += seconds;
        let Phases { first_join, filled, held, end } = &mut self.phases_seconds;
        for phase in [first_join, filled, held, end] {
            *phase += seconds;
        }
        if let Some((from, to)) = &mut self.packets.period_seconds {
            *from += seconds;
            *to += seconds;
        }
        for at in [&mut self.relayed.broken_at_seconds, &mut self.server_gone_at_seconds] {
            *at = at.map(|at| at + seconds);
        }
        for losses in self.losses.values_mut() {
            losses.first_at_seconds += seconds;
        }
        let raw = self.latencies.values_mut().filter_map(|details| details.raw_ms.as_mut());
        for told in self.latency_ms.values_mut().chain(raw) {
            told.from_seconds += seconds;
            told.to_seconds += seconds;
        }
        for window in &mut self.windows {
            let windows = (seconds / window.seconds as f64).round() as u64;
            window.second += windows * window.seconds;
        }
    }

    fn add(&mut self, other: Self) -> Result<(), MergeError> {
        let rooms = self.settings.rooms as usize;
        self.add_settings(&other)?;
        self.run_ids.extend(other.run_ids);
        if let (Some(media), Some(other)) = (&mut self.media, other.media) {
            media.add(other, rooms);
        }
        self.took_seconds = self.took_seconds.max(other.took_seconds);
        let (phases, others) = (&mut self.phases_seconds, other.phases_seconds);
        phases.first_join = phases.first_join.min(others.first_join);
        phases.filled = phases.filled.max(others.filled);
        phases.held = phases.held.max(others.held);
        phases.end = phases.end.max(others.end);
        self.interrupted |= other.interrupted;
        self.participants.add(other.participants);
        self.connections.add(other.connections);
        self.silent_connections += other.silent_connections;
        self.packets.add(other.packets);
        self.relayed.planned += other.relayed.planned;
        self.relayed.sent += other.relayed.sent;
        self.relayed.lost += other.relayed.lost;
        self.impaired = match (self.impaired, other.impaired) {
            (Some(one), Some(other)) => Some(one.plus(other)),
            (one, other) => one.or(other),
        };
        let broken = [self.relayed.broken_at_seconds, other.relayed.broken_at_seconds];
        self.relayed.broken_at_seconds = broken.into_iter().flatten().reduce(f64::min);
        for (kind, losses) in other.losses {
            let sum = self.losses.entry(kind).or_insert(Losses { lost: 0, back: 0, ..losses });
            sum.lost += losses.lost;
            sum.back += losses.back;
            sum.first_at_seconds = sum.first_at_seconds.min(losses.first_at_seconds);
        }
        // The server is there as long as one generator has it.
        let gone = self.server_gone_at_seconds.zip(other.server_gone_at_seconds);
        self.server_gone_at_seconds = gone.map(|(one, other)| one.max(other));
        self.add_latencies(other.latencies, &other.latency_ms);
        for Failure { cause, count } in other.failures {
            match self.failures.iter_mut().find(|failure| failure.cause == cause) {
                Some(failure) => failure.count += count,
                None => self.failures.push(Failure { cause, count }),
            }
        }
        self.failures.sort_by(|one, other| one.cause.cmp(&other.cause));
        self.tester.add(other.tester);
        // It is one server, of which one generator may know more than another.
        self.server = self.server.or(other.server);
        let counts = [self.server_counts.take(), other.server_counts];
        let most = |counts: &ServerCounts| counts.messages;
        self.server_counts = counts.into_iter().flatten().max_by_key(most);
        self.add_windows(other.windows);
        Ok(())
    }

    fn add_settings(&mut self, other: &Self) -> Result<(), MergeError> {
        let (one, other) = (&mut self.settings, &other.settings);
        let mut unlike = one.unlike(other);
        unlike.retain(|name| !SHARED.contains(&name.as_str()));
        if !unlike.is_empty() {
            return Err(MergeError::Unlike(unlike.join(", ")));
        }
        one.rooms += other.rooms;
        one.scenario.rooms += other.scenario.rooms;
        one.cores = one.cores.max(other.cores);
        let rates = (&one.scenario.rate, &other.scenario.rate);
        if let (Arrivals::Constant(one_rate), Arrivals::Constant(other_rate)) = rates {
            let rate = one_rate + other_rate;
            one.scenario.rate = Arrivals::Constant(rate);
            one.joins_per_second = Some(rate);
        }
        one.scenario.create_rate += other.scenario.create_rate;
        Ok(())
    }

    fn add_latencies(
        &mut self,
        others: BTreeMap<Kind, LatencyDetails>,
        told: &BTreeMap<Kind, Percentiles>,
    ) {
        for (kind, details) in others {
            let Some(other_told) = told.get(&kind) else { continue };
            let (Some(sum), Some(sum_told)) =
                (self.latencies.get_mut(&kind), self.latency_ms.get_mut(&kind))
            else {
                self.latencies.insert(kind, details);
                self.latency_ms.insert(kind, *other_told);
                continue;
            };
            sum.lost += details.lost;
            sum.refused += details.refused;
            sum.unsent += details.unsent;
            add(&mut sum.histogram, &details.histogram);
            add(&mut sum.raw_histogram, &details.raw_histogram);
            add_phases(&mut sum.phases, details.phases);
            let period = |one: &Percentiles, other: &Percentiles| {
                (one.from_seconds.min(other.from_seconds), one.to_seconds.max(other.to_seconds))
            };
            sum.raw_ms = match (sum.raw_ms, details.raw_ms) {
                (Some(one), Some(other)) => {
                    let (from, to) = period(&one, &other);
                    Some(Percentiles::of(&sum.raw_histogram, from, to))
                }
                (one, other) => one.or(other),
            };
            let (from, to) = period(sum_told, other_told);
            *sum_told = Percentiles::of(&sum.histogram, from, to);
        }
    }

    fn add_windows(&mut self, others: Vec<Window>) {
        // The run of one generator may have been a little longer, so that it has longer windows.
        let seconds = self.windows.iter().chain(&others).map(|window| window.seconds).max();
        let seconds = seconds.unwrap_or(1);
        self.windows = widened(std::mem::take(&mut self.windows), seconds);
        for other in widened(others, seconds) {
            match self.windows.binary_search_by_key(&other.second, |window| window.second) {
                Ok(at) => self.windows[at].add(other),
                Err(at) => self.windows.insert(at, other),
            }
        }
    }
}

/// Settings of which each generator has a part.
const SHARED: [&str; 4] = ["rooms", "rate", "create-rate", "seed"];

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::measure::loss::LostKind;
    use crate::measure::recorder::{Fate, Recorder, Step};
    use crate::objectives::verdict::Verdict;
    use crate::report::example::report;
    use crate::target::OWN_SERVER;

    #[test]
    fn several_generators_measure_what_a_single_one_does() {
        let begin = Instant::now();
        let recorder = || Recorder::new(begin, begin);
        let (all, parts) = (recorder(), [recorder(), recorder(), recorder()]);
        let mut random = StdRng::seed_from_u64(3);
        for number in 0..30_000_u32 {
            let intended = begin + Duration::from_millis(u64::from(number) / 3);
            let took = Duration::from_secs_f64(0.002 / (1.0 - random.random::<f64>()).powf(1.5));
            // One that ended hours later has been measured by nobody.
            let took = took.min(Duration::from_secs(8));
            let step = Step { intended, started: intended + took / 3, ended: intended + took };
            for recorder in [&all, &parts[number as usize % 3]] {
                if number % 1000 == 0 {
                    let end = begin + Duration::from_secs(15);
                    recorder.unanswered(Kind::Relay, intended, Fate::Lost, end);
                } else {
                    recorder.answered(Kind::Relay, step);
                }
            }
            // Of this kind only one generator has any.
            if number % 3 == 1 {
                all.answered(Kind::Create, step);
                parts[1].answered(Kind::Create, step);
            }
        }
        let single = report(all, begin, 6);
        let parts = parts.map(|part| report(part, begin, 2)).into_iter().map(|mut part| {
            // The clock of the system may have been set meanwhile.
            part.started_unix_ms = single.started_unix_ms;
            part
        });
        let merged = Report::merge(parts.collect()).unwrap();
        let json =
            |report: &Report, field: &str| serde_json::to_value(report).unwrap()[field].clone();
        let fields = ["latency_ms", "participants", "connections", "settings", "objectives"];
        for field in fields.into_iter().chain(["phases_seconds", "verdict", "reasons"]) {
            assert_eq!(json(&merged, field), json(&single, field), "{field}");
        }
        assert_eq!(merged.windows, single.windows);
        assert!(merged.windows.iter().any(|window| window.latency_ms.len() == 2));
        assert_eq!(merged.latencies.len(), 2);
        for (kind, details) in &single.latencies {
            let of_parts = &merged.latencies[kind];
            assert_eq!(of_parts.histogram, details.histogram, "{kind:?}");
            assert_eq!(of_parts.raw_histogram, details.raw_histogram, "{kind:?}");
            assert_eq!(of_parts.lost, details.lost);
        }
    }

    #[test]
    fn a_generator_that_started_later_is_later_in_the_merged_run() {
        let begin = Instant::now();
        let recorder = || {
            let recorder = Recorder::new(begin, begin);
            let (intended, ended) = (begin, begin + Duration::from_secs(2));
            recorder.answered(Kind::Relay, Step { intended, started: intended, ended });
            recorder
        };
        let (one, mut other) = (report(recorder(), begin, 2), report(recorder(), begin, 2));
        other.started_unix_ms = one.started_unix_ms + 7000;
        let merged = Report::merge(vec![other, one.clone()]).unwrap();
        assert_eq!(merged.started_at, one.started_at);
        let told = merged.latency_ms[&Kind::Relay];
        assert_eq!((told.from_seconds, told.to_seconds, told.count), (2.0, 9.0, 2));
        assert_eq!(merged.phases_seconds.end, 17.0);
    }

    #[test]
    fn windows_of_different_lengths_are_merged_in_the_longer_ones() {
        let [mut one, mut other] = parts(Instant::now());
        let window = one.windows[0].clone();
        let windows = |seconds: u64| -> Vec<Window> {
            let of = |number| Window {
                second: number * seconds,
                seconds,
                present: number,
                tester_processors: Some(number as f64),
                ..window.clone()
            };
            (0..8 / seconds).map(of).collect()
        };
        (one.windows, other.windows) = (windows(1), windows(2));
        let merged = Report::merge(vec![one, other]).unwrap();
        let told: Vec<_> =
            merged.windows.iter().map(|w| (w.second, w.seconds, w.present)).collect();
        assert_eq!(told, [(0, 2, 1), (2, 2, 4), (4, 2, 7), (6, 2, 10)]);
        assert_eq!(merged.windows[1].tester_processors, Some(3.5));
        let count: u64 = merged.windows.iter().map(|w| w.latency_ms[&Kind::Relay].count).sum();
        assert_eq!(count, 12, "one in each of eight and of four windows");
    }

    #[test]
    fn the_order_of_the_objectives_makes_no_other_run() {
        let begin = Instant::now();
        let [one, mut other] = parts(begin);
        other.objectives.reverse();
        assert!(Report::merge(vec![one, other]).is_ok());
    }

    #[test]
    fn a_part_whose_tester_was_too_slow_and_whose_server_was_gone_makes_the_run_invalid() {
        let begin = Instant::now();
        let [one, mut other] = parts(begin);
        other.tester.reasons.push("it had no processor left".into());
        other.server_gone_at_seconds = Some(3.0);
        other.verdict = Verdict::Broken;
        let merged = Report::merge(vec![one, other]).unwrap();
        assert_eq!(merged.verdict, Verdict::Invalid);
    }

    #[test]
    fn what_is_no_part_of_one_run_is_refused() {
        let begin = Instant::now();
        let [one, mut other] = parts(begin);
        other.settings.scenario.no_video = true;
        let refused = Report::merge(vec![one, other]).unwrap_err().to_string();
        assert!(refused.contains("no-video"), "{refused}");
        assert!(Report::merge(Vec::new()).is_err());
    }

    #[test]
    fn what_was_not_done_to_one_server_at_one_time_is_refused() {
        let refused = |change: fn(&mut Report)| {
            let [one, mut other] = parts(Instant::now());
            change(&mut other);
            Report::merge(vec![one, other]).unwrap_err().to_string()
        };
        assert!(refused(|other| other.settings.server = "y".into()).contains("differ in server"));
        assert!(refused(|other| other.objectives.clear()).contains("differ in objectives"));
        assert!(refused(|other| other.started_unix_ms += 11_000).contains("ended before"));
        let own = parts(Instant::now()).map(|mut own| {
            own.settings.server = OWN_SERVER.into();
            own
        });
        let refused = Report::merge(own.into()).unwrap_err().to_string();
        assert!(refused.contains("its own server"), "{refused}");
    }

    #[test]
    fn a_part_that_is_merged_already_is_refused() {
        let [one, other] = parts(Instant::now());
        let twice = |parts: Vec<Report>| Report::merge(parts).unwrap_err().to_string();
        assert!(twice(vec![one.clone(), one.clone()]).contains("more than once"));
        let both = Report::merge(vec![one, other.clone()]).unwrap();
        assert!(twice(vec![both.clone(), other]).contains("more than once"));
        let [third, _] = parts(Instant::now());
        assert_eq!(Report::merge(vec![both, third]).unwrap().settings.rooms, 6);
    }

    #[test]
    fn a_part_that_was_broken_breaks_the_whole_run() {
        let broken: [fn(&mut Report); 6] = [
            |part| part.participants.reached -= 1,
            |part| part.connections.reached -= 1,
            |part| part.silent_connections = 1,
            |part| part.relayed.lost = 1,
            |part| part.failures.push(Failure { cause: "no route".into(), count: 1 }),
            |part| {
                let losses = Losses { lost: 1, back: 1, first_at_seconds: 1.0 };
                part.losses.insert(LostKind::Seats, losses);
            },
        ];
        for (number, breaks) in broken.into_iter().enumerate() {
            let [one, mut other] = parts(Instant::now());
            breaks(&mut other);
            assert_eq!(
                Report::merge(vec![one, other]).unwrap().verdict,
                Verdict::Broken,
                "{number}"
            );
        }
        assert_eq!(Report::merge(parts(Instant::now()).into()).unwrap().verdict, Verdict::Held);
    }

    /// The reports of two generators.
    fn parts(begin: Instant) -> [Report; 2] {
        [(); 2].map(|()| {
            let recorder = Recorder::new(begin, begin);
            let step = Step { intended: begin, started: begin, ended: begin };
            recorder.answered(Kind::Relay, step);
            report(recorder, begin, 2)
        })
    }
}
