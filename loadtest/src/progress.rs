//! Shows the progress of a run: a bar on a terminal, elsewhere a line every two seconds.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval};

use crate::participant::Progress;

/// Counts what participants report until all of them are gone, and shows the counts.
pub(crate) async fn show(
    participants: u64,
    connections: u64,
    mut progress: mpsc::UnboundedReceiver<Progress>,
    all_connected: watch::Sender<bool>,
) {
    let bar = bar(connections);
    let lines = !stderr().is_terminal();
    let started = Instant::now();
    let (mut entered, mut connected) = (0, 0);
    let mut ticks = interval(Duration::from_secs(2));
    loop {
        tokio::select! {
            step = progress.recv() => match step {
                Some(Progress::Connected) => connected += 1,
                Some(Progress::Entered) => entered += 1,
                None => break,
            },
            _ = ticks.tick() => if lines {
                let seconds = started.elapsed().as_secs();
                eprintln!("{seconds:>4} s  {entered}/{participants} participants, {connected}/{connections} connections");
            },
        }
        bar.set_position(connected.min(connections));
        bar.set_message(format!("{entered}/{participants} participants"));
        if connected >= connections {
            all_connected.send_replace(true);
        }
    }
    bar.finish_and_clear();
}

fn bar(connections: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} connections, {msg}")
            .expect("the template names fields that exist");
    let bar = ProgressBar::new(connections).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
