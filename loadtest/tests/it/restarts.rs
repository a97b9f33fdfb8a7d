//! Servers that are killed in mid-run and come back.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use signal_server::{Limits, Secret, Server};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::common::{Lines, SIGNALING, command, lines_until, result};

const SECRET: &str = "a secret that outlives the server";

#[test]
fn a_server_that_comes_back_with_its_rooms_has_lost_sockets_and_nothing_else() {
    let (report, status) = run(|process| process.come_back());
    assert_eq!(status, Some(1), "{report:#}");
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&20.into(), &20.into()), "{report:#}");
    assert_eq!(report["losses"].as_object().unwrap().len(), 1, "{report:#}");
    assert_eq!(report["server_gone_at_seconds"], Value::Null);
    let resume = &report["latencies"]["resume"];
    assert_eq!(
        (&report["latency_ms"]["resume"]["count"], &resume["lost"]),
        (&20.into(), &0.into())
    );
    assert!(report["latency_ms"]["resume"]["p50"].as_f64() > Some(OUTAGE.as_secs_f64() * 900.0));
}

#[test]
fn a_server_that_comes_back_without_its_rooms_lets_nobody_back_in() {
    let without_rooms = |process: &mut Process| process.come_back_as(SECRET);
    // It does not even accept the tokens.
    let empty = |process: &mut Process| process.come_back_as("another secret");
    for (case, comes_back) in [("without rooms", without_rooms as fn(&mut _)), ("empty", empty)] {
        let (report, status) = run(comes_back);
        assert_eq!(status, Some(1), "{case}: {report:#}");
        let sockets = &report["losses"]["signaling_sockets"];
        assert_eq!((&sockets["lost"], &sockets["back"]), (&20.into(), &0.into()), "{case}");
        assert_eq!(report["latencies"]["resume"]["lost"], 20, "{case}: {report:#}");
        assert!(report["server_gone_at_seconds"].is_number(), "{case}: {report:#}");
        let causes = report["failures"].as_array().unwrap().iter().map(|f| &f["cause"]);
        let causes: Vec<&str> = causes.map(|cause| cause.as_str().unwrap()).collect();
        let refused = |cause: &&str| cause.starts_with("a participant could not resume: ");
        assert!(causes.iter().any(refused), "{case}: {causes:?}");
        // The messages that were planned after that are in the percentiles.
        assert!(report["latencies"]["relay"]["unsent"].as_u64() > Some(0), "{case}: {report:#}");
    }
}

#[test]
fn media_goes_on_while_a_server_comes_back() {
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "16", "--no-video"];
    let (report, status) = run_with(&flags, "6/6 connections", |process| process.come_back());
    assert_eq!(status, Some(1), "{report:#}");
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&3.into(), &3.into()), "{report:#}");
    assert_eq!(report["losses"].as_object().unwrap().len(), 1, "{report:#}");
    assert_eq!(report["latency_ms"]["resume"]["count"], 3, "{report:#}");
    assert_eq!(report["media"]["silent"], Value::Array(Vec::new()));
}

/// A run of signaling that can send again what a lost socket had not taken.
fn run(comes_back: impl FnOnce(&mut Process)) -> (Value, Option<i32>) {
    let flags = [&SIGNALING[..], &["--duration", "8", "--cut-every", "24h"]].concat();
    run_with(&flags, "60/60 connections", comes_back)
}

fn run_with(
    flags: &[&str],
    connected: &str,
    comes_back: impl FnOnce(&mut Process),
) -> (Value, Option<i32>) {
    let mut process = Process::start();
    let (run, lines) = process.run(flags, connected);
    process.kill();
    thread::sleep(OUTAGE);
    comes_back(&mut process);
    let (status, report) = result(run, lines);
    (report, status)
}

/// A server that dies as a process does: at once and without notice. Its store is in a runtime that
/// survives.
struct Process {
    server: Server,
    address: SocketAddr,
    storing: Runtime,
    serving: Option<Runtime>,
}

impl Process {
    fn start() -> Self {
        let storing = runtime();
        let server = server(&storing, SECRET);
        let address = "127.0.0.1:0".parse().unwrap();
        let mut process = Self { server, address, storing, serving: None };
        process.come_back();
        process
    }

    fn kill(&mut self) {
        self.serving.take().unwrap().shutdown_background();
    }

    /// Comes back with nothing stored.
    fn come_back_as(&mut self, secret: &str) {
        self.server = server(&self.storing, secret);
        self.come_back();
    }

    fn come_back(&mut self) {
        let serving = runtime();
        let (server, address) = (self.server.clone(), self.address);
        self.address = serving.block_on(async {
            // The previous server may take a moment to release the port.
            let listener = loop {
                match TcpListener::bind(address).await {
                    Ok(listener) => break listener,
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            };
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
            address
        });
        self.serving = Some(serving);
    }

    fn run(&self, flags: &[&str], connected: &str) -> (Child, Lines) {
        let hour = Duration::from_secs(3600);
        let token = self.server.access_token("load", None, hour).unwrap();
        let url = format!("http://{}", self.address);
        let mut run = command(&["--url", &url, "--token", &token, "--json", "-"]);
        run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        lines_until(run.spawn().unwrap(), connected)
    }
}

fn server(storing: &Runtime, secret: &str) -> Server {
    let _guard = storing.enter();
    Server::builder(Secret::new(secret))
        .server_secret(Secret::new(secret))
        .limits(Limits::generous())
        .unwrap()
        .build()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

const OUTAGE: Duration = Duration::from_secs(2);
