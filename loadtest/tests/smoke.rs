//! Runs the program as its user would.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, unreachable_pub, reason = "the tests of client-sdk use more of it")]
#[path = "../../client-sdk/tests/common/coturn.rs"]
mod coturn;
#[path = "smoke/networks.rs"]
mod networks;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use signal_server::testing;
use tokio::runtime::Runtime;

#[test]
fn a_small_run_connects_every_pair_with_media_both_ways() {
    let output = loadtest(&["--rooms", "1", "--peers", "3", "--duration", "2", "--json", "-"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let report = results(printed.as_bytes());
    assert_eq!(report["schema"], 1);
    assert_eq!(report["participants"], serde_json::json!({"wanted": 3, "reached": 3}));
    assert_eq!(report["connections"], serde_json::json!({"wanted": 6, "reached": 6}));
    assert_eq!(
        (&report["silent_connections"], &report["failures"]),
        (&0.into(), &Value::Array(Vec::new()))
    );
    // Six directions, each with 50 packets of sound a second and some of pictures, for two seconds.
    assert!(report["packets"]["received"].as_u64().unwrap() > 600, "{printed}");
    let counts = [
        ("http_join", 2),
        ("websocket_joined", 3),
        ("fan_out", 2),
        ("connected", 6),
        ("first_media", 6),
    ];
    for (kind, count) in counts {
        assert_eq!(report["latency_ms"][kind]["count"], count, "{kind} in {printed}");
    }
    let relayed = &report["relayed"];
    assert_eq!(relayed["lost"], 0);
    assert_eq!(report["latency_ms"]["relay"]["count"], relayed["sent"]);
}

#[test]
fn a_table_is_for_people_and_says_how_it_went() {
    let output = loadtest(&["--rooms", "1", "--peers", "2", "--duration", "1", "--no-video"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for expected in ["1 rooms of 2 with audio", "fan out", "everybody was connected to everybody"] {
        assert!(printed.contains(expected), "no {expected} in\n{printed}");
    }
}

#[test]
fn a_server_that_is_not_there_is_a_failure_that_names_it() {
    let output = loadtest(&["--url", "http://127.0.0.1:9", "--token", "x"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let expected = "cannot create a room at http://127.0.0.1:9: cannot reach http://127.0.0.1:9/";
    assert!(told.contains(expected) && told.contains("nothing listens"), "{told}");
}

#[test]
fn wrong_arguments_are_told_apart_from_failures() {
    for wrong in [&["--peers", "1"][..], &["--url", "http://127.0.0.1:9"], &["--no-such-flag"]] {
        assert_eq!(loadtest(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let help = String::from_utf8(loadtest(&["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
}

#[test]
fn a_server_that_dies_in_mid_run_is_a_failure_that_says_when() {
    let server = Runtime::new().unwrap();
    let running = server.block_on(testing::start()).unwrap();
    let (url, token) = (running.url(), running.access_token("load"));
    let flags = ["--rooms", "1", "--peers", "3", "--duration", "6", "--no-video", "--json", "-"];
    let mut run = command(&["--url", &url, "--token", &token]);
    run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let progress = BufReader::new(run.stderr.take().unwrap());
    let mut lines = progress.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("6/6 connections")), "it never connected");
    // Every socket of the server is gone at once, as when its process is killed.
    server.shutdown_background();
    drop(running);
    drop(lines.collect::<Vec<_>>());
    let output = run.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let report = results(printed.as_bytes());
    let sockets = &report["losses"]["signaling_sockets"];
    assert_eq!((&sockets["lost"], &sockets["back"]), (&3.into(), &0.into()), "{printed}");
    // Media is peer to peer: it goes on.
    assert_eq!(report["losses"].as_object().unwrap().len(), 1, "{printed}");
    let relayed = &report["relayed"];
    assert!(relayed["lost"].as_u64() > Some(0), "{printed}");
    assert!(relayed["planned"].as_u64() > relayed["sent"].as_u64(), "{printed}");
    let gone_at = report["server_gone_at_seconds"].as_f64();
    let (relay, media) = (&report["latency_ms"]["relay"], &report["packets"]["period_seconds"]);
    assert!(gone_at.is_some() && gone_at < media[1].as_f64(), "{printed}");
    assert!(relay["to_seconds"].as_f64() < media[1].as_f64(), "{printed}");
}

fn loadtest(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("LOADTEST_URL").env_remove("LOADTEST_TOKEN").args(arguments);
    // The machine of the tests may be busy, which is not what they are about.
    if !arguments.iter().any(|argument| matches!(*argument, "scenario" | "own-server" | VALID)) {
        command.arg("--allow-invalid");
    }
    command
}

/// A bound that makes a run valid or not, in place of none.
const VALID: &str = "--max-lag";

/// A server in a process of its own, which can be frozen.
struct Server {
    process: Child,
    url: String,
    token: String,
    metrics: String,
}

impl Server {
    fn start() -> Self {
        let mut process =
            command(&["own-server"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let [url, token, metrics] =
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        Self { process, url, token, metrics }
    }

    fn signal(&self, signal: &str) {
        send(signal, &self.process);
    }

    /// Starts a run against this server and returns when it is connected.
    fn run(
        &self,
        flags: &[&str],
        connected: &str,
    ) -> (Child, impl Iterator<Item = String> + use<>) {
        let mut run = command(&["--url", &self.url, "--token", &self.token, "--json", "-"]);
        run.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = run.spawn().unwrap();
        let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains(connected)), "it never connected");
        (run, lines)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([signal, &to.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Asks one thing after the other, and so measures what an honest tester does not.
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

/// The exit status and the report of a run.
fn result(run: Child, lines: impl Iterator<Item = String>) -> (Option<i32>, Value) {
    lines.for_each(drop);
    let output = run.wait_with_output().unwrap();
    (output.status.code(), results(&output.stdout))
}

/// Results in JSON, which have to be what the schema says.
fn results(json: &[u8]) -> Value {
    let results = serde_json::from_slice(json).unwrap();
    let schema = serde_json::from_str(include_str!("../schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&results).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    results
}

const SIGNALING: [&str; 8] =
    ["--depth", "signaling", "--rooms", "5", "--rate", "50", "--message-rate", "2"];

#[test]
fn a_run_of_signaling_measures_every_step() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "4", "--cut-every", "4s"]].concat();
    let (run, lines) = server.run(&flags, "60/60 connections");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["connections"], serde_json::json!({"wanted": 60, "reached": 60}));
    let latencies = report["latency_ms"].as_object().unwrap();
    let kinds = "create http_join websocket_open websocket_joined relay offer answer candidate \
                 message fan_out_first fan_out_median fan_out connected arrival resume";
    for kind in kinds.split_whitespace() {
        assert!(latencies.contains_key(kind), "no {kind} in {report:#}");
    }
    assert_eq!(latencies["offer"]["count"], 30);
    // From 4 to 12 for each side of 30 pairs.
    let candidates = latencies["candidate"]["count"].as_u64().unwrap();
    assert!((240..=720).contains(&candidates), "{candidates}");
}

#[test]
fn people_who_come_and_go_are_expected_to() {
    let server = Server::start();
    let flags = [&SIGNALING[..], &["--duration", "6", "--stay", "2s", "--churn"]].concat();
    let (run, lines) = server.run(&flags, "participants");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert!(report["latency_ms"]["leave"]["count"].as_u64() > Some(10), "{report:#}");
    assert!(report["participants"]["reached"].as_u64() > Some(30), "{report:#}");
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
        assert!(details["raw_ms"]["p50"].as_f64() < Some(1000.0), "{kind}: {details}");
    }
    let (relayed, relay) = (&report["relayed"], &report["latency_ms"]["relay"]);
    assert_eq!(relay["count"], relayed["planned"], "each that was planned is in the percentiles");
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
    // Of about ten seconds, four were such that a message had to wait.
    let relay = &report["latency_ms"]["relay"];
    assert!(relay["max"].as_f64() > Some(3800.0), "{relay}");
    assert!(relay["p90"].as_f64() > Some(1500.0), "{relay}");
    // Whoever waits for each answer before asking again has asked once in that time.
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

#[test]
fn an_objective_that_is_missed_has_an_exit_status_of_its_own() {
    let flags = [&SIGNALING[..], &["--duration", "1", "--slo", "relay.p50<1us, silent=0"]].concat();
    let output = loadtest(&flags);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{printed}");
    assert!(printed.contains("MISSED: relay.p50<0.001ms was not held"), "{printed}");
    assert_eq!(loadtest(&["--slo", "rely.p50<1us"]).status.code(), Some(2));
}

#[test]
fn a_tester_that_was_late_says_that_the_run_is_invalid() {
    let flags = [&SIGNALING[..], &["--duration", "1", VALID, "1us"]].concat();
    let output = loadtest(&flags);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{printed}");
    assert!(printed.contains("INVALID: the tester was the limit: tasks ran late"), "{printed}");
}

#[test]
fn too_few_files_are_told_before_the_start() {
    let limited = r#"ulimit -n 256 && exec "$0" --rooms 2 --peers 12"#;
    let output = Command::new("sh").args(["-c", limited, PROGRAM]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("about 388 open files") && told.contains("256"), "{told}");
}

#[test]
fn an_interrupted_run_reports_what_there_is() {
    for signal in ["-INT", "-TERM"] {
        let server = Server::start();
        let flags = [&SIGNALING[..], &["--duration", "600"]].concat();
        let (run, lines) = server.run(&flags, "60/60 connections");
        send(signal, &run);
        let (status, report) = result(run, lines);
        assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
        assert_eq!(report["participants"]["reached"], 20, "{report:#}");
    }
}

#[test]
fn the_printed_scenario_is_the_one_that_runs() {
    let printed = loadtest(&["scenario", "print", "--rooms", "3", "--peers", "2:1,4:1"]).stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &printed).unwrap();
    let path = file.path().to_str().unwrap();
    let again = loadtest(&["scenario", "print", "--scenario", path]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), String::from_utf8(printed).unwrap());
}

#[test]
fn the_capacity_is_searched_up_to_the_most_rooms_and_confirmed() {
    let page = tempfile::NamedTempFile::new().unwrap();
    let search = ["find-capacity", "--depth", "signaling", "--rate", "burst", "--duration", "1"];
    let range = ["--first", "2", "--most", "4", "--hold", "1s", "--json", "-", "--html"];
    let page_path = page.path().to_str().unwrap();
    let output = loadtest(&[&search[..], &range, &[page_path]].concat());
    let capacity = results(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{capacity:#}");
    assert_eq!((&capacity["rooms"], &capacity["limit"]), (&4.into(), &Value::Null));
    let steps = capacity["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[2]["is_confirmation"], true);
    let page = std::fs::read_to_string(page.path()).unwrap();
    assert!(page.contains("this server carries 4 rooms of 4") && page.contains("<polyline"));
    // It is to be read without a network.
    assert!(!page.contains("src=") && !page.contains("href=") && !page.contains("url("));
}

#[test]
fn a_server_that_misses_the_objective_carries_nothing() {
    let search = ["find-capacity", "--depth", "signaling", "--rate", "burst", "--duration", "0"];
    let flags = ["--first", "1", "--peers", "2", "--slo", "relay.max<1us", "--json", "-"];
    let output = loadtest(&[&search[..], &flags].concat());
    let capacity = results(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{capacity:#}");
    assert_eq!((&capacity["rooms"], &capacity["limit"]["of"]), (&0.into(), &"latency".into()));
}

#[test]
fn runs_are_compared_unless_they_measure_different_things() {
    let files = [(); 3].map(|()| tempfile::NamedTempFile::new().unwrap());
    let paths = files.each_ref().map(|file| file.path().to_str().unwrap());
    for (path, rooms) in paths.into_iter().zip(["5", "5", "6"]) {
        let flags = ["--depth", "signaling", "--rate", "50", "--duration", "1", "--rooms", rooms];
        loadtest(&[&flags[..], &["--json", path]].concat());
    }
    let compare = |one: &str, other: &str| {
        Command::new(PROGRAM).args(["compare", one, other]).output().unwrap()
    };
    let repetitions = compare(&format!("{},{}", paths[0], paths[1]), paths[1]);
    let printed = String::from_utf8(repetitions.stdout).unwrap();
    assert!(printed.starts_with("2 and 1 runs"), "{printed}");
    let same = compare(paths[0], paths[1]);
    let printed = String::from_utf8(same.stdout).unwrap();
    assert!(same.status.success() && printed.ends_with("no difference\n"), "{printed}");
    let unlike = compare(paths[0], paths[2]);
    let told = String::from_utf8(unlike.stderr).unwrap();
    assert_eq!(unlike.status.code(), Some(2), "{told}");
    assert!(told.contains("the runs differ in rooms"), "{told}");
}

#[test]
fn the_server_is_told_by_its_process_and_by_its_metrics() {
    let server = Server::start();
    let pid = server.process.id().to_string();
    for source in [["--server-pid", &pid], ["--server-metrics", &server.metrics]] {
        let flags = [&SIGNALING[..], &["--duration", "3"], &source].concat();
        let (run, lines) = server.run(&flags, "server 0");
        let (status, report) = result(run, lines);
        assert_eq!(status, Some(0), "{report:#}");
        let used = &report["server"];
        assert!(used["processor_seconds"].as_f64() > Some(0.0), "{report:#}");
        assert!(used["open_files"].as_u64() > Some(20), "{report:#}");
        assert!(used["max_files"].as_u64() > Some(200), "{report:#}");
        let counts = &report["server_counts"];
        assert_eq!(counts.is_null(), source[0] == "--server-pid");
        if !counts.is_null() {
            assert!(counts["relays"].as_u64() > Some(500), "{report:#}");
            assert!(counts["handling_us"].as_f64() > Some(0.0), "{report:#}");
            assert!(counts["most_participants"].as_u64() >= Some(20), "{report:#}");
        }
    }
    let wrong = ["--url", &server.url, "--token", &server.token, "--server-metrics", &server.url];
    let told = String::from_utf8(loadtest(&wrong).stderr).unwrap();
    assert!(told.contains("it answers with HTTP/1.0 404"), "{told}");
}

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
}

#[test]
fn what_happened_in_rooms_is_recorded_and_happens_again() {
    let server = Server::start();
    let there = ["--url", &server.url, "--token", &server.token];
    let watch = [&["record"], &there[..], &["--every", "100ms", "--duration", "600s"]].concat();
    let recording =
        Command::new(PROGRAM).args(watch).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let recording = recording.unwrap();
    let flags = [&SIGNALING[..], &["--duration", "3", "--stay", "2s"]].concat();
    let (run, lines) = server.run(&flags, "participants");
    let (_, first) = result(run, lines);
    send("-INT", &recording);
    let shape = recording.wait_with_output().unwrap().stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &shape).unwrap();
    let shape = String::from_utf8(shape).unwrap();
    // Those of the probe are there too, in a room of their own.
    let stays = shape.lines().filter(|line| !line.starts_with('#')).count() as u64;
    let entered = first["participants"]["reached"].as_u64().unwrap();
    assert!((entered..=entered + 9).contains(&stays), "{entered} in {shape}");

    let path = file.path().to_str().unwrap();
    let flags = ["--depth", "signaling", "--replay", path, "--duration", "0"];
    let (run, lines) = server.run(&flags, "participants");
    let (status, again) = result(run, lines);
    assert_eq!(status, Some(0), "{again:#}");
    assert_eq!(again["participants"], serde_json::json!({"wanted": stays, "reached": stays}));
    let stay = ["--depth", "signaling", "--replay", path, "--stay", "2s"];
    assert_eq!(loadtest(&stay).status.code(), Some(2));
}

#[test]
fn agents_share_a_run_whose_report_is_one() {
    let server = Server::start();
    let agents = [(); 2].map(|()| Agent::start());
    let addresses = agents.each_ref().map(|agent| agent.address.as_str()).join(",");
    let flags = ["--agents", &addresses, "--duration", "2"];
    let (run, lines) = server.run(&[&SIGNALING[..], &flags].concat(), "its clock is");
    let (status, report) = result(run, lines);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["participants"], serde_json::json!({"wanted": 20, "reached": 20}));
    assert_eq!(
        (&report["settings"]["rooms"], &report["latency_ms"]["offer"]["count"]),
        (&5.into(), &30.into())
    );
    // Each has a probe of its own.
    assert_eq!(report["latency_ms"]["relay"]["count"], report["relayed"]["planned"]);
    let started = &report["phases_seconds"]["first_join"];
    assert!(started.as_f64() < Some(2.0), "{report:#}");

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

const PROGRAM: &str = env!("CARGO_BIN_EXE_loadtest");
