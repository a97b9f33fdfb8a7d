//! A real coturn on this machine.

use std::fs;
use std::net::{self, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

/// What the signaling server and coturn share.
pub const SECRET: &str = "what the signaling server and coturn share";

/// The address of a TURN server at that port.
pub fn url(port: u16) -> String {
    format!("turn:127.0.0.1:{port}?transport=udp")
}

/// Listens for UDP and TCP at one port, and for TLS at another.
pub struct Coturn {
    process: Child,
    port: u16,
    tls_port: u16,
    certificate: String,
    folder: TempDir,
}

impl Coturn {
    pub async fn start() -> Self {
        // The port is free now, and another program is unlikely to take it before coturn does.
        Self::start_at(port_of_both(), SECRET).await
    }

    /// Starts it again, which ends all relays.
    pub async fn restarted(self) -> Self {
        let port = self.port;
        drop(self);
        Self::start_at(port, SECRET).await
    }

    /// Replaces it by another one, which ends all relays and refuses the credentials of the
    /// signaling server.
    pub async fn replaced(self) -> Self {
        let port = self.port;
        drop(self);
        Self::start_at(port, "another secret").await
    }

    async fn start_at(port: u16, secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        let file = |name: &str| folder.path().join(name).display().to_string();
        fs::write(file("certificate"), &certificate).unwrap();
        fs::write(file("key"), made.signing_key.serialize_pem()).unwrap();
        let process = Command::new("turnserver")
            .args(["-n", "--use-auth-secret", "--realm=test", "--no-dtls", "--no-cli", "--verbose"])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers"])
            .args(["--no-stdout-log", "--simple-log"])
            .arg(format!("--static-auth-secret={secret}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls_port}"))
            .arg(format!("--cert={}", file("certificate")))
            .arg(format!("--pkey={}", file("key")))
            .arg(format!("--log-file={}", file("log")))
            .arg(format!("--pidfile={}", file("pid")))
            .arg(format!("--userdb={}", file("db")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run turnserver, from the package coturn: {error}")
            });
        let mut coturn = Self { process, port, tls_port, certificate, folder };
        while !coturn.answers().await {
            let ended = coturn.process.try_wait().unwrap();
            assert!(ended.is_none(), "coturn ended: {ended:?}\n{}", coturn.log());
            sleep(Duration::from_millis(50)).await;
        }
        coturn
    }

    /// Whether it answers over UDP and has opened the port for TLS, neither of which its first
    /// listener tells.
    async fn answers(&self) -> bool {
        // A binding request of STUN: type, length 0, magic cookie, transaction id.
        let request = *b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction1";
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Fails where nobody listens yet.
        let sent = socket.send_to(&request, ("127.0.0.1", self.port)).await;
        let answer = timeout(Duration::from_millis(200), socket.recv(&mut [0; 512])).await;
        sent.is_ok()
            && matches!(answer, Ok(Ok(_)))
            && TcpStream::connect(("127.0.0.1", self.tls_port)).await.is_ok()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address for TURN over TCP.
    pub fn tcp(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Its address for TURN over TLS.
    pub fn tls_url(&self) -> String {
        format!("turns:127.0.0.1:{}", self.tls_port)
    }

    /// The certificate of its TLS, in PEM.
    pub fn certificate(&self) -> &[u8] {
        self.certificate.as_bytes()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A port that is free for UDP and for TCP.
fn port_of_both() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let both = (TcpListener::bind(port), net::UdpSocket::bind(port));
        if let (Ok(_), Ok(_)) = both {
            return port.port();
        }
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
