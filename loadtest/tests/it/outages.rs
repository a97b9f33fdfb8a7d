//! Servers that freeze, die and come back in mid-run.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::mpsc::{self, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_server::testing;
use tokio::runtime::Runtime;

use crate::common::{SIGNALING, Server, command, lines_until, number, result};

#[test]
fn a_server_that_dies_in_mid_run_is_a_failure_that_says_when() {
    let server = Runtime::new().unwrap();
    let running = server.block_on(testing::start()).unwrap();
    let (url, token) = (running.url(), running.access_token("load"));
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "6", "--no-video", "--json", "-"];
    let mut run = command(&["--url", &url, "--token", &token]);
    run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (run, lines) = lines_until(run.spawn().unwrap(), "6/6 connections");
    // Every socket of the server is gone at once, as when its process is killed.
    server.shutdown_background();
    drop(running);
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(1), "{report:#}");
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&3.into(), &0.into()), "{report:#}");
    // Media is peer to peer: it goes on.
    assert_eq!(report["losses"].as_object().unwrap().len(), 1, "{report:#}");
    let relayed = &report["relayed"];
    assert!(relayed["lost"].as_u64() > Some(0), "{report:#}");
    assert!(number(&relayed["planned"]) > number(&relayed["sent"]), "{report:#}");
    let gone_at = number(&report["server_gone_at_seconds"]);
    let (relay, media) = (&report["latency_ms"]["relay"], &report["packets"]["period_seconds"]);
    assert!(gone_at < number(&media[1]), "{report:#}");
    assert!(number(&relay["to_seconds"]) < number(&media[1]), "{report:#}");
}

/// A closed loop sends each message after the answer to the last, and so omits the delay that
/// others would have.
struct ClosedLoop {
    stop: mpsc::Sender<()>,
    asking: JoinHandle<Vec<Duration>>,
}

impl ClosedLoop {
    fn start(server: &Server) -> Self {
        let address = server.url.strip_prefix("http://").unwrap().to_owned();
        let (stop, stopped) = mpsc::channel();
        let asking = thread::spawn(move || {
            let mut latencies = Vec::new();
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                let started = Instant::now();
                let mut stream = TcpStream::connect(&address).unwrap();
                stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
                stream.read_exact(&mut [0]).unwrap();
                latencies.push(started.elapsed());
                thread::sleep(Duration::from_millis(25));
            }
            latencies
        });
        Self { stop, asking }
    }

    fn p90(self) -> Duration {
        self.stop.send(()).unwrap();
        let mut latencies = self.asking.join().unwrap();
        latencies.sort();
        latencies[latencies.len() * 9 / 10]
    }
}

#[test]
fn a_server_frozen_until_the_end_is_in_the_percentiles_and_fails_the_run() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "6"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    server.signal("-STOP");
    let (status, report) = result(run, lines);
    server.signal("-CONT");
    assert_eq!(status, Some(1), "{report:#}");
    for kind in ["relay", "message"] {
        let (told, details) = (&report["latency_ms"][kind], &report["latencies"][kind]);
        assert!(told["p99"].as_f64() > Some(2000.0), "{kind}: {told}");
        assert!(details["lost"].as_u64() > Some(0), "{kind}: {details}");
        // What was answered before looks as if nothing had happened.
        assert!(number(&details["raw_ms"]["p50"]) < 1000.0, "{kind}: {details}");
    }
    let (relayed, relay) = (&report["relayed"], &report["latency_ms"]["relay"]);
    assert_eq!(relay["count"], relayed["planned"], "each that was planned is in the percentiles");
}

#[test]
fn a_short_stall_shows_in_the_longest_and_a_long_one_in_the_median() {
    for (stall, duration) in [(300, "4"), (12_000, "16")] {
        let server = Server::start();
        let flags = [&SIGNALING[..], &["--duration", duration]].concat();
        let (run, lines) = server.run(&flags, "60/60 connections");
        server.signal("-STOP");
        thread::sleep(Duration::from_millis(stall));
        server.signal("-CONT");
        let (status, report) = result(run, lines);
        assert_eq!(status, Some(0), "{stall} ms: {report:#}");
        // One is planned every 25 ms, so that one was about to be sent when it began.
        let (stalled, told) = (stall as f64, &report["latency_ms"]);
        assert!(told["relay"]["max"].as_f64() > Some(stalled - 50.0), "{told:#}");
        assert!(told["message"]["max"].as_f64() > Some(stalled / 2.0), "{told:#}");
        let relay = &report["latency_ms"]["relay"];
        let p50 = relay["p50"].as_f64().unwrap();
        assert_eq!(p50 > 1000.0, stall == 12_000, "{relay}");
        assert_eq!(relay["count"], report["relayed"]["planned"], "{relay}");
        // It was in the time in which everybody was there.
        let steady = &report["latencies"]["relay"]["phases"]["steady"];
        assert_eq!(steady["max"].as_f64().unwrap().round(), relay["max"].as_f64().unwrap().round());
    }
}

#[test]
fn a_server_that_was_frozen_for_a_while_shows_it_and_loses_nothing() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "9"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    let closed_loop = ClosedLoop::start(&server);
    server.signal("-STOP");
    thread::sleep(Duration::from_secs(4));
    server.signal("-CONT");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    // In four of about ten seconds a message had to wait.
    let relay = &report["latency_ms"]["relay"];
    assert!(relay["max"].as_f64() > Some(3800.0), "{relay}");
    assert!(relay["p90"].as_f64() > Some(1500.0), "{relay}");
    // The closed loop has sent a single message in that time.
    let p90 = closed_loop.p90();
    assert!(p90 < Duration::from_millis(1500), "{p90:?}");
}

#[test]
fn a_server_that_is_killed_under_sockets_alone_is_gone() {
    let mut server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "3"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    server.process.kill().unwrap();
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(1), "{report:#}");
    let reason = report["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("the server was gone from"), "{reason}");
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&20.into(), &0.into()));
    assert_eq!(report["latencies"]["resume"]["lost"], 20, "{report:#}");
}
