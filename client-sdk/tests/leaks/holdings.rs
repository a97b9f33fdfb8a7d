//! What this process holds.

use std::fmt;
use std::fs;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holdings {
    /// Living tasks of the runtime.
    pub tasks: usize,
    /// Open sockets.
    pub sockets: usize,
    /// Memory that is not swapped out, in bytes.
    pub resident: u64,
}

impl Holdings {
    /// Once the numbers of tasks and sockets have stayed the same for a while: what was dropped
    /// closes in the background, and the server closes its ends a moment later.
    pub async fn at_rest() -> Self {
        let (mut last, mut times) = (Self::now(), 0);
        while times < 5 {
            sleep(Duration::from_millis(100)).await;
            let now = Self::now();
            let is_same = (now.tasks, now.sockets) == (last.tasks, last.sockets);
            times = if is_same { times + 1 } else { 0 };
            last = now;
        }
        last
    }

    fn now() -> Self {
        let tasks = Handle::current().metrics().num_alive_tasks();
        Self { tasks, sockets: open_sockets(), resident: resident() }
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, sockets, resident } = self;
        write!(
            f,
            "{tasks} tasks, {sockets} sockets, {:.1} MiB",
            *resident as f64 / f64::from(1 << 20)
        )
    }
}

fn open_sockets() -> usize {
    let sockets = fs::read_dir("/proc/self/fd").unwrap().filter(|entry| {
        let target = fs::read_link(entry.as_ref().unwrap().path());
        target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    });
    sockets.count()
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}
