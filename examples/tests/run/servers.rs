//! The examples that are servers, or parts of one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Stdio};

use client_sdk::{Client, CloseReason, Event, NewRoom, Options};
use signal_server::{Secret, testing};

use crate::bots::until;
use crate::program::{PATIENCE, Process, example};

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
fn the_custom_server_carries_messages_over_plain_tcp_resumes_and_kicks() {
    let server = Server::start(&[]);
    let mut refused = server.connect("join 000000x nobody");
    assert_eq!(refused.line(), "refused: wrong password");
    let mut first = server.connect(&format!("join {} first", server.password));
    let (first_id, _) = first.joined();
    let mut second = server.connect(&format!("join {} second", server.password));
    let (second_id, token) = second.joined();
    assert!(first.line().contains(r#""type":"peer_joined""#));
    second.say(&format!(r#"{{"type":"offer","to":"{first_id}","sdp":"v=0"}}"#));
    assert_eq!(first.line(), format!(r#"{{"type":"offer","from":"{second_id}","sdp":"v=0"}}"#));

    drop(second);
    assert!(first.line().contains(r#""connected":false"#));
    first.say(&format!(r#"{{"type":"answer","to":"{second_id}","sdp":"v=0"}}"#));
    first.say(r#"{"type":"ping","t":1}"#);
    assert!(first.line().contains(r#""type":"pong""#), "the answer has been handled");
    let mut second = server.connect(&format!("resume {token} 1"));
    let resumed = second.line();
    assert!(resumed.contains(r#""replayed":1"#), "{resumed}");
    assert_eq!(second.line(), format!(r#"{{"type":"answer","from":"{first_id}","sdp":"v=0"}}"#));
    assert!(first.line().contains(r#""connected":true"#));

    let mut stranger = server.connect(&format!("kick 123 {second_id}"));
    assert!(stranger.line().starts_with("refused: "));
    let mut operator = server.connect(&format!("kick {} {second_id}", server.operator_key));
    assert_eq!(operator.line(), "kicked");
    assert!(second.line().contains(r#""type":"kicked""#));
    assert_eq!(second.line(), "", "the socket is closed");
    assert!(first.line().contains(r#""reason":"kicked""#));
}

#[test]
fn the_custom_server_notices_who_is_silent() {
    let server = Server::start(&["1"]);
    let mut silent = server.connect(&format!("join {} silent", server.password));
    silent.joined();
    let mut alive = server.connect(&format!("join {} alive", server.password));
    alive.joined();
    loop {
        match alive.line() {
            line if line.is_empty() => alive.say(""),
            line if line.contains(r#""connected":false"#) => break,
            line => panic!("not expected: {line}"),
        }
    }
}

#[test]
fn the_smallest_server_lets_everybody_in_and_carries_messages() {
    let mut process = Process::start("smallest_server", &[]);
    let address = process.lines().next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
    let [mut first, mut second] = ["first", "second"].map(|name| {
        let mut participant = Participant(BufReader::new(connected(&address)));
        participant.say(name);
        participant
    });
    let [first_line, second_line] = [first.line(), second.line()];
    let [first_id, second_id] = [&first_line, &second_line].map(|line| own_id(line));
    // The participant that joined later is announced to the other one.
    let (mut early, mut late, early_id, late_id) = if first_id > second_id {
        (first, second, first_id, second_id)
    } else {
        (second, first, second_id, first_id)
    };
    assert!(early.line().contains(r#""type":"peer_joined""#));
    late.say(&format!(r#"{{"type":"offer","to":"{early_id}","sdp":"v=0"}}"#));
    assert_eq!(early.line(), format!(r#"{{"type":"offer","from":"{late_id}","sdp":"v=0"}}"#));
    drop(late);
    assert_eq!(early.line(), format!(r#"{{"type":"peer_left","participant_id":"{late_id}"}}"#));
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
    assert!(at("nobody has been admitted yet") < at(r#""type":"joined""#), "{printed}");
}

#[test]
fn the_login_sends_a_token_back_to_pages_that_it_knows_and_only_with_the_password() {
    const PAGE: &str = "http://127.0.0.1:8080/join";
    let secret = "access-secret-of-the-examples-0123456789";
    let mut process = Process(
        Command::new(example("login"))
            .args(["127.0.0.1:0", PAGE])
            .env("SIGNAL_ACCESS_SECRET", secret)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let url = process.lines().next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
    let asking = |page: &str, state: &str| format!("/?redirect_uri={page}&state={state}");
    assert_eq!(http("GET", &url, &asking(PAGE, "abc"), "").0, 200);
    let password = "user=alice&password=down+the+rabbit+hole";
    for refused in [
        asking("http://evil.example/join", "abc"),
        asking(&format!("{PAGE}.evil.example"), "abc"),
        asking(PAGE, "%0d%0aSet-Cookie:"),
        "/".to_owned(),
    ] {
        assert_eq!(http("GET", &url, &refused, "").0, 400, "{refused}");
        assert_eq!(http("POST", &url, &refused, password).0, 400, "{refused}");
    }
    let wrong = "user=alice&password=wrong";
    assert_eq!(http("POST", &url, &asking(PAGE, "abc"), wrong).0, 401);

    let response = exchange("", "POST", &url, &asking(PAGE, "abc"), password);
    let location = response.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let (token, state) = location
        .strip_prefix(&format!("{PAGE}#access_token="))
        .and_then(|rest| rest.split_once('&'))
        .unwrap_or_else(|| panic!("{location}"));
    assert_eq!(state, "state=abc");
    // The token is one of a deployment with that secret.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let login = signal_server::Server::builder(Secret::new(secret));
        let server = testing::start_with(login).await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let room = client.create_room(token, &NewRoom::default()).await.unwrap();
        assert!(room.name.contains("Alice"), "{}", room.name);
    });
}

#[test]
fn the_embedded_server_has_its_own_login_joins_turn_credentials_events_and_admin_page() {
    let mut process = Process::start("embedded_server", &[]);
    let mut lines = process.lines();
    let url = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
    let admin = lines.next().unwrap().strip_prefix("administered at ").unwrap().to_owned();
    assert_eq!(http("GET", &url, "/", ""), (200, "an application with rooms\n".to_owned()));
    let (status, token) = http("POST", &url, "/login", "alice");
    assert_eq!(status, 200);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::new(&format!("{url}/rooms")).unwrap();
        assert!(client.create_room("made up", &NewRoom::default()).await.is_err());
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
        let (room, mut host) =
            client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
        assert_eq!(room.name, "alice's room");
        let turn = &room.ice_servers[0];
        assert_eq!(turn.urls, ["turn:127.0.0.1:3478"]);
        assert_eq!(turn.username, Some(format!("{}-{}", room.room_id, host.id())));
        assert_eq!(turn.credential.as_deref(), Some("from the provider"));
        let mut guest =
            client.join(&room.room_id, &room.password, "bob", options.clone()).await.unwrap();
        for participant in [&mut host, &mut guest] {
            until(participant, |event| matches!(event, Event::DataChannelOpen { .. })).await;
        }
        // A member joins from a page of the application, with its cookie instead of the password.
        let path = format!("/rooms/api/webrtc/rooms/{}/join", room.room_id);
        let cookie = format!("Cookie: session={token}\r\n");
        for (origin, expected) in [
            (format!("Origin: {url}\r\n"), (200, r#""ws_token":"#)),
            ("Origin: http://evil.example\r\n".to_owned(), (403, r#""forbidden""#)),
            (String::new(), (400, r#""invalid_argument""#)),
        ] {
            let (status, body) = http_with(&format!("{cookie}{origin}"), "POST", &url, &path, "");
            assert_eq!((status, body.contains(expected.1)), (expected.0, true), "{body}");
        }

        let listed = http("GET", &admin, "/rooms", "").1;
        let expected = format!(
            "{} alice's room, of alice\n  {} alice: alice\n  {} bob: a guest\n",
            room.room_id,
            host.id(),
            guest.id()
        );
        assert_eq!(listed, expected);
        let path = format!("/rooms/{}/{}", room.room_id, guest.id());
        assert_eq!(http("DELETE", &admin, &path, "").0, 200);
        until(&mut guest, |event| matches!(event, Event::Closed(CloseReason::Kicked { .. }))).await;
        assert_eq!(http("DELETE", &admin, &path, "").0, 200, "repeated");
        assert_eq!(http("DELETE", &admin, &format!("/rooms/{}", room.room_id), "").0, 200);
        until(&mut host, |event| matches!(event, Event::Closed(CloseReason::RoomClosed { .. })))
            .await;
        assert_eq!(http("GET", &admin, "/rooms", "").1, "");
        assert_eq!(
            http("DELETE", &admin, "/rooms/222222", ""),
            (404, "no such room is open\n".to_owned())
        );

        for expected in [
            "opened by alice",
            "alice joined",
            "bob joined",
            "bob left (Kicked)",
            "alice left (RoomClosed)",
            "closed (ByAdmin)",
        ] {
            assert_eq!(lines.next().unwrap(), format!("{}: {expected}", room.room_id));
        }

        let (_, _last) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let interrupt = format!("kill -INT {}", process.0.id());
        assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || process.0.wait()).await.unwrap().unwrap();
        assert!(ended.success());
    });
    assert_eq!(lines.last().unwrap(), "stopped");
}

#[test]
fn the_rooms_of_a_store_of_ones_own_outlive_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rooms.sqlite");
    let start = || {
        let mut process = Process::start("own_store", &[file.to_str().unwrap()]);
        let lines = process.lines();
        (process, lines)
    };
    let after = |line: Option<String>, words: &str| {
        let line = line.unwrap();
        line.strip_prefix(words).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let (process, mut lines) = start();
    let client = Client::new(&after(lines.next(), "listening on ")).unwrap();
    let token = after(lines.next(), "token ");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let room = runtime.block_on(client.create_room(&token, &NewRoom::default())).unwrap();
    drop(process);

    let (_process, mut lines) = start();
    let kept = lines.next().unwrap();
    assert_eq!(kept, format!("room {}: {} with 0 seats", room.room_id, room.name));
    let client = Client::new(&after(lines.next(), "listening on ")).unwrap();
    let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
    let entering = client.join(&room.room_id, &room.password, "bob", options);
    runtime.block_on(entering).unwrap();
}

/// Sends one request and returns the status and body of the answer.
fn http(method: &str, url: &str, path: &str, body: &str) -> (u16, String) {
    http_with("", method, url, path, body)
}

fn http_with(headers: &str, method: &str, url: &str, path: &str, body: &str) -> (u16, String) {
    let answer = exchange(headers, method, url, path, body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Sends one request and returns the whole answer.
fn exchange(headers: &str, method: &str, url: &str, path: &str, body: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = connected(address);
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}"
    );
    write!(stream, "{head}\r\n{headers}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Opens a connection whose reads fail if nothing arrives in time.
fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

struct Server {
    #[expect(dead_code, reason = "the program ends when it is dropped")]
    process: Process,
    address: String,
    password: String,
    operator_key: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Process::start("custom_server", arguments);
        let mut lines = process.lines();
        let address = lines.next().unwrap().strip_prefix("listening on ").unwrap().to_owned();
        let password = lines.next().unwrap().strip_prefix("password ").unwrap().to_owned();
        let operator_key = lines.next().unwrap().strip_prefix("operator key ").unwrap().to_owned();
        Self { process, address, password, operator_key }
    }

    fn connect(&self, hello: &str) -> Participant {
        let mut participant = Participant(BufReader::new(connected(&self.address)));
        participant.say(hello);
        participant
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

    /// Reads `joined` of v2, and returns the participant's own id and its resume token.
    fn joined(&mut self) -> (String, String) {
        let line = self.line();
        let (_, token) = line.split_once(r#""resume_token":""#).expect(&line);
        (own_id(&line), token.split('"').next().unwrap().to_owned())
    }
}

/// The id of the participant that is sent this `joined`.
fn own_id(joined: &str) -> String {
    let rest = joined.strip_prefix(r#"{"type":"joined","participant_id":""#).expect(joined);
    rest.split('"').next().unwrap().to_owned()
}
