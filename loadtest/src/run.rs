//! A run: starts the server, fills the rooms, waits, and adds up.

use std::io;
use std::net::Ipv4Addr;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use client_sdk::{Client, EnterError, MediaKind, NewRoom, Options, RequestError, Source};
use signal_server::testing::{self, TestServer};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::args::Args;
use crate::participant::{Entry, Observations, take_part};
use crate::progress;
use crate::relay::{ProbeError, RelayProbe};
use crate::report::{Report, RunSettings};
use crate::totals::Totals;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("cannot create a room at {url}: {error}")]
    Create { url: String, error: RequestError },
    #[error("interrupted; nothing was measured")]
    Interrupted,
    #[error("cannot measure relayed messages: {0}")]
    Probe(#[from] ProbeError),
    #[error("cannot start a server in this process: {0}")]
    Server(#[from] io::Error),
    #[error("--url: {0}")]
    Url(RequestError),
}

pub(crate) async fn run(args: &Args) -> Result<Report, RunError> {
    tokio::select! {
        report = measure(args) => report,
        _ = tokio::signal::ctrl_c() => Err(RunError::Interrupted),
    }
}

async fn measure(args: &Args) -> Result<Report, RunError> {
    let target = Target::of(args).await?;
    let client = Client::new(&target.url).map_err(RunError::Url)?;
    let (stop, stopped) = watch::channel(false);
    let (progress, passed) = mpsc::unbounded_channel();
    let (all_connected, mut connected) = watch::channel(false);

    let mut rooms = create_rooms(args, &client, &target).await?;
    let probe = RelayProbe::open(&client, &target.token).await?;
    let probing = tokio::spawn(probe.run(stopped.clone()));
    let (rooms_wanted, peers) = (u64::from(args.rooms), u64::from(args.peers));
    let (participants, connections) = (rooms_wanted * peers, rooms_wanted * peers * (peers - 1));
    let showing = tokio::spawn(progress::show(participants, connections, passed, all_connected));

    let options = options(args, &target);
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for index in 0..participants {
        let number = (index % rooms_wanted) as usize;
        let entry = rooms[number].next_entry();
        // Arrivals follow the plan, however long earlier ones take.
        let intended = begin + Duration::from_secs(index) / args.rate;
        let part = take_part(
            client.clone(),
            entry,
            options.clone(),
            intended,
            progress.clone(),
            stopped.clone(),
        );
        tasks.spawn(async move { (number, part.await) });
    }
    drop(progress);

    sleep(Duration::from_secs(participants) / args.rate).await;
    // The time runs even if not all of them connect.
    let _ = timeout(CONNECT_PATIENCE, connected.wait_for(|connected| *connected)).await;
    sleep(Duration::from_secs(args.duration)).await;
    let end = Instant::now();
    stop.send_replace(true);

    let mut failures = Vec::new();
    let mut observations: Vec<Vec<Observations>> = (0..args.rooms).map(|_| Vec::new()).collect();
    while let Some(finished) = tasks.join_next().await {
        match finished {
            Ok((number, Ok(part))) => observations[number].push(part),
            Ok((_, Err(error))) => failures.push(failure(&error)),
            Err(error) => failures.push(format!("a participant's task ended: {error}")),
        }
    }
    let kinds = kinds(args);
    let mut totals = Totals::new(end);
    for room in &observations {
        totals.add_room(room, kinds);
    }
    let relayed = probing.await.ok();
    let _ = showing.await;
    let settings = RunSettings::new(args, &target.described);
    Ok(Report::new(&totals, relayed.as_ref(), failures, begin, settings))
}

/// The server under test.
struct Target {
    url: String,
    token: String,
    described: String,
    // The server in this process runs for as long as this is held.
    _server: Option<TestServer>,
}

impl Target {
    async fn of(args: &Args) -> Result<Self, RunError> {
        if let (Some(url), Some(token)) = (&args.url, &args.token) {
            let (url, token) = (url.clone(), token.clone());
            return Ok(Self { described: url.clone(), url, token, _server: None });
        }
        let server = testing::start().await?;
        let (url, token) = (server.url(), server.access_token("load"));
        Ok(Self { url, token, described: "in this process".into(), _server: Some(server) })
    }

    fn is_on_this_machine(&self) -> bool {
        ["://127.", "://localhost", "://[::1]"].iter().any(|host| self.url.contains(host))
    }
}

/// A room, and whether its creator has been sent there.
struct PlannedRoom {
    id: String,
    password: String,
    creator: Option<Entry>,
}

impl PlannedRoom {
    fn next_entry(&mut self) -> Entry {
        self.creator.take().unwrap_or_else(|| Entry::Join {
            room: self.id.clone(),
            password: self.password.clone(),
        })
    }
}

async fn create_rooms(
    args: &Args,
    client: &Client,
    target: &Target,
) -> Result<Vec<PlannedRoom>, RunError> {
    let max_participants = u8::try_from(args.peers).ok();
    let new = NewRoom { name: Some("load test".into()), max_participants, ..NewRoom::default() };
    let mut rooms = Vec::new();
    for _ in 0..args.rooms {
        let created = client.create_room(&target.token, &new).await;
        let room = created.map_err(|error| RunError::Create { url: target.url.clone(), error })?;
        let creator = Entry::Create {
            room: room.room_id.clone(),
            token: room.ws_token.unwrap_or_else(|| target.token.clone()),
            ice_servers: room.ice_servers,
        };
        rooms.push(PlannedRoom {
            id: room.room_id,
            password: room.password,
            creator: Some(creator),
        });
    }
    Ok(rooms)
}

fn options(args: &Args, target: &Target) -> Options {
    let bind = match args.bind {
        Some(bind) => bind,
        None if target.is_on_this_machine() => Ipv4Addr::LOCALHOST.into(),
        None => Ipv4Addr::UNSPECIFIED.into(),
    };
    // Threads that carry only media save a third of the work. One socket for each connection is
    // enough.
    let options = Options::new()
        .bind_address(bind)
        .mdns(false)
        .reactor_threads(available_parallelism().map_or(1, usize::from))
        .audio(Source::Clip);
    if args.no_video { options } else { options.video(Source::Clip) }
}

fn kinds(args: &Args) -> &'static [MediaKind] {
    if args.no_video { &[MediaKind::Audio] } else { &[MediaKind::Audio, MediaKind::Video] }
}

fn failure(error: &EnterError) -> String {
    format!("a participant could not enter: {error}")
}

/// The longest to wait for connections after the last participant has joined.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
