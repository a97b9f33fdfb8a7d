//! The program `room-bot`, as its users run it.

use std::net::UdpSocket;
use std::process::{Output, Stdio};

use serde_json::Value;
use signal_server::testing::TestServer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{InTime, PATIENCE};

/// The program, with nothing but these secrets in its environment. `TESTED_ROOM_BOT` names another
/// build of it, like the released one.
pub fn room_bot(args: &[&str], secrets: &[(&str, &str)]) -> Command {
    let built = env!("CARGO_BIN_EXE_room-bot").into();
    let mut command = Command::new(std::env::var_os("TESTED_ROOM_BOT").unwrap_or(built));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROOM_BOT_") {
            command.env_remove(name);
        }
    }
    command.envs(secrets.iter().copied());
    command
}

/// Runs it to its end.
pub async fn run(args: &[&str], secrets: &[(&str, &str)]) -> Output {
    timeout(PATIENCE, room_bot(args, secrets).output()).await.expect("the program ends").unwrap()
}

pub fn utf8(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What it has printed, one object a line.
pub fn objects(output: &Output) -> Vec<Value> {
    utf8(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Creates a room with the program and returns its output.
pub async fn create(server: &TestServer) -> Value {
    let (url, token) = (server.url(), server.access_token("alice"));
    let secrets = [("ROOM_BOT_TOKEN", token.as_str())];
    let output = run(&["create", "--server", &url, "--json"], &secrets).await;
    assert!(output.status.success(), "{output:?}");
    objects(&output).remove(0)
}

/// The program while it takes part in a room, with `--json`.
pub struct Running {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it writes to its standard error.
    warnings: mpsc::UnboundedReceiver<String>,
}

impl Running {
    /// Starts it with this standard input, if it is given.
    pub fn join(args: &[&str], secrets: &[(&str, &str)], input: Option<&str>) -> Self {
        let args = [&["join", "--json"], args].concat();
        let mut command = room_bot(&args, secrets);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.unwrap_or_default().to_owned();
        tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let (warn, warnings) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                eprintln!("{line}");
                // Fails if the test no longer reads warnings.
                let _ = warn.send(line);
            }
        });
        Self { child, lines, warnings }
    }

    /// The next line on its standard error that contains this.
    pub async fn warning(&mut self, part: &str) -> String {
        loop {
            let line = self.warnings.recv().in_time("a warning").await.expect("it ended");
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The next event of that name.
    pub async fn event(&mut self, name: &str) -> Value {
        let found = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let event: Value = serde_json::from_str(&line).unwrap();
                if event["event"] == name {
                    return event;
                }
            }
            panic!("it ended before {name}");
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {name}"))
    }

    /// Sends it a signal, by the name that `kill` takes.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    /// Waits for its end, and returns its exit code.
    pub async fn ended(mut self) -> Option<i32> {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the program ends").unwrap();
        status.code()
    }
}

/// A UDP port that never answers.
pub fn silent_port() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}
