//! What does the SDK cost, compared with bare webrtc-rs: the time from `join` to the first packet
//! of media, and the processor time, sleeps and memory of a connection?
//!
//! Two programs do the same work and take turns: participants of the SDK, and peer connections
//! wired by hand. Each is a process of its own, at the same server.
//! `cargo bench -p benches --bench connect` takes about seven minutes; `-- --pairs 5` takes fewer
//! turns, `-- --calls 50` keeps the processors busy. It reads `/proc` and so needs Linux.

mod bare;
mod media;
mod sdk;
#[path = "../support/usage.rs"]
mod usage;
mod watch;

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use client_sdk::{Client, CreatedRoom, NewRoom};
use signal_server::testing;

use crate::media::Media;
use crate::watch::PerConnection;

/// What one process measured.
#[derive(Clone, Debug)]
struct Figures {
    /// The time from `join` to the first packet of each call.
    first_packet: Vec<Duration>,
    /// The usage of one end of a call while media flows in both directions.
    per_connection: PerConnection,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [way @ ("sdk" | "bare"), media, calls, server, token] => {
            let media = Media::named(media).expect("media of a call");
            measure(way, media, calls.parse().expect("a number of calls"), server, token)
        }
        ["--test"] => compare(Extent { pairs: 1, ..Extent::default() }),
        _ => match Extent::of_arguments(&arguments) {
            Some(extent) => compare(extent),
            None => {
                eprintln!("usage: connect [--pairs <turns, 15>] [--calls <of a process, 8>]");
                ExitCode::from(2)
            }
        },
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Extent {
    /// The number of turns of both.
    pairs: usize,
    /// The number of calls of a process, each in a room of its own.
    calls: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self { pairs: 15, calls: 8 }
    }
}

impl Extent {
    fn of_arguments(mut arguments: &[&str]) -> Option<Self> {
        let mut extent = Self::default();
        while let [flag, number, rest @ ..] = arguments {
            let number = number.parse().ok().filter(|number| *number > 0)?;
            match *flag {
                "--pairs" => extent.pairs = number,
                "--calls" => extent.calls = number,
                _ => return None,
            }
            arguments = rest;
        }
        arguments.is_empty().then_some(extent)
    }
}

#[tokio::main]
async fn measure(way: &str, media: Media, calls: usize, server: &str, token: &str) -> ExitCode {
    let client = Client::new(server).expect("the address of a server");
    let mut rooms: Vec<CreatedRoom> = Vec::new();
    for _ in 0..calls {
        rooms.push(client.create_room(token, &NewRoom::default()).await.expect("a room"));
    }
    let figures = match way {
        "sdk" => sdk::run(&client, &rooms, media).await,
        _ => bare::run(server, &rooms, media).await,
    };
    println!("{}", figures.to_line());
    ExitCode::SUCCESS
}

#[tokio::main]
async fn compare(Extent { pairs, calls }: Extent) -> ExitCode {
    let server = testing::start().await.expect("a server");
    let token = server.access_token("alice");
    for media in Media::ALL {
        let mut turns = Vec::new();
        for pair in 0..pairs {
            eprint!("\r{}: pair {} of {pairs} ", media.name(), pair + 1);
            // The two take turns in going first.
            let order = if pair % 2 == 0 { ["sdk", "bare"] } else { ["bare", "sdk"] };
            let mut figures = Vec::new();
            for way in order {
                let (url, token) = (server.url(), token.clone());
                let run =
                    tokio::task::spawn_blocking(move || spawn(way, media, calls, &url, &token));
                figures.push(run.await.expect("the process was waited for"));
            }
            let [first, second] = <[Figures; 2]>::try_from(figures).expect("there were two");
            turns.push(if order[0] == "sdk" { (first, second) } else { (second, first) });
        }
        eprintln!();
        report(media, &turns);
    }
    ExitCode::SUCCESS
}

/// Prints the medians, and the ratio within the pairs: its median, and the half in the middle.
fn report(media: Media, turns: &[(Figures, Figures)]) {
    println!("{:34} {:>12} {:>12}  {:>5}  half of the pairs", media.name(), "SDK", "bare", "ratio");
    let row = |what: &str, unit: &str, of: fn(&Figures) -> f64| {
        let [sdk, bare] = [
            sorted(turns.iter().map(|(sdk, _)| of(sdk))),
            sorted(turns.iter().map(|(_, bare)| of(bare))),
        ];
        let ratios = sorted(turns.iter().map(|(sdk, bare)| of(sdk) / of(bare)));
        println!(
            "{what:34} {:>12} {:>12}  {:>5.2}  {:.2} to {:.2}",
            format!("{:.1} {unit}", quantile(&sdk, 0.5)),
            format!("{:.1} {unit}", quantile(&bare, 0.5)),
            quantile(&ratios, 0.5),
            quantile(&ratios, 0.25),
            quantile(&ratios, 0.75)
        );
    };
    row("join to first packet", "ms", |figures| {
        quantile(&sorted(figures.first_packet.iter().map(milliseconds)), 0.5)
    });
    row("processor time per connection", "ms/s", |figures| {
        milliseconds(&figures.per_connection.processor)
    });
    row("sleeps per connection", "/s", |figures| figures.per_connection.sleeps);
    row("memory per connection", "KiB", |figures| figures.per_connection.resident as f64 / 1024.0);
}

/// Runs one process with all its calls.
fn spawn(way: &str, media: Media, calls: usize, server: &str, token: &str) -> Figures {
    let program = env::current_exe().expect("the path of this program");
    let run = Command::new(program)
        .args([way, media.name(), &calls.to_string(), server, token])
        .stderr(Stdio::inherit())
        .output()
        .expect("this program runs");
    assert!(run.status.success(), "{way} ended with {}", run.status);
    Figures::of_line(&String::from_utf8_lossy(&run.stdout))
}

impl Figures {
    /// Writes the processor time, the sleeps, the memory and the time of each call, separated by
    /// spaces. Times are in microseconds, memory is in bytes.
    fn to_line(&self) -> String {
        let PerConnection { processor, sleeps, resident } = self.per_connection;
        let calls: Vec<String> =
            self.first_packet.iter().map(|time| time.as_micros().to_string()).collect();
        format!("{} {sleeps} {resident} {}", processor.as_micros(), calls.join(" "))
    }

    fn of_line(line: &str) -> Self {
        let numbers: Vec<f64> =
            line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [processor, sleeps, resident, ref calls @ ..] = numbers[..] else {
            panic!("too few figures: {line}")
        };
        let micros = |micros: f64| Duration::from_micros(micros as u64);
        Self {
            first_packet: calls.iter().copied().map(micros).collect(),
            per_connection: PerConnection {
                processor: micros(processor),
                sleeps,
                resident: resident as u64,
            },
        }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

fn milliseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
