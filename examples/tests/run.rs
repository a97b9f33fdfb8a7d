//! Runs the examples as a reader would and checks their output.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{iter, thread};

use client_sdk::{
    Client, CloseReason, ConnectionState, Event, NewRoom, Options, OpusOptions,
    Participant as Member, PcmFormat, RemoteTrack, SampleRate, Source,
};
use signal_server::testing;

/// Long enough for a busy machine; reached only if something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

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
    // Whoever came later is announced to the other one.
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
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
        let token = server.access_token("alice");
        for by_link in [true, false] {
            let (room, mut host) =
                client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
            let arguments = if by_link {
                let invite = room.invite_token.clone().unwrap();
                vec![format!("{}/{}#{invite}", server.url(), room.room_id)]
            } else {
                vec![server.url(), room.room_id.clone(), room.password.clone()]
            };
            let mut bot = Command::new(example("bot"))
                .args(arguments)
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let (mut tracks, mut said) = (0, Vec::new());
            while tracks < 2 || said.len() < 2 {
                match host.next_event().await.unwrap() {
                    Event::DataChannelOpen { participant } => {
                        host.send_data(participant, "marco").await.unwrap();
                    }
                    Event::Data { participant, data } => {
                        // Another bot would say back what it hears; this one does not answer it.
                        host.send_data(participant, [b"echo: ", &*data].concat()).await.unwrap();
                        said.push(String::from_utf8(data.to_vec()).unwrap());
                    }
                    Event::Track(mut track) => {
                        track.recv().await.unwrap();
                        tracks += 1;
                    }
                    _ => {}
                }
            }
            assert_eq!(said, ["hello", "echo: marco"]);
            // The creator's leave closes the room.
            host.leave().await;
            let ended = tokio::task::spawn_blocking(move || bot.wait()).await.unwrap().unwrap();
            assert!(ended.success());
        }
    });
}

#[test]
fn the_bot_is_stopped_by_ctrl_c_whatever_it_is_doing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut entering = Command::new(example("bot"))
        .args([&format!("http://{address}"), "ABC234", "123456"])
        .spawn()
        .unwrap();
    let (mut request, _) = silent.accept().unwrap();
    request.read_exact(&mut [0]).unwrap();
    interrupt(&entering);
    assert!(entering.wait().unwrap().success());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        for _ in 0..3 {
            let mut bot = Command::new(example("bot"))
                .args([&server.url(), &room.room_id, &room.password])
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            // It has to be busy with answers while the signal comes.
            let mut answers = 0;
            loop {
                match host.next_event().await.unwrap() {
                    Event::DataChannelOpen { participant } => {
                        for _ in 0..10 {
                            host.send_data(participant, "marco").await.unwrap();
                        }
                    }
                    Event::Data { participant, .. } => {
                        answers += 1;
                        if answers == 20 {
                            interrupt(&bot);
                        }
                        // The channel closes once the bot has left.
                        let _ = host.send_data(participant, "marco").await;
                    }
                    Event::ParticipantLeft(_) => break,
                    _ => {}
                }
            }
            let ended = tokio::task::spawn_blocking(move || bot.wait()).await.unwrap().unwrap();
            assert!(ended.success());
        }
    });
}

#[test]
fn the_speech_bot_says_back_what_is_said_and_is_quiet_when_somebody_speaks() {
    const FORMAT: PcmFormat = PcmFormat::mono(SampleRate::Hz16000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let (voice, source) = Source::pcm(FORMAT, OpusOptions::speech());
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false).audio(source);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let mut bot = Process(
            Command::new(example("speech_bot"))
                .args([&server.url(), &room.room_id, &room.password])
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut lines = bot.lines();
        until(&mut host, |event| {
            matches!(event, Event::ConnectionState { state: ConnectionState::Connected, .. })
        })
        .await;
        // Until it is heard, since it is not known when the other side is ready.
        let sentence = tone(440.0, 3.0);
        let track = loop {
            voice.send(&sentence).await.unwrap();
            voice.drained().await.unwrap();
            let answered = until_track(&mut host);
            if let Ok(track) = tokio::time::timeout(Duration::from_secs(5), answered).await {
                break track;
            }
        };
        assert!(lines.next().unwrap().ends_with(" speaks"));
        let mut sound = track.into_pcm(FORMAT).unwrap();
        let (mut at_440, mut at_600) = (0.0, 0.0);
        let (mut interrupts, mut samples) = (false, Vec::new());
        while at_600 < 0.9 {
            let heard = tokio::time::timeout(Duration::from_secs(60), sound.recv()).await;
            samples.extend(heard.expect("nothing is heard").unwrap().samples);
            while samples.len() >= 320 {
                let piece: Vec<f32> = samples.drain(..320).collect();
                at_440 += if amplitude(&piece, 440.0) > 0.2 { 0.02 } else { 0.0 };
                at_600 += if amplitude(&piece, 600.0) > 0.2 { 0.02 } else { 0.0 };
            }
            if at_440 > 0.3 && !interrupts {
                interrupts = true;
                voice.send(&tone(600.0, 3.0)).await.unwrap();
            }
        }
        assert!((0.3..2.5).contains(&at_440), "{at_440} s of what was interrupted");
        host.leave().await;
    });
}

async fn until_track(participant: &mut Member) -> RemoteTrack {
    loop {
        if let Event::Track(track) = participant.next_event().await.expect("the call goes on") {
            return track;
        }
    }
}

/// At 16 kHz, half as loud as can be.
fn tone(pitch: f32, seconds: f32) -> Vec<f32> {
    let at = |n: usize| (std::f32::consts::TAU * pitch * n as f32 / 16_000.0).sin() / 2.0;
    (0..(16_000.0 * seconds) as usize).map(at).collect()
}

fn amplitude(samples: &[f32], pitch: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = std::f32::consts::TAU * pitch * n as f32 / 16_000.0;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
    }
    2.0 * sine.hypot(cosine) / samples.len() as f32
}

#[test]
fn pictures_of_a_participant_become_images() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options =
            Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false).video(Source::Clip);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let mut pictures = Command::new(example("pictures"))
            .args([&server.url(), &room.room_id, &room.password])
            .arg(folder.path())
            .env("BOT_BIND", "127.0.0.1")
            .spawn()
            .unwrap();
        until(&mut host, |event| {
            matches!(event, Event::ConnectionState { state: ConnectionState::Connected, .. })
        })
        .await;
        let image = folder.path().join(format!("{}-2.png", host.id()));
        let waiting = async {
            while !image.exists() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("an image");
        host.leave().await;
        let ended = tokio::task::spawn_blocking(move || pictures.wait()).await.unwrap().unwrap();
        assert!(ended.success());
        let image = std::fs::read(image).unwrap();
        let size = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap());
        assert_eq!((&image[1..4], size(16), size(20)), (&b"PNG"[..], 320, 240));
        // The test picture, and nothing of one color.
        assert!(image.len() > 3000, "{} bytes", image.len());
    });
}

fn interrupt(process: &Child) {
    let sent = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn the_embedded_server_has_its_own_login_turn_credentials_and_admin_page_and_drains() {
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

        let listed = http("GET", &admin, "/rooms", "").1;
        let expected = format!(
            "{} alice's room, of alice\n  {} alice\n  {} bob\n",
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

        let (_, _last) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let interrupt = format!("kill -INT {}", process.0.id());
        assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || process.0.wait()).await.unwrap().unwrap();
        assert!(ended.success());
    });
    assert_eq!(lines.next().unwrap(), "stopped");
}

/// Waits for a wanted event.
async fn until(participant: &mut Member, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&participant.next_event().await.expect("the event comes before the end")) {}
}

/// Sends one request and returns the status and body of the answer.
fn http(method: &str, url: &str, path: &str, body: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = connected(address);
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}"
    );
    write!(stream, "{head}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Opens a connection whose reads fail if nothing arrives in time.
fn connected(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A program that is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example(name));
        Self(command.args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// The lines that it prints from now on.
    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
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

/// The path of an example, which is built beside this test.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples").join(name)
}
