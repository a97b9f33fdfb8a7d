//! The processor time and memory that this process uses.

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The usage of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time per second.
    pub(crate) processor: Duration,
    /// Memory that is not swapped out, in bytes.
    pub(crate) resident: u64,
}

/// The memory of the process before the first connection.
pub(crate) struct Before(u64);

impl Before {
    pub(crate) fn now() -> Self {
        Self(resident())
    }

    /// Measures for a while what each of `connections` uses.
    pub(crate) async fn watch(&self, connections: usize) -> Usage {
        let (begun, used) = (Instant::now(), processor());
        sleep(WATCH).await;
        let share = 1.0 / (connections as f64 * begun.elapsed().as_secs_f64());
        Usage {
            processor: (processor() - used).mul_f64(share),
            resident: resident().saturating_sub(self.0) / connections as u64,
        }
    }
}

/// The time in user and system mode from `/proc` (proc(5)), which has it in clock ticks of 10 ms
/// behind the name in parentheses.
fn processor() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("procfs is mounted");
    let (_, fields) = stat.rsplit_once(") ").expect("the name is in parentheses");
    let ticks =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a count"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("every process has memory");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a size");
    kibibytes * 1024
}

const WATCH: Duration = Duration::from_secs(3);
