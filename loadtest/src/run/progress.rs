//! Shows the progress of a run: a bar on a terminal, elsewhere a line every two seconds.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;
use tokio::time::interval;

use crate::machine::watcher::{Load, LoadGauge};
use crate::measure::latency_kind::Kind;
use crate::measure::phase::{Phase, reached};
use crate::participants::world::World;

/// The expected counts if nothing fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) participants: u64,
    pub(crate) connections: Option<u64>,
}

/// Shows the counts until the run is over.
pub(crate) async fn show(
    expected: Expected,
    world: Arc<World>,
    gauge: LoadGauge,
    mut phases: watch::Receiver<Phase>,
) {
    let Expected { participants, connections } = expected;
    let bar = bar(connections.unwrap_or(participants));
    let lines = !stderr().is_terminal();
    let mut ticks =
        interval(if lines { Duration::from_secs(2) } else { Duration::from_millis(200) });
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = reached(Phase::End, &mut phases) => break,
        }
        let counts = world.live.counts();
        let mut state = format!("{}/{participants} participants", counts.entered);
        if let Some(relay) = world.recorder.latest(Kind::Relay, 0.99) {
            state += &format!(", relay p99 {relay:.1} ms");
        }
        state += &told(gauge.latest());
        let failures = world.recorder.failures();
        let failed: u64 = failures.values().sum();
        if failed > 0 {
            // The most frequent cause says more than the number does.
            let cause = failures.iter().max_by_key(|(_, count)| **count);
            state += &format!(", {failed} failures");
            if let Some((cause, count)) = cause {
                state += &format!(" ({count} × {cause})");
            }
        }
        if lines {
            let seconds = world.begin.elapsed().as_secs();
            let of = connections.map_or(String::new(), |connections| format!("/{connections}"));
            eprintln!("{seconds:>4} s  {}{of} connections, {state}", counts.connected);
        }
        bar.set_position(match connections {
            Some(connections) => counts.connected.min(connections),
            None => counts.entered,
        });
        bar.set_message(state);
    }
    bar.finish_and_clear();
}

/// The load of tester and server, as far as it is known.
fn told(load: Load) -> String {
    let Load { tester_processors, server_processors, server_messages } = load;
    let mut told = String::new();
    for (name, processors) in [("tester", tester_processors), ("server", server_processors)] {
        if let Some(processors) = processors {
            told += &format!(", {name} {processors:.2} processors");
        }
    }
    if let Some(messages) = server_messages {
        told += &format!(", {messages:.0} messages/s");
    }
    told
}

fn bar(connections: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len}, {msg}")
        .expect("the template names fields that exist");
    let bar = ProgressBar::new(connections).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
