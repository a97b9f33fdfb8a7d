//! Runs over networks that are not this machine's own: TLS, a proxy, a TURN server.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use signal_server::testing;
use signal_server::{Limits, Secret};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::{SIGNALING, Server, loadtest, results};
use crate::coturn::{self, Coturn};

#[test]
fn a_server_behind_haproxy_is_tested_over_tls_with_a_private_authority() {
    let server = Server::start();
    let proxy = Haproxy::before(&server.url);
    let url = format!("https://localhost:{}", proxy.port);
    let ca = proxy.path("ca");
    let there = ["--url", &url, "--token", &server.token, "--json", "-"];
    let trusting = [&there[..], &["--ca", &ca]].concat();
    for (flags, connections) in [
        ([&SIGNALING[..], &["--duration", "2"]].concat(), 60),
        (vec!["--rooms", "1", "--peers", "3", "--duration", "1", "--no-video"], 6),
    ] {
        let output = loadtest(&[&trusting[..], &flags].concat());
        let report = results(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        assert_eq!(report["connections"]["reached"], connections, "{report:#}");
        assert_eq!(report["relayed"]["lost"], 0, "{report:#}");
    }
    let told = String::from_utf8(loadtest(&there).stderr).unwrap();
    assert!(told.contains("certificate"), "{told}");
}

#[test]
fn media_goes_over_a_bad_network_to_the_turn_server() {
    let runtime = Runtime::new().unwrap();
    let (_coturn, server) = runtime.block_on(async {
        let coturn = Coturn::start().await;
        let builder = signal_server::Server::builder(Secret::random())
            .limits(Limits::generous())
            .unwrap()
            .turn(Secret::new(coturn::SECRET), [coturn::url(coturn.port())]);
        (coturn, testing::start_with(builder).await.unwrap())
    });
    let (url, token) = (server.url(), server.access_token("load"));
    let there = ["--url", &url, "--token", &token, "--json", "-", "--no-video"];
    let call = ["--rooms", "1", "--peers", "3", "--duration", "10"];
    let up = ["--impair-up", "loss=1%,delay=20ms,jitter=30ms"];
    let more = ["--impair-down", "bandwidth=1mbit", "--impair-stall", "100ms/2s"];
    let bad = loadtest(&[&there[..], &call, &up, &more].concat());
    // On such a network a pair may not connect in time, which only the verdict reports.
    let report = results(&bad.stdout);
    assert!(report["packets"]["received"].as_u64() > Some(1000), "{report:#}");
    let impaired = &report["impaired"];
    for what in ["carried", "lost", "stalled", "overtaken"] {
        assert!(impaired[what].as_u64() > Some(10), "{what}: {impaired}");
    }
    // Half of 20 to 50 ms both ways, at least.
    let connected = &report["latency_ms"]["connected"]["p50"];
    assert!(connected.as_f64() > Some(80.0), "{connected}");

    let good = loadtest(&[&there[..], &call[..5], &["0", "--relay-only"]].concat());
    let report = results(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "{report:#}");
    assert!(report["impaired"].is_null(), "{report:#}");
}

#[test]
fn a_bad_network_needs_a_turn_server() {
    let flags = ["--rooms", "1", "--peers", "2", "--impair-up", "loss=1%", "--duration", "60"];
    let output = loadtest(&flags);
    let printed = String::from_utf8(output.stdout).unwrap();
    // Nobody has entered, so the run does not wait for anybody.
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("lists no TURN server over UDP"), "{printed}");
}

/// A real haproxy, at which TLS ends.
struct Haproxy {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Haproxy {
    fn before(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (authority, certificate) = certificates();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("ca"), authority).unwrap();
        fs::write(path("certificate"), certificate).unwrap();
        let server = url.strip_prefix("http://").unwrap();
        let configuration = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n \
             timeout tunnel 1h\n\
             frontend rooms\n bind 127.0.0.1:{port} ssl crt {}\n default_backend rooms\n\
             backend rooms\n server one {server}\n",
            path("certificate")
        );
        fs::write(path("configuration"), configuration).unwrap();
        let process = Command::new("haproxy")
            .args(["-db", "-f", &path("configuration")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run haproxy: {error}"));
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An authority, and a certificate that it signed, with its key.
fn certificates() -> (String, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (authority, certificate.pem() + &key.serialize_pem())
}
