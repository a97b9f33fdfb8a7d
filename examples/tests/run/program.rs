//! The programs that the examples are.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{iter, thread};

/// Long enough for a busy machine; reached only if something hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is killed when this is dropped.
pub struct Process(pub Child);

impl Process {
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example(name));
        Self(command.args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// The lines that it prints from now on.
    pub fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(self.0.stdout.take().unwrap());
        // The thread reads until the end, so that the program never blocks on a full pipe.
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        iter::from_fn(move || match lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it prints nothing"),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

pub fn interrupt(process: &Child) {
    let sent = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The path of an example, which is built beside this test.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}
