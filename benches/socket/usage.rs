//! The processor time and memory of another process, from `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

/// The usage of a process since it was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time in user and system mode, with a resolution of nanoseconds.
    pub(crate) processor: Duration,
    /// Memory that is not swapped out, in bytes.
    pub(crate) resident: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Self {
        Self { processor: processor(process), resident: resident(process) }
    }
}

/// Returns the sum over all threads. No thread of the servers ends while it is measured.
fn processor(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process is there");
    let times = tasks.filter_map(|task| {
        let line = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

fn resident(process: u32) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("every process has memory");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a size");
    kibibytes * 1024
}
