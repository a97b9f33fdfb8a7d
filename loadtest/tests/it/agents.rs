//! Several generators that load one server.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::common::{PROGRAM, SIGNALING, Server, command, loadtest, number, result, results, send};

#[test]
fn generators_that_loaded_one_server_are_merged() {
    let server = Server::start();
    let files = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let paths = files.each_ref().map(|file| file.path().to_str().unwrap());
    let runs = paths.map(|path| {
        let flags = ["--url", &server.url, "--token", &server.token, "--json", path];
        command(&[&SIGNALING[..], &["--duration", "2"], &flags].concat()).spawn().unwrap()
    });
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    let merged = Command::new(PROGRAM).arg("merge").args(paths).args(["--json", "-"]).output();
    let merged = results(&merged.unwrap().stdout);
    assert_eq!(merged["verdict"], "held");
    assert_eq!(merged["participants"], serde_json::json!({"wanted": 40, "reached": 40}));
    assert_eq!(merged["settings"]["rooms"], 10);
    assert_eq!(merged["latency_ms"]["offer"]["count"], 60);
    let twice = Command::new(PROGRAM).args(["merge", paths[0], paths[0]]).output().unwrap();
    let told = String::from_utf8(twice.stderr).unwrap();
    assert_eq!(twice.status.code(), Some(2), "{told}");
    assert!(told.contains("a run is in the results more than once"), "{told}");
}

#[test]
fn agents_share_a_run_whose_report_is_one() {
    let server = Server::start();
    let agents = [(); 2].map(|()| Agent::start());
    let addresses = agents.each_ref().map(|agent| agent.address.as_str()).join(",");
    let flags = ["--agents", &addresses, "--duration", "2", "--server-metrics", &server.metrics];
    let (run, lines) = server.run(&[&SIGNALING[..], &flags].concat(), "its clock is");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    // The coordinator has asked the server, for both.
    assert!(number(&report["server_counts"]["most_participants"]) >= 20.0, "{report:#}");
    let mut windows = report["windows"].as_array().unwrap().iter();
    assert!(windows.any(|window| window["server_messages"].is_number()), "{report:#}");
    assert_eq!(report["participants"], serde_json::json!({"wanted": 20, "reached": 20}));
    assert_eq!(
        (&report["settings"]["rooms"], &report["latency_ms"]["offer"]["count"]),
        (&5.into(), &30.into())
    );
    // Each has a probe of its own.
    assert_eq!(report["latency_ms"]["relay"]["count"], report["relayed"]["planned"]);
    let started = &report["phases_seconds"]["first_join"];
    assert!(number(started) < 2.0, "{report:#}");

    let none = ["--agents", "127.0.0.1:9", "--url", &server.url, "--token", &server.token];
    let told = String::from_utf8(loadtest(&none).stderr).unwrap();
    assert!(told.contains("agent 127.0.0.1:9: "), "{told}");
}

#[test]
fn a_run_of_agents_is_interrupted_in_order() {
    let (server, mut agent) = (Server::start(), Agent::start());
    let flags = ["--agents", &agent.address, "--duration", "600"];
    let (run, lines) = server.run(&[&SIGNALING[..], &flags].concat(), "its clock is");
    agent.wait_for("60/60 connections");
    send("-INT", &run);
    let (status, report) = result(run, lines);
    assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
}

#[test]
fn an_agent_that_is_interrupted_ends_its_part_in_order() {
    let (server, mut agent) = (Server::start(), Agent::start());
    let flags = ["--agents", &agent.address, "--duration", "600"];
    let (run, lines) = server.run(&[&SIGNALING[..], &flags].concat(), "its clock is");
    agent.wait_for("60/60 connections");
    send("-INT", &agent.process);
    let (status, report) = result(run, lines);
    assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
    assert_eq!(agent.process.wait().unwrap().code(), Some(0));
}

#[test]
fn an_agent_that_cannot_accept_goes_on() {
    let (server, mut agent) = (Server::start(), Agent::start());
    let pid = agent.process.id().to_string();
    let files = |limit: &str| {
        let limit = format!("--nofile={limit}:");
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    };
    files("3");
    let waiting = TcpStream::connect(&agent.address).unwrap();
    agent.wait_for("cannot accept a coordinator");
    drop(waiting);
    files("1000");
    let flags = ["--agents", &agent.address, "--duration", "1"];
    let (run, lines) = server.run(&[&SIGNALING[..], &flags].concat(), "its clock is");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
}

/// A generator in a process of its own.
struct Agent {
    process: Child,
    address: String,
}

impl Agent {
    fn start() -> Self {
        let mut process = Command::new(PROGRAM)
            .args(["agent", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening at ").unwrap().to_owned();
        Self { process, address }
    }

    fn wait_for(&mut self, text: &str) {
        let mut lines = BufReader::new(self.process.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(text)), "it never said {text}");
        // What it says from now on goes nowhere, and must not hold it up.
        thread::spawn(move || lines.for_each(drop));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
