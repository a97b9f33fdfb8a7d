//! The configuration of coturn that ships, tried with a real coturn.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::common::PATIENCE;

const CONFIGURATION: &str = include_str!("../../../docs/turnserver.conf");
const SECRET: &str = "replace-this-with-32-random-characters";

#[tokio::test]
async fn the_shipped_relay_takes_the_shared_secret_and_leads_into_no_private_network() {
    let relay = Relay::start(CONFIGURATION, &[]).await;
    for peer in ["10.1.2.3", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.168.0.1"] {
        let told = relay.bind(peer, SECRET).await;
        assert!(told.contains("403 (Forbidden IP)"), "{peer}: {told}");
    }
    let told = relay.bind("127.0.0.1", "another secret").await;
    assert!(told.contains("Cannot complete Allocation"), "{told}");
}

#[tokio::test]
async fn the_shipped_relay_leads_to_addresses_that_no_line_denies() {
    // The only addresses that a test may send packets to are those of this machine.
    let local = "denied-peer-ip=127.0.0.0-127.255.255.255";
    let without: Vec<&str> = CONFIGURATION.lines().filter(|line| *line != local).collect();
    assert!(without.len() < CONFIGURATION.lines().count());
    let relay = Relay::start(&without.join("\n"), &["--allow-loopback-peers"]).await;
    let told = relay.bind("127.0.0.1", SECRET).await;
    assert!(told.contains("cb response") && !told.contains("error"), "{told}");
}

/// coturn on this machine.
struct Relay {
    port: u16,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Relay {
    async fn start(configuration: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        fs::write(Path::new(&file("conf")), configuration).unwrap();
        let free = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            (socket.local_addr().unwrap().port(), socket)
        };
        let ((port, first), (tls_port, second)) = (free(), free());
        drop((first, second));
        let mut process = Command::new("turnserver")
            .args(["-c", &file("conf"), "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls_port}"))
            .arg(format!("--pidfile={}", file("pid")))
            .arg(format!("--userdb={}", file("db")))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run turnserver, from coturn: {error}"));
        let mut log = BufReader::new(process.stdout.take().unwrap()).lines();
        loop {
            let line = timeout(PATIENCE, log.next_line()).await.expect("coturn starts").unwrap();
            let line = line.expect("coturn runs on");
            assert!(!line.contains("Bad configuration"), "{line}");
            if line.contains("Total General servers") {
                break;
            }
        }
        // coturn must not wait for a reader of its log.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { port, _process: process, _folder: folder }
    }

    /// The output of coturn's own client when it binds a channel to that peer.
    async fn bind(&self, peer: &str, secret: &str) -> String {
        let mut client = Command::new("turnutils_uclient")
            .args(["-v", "-p", &self.port.to_string(), "-W", secret, "-u", "user", "-e", peer])
            .args(["-r", "9", "-n", "1", "-m", "1", "-c", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run turnutils_uclient, from coturn: {error}"));
        let mut said = BufReader::new(client.stdout.take().unwrap()).lines();
        let mut told = String::new();
        // After the answer the client waits for packets of the peer, of which none comes.
        while let Some(line) = timeout(PATIENCE, said.next_line()).await.expect(&told).unwrap() {
            told += &line;
            told.push('\n');
            if told.contains("cb response") && (line.contains("success") || line.contains("error"))
            {
                break;
            }
        }
        told
    }
}
