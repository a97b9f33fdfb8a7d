//! A page that takes part in a room, and its report about the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client_sdk::{CreatedRoom, ParticipantId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::tab::Tab;
use crate::common::PATIENCE;

/// How a page joins.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) server: String,
    pub(crate) room: CreatedRoom,
    /// Of `audio` and `video`.
    pub(crate) media: &'static [&'static str],
    /// The only codec to send video with, like `video/H264`; the browser's choice by default.
    pub(crate) codec: Option<&'static str>,
    pub(crate) relay_only: bool,
}

pub(crate) struct Page {
    tab: Tab,
    id: ParticipantId,
}

/// The report of a page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) present: BTreeSet<String>,
    peers: BTreeMap<String, Peer>,
    /// Pairs of sender and message.
    pub(crate) messages: Vec<(String, String)>,
    /// The codes of the server's errors.
    pub(crate) refusals: Vec<String>,
    pub(crate) is_closed: bool,
    pub(crate) connections_made: u32,
    pub(crate) offers_sent: u32,
    pub(crate) offers_received: u32,
}

/// The connection to another participant, as getStats describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Peer {
    pub(crate) state: String,
    pub(crate) frames_decoded: u64,
    /// The same by codec, like `video/VP8`; of one that has not begun to arrive the codec is
    /// `undefined`.
    pub(crate) frames_of: BTreeMap<String, u64>,
    /// Of the sound that was played; silence adds none.
    pub(crate) energy: f64,
    /// How long samples of sound waited to be played, in seconds, all together, and how many.
    pub(crate) buffered: [f64; 2],
    /// How loud the other side says it is, from 0 to 1.
    pub(crate) level: f64,
    pub(crate) video_packets_sent: u64,
    /// Of sound and pictures.
    pub(crate) bytes_received: u64,
    /// At 48 kHz.
    pub(crate) samples_heard: i64,
    /// The types of the candidates in use, its own first.
    pub(crate) route: Vec<Option<String>>,
    /// Its own user fragment and the other side's.
    pub(crate) ice_credentials: [String; 2],
    /// What its element plays; `None` for pages that have more than one for a participant.
    pub(crate) shown: Option<Shown>,
    pub(crate) can_send: bool,
    /// Those that have a name, by it.
    pub(crate) channels: BTreeMap<String, Channel>,
}

/// What a page's element for another participant plays.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shown {
    /// The id of its stream.
    pub(crate) stream: Option<String>,
    /// The kinds of the tracks in its stream, sorted.
    pub(crate) kinds: Vec<String>,
    /// The pictures that were painted.
    pub(crate) frames: u64,
    /// From 0, which is black, to 255.
    pub(crate) brightness: u8,
}

/// A named data channel, as the browser describes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    pub(crate) state: String,
    pub(crate) ordered: bool,
    pub(crate) max_retransmits: Option<u16>,
    pub(crate) max_packet_life_time: Option<u16>,
}

impl Report {
    /// What it knows of its connection to that participant.
    pub(crate) fn peer(&self, id: ParticipantId) -> Option<&Peer> {
        self.peers.get(&id.to_string())
    }
}

impl Peer {
    /// Whether both sides have ICE credentials that they did not have then.
    pub(crate) fn is_restarted_since(&self, then: &Self) -> bool {
        self.ice_credentials.iter().zip(&then.ice_credentials).all(|(now, then)| now != then)
    }
}

impl Page {
    pub(crate) async fn enter(tab: Tab, entry: &Entry) -> Self {
        let id = enter(&tab, entry).await;
        Self { tab, id }
    }

    pub(crate) fn id(&self) -> ParticipantId {
        self.id
    }

    pub(crate) async fn report(&self) -> Report {
        serde_json::from_value(self.run("report", &[]).await).unwrap()
    }

    /// What it knows of its connection to that participant.
    pub(crate) async fn peer(&self, id: ParticipantId) -> Peer {
        let report = self.report().await;
        report.peer(id).cloned().unwrap_or_else(|| panic!("{} does not know {id}", self.id))
    }

    /// Asks until the condition holds.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Report) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let report = self.report().await;
            if condition(&report) {
                return;
            }
            assert!(Instant::now() < end, "{} has no {what}: {report:#?}", self.id);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until it is connected to all of these, and decodes sound and pictures that it had not
    /// yet.
    pub(crate) async fn until_media_flows(&self, from: &[ParticipantId]) {
        let before = self.report().await;
        let before =
            |id| before.peer(id).map_or((0, 0), |peer| (peer.frames_decoded, peer.samples_heard));
        self.until("media", |report| {
            from.iter().all(|id| {
                let (frames, samples) = before(*id);
                report.peer(*id).is_some_and(|peer| {
                    peer.state == "connected"
                        && peer.frames_decoded >= frames + FRAMES
                        && peer.samples_heard >= samples + SAMPLES
                })
            })
        })
        .await;
    }

    /// Waits until that participant's element has tracks of these kinds and shows pictures that it
    /// had not yet.
    ///
    /// Returns the id of its stream.
    pub(crate) async fn until_shown(&self, from: ParticipantId, kinds: &[&str]) -> String {
        let shown = |report: &Report| report.peer(from).and_then(|peer| peer.shown.clone());
        let before = shown(&self.report().await).map_or(0, |shown| shown.frames);
        self.until("pictures in its element", |report| {
            shown(report).is_some_and(|now| now.kinds == kinds && now.frames >= before + FRAMES)
        })
        .await;
        self.peer(from).await.shown.and_then(|shown| shown.stream).unwrap()
    }

    /// Waits until it decodes pictures of that codec that it had not yet.
    pub(crate) async fn until_decoded(&self, from: ParticipantId, codec: &str) {
        let frames =
            |report: &Report| report.peer(from).and_then(|peer| peer.frames_of.get(codec).copied());
        let before = frames(&self.report().await).unwrap_or(0);
        let what = format!("pictures in {codec}");
        self.until(&what, |report| frames(report).is_some_and(|now| now >= before + FRAMES)).await;
    }

    /// Waits until both sides have ICE credentials that they did not have then.
    pub(crate) async fn until_restarted(&self, with: ParticipantId, then: &Peer) {
        self.until("new credentials", |report| {
            report
                .peer(with)
                .is_some_and(|peer| peer.state == "connected" && peer.is_restarted_since(then))
        })
        .await;
    }

    /// What that participant's element has played last: a third of a second at 48 kHz.
    pub(crate) async fn hear(&self, from: ParticipantId) -> Vec<f32> {
        serde_json::from_value(self.run("hear", &[id(from)]).await).unwrap()
    }

    pub(crate) async fn send_data(&self, to: ParticipantId, text: &str) {
        self.run("sendData", &[id(to), json!(text)]).await;
    }

    /// Opens a named data channel that echoes every message; the options are those of
    /// `createDataChannel`.
    pub(crate) async fn open_channel(&self, to: ParticipantId, label: &str, options: Value) {
        self.run("openNamed", &[id(to), json!(label), options]).await;
    }

    pub(crate) async fn close_channel(&self, to: ParticipantId, label: &str) {
        self.run("closeNamed", &[id(to), json!(label)]).await;
    }

    /// Offers with ICE credentials that are new: from a new connection if the page is of that kind.
    pub(crate) async fn restart(&self, with: ParticipantId) {
        self.run("restart", &[id(with)]).await;
    }

    pub(crate) async fn share_screen(&self, (width, height): (u16, u16)) {
        self.run("shareScreen", &[json!(width), json!(height)]).await;
    }

    pub(crate) async fn stop_screen(&self) {
        self.run("stopScreen", &[]).await;
    }

    /// Makes a page that can resume treat its socket as broken.
    pub(crate) async fn lose_socket(&self) {
        self.run("loseSocket", &[]).await;
    }

    /// Makes a page that supports it leave with a message.
    pub(crate) async fn leave(&self) {
        self.run("leave", &[]).await;
    }

    /// Reloads the page and joins as a new participant.
    pub(crate) async fn reload(&mut self, entry: &Entry) {
        self.tab.reload().await;
        self.id = enter(&self.tab, entry).await;
    }

    pub(crate) async fn close(self) {
        self.tab.close().await;
    }

    /// The value of an expression in which `channel` is a new channel to that participant.
    pub(crate) async fn with_channel(
        &self,
        to: ParticipantId,
        label: &str,
        functions: &str,
        expression: &str,
    ) -> Result<Value, String> {
        let script = format!(
            "(async () => {{ {functions}
                const channel = call.peers.get({}).pc.createDataChannel(
                    {}, {{ protocol: 'named' }});
                await new Promise((resolve) => channel.addEventListener('open', resolve));
                return {expression}; }})()",
            id(to),
            json!(label),
        );
        self.tab.evaluate(&script).await
    }

    async fn run(&self, method: &str, arguments: &[Value]) -> Value {
        run(&self.tab, method, arguments).await
    }
}

async fn enter(tab: &Tab, entry: &Entry) -> ParticipantId {
    let Entry { server, room, media, codec, relay_only } = entry;
    let policy = if *relay_only { "relay" } else { "all" };
    let entry = json!({
        "server": server, "room": room.room_id, "password": room.password, "name": "a page", "media": media, "codec": codec,
        "policy": policy,
    });
    run(tab, "enter", &[entry]).await.as_str().unwrap().parse().unwrap()
}

fn id(participant: ParticipantId) -> Value {
    participant.as_str().into()
}

async fn run(tab: &Tab, method: &str, arguments: &[Value]) -> Value {
    let arguments: Vec<String> = arguments.iter().map(Value::to_string).collect();
    let result = tab.evaluate(&format!("call.{method}({})", arguments.join(", "))).await;
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// The width and height of a page's camera.
pub(crate) const CAMERA: (u16, u16) = (320, 240);

const FRAMES: u64 = 10;
/// A fifth of a second.
const SAMPLES: i64 = 9600;
