//! What do the sockets of signal-server cost: processor time and system calls for each relayed
//! message, latency at a fixed rate, memory of idle connections, and the time until a whole room
//! has a message? What do others notice while somebody floods the server?
//!
//! The server is a process of its own, and so are a bare TCP relay, which is the lower bound, and a
//! plain relay on axum. They take turns in each round. Only the ratios within a round carry over to
//! other machines; the times do not.
//!
//! `cargo bench -p benches --bench socket` takes about two minutes on two cores; `-- --floods`
//! measures the floods instead, in about five; `-- --rounds 3` runs fewer rounds, and `-- --json`
//! prints all figures. It reads `/proc` and so needs Linux. It
//! counts system calls if strace is installed.

mod bare;
mod floods;
mod link;
mod load;
mod plain;
mod rooms;
mod rooms_server;
mod servers;
mod syscalls;
#[path = "../support/usage.rs"]
mod usage;

use std::env;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use signal_core::config::RateLimit;
use tokio::runtime;
use tokio::time::sleep;

use crate::floods::{Flood, Noticed};
use crate::load::{Pace, Saturation};
use crate::servers::{Kind, Server};
use crate::syscalls::Trace;

/// The extent of the measurement.
struct Plan {
    rounds: usize,
    /// The duration of each observation.
    watch: Duration,
    connections: u32,
    /// The number of messages to a whole room in each round.
    broadcasts: u32,
    subjects: Subjects,
    json: bool,
}

/// What is measured.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Subjects {
    Servers,
    Floods,
    Both,
}

/// A measured quantity.
#[derive(Clone, Copy)]
struct Measure {
    name: &'static str,
    unit: &'static str,
}

const PROCESSOR: Measure = Measure { name: "processor time per message, saturated", unit: "µs" };
const CALLS: Measure = Measure { name: "system calls per message, saturated", unit: "" };
const PACED_PROCESSOR: Measure =
    Measure { name: "processor time per message at 5,000/s", unit: "µs" };
const P50: Measure = Measure { name: "p50 at 5,000/s", unit: "µs" };
const P99: Measure = Measure { name: "p99 at 5,000/s", unit: "µs" };
const BROADCAST: Measure = Measure { name: "broadcast to all of 50 members, p50", unit: "µs" };
const MEMORY: Measure = Measure { name: "memory per idle connection", unit: "KiB" };
const MEASURES: [Measure; 7] = [PROCESSOR, CALLS, PACED_PROCESSOR, P50, P99, BROADCAST, MEMORY];

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["bare"] => return serve(bare::serve()),
        ["axum"] => return serve(plain::serve()),
        ["signal-server"] => return serve(rooms_server::serve(rooms_server::unlimited())),
        ["signal-server-limited"] => return serve(rooms_server::serve(RateLimit::default())),
        _ => {}
    }
    let Some(plan) = Plan::of(&arguments) else {
        eprintln!(
            "usage: socket [--floods] [--rounds <number, by default 5>] \
             [--connections <number of idle ones, by default 10000>] [--json]"
        );
        return ExitCode::from(2);
    };
    if let Some(code) = with_more_files() {
        return code;
    }
    // One thread for all participants leaves the other cores to the server.
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if plan.subjects != Subjects::Floods {
            compare(&plan).await;
        }
        if plan.subjects != Subjects::Servers {
            flood(&plan).await;
        }
    });
    ExitCode::SUCCESS
}

impl Plan {
    fn of(arguments: &[&str]) -> Option<Self> {
        let mut plan = Self {
            rounds: 5,
            watch: Duration::from_secs(3),
            connections: 10_000,
            broadcasts: 200,
            subjects: Subjects::Servers,
            json: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--connections" => {
                    plan.connections = arguments.next()?.parse().ok().filter(|n| *n >= 4)?;
                }
                "--floods" => plan.subjects = Subjects::Floods,
                "--json" => plan.json = true,
                "--rounds" => plan.rounds = arguments.next()?.parse().ok().filter(|n| *n > 0)?,
                "--test" => {
                    plan.rounds = 1;
                    plan.watch = Duration::from_millis(200);
                    plan.connections = 100;
                    plan.broadcasts = 5;
                    plan.subjects = Subjects::Both;
                }
                _ => return None,
            }
        }
        Some(plan)
    }
}

fn serve(server: impl Future<Output = ()>) -> ExitCode {
    runtime::Runtime::new().expect("a runtime").block_on(server);
    ExitCode::SUCCESS
}

/// Restarts this program with the highest permitted number of open files, unless it has that
/// already. The servers inherit the limit.
fn with_more_files() -> Option<ExitCode> {
    let limits = fs::read_to_string("/proc/self/limits").expect("procfs is mounted");
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let numbers: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    if numbers[0] == numbers[1] {
        return None;
    }
    let raise = r#"ulimit -n "$(ulimit -Hn)" && exec "$0" "$@""#;
    let program = env::current_exe().expect("the path of this program");
    let again =
        Command::new("sh").args(["-c", raise]).arg(program).args(env::args().skip(1)).status();
    let code = again.expect("there is a shell").code().unwrap_or(1);
    Some(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The figure of each kind of server in each round.
type Figures = Vec<[Option<f64>; Kind::ALL.len()]>;

async fn compare(plan: &Plan) {
    let mut figures: Vec<Figures> = MEASURES.iter().map(|_| Figures::new()).collect();
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a template");
    let progress = ProgressBar::new((Kind::ALL.len() * (plan.rounds + 1)) as u64).with_style(style);
    for round in 0..plan.rounds {
        let mut taken = [[None; Kind::ALL.len()]; MEASURES.len()];
        // The order is reversed in every other round.
        let mut order = [0, 1, 2];
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let kind = Kind::ALL[index];
            progress.set_message(format!("{}: messages", kind.name()));
            let measured = messages(plan, kind).await;
            for (measure, value) in measured.into_iter().enumerate() {
                taken[measure][index] = value;
            }
            progress.inc(1);
        }
        for (all, round) in figures.iter_mut().zip(taken) {
            all.push(round);
        }
    }
    let mut memory = [None; Kind::ALL.len()];
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        progress.set_message(format!("{}: idle connections", kind.name()));
        let server = Server::start(kind);
        let grown = load::idle(&server, plan.connections, || progress.tick()).await;
        memory[index] = Some(grown / 1024.0);
        progress.inc(1);
    }
    figures[MEASURES.len() - 1] = vec![memory];
    progress.finish_and_clear();
    if plan.json { print_json(&figures) } else { print_table(&figures) }
}

/// Measures each flood at the server and beside it, in turns, and prints what others notice.
async fn flood(plan: &Plan) {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("a template");
    let progress = ProgressBar::new((Flood::ALL.len() * plan.rounds * 2) as u64).with_style(style);
    let mut figures: Vec<[Vec<Noticed>; 2]> =
        Flood::ALL.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for round in 0..plan.rounds {
        for (flood, figures) in Flood::ALL.into_iter().zip(&mut figures) {
            for turn in 0..2 {
                let beside = (round + turn) % 2;
                progress.set_message(flood.name());
                figures[beside].push(flood.measure(beside == 1, plan.watch).await);
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();
    if plan.json { print_floods_json(&figures) } else { print_floods(&figures) }
}

/// Measures everything about messages, in the order of [`MEASURES`].
async fn messages(plan: &Plan, kind: Kind) -> [Option<f64>; MEASURES.len()] {
    let server = Server::start(kind);
    let saturation = Saturation::begin(&server, ROOMS).await;
    let (used, relayed) = (server.usage(), saturation.relayed());
    sleep(plan.watch).await;
    let relayed = saturation.relayed() - relayed;
    let processor = (server.usage().processor - used.processor).div_f64(relayed as f64);
    let calls = traced(&server, &saturation).await;
    drop((saturation, server));

    let server = Server::start(kind);
    let Pace { latencies, processor: paced } = load::pace(&server, ROOMS, RATE, plan.watch).await;
    let paced = paced.div_f64(latencies.len() as f64);
    drop(server);

    let server = Server::start(kind);
    let broadcasts = load::broadcast(&server, plan.broadcasts).await;
    [
        Some(microseconds(processor)),
        calls,
        Some(microseconds(paced)),
        Some(microseconds(quantile(&latencies, 50))),
        Some(microseconds(quantile(&latencies, 99))),
        Some(microseconds(quantile(&broadcasts, 50))),
        None,
    ]
}

async fn traced(server: &Server, saturation: &Saturation) -> Option<f64> {
    let trace = Trace::attach(server.id())?;
    let relayed = saturation.relayed();
    sleep(TRACE).await;
    let relayed = saturation.relayed() - relayed;
    Some(trace.calls()? as f64 / relayed as f64)
}

fn print_table(figures: &[Figures]) {
    println!(
        "{:43} {:>10} {:>10} {:>14} {:>8} {:>8}",
        "median", "bare", "axum", "signal-server", "/ bare", "/ axum"
    );
    for (measure, rounds) in MEASURES.iter().zip(figures) {
        let [bare, axum, server] =
            [0, 1, 2].map(|index| median(rounds.iter().map(|round| round[index])));
        let Some(((bare, axum), server)) = bare.zip(axum).zip(server) else {
            println!("{:43} not counted: strace is missing or may not attach", measure.name);
            continue;
        };
        let ratio = |index: usize| {
            let ratios = rounds.iter().map(|round| Some(round[2]? / round[index]?));
            format!("{:.2}", median(ratios).unwrap_or(f64::NAN))
        };
        let value = |value: f64| format!("{value:.1} {}", measure.unit);
        let (over_bare, over_axum) = (ratio(0), ratio(1));
        let (bare, axum, server) = (value(bare), value(axum), value(server));
        println!(
            "{:43} {bare:>10} {axum:>10} {server:>14} {over_bare:>8} {over_axum:>8}",
            measure.name
        );
    }
}

/// Prints every figure of every round.
fn print_json(figures: &[Figures]) {
    let measures = MEASURES.iter().zip(figures).map(|(measure, rounds)| {
        let of = |index: usize| rounds.iter().map(|round| round[index]).collect::<Vec<_>>();
        let Measure { name, unit } = measure;
        json!({"measure": name, "unit": unit, "bare": of(0), "axum": of(1), "signal-server": of(2)})
    });
    println!("{}", Value::from_iter(measures));
}

fn print_floods(figures: &[[Vec<Noticed>; 2]]) {
    println!(
        "{:24} {:>11} {:>9} {:>9} {:>11} {:>9} {:>9}",
        "median: 20 flood with", "at it: MB/s", "p50", "p99", "beside: MB/s", "p50", "p99"
    );
    for (flood, sides) in Flood::ALL.iter().zip(figures) {
        print!("{:24}", flood.name());
        for side in sides {
            let of = |value: fn(&Noticed) -> f64| {
                median(side.iter().map(|noticed| Some(value(noticed)))).unwrap_or(f64::NAN)
            };
            let (p50, p99) = (of(|noticed| noticed.p(50)), of(|noticed| noticed.p(99)));
            print!(" {:>11.1} {p50:>6.0} µs {p99:>6.0} µs", of(|noticed| noticed.sent) / 1e6);
        }
        println!();
    }
}

/// Prints every figure of every round.
fn print_floods_json(figures: &[[Vec<Noticed>; 2]]) {
    let floods = Flood::ALL.iter().zip(figures).map(|(flood, sides)| {
        let [at, beside] = [0, 1].map(|index| {
            let of = |value: fn(&Noticed) -> f64| sides[index].iter().map(value).collect::<Vec<_>>();
            let (p50, p99) = (of(|noticed| noticed.p(50)), of(|noticed| noticed.p(99)));
            json!({"bytes per second": of(|noticed| noticed.sent), "p50 in µs": p50, "p99 in µs": p99})
        });
        json!({"flood": flood.name(), "at the server": at, "beside it": beside})
    });
    println!("{}", Value::from_iter(floods));
}

/// Returns `None` unless every round has a value.
fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect::<Option<_>>()?;
    values.sort_by(f64::total_cmp);
    let (upper, lower) =
        (values.get(values.len() / 2)?, values.get(values.len().checked_sub(1)? / 2)?);
    Some(upper.midpoint(*lower))
}

/// The median of sorted values.
fn quantile(values: &[Duration], percent: usize) -> Duration {
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000_000.0
}

/// The number of rooms with four participants each.
const ROOMS: u32 = 50;
/// Messages per second.
const RATE: u64 = 5000;
const TRACE: Duration = Duration::from_secs(1);
