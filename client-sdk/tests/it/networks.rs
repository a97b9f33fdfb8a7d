//! Networks that are incomplete or change, each in its own network namespace.

mod handover;
mod warnings;

use std::env;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use client_sdk::{ConnectionState, MediaKind, NewRoom, Options, Source};
use signal_server::testing::TestServer;

use self::warnings::Warnings;
use crate::common::{Witness, client, server, until_media_flows};

#[test]
fn without_multicast_a_call_connects_and_only_names_of_mdns_stay_unknown() {
    let name = "networks::without_multicast_a_call_connects_and_only_names_of_mdns_stay_unknown";
    in_namespace(name, "true", async {
        let local = || talker().bind_address(Ipv4Addr::LOCALHOST);
        connect(&server().await, local(), local()).await;
    });
}

#[test]
fn a_participant_with_defaults_reaches_one_that_has_ipv6_alone() {
    let name = "networks::a_participant_with_defaults_reaches_one_that_has_ipv6_alone";
    let addresses = "ip addr add 192.0.2.2/32 dev lo && ip addr add fd00::2/128 dev lo nodad";
    in_namespace(name, addresses, async {
        connect(&server().await, talker(), talker().bind_address(Ipv6Addr::UNSPECIFIED)).await;
    });
}

#[test]
fn a_participant_binds_every_address_that_it_is_given() {
    let name = "networks::a_participant_binds_every_address_that_it_is_given";
    in_namespace(name, "true", async {
        let server = server().await;
        for other in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            let both = talker().bind_address(Ipv4Addr::LOCALHOST).bind_address(Ipv6Addr::LOCALHOST);
            connect(&server, both, talker().bind_address(other)).await;
        }
    });
}

#[test]
fn a_call_moves_to_another_address_when_the_one_in_use_is_gone() {
    let name = "networks::a_call_moves_to_another_address_when_the_one_in_use_is_gone";
    in_namespace(name, "ip addr add 192.0.2.1/32 dev lo", async {
        let (server, mut warnings) = (server().await, Warnings::count());
        let mut witnesses = connect(&server, talker(), talker()).await;
        // Whatever the call goes over, it has to leave it once.
        for command in [
            "ip addr add 198.51.100.1/32 dev lo && ip addr del 192.0.2.1/32 dev lo",
            "ip addr add 192.0.2.1/32 dev lo && ip addr del 198.51.100.1/32 dev lo",
        ] {
            warnings.take();
            run(command);
            hear_each_other(&mut witnesses).await;
            assert_few(&mut warnings);
        }
    });
}

#[test]
fn a_call_goes_on_as_soon_as_there_is_an_address_again() {
    let name = "networks::a_call_goes_on_as_soon_as_there_is_an_address_again";
    in_namespace(name, "ip addr add 192.0.2.1/32 dev lo", async {
        let (server, mut warnings) = (server().await, Warnings::count());
        let mut witnesses = connect(&server, talker(), talker()).await;
        warnings.take();
        let ids = witnesses.each_ref().map(Witness::id);
        run("ip addr del 192.0.2.1/32 dev lo");
        for (witness, other) in witnesses.iter_mut().zip([ids[1], ids[0]]) {
            let silent = Some(&ConnectionState::Disconnected);
            witness.until("silence", |seen| seen.states.get(&other) == silent).await;
        }
        // What cannot leave is not counted as sent.
        witnesses[0].participant.stats(ids[1]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(witnesses[0].participant.stats(ids[1]).await.unwrap().bitrate_out, 0);
        assert_few(&mut warnings);
        run("ip addr add 198.51.100.1/32 dev lo");
        hear_each_other(&mut witnesses).await;
        assert_few(&mut warnings);
    });
}

/// As an application would, with mDNS, but ICE never gives a path up: only a change of addresses
/// moves a call.
fn talker() -> Options {
    let options = Options::new().audio(Source::Clip).video(Source::Clip);
    options.failed_timeout(Duration::ZERO)
}

async fn connect(server: &TestServer, first: Options, second: Options) -> [Witness; 2] {
    let client = client(server);
    let token = server.access_token("alice");
    let (room, creator) = client.create(&token, &NewRoom::default(), first).await.unwrap();
    let guest = client.join(&room.room_id, &room.password, "guest", second).await.unwrap();
    let mut witnesses = [Witness::new(creator), Witness::new(guest)];
    until_media_flows(&mut witnesses).await;
    witnesses
}

async fn hear_each_other(witnesses: &mut [Witness; 2]) {
    let since = Instant::now();
    let ids = witnesses.each_ref().map(Witness::id);
    let [first, second] = witnesses;
    tokio::join!(
        first.receive_fresh(ids[1], MediaKind::Audio, 1),
        second.receive_fresh(ids[0], MediaKind::Audio, 1),
    );
    assert_short(since.elapsed());
}

/// A change of address costs a second or two, and more on a busy machine.
fn assert_short(silence: Duration) {
    println!("silence of {silence:?}");
    assert!(silence < LONGEST_SILENCE, "silence of {silence:?}");
}

/// A change of address is worth a few lines in the log, and each second without one a few more,
/// but not one for each packet.
fn assert_few(warnings: &mut Warnings) {
    let (count, elapsed) = warnings.take();
    println!("{count} warnings in {elapsed:?}");
    let most = MOST_WARNINGS + MOST_WARNINGS_PER_SECOND * elapsed.as_secs_f64();
    assert!((count as f64) <= most, "{count} warnings in {elapsed:?}");
}

fn run(command: &str) {
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
}

/// Runs the test of that name again in a namespace that has only loopback, after a command that
/// prepares it. Within the namespace, runs the test itself.
fn in_namespace(name: &str, prepare: &str, test: impl Future<Output = ()>) {
    if env::var_os(INSIDE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(test);
    }
    let script =
        format!("ip link set lo up && {prepare} && exec \"$0\" --exact \"$1\" --nocapture");
    // Root needs no user namespace, which some systems forbid.
    let may_unshare = Command::new("unshare").args(["--net", "true"]).output();
    let user: &[&str] = match may_unshare.expect("unshare (util-linux) is installed") {
        allowed if allowed.status.success() => &[],
        _ => &["--map-root-user"],
    };
    let inside = Command::new("unshare")
        .args(user)
        .args(["--net", "sh", "-c", &script])
        .arg(env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .expect("unshare (util-linux) and ip (iproute2) are installed");
    let told = String::from_utf8_lossy(&inside.stdout);
    let failed = String::from_utf8_lossy(&inside.stderr);
    assert!(inside.status.success(), "{told}{failed}");
    assert!(told.contains("1 passed"), "{told}");
    print!("{told}");
}

const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// Of two participants.
const MOST_WARNINGS: f64 = 10.0;
/// ICE tells of a check that fails about once a second.
const MOST_WARNINGS_PER_SECOND: f64 = 10.0;
const INSIDE: &str = "CLIENT_SDK_TEST_IN_NAMESPACE";
