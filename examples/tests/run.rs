//! Runs the examples as a reader would and looks at what they print.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use client_sdk::{Client, Event, NewRoom, Options};
use signal_server::testing;

#[test]
fn the_bare_loop_lets_two_threads_negotiate_and_closes_the_room_in_time() {
    let output = Command::new(example("bare_loop")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    for expected in [
        r#"{"type":"offer","from":"#,
        r#"{"type":"answer","from":"#,
        r#"{"type":"room_closed","reason":"the room has expired"}"#,
        "closes ConnId(1) with 4503",
        "closes ConnId(2) with 4503",
    ] {
        assert!(printed.contains(expected), "no {expected} in\n{printed}");
    }
}

#[test]
fn the_custom_server_carries_messages_over_plain_tcp() {
    let mut server = Server::start();
    let mut refused = server.connect("000000x nobody");
    assert_eq!(refused.line(), "refused: wrong password");
    let password = server.password.clone();
    let mut first = server.connect(&format!("{password} first"));
    let first_id = first.joined();
    let mut second = server.connect(&format!("{password} second"));
    let second_id = second.joined();
    assert!(first.line().contains(r#""type":"peer_joined""#));
    second.say(&format!(r#"{{"type":"offer","to":"{first_id}","sdp":"v=0"}}"#));
    assert_eq!(first.line(), format!(r#"{{"type":"offer","from":"{second_id}","sdp":"v=0"}}"#));
    drop(second);
    assert_eq!(first.line(), format!(r#"{{"type":"peer_left","participant_id":"{second_id}"}}"#));
}

#[test]
fn a_slow_check_lets_in_whom_it_knows_and_loses_nothing_meanwhile() {
    let output = Command::new(example("authorize")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    for expected in [
        r#"ConnId(1) gets {"type":"joined""#,
        r#"ConnId(1) gets {"type":"error","code":"peer_not_found""#,
        r#"ConnId(2) gets {"type":"error","code":"forbidden""#,
        "ConnId(2) is closed with 4500",
        r#"ConnId(3) gets {"type":"joined""#,
        r#"ConnId(3) gets {"type":"peer_joined""#,
    ] {
        assert!(printed.contains(expected), "no {expected} in\n{printed}");
    }
    let at = |line: &str| printed.find(line).unwrap();
    assert!(at("nobody has been let in yet") < at(r#""type":"joined""#), "{printed}");
}

#[test]
fn two_participants_hear_and_see_and_greet_each_other() {
    let output = Command::new(example("two_participants")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    for name in ["alice", "bob"] {
        let other = if name == "alice" { "bob" } else { "alice" };
        for expected in [
            format!("{name} got \"hello from {other}\""),
            format!("{name} got Audio"),
            format!("{name} got Video"),
        ] {
            assert!(printed.contains(&expected), "no {expected} in\n{printed}");
        }
    }
}

#[test]
fn the_bot_comes_by_link_or_password_plays_its_clip_and_says_everything_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options = Options::new().bind_address("127.0.0.1:0").mdns(false);
        let token = server.access_token("alice");
        for by_link in [true, false] {
            let (room, mut host) = client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
            let arguments = if by_link {
                let invite = room.invite_token.clone().unwrap();
                vec![format!("{}/{}#{invite}", server.url(), room.room_id)]
            } else {
                vec![server.url(), room.room_id.clone(), room.password.clone()]
            };
            let mut bot = Command::new(example("bot"))
                .args(arguments)
                .env("BOT_BIND", "127.0.0.1:0")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let (mut tracks, mut said) = (0, Vec::new());
            while tracks < 2 || said.len() < 2 {
                match host.next_event().await.unwrap() {
                    Event::DataChannelOpen { participant } => {
                        host.send_data(participant, "marco").await.unwrap();
                    }
                    Event::Data { data, .. } => said.push(String::from_utf8(data.to_vec()).unwrap()),
                    Event::Track(mut track) => {
                        track.recv().await.unwrap();
                        tracks += 1;
                    }
                    _ => {}
                }
            }
            assert_eq!(said, ["hello", "marco"]);
            // The creator's leave closes the room.
            host.leave().await;
            let ended = tokio::task::spawn_blocking(move || bot.wait()).await.unwrap().unwrap();
            assert!(ended.success());
        }
    });
}

struct Server {
    process: Child,
    address: String,
    password: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(example("custom_server")).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        let password = lines.next().unwrap().strip_prefix("password ").unwrap().to_owned();
        Self { process, address, password }
    }

    fn connect(&mut self, hello: &str) -> Participant {
        let mut participant = Participant(BufReader::new(TcpStream::connect(&self.address).unwrap()));
        participant.say(hello);
        participant
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

struct Participant(BufReader<TcpStream>);

impl Participant {
    fn say(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads `joined` and returns the participant's own id.
    fn joined(&mut self) -> String {
        let line = self.line();
        let rest = line.strip_prefix(r#"{"type":"joined","participant_id":""#).expect(&line);
        rest.split('"').next().unwrap().to_owned()
    }
}

/// The program that was built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}
