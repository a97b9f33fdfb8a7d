//! Builds and runs the examples.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, iter, thread};

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

/// The path of an example, which is built first if it is older than its sources: cargo builds
/// examples beside the tests only where it builds everything.
pub fn example(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let test = env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let program = profile.join("examples").join(name);
    if is_stale(&program) {
        BUILT.call_once(|| build(profile));
    }
    program
}

/// Whether a source of the program is newer. Cargo lists the sources in a file beside the program.
fn is_stale(program: &Path) -> bool {
    let changed = |file: &Path| fs::metadata(file)?.modified();
    let (Ok(built), Ok(sources)) =
        (changed(program), fs::read_to_string(program.with_extension("d")))
    else {
        return true;
    };
    let sources = sources.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\0");
    let mut sources = sources.split_whitespace().map(|source| source.replace('\0', " "));
    sources.any(|source| changed(source.as_ref()).is_ok_and(|changed| changed > built))
}

fn build(profile: &Path) {
    let name = match profile.file_name().unwrap().to_str().unwrap() {
        "debug" => "test",
        name => name,
    };
    // Built with the flags of the tests; other features of the dependencies would rebuild all of
    // them.
    let mut cargo = Command::new(env!("CARGO"));
    // Cargo's variables about this package would make build scripts of other packages run again.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&variable);
        }
    }
    let built = cargo
        .args(["test", "--package", "examples", "--no-run", "--profile", name, "--target-dir"])
        .arg(profile.parent().unwrap())
        .status()
        .unwrap();
    assert!(built.success());
}
