//! The server dies in the middle of a call and comes back; the call notices nothing.

use std::net::SocketAddr;
use std::time::Duration;

use client_sdk::{Client, MediaKind, NewRoom, RtpPacket};
use signal_core::config::HubConfig;
use signal_server::{Secret, Server};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::common::recorder::Recorder;
use crate::common::{Witness, talker, until_media_flows};

/// What the deployment's login and the server share, before and after.
const SECRET: &str = "a secret that outlives the server";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_costs_no_packet() {
    let mut process = Process::start(server(HubConfig::default())).await;
    let mut witnesses = call(&process).await;
    let recorders = record(&mut witnesses);
    sleep(OUTAGE).await;
    process.kill();
    sleep(OUTAGE).await;
    process.come_back().await;
    for witness in &mut witnesses {
        witness.until("resumption", |seen| seen.resumed > 0).await;
    }
    sleep(Duration::from_secs(1)).await;
    assert_complete(recorders).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_without_its_rooms_costs_no_packet() {
    let mut process = Process::start(server(HubConfig::default())).await;
    let mut witnesses = call(&process).await;
    let recorders = record(&mut witnesses);
    sleep(OUTAGE).await;
    process.kill();
    process.server = server(HubConfig::default());
    process.come_back().await;
    for witness in &mut witnesses {
        witness.until("the end of the room", |seen| seen.is_adrift).await;
    }
    sleep(OUTAGE).await;
    assert_complete(recorders).await;
    assert!(witnesses.iter().all(|witness| witness.closed.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_enters_anew_and_is_connected_again_when_the_server_was_gone_for_too_long() {
    let grace = HubConfig::with(|config| config.resume_grace = Duration::from_millis(100));
    let mut process = Process::start(server(grace)).await;
    let mut witnesses = call(&process).await;
    let before = [witnesses[0].id(), witnesses[1].id()];
    process.kill();
    let recorders = record(&mut witnesses);
    sleep(OUTAGE).await;
    assert_complete(recorders).await;
    process.come_back().await;
    for (witness, before) in witnesses.iter_mut().zip(before) {
        witness.until("a new id", |seen| seen.id() != before).await;
    }
    let now = [witnesses[1].id(), witnesses[0].id()];
    for (witness, other) in witnesses.iter_mut().zip(now) {
        witness.until("the other one", |seen| seen.present.contains(&other)).await;
    }
    until_media_flows(&mut witnesses).await;
}

fn server(hub: HubConfig) -> Server {
    Server::builder(Secret::new(SECRET))
        .server_secret(Secret::new(SECRET))
        .hub(hub)
        .unwrap()
        .build()
}

async fn call(process: &Process) -> [Witness; 2] {
    let client = Client::new(&format!("http://{}", process.address)).unwrap();
    let token = process.server.access_token("alice", None, Duration::from_secs(3600)).unwrap();
    let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", talker()).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    witnesses
}

/// Records everything that arrives from now on.
fn record(witnesses: &mut [Witness; 2]) -> Vec<(MediaKind, Recorder)> {
    let tracks = witnesses.iter_mut().flat_map(|witness| witness.tracks.drain());
    tracks.map(|((_, kind), track)| (kind, Recorder::start(track))).collect()
}

/// Nothing was lost, and the sound is the clip's, which repeats itself.
async fn assert_complete(recorders: Vec<(MediaKind, Recorder)>) {
    assert_eq!(recorders.len(), 4, "audio and video in both directions");
    for (kind, recorder) in recorders {
        let packets: Vec<RtpPacket> =
            recorder.stop().await.into_iter().map(|(_, packet)| packet).collect();
        let gap = packets
            .windows(2)
            .find(|pair| pair[1].sequence_number != pair[0].sequence_number.wrapping_add(1));
        assert!(gap.is_none(), "{kind:?}: {gap:?} of {}", packets.len());
        // The picture has 15 frames a second, the sound more packets.
        assert!(packets.len() > 14 * OUTAGE.as_secs() as usize, "{kind:?}: only {}", packets.len());
        if kind == MediaKind::Audio {
            let repeats = packets.iter().zip(packets.iter().skip(CLIP_PACKETS));
            assert!(repeats.into_iter().all(|(packet, later)| packet.payload == later.payload));
        }
    }
}

/// A server in its own runtime. When that is dropped, the server dies as a process does: at once
/// and without notice.
struct Process {
    server: Server,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Process {
    async fn start(server: Server) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut process = Self { server, address, runtime: None };
        process.come_back().await;
        process
    }

    fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    async fn come_back(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (server, address) = (self.server.clone(), self.address);
        let serving = runtime.spawn(async move {
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
        self.address = serving.await.unwrap();
        self.runtime = Some(runtime);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

const OUTAGE: Duration = Duration::from_secs(3);
/// Four seconds of 20 ms.
const CLIP_PACKETS: usize = 200;
