//! What a process uses, from `/proc` (proc(5)).

#![allow(dead_code, reason = "shared by several benchmarks, none of which uses all of it")]

use std::fs;
use std::time::Duration;

/// The usage of a process since it was started. No thread may end while it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time in user and system mode, with a resolution of nanoseconds.
    pub(crate) processor: Duration,
    /// How often its threads went to sleep: voluntary context switches.
    pub(crate) sleeps: u64,
    /// Memory that is not swapped out, in bytes, without the pages of the program's file.
    pub(crate) resident: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Self {
        Self { processor: processor(process), sleeps: sleeps(process), resident: resident(process) }
    }
}

fn processor(process: u32) -> Duration {
    let times = of_threads(process, "schedstat").into_iter().filter_map(|line| {
        let time = line.split(' ').next()?;
        time.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

fn sleeps(process: u32) -> u64 {
    let statuses = of_threads(process, "status");
    statuses.iter().map(|status| field(status, "voluntary_ctxt_switches:")).sum()
}

fn resident(process: u32) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    field(&status, "RssAnon:") * 1024
}

/// The contents of that file for each thread.
fn of_threads(process: u32, file: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process is there");
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join(file)).ok()).collect()
}

/// A number, which may have the unit kB.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("Linux tells the status of processes")
}
