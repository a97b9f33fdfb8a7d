//! The program itself, as an operator runs it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{ACCESS_SECRET, Api, PATIENCE};

/// The program, with no settings from the environment of the tests, without a data directory, and
/// with metrics at a free port. `TESTED_PROGRAM` names another build of it, like the released one.
pub fn program(args: &[&str]) -> Command {
    let built = env!("CARGO_BIN_EXE_signal-server").into();
    let mut command = Command::new(std::env::var_os("TESTED_PROGRAM").unwrap_or(built));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIGNAL_") {
            command.env_remove(name);
        }
    }
    command.env("SIGNAL_EPHEMERAL", "1").env("SIGNAL_ADMIN_LISTEN", "127.0.0.1:0");
    command
}

/// The same under a limit of the system, as `ulimit` of the shell takes it.
pub fn limited(limit: &str, args: &[&str]) -> Command {
    let inner = program(args);
    let mut command = Command::new("sh");
    // Without this, a file that grows beyond the limit would terminate the program.
    command.args(["-c", &format!(r#"trap "" XFSZ; ulimit {limit}; exec "$0" "$@""#)]);
    command.arg(inner.as_std().get_program()).args(inner.as_std().get_args());
    for (name, value) in inner.as_std().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn run(command: &mut Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("the program ends").unwrap()
}

pub fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The program while it serves.
pub struct Running {
    pub child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    /// What it has logged so far.
    logged: Arc<Mutex<String>>,
    /// How many bytes of that `until_logged` has seen.
    seen: usize,
    logging: JoinHandle<()>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let logged = Arc::new(Mutex::new(String::new()));
        let log = Arc::clone(&logged);
        let logging = tokio::spawn(async move {
            let mut line = String::new();
            while stderr.read_line(&mut line).await.unwrap() > 0 {
                log.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self { child, stdout, logged, seen: 0, logging }
    }

    /// What it prints up to the last line of its announcement.
    pub async fn announcement(&mut self) -> String {
        let mut printed = String::new();
        while !printed.contains("as the creator.") {
            let line = timeout(PATIENCE, self.stdout.next_line())
                .await
                .expect("it announces itself")
                .unwrap();
            printed
                .push_str(&line.unwrap_or_else(|| panic!("it ended after printing:\n{printed}")));
            printed.push('\n');
        }
        printed
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap();
        let kill = format!("kill -{name} {pid}");
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it logs a text that it had not when this was last called.
    pub async fn until_logged(&mut self, text: &str) {
        let found = async {
            loop {
                let found = self.logged.lock().unwrap()[self.seen..].find(text);
                match found {
                    Some(at) => return self.seen + at + text.len(),
                    None => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let found = timeout(PATIENCE, found).await;
        self.seen = found.unwrap_or_else(|_| panic!("{text} is not in\n{}", self.log()));
    }

    fn log(&self) -> String {
        self.logged.lock().unwrap().clone()
    }

    /// Kills it, and returns its log.
    pub async fn killed(mut self) -> String {
        self.child.kill().await.unwrap();
        self.logging.await.unwrap();
        let log = self.logged.lock().unwrap();
        log.clone()
    }

    /// Waits for its end, and returns its exit status and its log.
    pub async fn ended(mut self) -> (i32, String) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the program ends").unwrap();
        self.logging.await.unwrap();
        let log = self.logged.lock().unwrap();
        (status.code().expect("it ends by itself, not by the signal"), log.clone())
    }
}

/// The program at free ports, observed from outside.
pub struct Served {
    pub running: Running,
    pub api: Api,
    pub operators: Api,
}

impl Served {
    /// Starts a program that listens at a free port.
    pub async fn start(command: &mut Command) -> Self {
        let mut running = Running::start(command.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET));
        let printed = running.announcement().await;
        let mut urls = printed
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("http://").or(word.strip_prefix("https://")));
        let mut next =
            || Api::at(urls.next().unwrap().trim_end_matches("/metrics").parse().unwrap());
        let (api, operators) = (next(), next());
        Self { running, api, operators }
    }

    pub async fn metrics(&self) -> String {
        self.operators.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
    }

    /// A number of the metrics, by its name with labels.
    pub async fn metric(&self, name: &str) -> f64 {
        number(&self.metrics().await, name)
    }

    /// Waits until such a number is reached.
    pub async fn until_metric(&self, name: &str, least: f64) {
        let reached = async {
            while find(&self.metrics().await, name).is_none_or(|number| number < least) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{name} is never {least}"));
    }

    pub fn pid(&self) -> u32 {
        self.running.child.id().unwrap()
    }

    /// The number of its open files, including sockets.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Its peak memory.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        1024 * peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    }
}

/// A number among metrics, by its name with labels.
pub fn number(metrics: &str, name: &str) -> f64 {
    find(metrics, name).unwrap_or_else(|| panic!("{name} is not in\n{metrics}"))
}

fn find(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Some(line?.parse().unwrap())
}

/// A server on a data directory, at a port that stays the same from one start to the next.
pub struct Durable<'a> {
    pub running: Running,
    pub address: SocketAddr,
    data_dir: &'a Path,
}

impl<'a> Durable<'a> {
    pub async fn start(data_dir: &'a Path) -> Self {
        Self::start_at("127.0.0.1:0", data_dir).await
    }

    pub async fn start_at(listen: &str, data_dir: &'a Path) -> Self {
        let mut running =
            Running::start(durable(&mut program(&["serve", "--listen", listen]), data_dir));
        let printed = running.announcement().await;
        let url = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        Self { running, address: url.parse().unwrap(), data_dir }
    }

    /// Waits until it has ended in order, and starts it again.
    pub async fn restart_when_ended(self) -> Self {
        let (status, log) = self.running.ended().await;
        assert_eq!(status, 0, "{log}");
        Self::start_at(&self.address.to_string(), self.data_dir).await
    }

    /// Kills it, and starts it again.
    pub async fn crash_and_restart(mut self) -> Self {
        self.running.child.kill().await.unwrap();
        Self::start_at(&self.address.to_string(), self.data_dir).await
    }
}

/// A program that keeps its rooms there.
pub fn durable<'a>(command: &'a mut Command, data_dir: &Path) -> &'a mut Command {
    command
        .env_remove("SIGNAL_EPHEMERAL")
        .env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET)
        .arg("--data-dir")
        .arg(data_dir)
}
