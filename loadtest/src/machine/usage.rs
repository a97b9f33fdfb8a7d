//! The resources that a process uses, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// The usage of a process until now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time of all threads.
    pub(crate) processor: Duration,
    /// The time in which threads could have run and waited for a processor.
    pub(crate) waited: Duration,
    /// Processor time by the name of threads. Threads that have ended are not in it.
    pub(crate) threads: BTreeMap<String, Duration>,
    /// Resident memory in bytes.
    pub(crate) memory: u64,
    pub(crate) open_files: u64,
    /// How many files it may have open.
    pub(crate) max_files: Option<u64>,
}

impl Usage {
    /// The usage of this process, or of another one; `None` where it cannot be read.
    pub(crate) fn of(process: Option<u32>) -> Option<Self> {
        let root = PathBuf::from("/proc")
            .join(process.map_or_else(|| "self".into(), |process| process.to_string()));
        let stat = fs::read_to_string(root.join("stat")).ok()?;
        // The fields after the name, which may contain spaces, of proc_pid_stat(5).
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let processor = TICK * u32::try_from(ticks(11)? + ticks(12)?).unwrap_or(u32::MAX);
        let status = fs::read_to_string(root.join("status")).ok()?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = kilobytes.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        let mut usage = Self {
            processor,
            memory: memory.unwrap_or(0) * 1024,
            open_files: fs::read_dir(root.join("fd")).map_or(0, |files| files.count() as u64),
            max_files: fs::read_to_string(root.join("limits")).ok().as_deref().and_then(max_files),
            ..Self::default()
        };
        for thread in fs::read_dir(root.join("task")).ok()?.flatten() {
            usage.add_thread(&thread.path());
        }
        Some(usage)
    }

    /// Adds a thread, unless it has ended.
    fn add_thread(&mut self, thread: &std::path::Path) -> Option<()> {
        let name = fs::read_to_string(thread.join("comm")).ok()?;
        let schedule = fs::read_to_string(thread.join("schedstat")).ok()?;
        let mut nanoseconds = schedule.split_whitespace().map(str::parse::<u64>);
        let (ran, waited) = (nanoseconds.next()?.ok()?, nanoseconds.next()?.ok()?);
        // Threads of one group have numbers at the end of their names.
        let group = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        *self.threads.entry(group.to_owned()).or_default() += Duration::from_nanos(ran);
        self.waited += Duration::from_nanos(waited);
        Some(())
    }
}

/// The bytes of memory that the machine can still give.
pub(crate) fn available_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// The TCP sockets of this machine, those included that wait for their port to be free again.
pub(crate) fn tcp_sockets() -> Option<u64> {
    let sockets = fs::read_to_string("/proc/net/sockstat").ok()?;
    let fields = sockets.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let count = |name| fields.chunks(2).find(|pair| pair[0] == name)?.get(1)?.parse::<u64>().ok();
    Some(count("inuse")? + count("tw")?)
}

fn max_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processors that were busy for that time.
pub(crate) fn share(before: Duration, after: Duration, time: Duration) -> f64 {
    if time.is_zero() {
        return 0.0;
    }
    after.saturating_sub(before).as_secs_f64() / time.as_secs_f64()
}

/// `USER_HZ`, which is 100 on every architecture of Linux.
const TICK: Duration = Duration::from_millis(10);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_is_seen() {
        let before = Usage::of(None).unwrap();
        let started = Instant::now();
        let mut sum = 0_u64;
        while Usage::of(None).unwrap().processor < before.processor + Duration::from_millis(100) {
            sum = black_box(sum + 1);
            assert!(started.elapsed() < Duration::from_secs(60), "{sum}");
        }
        let after = Usage::of(Some(std::process::id())).unwrap();
        assert!(after.memory > 0 && after.open_files > 0);
        assert!(after.max_files >= Some(after.open_files), "{:?}", after.max_files);
        assert!(tcp_sockets().is_some());
        assert!(!after.threads.is_empty());
        assert!(Usage::of(Some(u32::MAX)).is_none());
    }
}
