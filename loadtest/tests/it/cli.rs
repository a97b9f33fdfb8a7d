//! The command line: its output and exit status.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::common::{PROGRAM, SIGNALING, Server, command, lines_until, loadtest, result, send};

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
fn a_table_is_in_the_language_of_its_reader() {
    for (depth, slo) in
        [("signaling", "relay.p50<1us, lost=0"), ("media", "relay.p50<1us, silent=0")]
    {
        let call = ["--rooms", "1", "--peers", "2", "--duration", "1", "--language", "zh"];
        let output = loadtest(&[&["--depth", depth, "--slo", slo], &call[..]].concat());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("未达成：relay.p50<0.001ms 未达成"), "{printed}");
        // Ids of participants, which a busy machine has in its table, are in no language.
        let words = printed.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let texts = words.filter(|word| !word.starts_with("p_"));
        let texts = texts.flat_map(|word| word.split(|c: char| !c.is_ascii_alphabetic()));
        let known =
            ["loadtest", "WebSocket", "offer", "answer", "relay", "silent", "lost", "kbit", "DTLS"];
        let untold: Vec<&str> =
            texts.filter(|text| text.len() > 3 && !known.contains(text)).collect();
        assert!(untold.is_empty(), "{untold:?} in {printed}");
    }
    let mut of_environment = command(&["--depth", "signaling", "--rooms", "1", "--duration", "0"]);
    let output = of_environment.env("LC_ALL", "zh_CN.UTF-8").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("参与者"), "{printed}");
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
    let without_effect = ["find-capacity", "--rooms", "5"];
    for wrong in [
        &["--peers", "1"][..],
        &["--url", "http://127.0.0.1:9"],
        &["--no-such-flag"],
        &without_effect,
    ] {
        assert_eq!(loadtest(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let help = String::from_utf8(loadtest(&["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
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
fn ctrl_c_at_a_terminal_leaves_the_server_of_its_own_alive_until_the_end() {
    let mut run = command(&[&SIGNALING[..], &["--duration", "600", "--json", "-"]].concat());
    // A terminal sends the signal to all processes of the group.
    run.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (run, lines) = lines_until(run.spawn().unwrap(), "60/60 connections");
    let group = format!("-{}", run.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let (status, report) = result(run, lines);
    assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
    assert_eq!(report["losses"], serde_json::json!({}), "{report:#}");
}

#[test]
fn a_run_with_media_that_is_interrupted_while_people_arrive_has_not_failed() {
    let server = Server::start();
    let flags = ["--rooms", "2", "--peers", "5", "--rate", "burst", "--duration", "600"];
    let (run, lines) = server.run(&flags, "participants");
    send("-INT", &run);
    let (status, report) = result(run, lines);
    assert_eq!((status, &report["interrupted"]), (Some(0), &true.into()), "{report:#}");
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
