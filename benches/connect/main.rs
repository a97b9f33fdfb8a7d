//! What does the SDK cost, compared with bare webrtc-rs: the time from `join` to the first packet
//! of media, and the processor time and memory of a connection?
//!
//! Two programs do the same work and take turns: participants of the SDK, and peer connections
//! wired by hand. Each is a process of its own, at the same server.
//! `cargo bench -p benches --bench connect` takes about four minutes; `-- --pairs 5` takes fewer
//! turns.

mod bare;
mod process;
mod sdk;
mod sound;

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use client_sdk::{Client, CreatedRoom, NewRoom};
use signal_server::testing;

use crate::process::Usage;

/// What one process measured.
#[derive(Clone, Debug)]
struct Figures {
    /// The time from `join` to the first packet of each call.
    first_packet: Vec<Duration>,
    /// The usage of one end of a call while sound flows in both directions.
    per_connection: Usage,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [way @ ("sdk" | "bare"), server, token] => measure(way, server, token),
        ["--test"] => compare(1),
        [] => compare(20),
        ["--pairs", pairs] if pairs.parse::<usize>().is_ok_and(|pairs| pairs > 0) => {
            compare(pairs.parse().expect("it was parsed just now"))
        }
        _ => {
            eprintln!("usage: connect [--pairs <number of turns, by default 20>]");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn measure(way: &str, server: &str, token: &str) -> ExitCode {
    let client = Client::new(server).expect("the address of a server");
    let mut rooms: Vec<CreatedRoom> = Vec::new();
    for _ in 0..CALLS {
        rooms.push(client.create_room(token, &NewRoom::default()).await.expect("a room"));
    }
    let figures = match way {
        "sdk" => sdk::run(&client, &rooms).await,
        _ => bare::run(server, &rooms).await,
    };
    println!("{}", figures.to_line());
    ExitCode::SUCCESS
}

#[tokio::main]
async fn compare(pairs: usize) -> ExitCode {
    let server = testing::start().await.expect("a server");
    let token = server.access_token("alice");
    let (mut sdk, mut bare) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        eprint!("\rpair {} of {pairs} ", pair + 1);
        // The two take turns in going first.
        let order = if pair % 2 == 0 { ["sdk", "bare"] } else { ["bare", "sdk"] };
        for way in order {
            let (url, token) = (server.url(), token.clone());
            let run = tokio::task::spawn_blocking(move || spawn(way, &url, &token));
            let figures = run.await.expect("the process was waited for");
            if way == "sdk" { sdk.push(figures) } else { bare.push(figures) }
        }
    }
    eprintln!();
    println!("{:34} {:>10} {:>10} {:>7}", "median", "SDK", "bare", "ratio");
    let row = |what: &str, of: fn(&Figures) -> f64, unit: &str| {
        let [sdk, bare] = [&sdk, &bare].map(|all| median(all.iter().map(of).collect()));
        println!(
            "{what:34} {:>10} {:>10} {:>7.2}",
            format!("{sdk:.1} {unit}"),
            format!("{bare:.1} {unit}"),
            sdk / bare
        );
    };
    row(
        "join to first packet",
        |figures| median(figures.first_packet.iter().map(milliseconds).collect()),
        "ms",
    );
    row(
        "processor time per connection",
        |figures| milliseconds(&figures.per_connection.processor),
        "ms/s",
    );
    row("memory per connection", |figures| figures.per_connection.resident as f64 / 1024.0, "KiB");
    ExitCode::SUCCESS
}

/// Runs one process with all its calls.
fn spawn(way: &str, server: &str, token: &str) -> Figures {
    let program = env::current_exe().expect("the path of this program");
    let run = Command::new(program).args([way, server, token]).stderr(Stdio::inherit()).output();
    let run = run.expect("this program runs");
    assert!(run.status.success(), "{way} ended with {}", run.status);
    Figures::of_line(&String::from_utf8_lossy(&run.stdout))
}

impl Figures {
    /// Writes the processor time, the memory and the time of each call, separated by spaces. Times
    /// are in microseconds, memory is in bytes.
    fn to_line(&self) -> String {
        let Usage { processor, resident } = self.per_connection;
        let calls: Vec<String> =
            self.first_packet.iter().map(|time| time.as_micros().to_string()).collect();
        format!("{} {resident} {}", processor.as_micros(), calls.join(" "))
    }

    fn of_line(line: &str) -> Self {
        let numbers: Vec<u64> =
            line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [processor, resident, ref calls @ ..] = numbers[..] else {
            panic!("too few figures: {line}")
        };
        Self {
            first_packet: calls.iter().copied().map(Duration::from_micros).collect(),
            per_connection: Usage { processor: Duration::from_micros(processor), resident },
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn milliseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The number of calls, each in a room of its own, one after the other.
const CALLS: usize = 8;
