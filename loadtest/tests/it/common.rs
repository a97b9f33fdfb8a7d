//! The program, and a server that it tests.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

pub fn loadtest(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("LOADTEST_URL").env_remove("LOADTEST_TOKEN").env("LC_ALL", "C");
    command.args(arguments);
    // The machine of the tests may be busy, which is not what they are about.
    if !arguments.iter().any(|argument| matches!(*argument, "scenario" | "own-server" | VALID)) {
        command.arg("--allow-invalid");
    }
    command
}

/// A bound that makes a run valid or not, in place of none.
pub const VALID: &str = "--max-lag";

/// A server in a process of its own, which can be frozen.
pub struct Server {
    pub process: Child,
    pub url: String,
    pub token: String,
    pub metrics: String,
}

impl Server {
    pub fn start() -> Self {
        let mut process =
            command(&["own-server"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let [url, token, metrics] =
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        Self { process, url, token, metrics }
    }

    pub fn signal(&self, signal: &str) {
        send(signal, &self.process);
    }

    /// Starts a run against this server and returns when it is connected.
    pub fn run(&self, flags: &[&str], connected: &str) -> (Child, Lines) {
        let mut run = command(&["--url", &self.url, "--token", &self.token, "--json", "-"]);
        run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        lines_until(run.spawn().unwrap(), connected)
    }
}

/// A number of a report. Panics if it is missing, since a comparison with a missing one would mean
/// nothing.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The progress of a run.
pub type Lines = std::io::Lines<BufReader<ChildStderr>>;

/// Reads the progress of a run until it says something.
pub fn lines_until(mut run: Child, expected: &str) -> (Child, Lines) {
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let says = |line: std::io::Result<String>| line.unwrap().contains(expected);
    assert!(lines.any(says), "it never said {expected}");
    (run, lines)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([signal, &to.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The exit status and the report of a run.
pub fn result(run: Child, lines: Lines) -> (Option<i32>, Value) {
    // The report is longer than a pipe holds, and comes before the progress ends.
    let output = thread::spawn(|| run.wait_with_output().unwrap());
    lines.for_each(drop);
    let output = output.join().unwrap();
    (output.status.code(), results(&output.stdout))
}

/// Results in JSON, which have to be what the schema says.
pub fn results(json: &[u8]) -> Value {
    let results = serde_json::from_slice(json).unwrap();
    let schema = serde_json::from_str(include_str!("../../schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&results).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    results
}

pub const SIGNALING: [&str; 8] =
    ["--depth", "signaling", "--rooms", "5", "--rate", "50", "--message-rate", "2"];

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_loadtest");
