//! The largest number of rooms that a server handles, and what limits it.

mod html;
mod memory;
mod search;
mod table;

use std::fmt;

use serde::Serialize;

use self::memory::MemoryBefore;
use self::search::{Next, Search};
use crate::generators::{GeneratorArgs, MeasureError};
use crate::interrupt::Interrupt;
use crate::machine::health::LEAST_WAITING;
use crate::objectives::verdict::Verdict;
use crate::report::{Report, RunSettings, ServerCounts, ServerUse};
use crate::run::Criteria;
use crate::scenario::{Plan, RoomSizes, Scenario, TooLong};
use crate::span::Span;
use crate::target::{OWN_SERVER, TargetArgs};

/// The settings of a search.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) scenario: Scenario,
    pub(crate) target: TargetArgs,
    pub(crate) generators: GeneratorArgs,
    pub(crate) criteria: Criteria,
    /// The number of rooms to begin with.
    pub(crate) first: u32,
    pub(crate) most: u32,
    /// How long the result has to hold.
    pub(crate) hold: Span,
}

impl Question {
    /// Whether no number of rooms could be confirmed, since they would end before `hold` has
    /// passed.
    pub(crate) fn is_hold_too_long(&self) -> bool {
        let smallest = Scenario { rooms: 1, duration: self.hold, ..self.scenario.clone() };
        check_length(&smallest).is_err()
    }
}

/// The result of a search.
#[derive(Debug, Serialize)]
pub(crate) struct Capacity {
    schema: u32,
    settings: RunSettings,
    pub(crate) rooms: u32,
    /// The participants of each room; fewer than were asked for where not one such room passes.
    pub(crate) peers: RoomSizes,
    pub(crate) participants: u64,
    /// The first limit that more rooms reached; `None` if they were not tried.
    pub(crate) limit: Option<Limit>,
    pub(crate) interrupted: bool,
    pub(crate) steps: Vec<Step>,
}

/// One run of a search.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) rooms: u32,
    pub(crate) peers: RoomSizes,
    pub(crate) participants: u64,
    /// Whether it is the longer run that confirms a result.
    pub(crate) is_confirmation: bool,
    pub(crate) limit: Option<Limit>,
    pub(crate) report: Report,
}

/// What limits a run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "of", content = "reason")]
pub(crate) enum Limit {
    Descriptors(String),
    Latency(String),
    Loss(String),
    RunLength(String),
    ServerGone(String),
    ServerSetting(String),
    ServerMemory(String),
    ServerProcessor(String),
    Tester(String),
}

/// Searches for the largest number of rooms, and where not one passes, for the largest room.
pub(crate) async fn find(
    question: &Question,
    interrupt: &Interrupt,
) -> Result<Capacity, MeasureError> {
    let mut finder =
        Finder { question, interrupt, steps: Vec::new(), memory: MemoryBefore::default() };
    let peers = question.scenario.peers.clone();
    let with_rooms = |rooms| (rooms, peers.clone());
    let rooms = finder.search(Search::new(question.first, question.most), with_rooms).await?;
    let (rooms, peers) = match peers.only() {
        Some(size @ 3..) if rooms == 0 && !interrupt.is_interrupted() => {
            // The smallest room has two.
            let with_peers = |more: u32| (1, sized(more));
            let search = Search::new(1, u32::from(size) - 2);
            let more = finder.search(search, with_peers).await?;
            (u32::from(more > 0), sized(more))
        }
        _ => (rooms, peers),
    };
    let steps = finder.steps;
    let passed = |step: &&Step| step.report.has_held();
    let best = steps.iter().filter(passed).rfind(|step| step.rooms == rooms && step.peers == peers);
    let participants = best.map_or(0, |step| step.participants);
    // The smallest step that failed shows the first limit.
    let failed = steps.iter().filter(|step| step.limit.is_some());
    let first = failed.min_by_key(|step| step.participants);
    Ok(Capacity {
        schema: 1,
        settings: RunSettings::new(&question.scenario, &described(question)),
        rooms,
        peers,
        participants,
        limit: first.and_then(|step| step.limit.clone()),
        interrupted: interrupt.is_interrupted(),
        steps,
    })
}

struct Finder<'a> {
    question: &'a Question,
    interrupt: &'a Interrupt,
    steps: Vec<Step>,
    /// Of a server that is the same in all steps.
    memory: MemoryBefore,
}

impl Finder<'_> {
    async fn search(
        &mut self,
        mut search: Search,
        settings: impl Fn(u32) -> (u32, RoomSizes),
    ) -> Result<u32, MeasureError> {
        let mut passed = Vec::new();
        loop {
            let (number, is_confirmation) = match search.next() {
                Next::Try(number) => (number, false),
                Next::Confirm(number) => (number, true),
                Next::Done(number) => return Ok(number),
            };
            let (rooms, peers) = settings(number);
            let has_passed = self.step(rooms, peers, is_confirmation).await?;
            passed.extend(has_passed.then_some(number));
            if self.interrupt.is_interrupted() {
                // A number that passed by luck and was not confirmed does not count.
                let most = if has_passed { number } else { search.passed() };
                return Ok(passed.into_iter().filter(|number| *number <= most).max().unwrap_or(0));
            }
            search.tell(search.next(), has_passed);
        }
    }

    /// Runs once, and returns whether it passed.
    async fn step(
        &mut self,
        rooms: u32,
        peers: RoomSizes,
        is_confirmation: bool,
    ) -> Result<bool, MeasureError> {
        let question = self.question;
        let mut scenario = Scenario { rooms, peers, ..question.scenario.clone() };
        if is_confirmation {
            scenario.duration = question.hold;
        }
        let (peers, verb) = (&scenario.peers, if is_confirmation { "holding" } else { "trying" });
        eprintln!("{verb} {rooms} rooms of {peers}");
        if let (Err(error), false) = (check_length(&scenario), self.steps.is_empty()) {
            self.cannot_be_tried(&scenario, Limit::RunLength(error.to_string()));
            return Ok(false);
        }
        let Question { generators, target, criteria, .. } = question;
        let measured = generators.measure(&scenario, target, criteria, self.interrupt).await;
        let mut report = match measured {
            Ok(report) => report,
            Err(error) if error.is_too_large() && !self.steps.is_empty() => {
                self.cannot_be_tried(&scenario, Limit::Descriptors(error.to_string()));
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if let (Some(server), Some(_)) = (&mut report.server, &target.server.url) {
            self.memory.count_from_here(server);
        }
        let participants = report.participants.wanted;
        let has_passed = report.has_held();
        eprintln!("  {}", report.sentence());
        let has_failed = !has_passed && !report.interrupted;
        let limit = has_failed.then(|| Limit::of(&report));
        let peers = scenario.peers;
        self.steps.push(Step { rooms, peers, participants, is_confirmation, limit, report });
        Ok(has_passed)
    }

    /// Notes on the last step that more cannot be tried here.
    fn cannot_be_tried(&mut self, scenario: &Scenario, limit: Limit) {
        eprintln!("  {} rooms cannot be tried: {}", scenario.rooms, limit.name().1);
        if let Some(last) = self.steps.iter_mut().max_by_key(|step| step.participants) {
            last.limit.get_or_insert(limit);
        }
    }
}

impl Step {
    fn outcome(&self) -> &'static str {
        if self.report.interrupted {
            return "interrupted";
        }
        match (self.report.verdict, self.is_confirmation) {
            (Verdict::Held, false) => "passed",
            (Verdict::Held, true) => "confirmed",
            (Verdict::Broken, _) => "failed",
            (Verdict::Invalid, _) => "invalid",
            (Verdict::Missed, _) => "missed",
        }
    }
}

impl Limit {
    /// The limit of a failed run, from its report.
    fn of(report: &Report) -> Self {
        let reason = report.reasons.first().cloned().unwrap_or_default();
        if report.is_server_gone() {
            return Self::ServerGone(reason);
        }
        if let Some(cause) = report.causes().find(|cause| cause.contains("os error 24")) {
            return Self::Descriptors(format!("those of the tester: {cause}"));
        }
        if report.verdict == Verdict::Invalid {
            return Self::Tester(reason);
        }
        let counts = report.server_counts.as_ref();
        if let Some(flags) = counts.and_then(ServerCounts::refused_by) {
            return Self::ServerSetting(format!("{flags} of signal-server"));
        }
        // The metrics are not known: the refusals are.
        for cause in report.causes() {
            if let Some(flags) = flags_of(cause) {
                return Self::ServerSetting(format!("{cause}; see {flags} of signal-server"));
            }
        }
        if let Some(limit) = report.server.and_then(Self::of_server) {
            return limit;
        }
        match report.verdict {
            Verdict::Missed if report.server.is_some_and(|server| server.machine.is_some()) => {
                Self::Latency(reason)
            }
            Verdict::Missed => Self::Latency(format!("{reason}; {UNKNOWN}")),
            Verdict::Broken | Verdict::Held | Verdict::Invalid => Self::Loss(reason),
        }
    }

    /// The resource that the server's process ran out of.
    fn of_server(server: ServerUse) -> Option<Self> {
        if let Some(most) = server.max_files.filter(|most| server.open_files + SPARE > *most) {
            let open = server.open_files;
            return Some(Self::Descriptors(format!("the server had {open} of {most} open")));
        }
        let ServerUse { busiest_processors: busy, waited_for, processors, .. } = server;
        if waited_for > processors.max(LEAST_WAITING) {
            return Some(Self::ServerProcessor(format!(
                "its threads waited for processors longer than they ran, for {waited_for:.1} of them"
            )));
        }
        let machine = server.machine?;
        if busy > SATURATED * machine.cores as f64 {
            return Some(Self::ServerProcessor(format!("it kept {busy:.1} processors busy")));
        }
        if machine.available_memory_bytes.is_some_and(|left| left < server.memory_bytes / 10) {
            let memory = server.memory_bytes / 1_000_000;
            return Some(Self::ServerMemory(format!("it took {memory} MB")));
        }
        None
    }

    fn name(&self) -> (&'static str, &str) {
        match self {
            Self::Descriptors(reason) => ("descriptors", reason),
            Self::Latency(reason) => ("latency", reason),
            Self::Loss(reason) => ("something failed or was lost", reason),
            Self::RunLength(reason) => ("the length of a run", reason),
            Self::ServerGone(reason) => ("the server went away", reason),
            Self::ServerSetting(reason) => ("a limit of the server", reason),
            Self::ServerMemory(reason) => ("the memory of the server", reason),
            Self::ServerProcessor(reason) => ("the processors of the server", reason),
            Self::Tester(reason) => ("the tester (INVALID)", reason),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, reason) = self.name();
        write!(f, "{name}: {reason}")
    }
}

impl Capacity {
    /// The answer in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { rooms, peers, participants, .. } = self;
        let carried = match rooms {
            0 => "this server carries no room at all".to_owned(),
            _ => format!(
                "this server carries {rooms} rooms of {peers} ({participants} participants)"
            ),
        };
        let limit = match &self.limit {
            Some(limit) => format!("the first limit was {limit}"),
            None if self.interrupted => "the search was interrupted".into(),
            None => "more were not tried (--most)".into(),
        };
        format!("{carried}; {limit}")
    }

    /// The largest step that passed, the confirmation before the others.
    fn best(&self) -> Option<&Step> {
        let passed = self.steps.iter().filter(|step| step.report.has_held());
        passed.max_by_key(|step| (step.participants, step.is_confirmation))
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match (&self.limit, self.rooms) {
            (Some(Limit::Tester(_)), _) => Verdict::Invalid,
            (_, 0) => Verdict::Missed,
            _ => Verdict::Held,
        }
    }
}

fn check_length(scenario: &Scenario) -> Result<(), TooLong> {
    Plan::new(scenario).room_minutes(scenario.create_rate).map(|_| ())
}

fn sized(more: u32) -> RoomSizes {
    RoomSizes::fixed(u8::try_from(more + 1).unwrap_or(u8::MAX))
}

fn described(question: &Question) -> String {
    question.target.server.url.clone().unwrap_or_else(|| OWN_SERVER.into())
}

/// The flags of signal-server that a refusal may come from.
fn flags_of(cause: &str) -> Option<&'static str> {
    let is_limit = cause.contains("429") || cause.contains("rate_limited");
    match () {
        () if !is_limit => None,
        () if cause.contains("create a room") => Some("--creates-per-minute, --max-open-rooms"),
        () if cause.contains("WebSocket") => {
            Some("--max-connections, --max-connections-per-address, --sockets-per-minute")
        }
        () if cause.contains("refused a message") => {
            Some("--burst-messages, --messages-per-second")
        }
        () => Some("--joins-per-minute, --room-joins-per-minute"),
    }
}

const UNKNOWN: &str = "what the machine of the server had left is not known";
const SATURATED: f64 = 0.9;
/// So few descriptors are left to a server that has used them up.
const SPARE: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ServerMachine;

    #[test]
    fn a_server_is_judged_by_its_own_machine_and_not_by_that_of_the_tester() {
        let server = ServerUse {
            processors: 1.9,
            busiest_processors: 2.0,
            processor_seconds: 60.0,
            waited_for: 0.0,
            memory_bytes: 8_000_000_000,
            memory_grown_bytes: 0,
            open_files: 100,
            max_files: None,
            machine: None,
        };
        assert_eq!(Limit::of_server(server), None, "nothing is known of its machine");
        let on = |cores, left| {
            let machine = ServerMachine { cores, available_memory_bytes: Some(left) };
            Limit::of_server(ServerUse { machine: Some(machine), ..server })
        };
        assert!(matches!(on(2, 8_000_000_000), Some(Limit::ServerProcessor(_))));
        assert_eq!(on(16, 8_000_000_000), None);
        assert!(matches!(on(16, 100_000_000), Some(Limit::ServerMemory(_))));
    }
}
