//! A participant on a machine of its own, which leaves one network for another.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use client_sdk::{Client, MediaKind, NewRoom};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::warnings::Warnings;
use super::{assert_few, assert_short, in_namespace, run, talker};
use crate::common::{PATIENCE, Witness, client, server};

#[test]
fn a_call_and_its_signaling_survive_a_change_of_network() {
    let name = "networks::handover::a_call_and_its_signaling_survive_a_change_of_network";
    if let Ok(seat) = env::var(SEAT) {
        return tokio::runtime::Runtime::new().unwrap().block_on(roam(&seat));
    }
    in_namespace(name, TWO_NETWORKS, async {
        let server = server().await;
        let front = in_front_of(server.address()).await;
        let (client, token) = (client(&server), server.access_token("alice"));
        let (room, creator) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
        let mut roamer = Command::new("unshare")
            .args(["--net", "sh", "-c", &format!("read go && {FIRST} && exec \"$@\""), "-"])
            .arg(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(SEAT, format!("{front} {} {}", room.room_id, room.password))
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = roamer.id().unwrap();
        // Devices would stay here if they were sent to a process that is still here.
        until_elsewhere(pid).await;
        for device in ["b1", "b2"] {
            run(&format!("ip link set {device} netns {pid}"));
        }
        roamer.stdin.take().unwrap().write_all(b"go\n").await.unwrap();
        // It waits that long for each of its steps, and then says what does not come.
        let ended = timeout(10 * PATIENCE, roamer.wait()).await.expect("it does not end").unwrap();
        assert!(ended.success());
        creator.leave().await;
    });
}

/// Waits until a process has entered a network namespace of its own.
async fn until_elsewhere(pid: u32) {
    let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    let here = network("self");
    let moved = async {
        while network(&pid.to_string()) == here {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, moved).await.expect("the process stays in this namespace");
}

/// On the other machine.
async fn roam(seat: &str) {
    let [front, room_id, password] = seat.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{seat}")
    };
    let client = Client::new(&format!("http://{front}")).unwrap();
    let guest = client.join(room_id, password, "guest", talker()).await.unwrap();
    let mut guest = Witness::new(guest);
    guest.until("the creator", |seen| !seen.present.is_empty()).await;
    let creator = *guest.present.iter().next().unwrap();
    guest.until("media", |seen| seen.is_connected(creator) && seen.has_media(creator)).await;
    guest.receive(creator, MediaKind::Audio, 10).await;
    let mut warnings = Warnings::count();
    run(SECOND);
    let since = Instant::now();
    guest.receive_fresh(creator, MediaKind::Audio, 1).await;
    assert_short(since.elapsed());
    guest.until("resumption", |seen| seen.resumed > 0).await;
    println!("without the server for {:?}", since.elapsed());
    assert_few(&mut warnings);
}

/// Where the other machine reaches a server of this one.
async fn in_front_of(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("192.0.2.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    address
}

/// What the other machine is told: the server's address, the room and its password.
const SEAT: &str = "CLIENT_SDK_TEST_SEAT";
const TWO_NETWORKS: &str = "ip link add a1 type veth peer name b1 \
    && ip link add a2 type veth peer name b2 \
    && ip addr add 192.0.2.1/24 dev a1 && ip addr add 198.51.100.1/24 dev a2 \
    && ip link set a1 up && ip link set a2 up";
const FIRST: &str = "ip link set lo up && ip addr add 192.0.2.2/24 dev b1 && ip link set b1 up";
const SECOND: &str = "ip addr add 198.51.100.2/24 dev b2 && ip link set b2 up \
    && ip addr del 192.0.2.2/24 dev b1 && ip route add default via 198.51.100.1";
