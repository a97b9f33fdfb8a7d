//! Calls between the SDK and aiortc, whichever joins first: audio, video, data, a screen of either,
//! and one of the two that only watches. Each call prints what arrived and when.
//!
//! `PAIRS=all` tries all of them.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Instant;

use client_sdk::{
    AudioLevel, Client, CreatedRoom, MediaKind, NewRoom, Options, ParticipantId, Route, SharePlace,
    Source,
};
use serde::Deserialize;
use signal_server::testing::{self, TestServer};
use signal_server::{Secret, Server};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::browser::{receive_picture, tries_all};
use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::{InTime, PATIENCE, Witness, client, listener, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_participants_on_aiortc() {
    if !is_installed() {
        return;
    }
    let server = server().await;
    for pair in PAIRS.iter().filter(|pair| pair.is_always_tried || tries_all()) {
        let options = if pair.program_watches { listener() } else { talker() };
        pair.call(&server, options).await.participant.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_behind_a_relay_calls_participants_on_aiortc() {
    if !tries_all() || !is_installed() {
        return;
    }
    let coturn = Coturn::start().await;
    let urls = [coturn::url(coturn.port()), format!("turn:{}?transport=tcp", coturn.tcp())];
    for url in urls {
        let builder = Server::builder(Secret::random()).turn(Secret::new(SECRET), [url]);
        let server = testing::start_with(builder).await.unwrap();
        for pair in PAIRS.iter().filter(|pair| pair.is_always_tried) {
            let program = pair.call(&server, talker().relay_only(true)).await;
            let other = *program.present.iter().next().unwrap();
            let stats = program.participant.stats(other).await.unwrap();
            assert_eq!(stats.route, Some(Route::Relayed));
            program.participant.leave().await;
        }
    }
}

/// Prints a message if it is not.
fn is_installed() -> bool {
    let is_there = Path::new(PYTHON).exists();
    if !is_there {
        // The harness of the tests keeps what is printed by its macros.
        let missing = b"NOT TESTED: calls with aiortc, which ./test installs\n";
        io::stderr().write_all(missing).unwrap();
    }
    is_there
}

#[derive(Debug)]
struct Pair {
    aiortc_first: bool,
    /// What aiortc sends.
    media: &'static [&'static str],
    /// Whether the program sends nothing.
    program_watches: bool,
    is_always_tried: bool,
}

impl Pair {
    const fn new(aiortc_first: bool, media: &'static [&'static str]) -> Self {
        Self { aiortc_first, media, program_watches: false, is_always_tried: false }
    }

    const fn always(self) -> Self {
        Self { is_always_tried: true, ..self }
    }

    const fn watched(self) -> Self {
        Self { program_watches: true, ..self }
    }

    /// Returns the program, which is still in the call with aiortc.
    async fn call(&self, server: &TestServer, options: Options) -> Witness {
        let client = client(server);
        let room = client.create_room(&server.access_token("alice"), &NewRoom::default()).await;
        let room = room.unwrap();
        let (mut aiortc, mut program) = if self.aiortc_first {
            let aiortc = Aiortc::join(server, &room, self.media).await;
            (aiortc, join(&client, &room, options).await)
        } else {
            let program = join(&client, &room, options).await;
            (Aiortc::join(server, &room, self.media).await, program)
        };
        let (id, begun) = (aiortc.id, Instant::now());
        if !self.program_watches {
            aiortc.until_media_flows(self).await;
        }
        for kind in [MediaKind::Audio, MediaKind::Video] {
            if self.media.contains(&kind.to_string().as_str()) {
                program.until("a track", |seen| seen.tracks.contains_key(&(id, kind))).await;
                program.receive(id, kind, 20).await;
                let track = program.tracks.get_mut(&(id, kind)).unwrap();
                let packet = track.recv().in_time("a packet").await.unwrap();
                // Its sound is silence.
                let level = (kind == MediaKind::Audio).then_some(AudioLevel::SILENCE);
                assert_eq!(packet.level, level);
            }
        }

        let flows = begun.elapsed();
        aiortc.until("a channel", |report| report.can_send).await;
        aiortc.tell("say hello from aiortc");
        program
            .until("data", |seen| seen.data.iter().any(|(_, text)| text == "hello from aiortc"))
            .await;
        program.participant.send_data(id, "hello from the program").await.unwrap();
        let said = "hello from the program".to_owned();
        aiortc.until("data", |report| report.messages.contains(&said)).await;

        aiortc.tell("share");
        program.until("the screen", |seen| seen.tracks.contains_key(&(id, MediaKind::Video))).await;
        receive_picture(&mut program, id, SCREEN).await;
        let (tracks, video) = (aiortc.last.tracks, aiortc.last.video);
        program.participant.share(&Source::Clip, SharePlace::BesideVideo).await.unwrap();
        let shown = |report: &Report| report.tracks > tracks && report.video >= video + 10;
        aiortc.until("screen", shown).await;
        if !self.program_watches {
            aiortc.until_media_flows(self).await;
        }
        let Report { audio, video, .. } = aiortc.last;
        println!("{self:?}: media after {flows:?}, in aiortc {video} pictures and {audio} sounds");
        program
    }
}

async fn join(client: &Client, room: &CreatedRoom, options: Options) -> Witness {
    let joined = client.join(&room.room_id, &room.password, "a program", options).await;
    Witness::new(joined.unwrap())
}

/// A participant in a process of its own. Its input ends with the test, and it ends with its input.
struct Aiortc {
    id: ParticipantId,
    child: Child,
    commands: ChildStdin,
    reports: mpsc::UnboundedReceiver<Report>,
    last: Report,
}

#[derive(Clone, Debug, Deserialize)]
struct Report {
    id: Option<String>,
    messages: Vec<String>,
    can_send: bool,
    /// The tracks that have begun.
    tracks: u64,
    /// Frames received.
    audio: u64,
    video: u64,
}

impl Aiortc {
    async fn join(server: &TestServer, room: &CreatedRoom, media: &[&str]) -> Self {
        let mut child = Command::new(PYTHON)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aiortc/participant.py"))
            .args([&server.url(), &room.room_id, &room.password])
            .args(media)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, mut reports) = mpsc::unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Fails if nobody waits for it any more.
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let last: Report = loop {
            let report: Report = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap();
            if report.id.is_some() {
                break report;
            }
        };
        let commands = child.stdin.take().unwrap();
        let id = last.id.as_deref().unwrap().parse().unwrap();
        Self { id, child, commands, reports, last }
    }

    fn tell(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
    }

    async fn until(&mut self, what: &str, condition: impl Fn(&Report) -> bool) {
        let waiting = async {
            while !condition(&self.last) {
                self.last = self.reports.recv().await.expect("aiortc has ended");
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "aiortc has no {what}: {:?}", self.last);
    }

    /// Waits for new audio and video.
    async fn until_media_flows(&mut self, pair: &Pair) {
        let (audio, video) = (self.last.audio + 20, self.last.video + 10);
        let what = format!("media in {pair:?}");
        self.until(&what, |report| report.audio >= audio && report.video >= video).await;
    }
}

impl Drop for Aiortc {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

const PAIRS: [Pair; 10] = [
    Pair::new(true, BOTH).always(),
    Pair::new(false, BOTH).always(),
    Pair::new(true, SOUND),
    Pair::new(false, SOUND),
    Pair::new(true, PICTURES),
    Pair::new(false, PICTURES),
    Pair::new(true, NOTHING),
    Pair::new(false, NOTHING),
    Pair::new(true, BOTH).watched(),
    Pair::new(false, BOTH).watched(),
];

const BOTH: &[&str] = &["audio", "video"];
const SOUND: &[&str] = &["audio"];
const PICTURES: &[&str] = &["video"];
const NOTHING: &[&str] = &[];

const SCREEN: (u16, u16) = (640, 360);

/// Where `./test` installs aiortc.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/aiortc/bin/python3");
