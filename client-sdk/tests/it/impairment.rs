//! Calls over a bad network: every packet takes a path to a TURN server that loses, delays and
//! reorders packets and breaks off. The figures are printed: `cargo test -p client-sdk --test it
//! impairment -- --nocapture`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use client_sdk::{ConnectionState, MediaKind, NewRoom, Options, RtpPacket};
use signal_server::testing::{self, TestServer};
use signal_server::{Secret, Server};
use tokio::time::{Instant, sleep};

use crate::common::coturn::{self, Coturn, SECRET};
use crate::common::path::{Impairment, Path};
use crate::common::recorder::Recorder;
use crate::common::wire::Wire;
use crate::common::{Witness, client, room_of, talker, until_media_flows};

/// Nothing is lost on the way back, so a packet from one participant to another through the TURN
/// server can be lost only once.
const CLEAN: Impairment = Impairment {
    loss: 0.0,
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(40),
    bandwidth: None,
};

const BAD: Impairment = Impairment { loss: 0.05, ..CLEAN };

#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_loss_jitter_reordering_and_a_cut_of_three_seconds() {
    let begun = Instant::now();
    let (_coturn, path, _server, mut witnesses) = call(BAD, talker()).await;
    let ids = [witnesses[1].id(), witnesses[0].id()];
    let connected = begun.elapsed().as_secs_f64();
    println!(
        "media flows after {connected:.1} s over 5 % loss and 10 to 50 ms: {}",
        path.figures()
    );
    let recorders = record(&mut witnesses);
    sleep(Duration::from_secs(10)).await;
    println!("after 10 s: {}", path.figures());
    assert!(path.figures().lost > 0 && path.figures().overtaken > 0, "nothing was impaired");
    path.cut(true);
    sleep(Duration::from_secs(3)).await;
    path.cut(false);
    let healed = Instant::now();
    sleep(Duration::from_secs(5)).await;
    for (kind, recorder) in recorders {
        let packets = recorder.stop().await;
        let figures = Figures::of(&packets, healed);
        println!("{kind:?}: {figures}");
        assert!(figures.arrived_after > 0, "{kind:?} did not come back after the cut");
        // What was lost is not asked for again and again.
        assert!(figures.again < figures.received, "{kind:?}: {figures}");
        // Five in a hundred are lost on the way, and the cut takes three seconds of eighteen.
        assert!(figures.missing_share() < 0.35, "{kind:?}: {figures}");
    }
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        witness.catch_up().await;
        // Neither was the connection given up nor built anew: the recorded tracks went on.
        assert_ne!(witness.states.get(&other), Some(&ConnectionState::Failed));
        assert!(witness.tracks.is_empty() && witness.closed.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_back_by_itself_after_a_cut_that_ice_does_not_survive() {
    let (_coturn, path, _server, mut witnesses) = call(CLEAN, impatient()).await;
    let ids = [witnesses[1].id(), witnesses[0].id()];
    path.cut(true);
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        let disconnected = Some(&ConnectionState::Disconnected);
        witness.until("the cut", |seen| seen.states.get(&other) == disconnected).await;
    }
    let ice_has_failed = Duration::from_secs(4);
    sleep(ice_has_failed).await;
    for witness in &mut witnesses {
        witness.states.clear();
    }
    path.cut(false);
    let healed = Instant::now();
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        witness.until("the connection", |seen| seen.is_connected(other)).await;
    }
    println!("connected again {:.1} s after a long cut", healed.elapsed().as_secs_f64());
    until_media_flows_again(&mut witnesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_back_by_itself_after_the_whole_network_was_gone() {
    let coturn = Coturn::start().await;
    let turn = ([127, 0, 0, 1], coturn.port()).into();
    let path = Path::to(turn, CLEAN, CLEAN).await.unwrap();
    let server = server(&path).await;
    let (wire, client) = Wire::to(server.address()).await;
    let token = server.access_token("alice");
    let options = impatient().relay_only(true);
    let (room, creator) =
        client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    let ids = [witnesses[1].id(), witnesses[0].id()];
    path.cut(true);
    wire.hold();
    let gone = Instant::now();
    for witness in &mut witnesses {
        witness.until("the loss of the server", |seen| seen.is_reconnecting).await;
    }
    println!("the loss of the server was noticed after {:.1} s", gone.elapsed().as_secs_f64());
    for witness in &mut witnesses {
        witness.states.clear();
    }
    path.cut(false);
    wire.let_go(1).await;
    let healed = Instant::now();
    for (witness, other) in witnesses.iter_mut().zip(ids) {
        let is_back = |seen: &Witness| seen.resumed > 0 && seen.is_connected(other);
        witness.until("the server and the connection", is_back).await;
    }
    println!("everything was back {:.1} s after the network", healed.elapsed().as_secs_f64());
    until_media_flows_again(&mut witnesses).await;
}

/// The newcomer offers, so it is the controlling side of ICE (RFC 8445 section 6.1.1).
#[tokio::test(flavor = "multi_thread")]
async fn the_controlling_side_checks_until_a_slow_relay_lets_its_checks_through() {
    let coturn = Coturn::start().await;
    let slow = Impairment { delay: Duration::from_secs(2), ..Impairment::default() };
    let turn = SocketAddr::from(([127, 0, 0, 1], coturn.port()));
    let path = Path::to(turn, slow, Impairment::default()).await.unwrap();
    let server = server_with(coturn.port()).await;
    let client = client(&server);
    let (token, options) = (server.access_token("alice"), talker().relay_only(true));
    let over_path = options.clone().turn_through(([127, 0, 0, 1], path.port()));
    let (room, creator) = client.create(&token, &NewRoom::default(), over_path).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", options).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    // A restart of ICE allocates more.
    assert_eq!(coturn.log().matches(": new, ").count(), 2, "{}", coturn.log());
}

/// Two participants whose every packet takes the path.
async fn call(
    impairment: Impairment,
    options: Options,
) -> (Coturn, Path, TestServer, [Witness; 2]) {
    let coturn = Coturn::start().await;
    let turn = ([127, 0, 0, 1], coturn.port()).into();
    let path = Path::to(turn, impairment, CLEAN).await.unwrap();
    let server = server(&path).await;
    let (_, mut witnesses) = room_of(&server, 2, options.relay_only(true)).await;
    until_media_flows(&mut witnesses).await;
    (coturn, path, server, <[Witness; 2]>::try_from(witnesses).ok().unwrap())
}

async fn until_media_flows_again(witnesses: &mut [Witness; 2]) {
    let others = [witnesses[1].id(), witnesses[0].id()];
    for (witness, other) in witnesses.iter_mut().zip(others) {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            witness.receive_again(other, kind).await;
        }
    }
}

/// A server that offers only that path.
pub(crate) async fn server(path: &Path) -> TestServer {
    server_with(path.port()).await
}

/// A server whose only TURN server is at that port.
async fn server_with(port: u16) -> TestServer {
    let urls = [coturn::url(port)];
    let builder = Server::builder(Secret::random()).turn(Secret::new(SECRET), urls);
    testing::start_with(builder).await.unwrap()
}

/// Does not wait half a minute to see that nothing comes.
fn impatient() -> Options {
    talker().disconnected_timeout(Duration::from_secs(1)).failed_timeout(Duration::from_secs(2))
}

fn record(witnesses: &mut [Witness; 2]) -> Vec<(MediaKind, Recorder)> {
    let tracks = witnesses.iter_mut().flat_map(|witness| witness.tracks.drain());
    tracks.map(|((_, kind), track)| (kind, Recorder::start(track))).collect()
}

/// Statistics of the packets of one track.
struct Figures {
    /// Without those that came more than once.
    received: usize,
    /// Lost for good, after what was sent again on request.
    missing: usize,
    /// Behind one with a higher number.
    late: usize,
    again: usize,
    /// Since the path was whole again.
    arrived_after: usize,
}

impl Figures {
    fn of(packets: &[(Instant, RtpPacket)], healed: Instant) -> Self {
        let mut numbers: Vec<i64> = Vec::new();
        let (mut highest, mut late) = (i64::from(packets[0].1.sequence_number), 0);
        for (_, packet) in packets {
            // RFC 3550 appendix A.1: the number closest to the highest so far.
            let ahead = packet.sequence_number.wrapping_sub(highest as u16) as i16;
            late += usize::from(ahead < 0);
            numbers.push(highest + i64::from(ahead));
            highest = highest.max(highest + i64::from(ahead));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let (received, sent) = (numbers.len(), (highest - numbers[0] + 1) as usize);
        let arrived_after = packets.iter().filter(|(at, _)| *at > healed).count();
        let (missing, again) = (sent - received, packets.len() - received);
        Self { received, missing, late, again, arrived_after }
    }

    fn missing_share(&self) -> f64 {
        self.missing as f64 / (self.received + self.missing) as f64
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, missing, late, again, arrived_after } = self;
        let share = 100.0 * self.missing_share();
        write!(
            f,
            "{received} received, {missing} ({share:.1} %) missing, {late} late, {again} more than once, "
        )?;
        write!(f, "{arrived_after} arrivals after the cut")
    }
}
