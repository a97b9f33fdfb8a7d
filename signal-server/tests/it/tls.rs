//! TLS without a proxy: the program with a certificate, and clients that trust it.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use client_sdk::{Client, Event, NewRoom, Options};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::common::program::{Served, program, run, utf8};
use crate::common::tcp::is_closed;
use crate::common::{Api, PATIENCE};

/// The files of a certificate for `localhost` and 127.0.0.1.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.renew();
        files
    }

    /// Writes a new certificate with a new key. Returns the certificate.
    fn renew(&self) -> CertificateDer<'static> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        self.write("cert.pem", &made.cert.pem());
        self.write("key.pem", &made.signing_key.serialize_pem());
        made.cert.der().clone()
    }

    /// Writes a certificate that is good until then.
    fn renew_until(&self, end: SystemTime) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = end.into();
        self.write("cert.pem", &params.self_signed(&key).unwrap().pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("cert.pem")).unwrap()
    }

    fn program(&self) -> Command {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.current_dir(self.folder.path());
        command.args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
        command
    }

    /// A client that trusts the certificate.
    fn sdk(&self, server: &Api) -> Client {
        let builder = Client::builder(&url(server));
        builder.trust(self.certificate().as_bytes()).build().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn https_and_secure_sockets_are_spoken_on_one_port() {
    let files = Files::new();
    let server = Served::start(&mut files.program()).await;
    let client = files.sdk(&server.api);
    let token = server.api.access_token("alice");
    let (room, mut host) = client.create(&token, &NewRoom::default(), options()).await.unwrap();
    let mut guest = client.join(&room.room_id, &room.password, "bob", options()).await.unwrap();
    for participant in [&mut host, &mut guest] {
        let talking = async {
            while !matches!(participant.next_event().await, Some(Event::DataChannelOpen { .. })) {}
        };
        timeout(PATIENCE, talking).await.expect("they reach each other");
    }

    // Whoever speaks HTTP/2 as well gets HTTP/1.1, and one without it none.
    let offers = |protocols: &[&str]| {
        let mut config = any_certificate(&Arc::default());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        handshake(&server.api, config)
    };
    let both = offers(&["h2", "http/1.1"]).await.unwrap();
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(offers(&["h2"]).await.is_err());
    server.until_metric("signal_failed_handshakes_total{reason=\"incompatible\"}", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_changes_nothing() {
    let files = Files::new();
    let mut server = Served::start(&mut files.program()).await;
    let before = served(&server.api).await;
    let client = files.sdk(&server.api);
    let token = server.api.access_token("alice");
    let (room, mut host) = client.create(&token, &NewRoom::default(), options()).await.unwrap();

    let renewed = files.renew();
    assert_ne!(before, renewed);
    server.running.signal("HUP");
    let reloaded = async {
        while served(&server.api).await != renewed {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reloaded).await.expect("the new certificate is served");
    // Whoever does not trust the new one cannot enter; whoever is in stays in.
    assert!(client.join(&room.room_id, &room.password, "eve", options()).await.is_err());
    server.until_metric("signal_failed_handshakes_total{reason=\"refused\"}", 1.0).await;
    let client = files.sdk(&server.api);
    let guest = client.join(&room.room_id, &room.password, "bob", options()).await.unwrap();
    loop {
        match timeout(PATIENCE, host.next_event()).await.expect("the socket is alive").unwrap() {
            Event::ParticipantJoined(joined) => break assert_eq!(joined.id, guest.id()),
            Event::Reconnecting => panic!("the socket was dropped"),
            _ => {}
        }
    }

    for (name, content) in [
        ("cert.pem", ""),
        ("key.pem", &KeyPair::generate().unwrap().serialize_pem()),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ] {
        files.write(name, content);
        server.running.signal("HUP");
        server.running.until_logged("cannot reload the certificate").await;
        assert_eq!(served(&server.api).await, renewed);
    }
    let last = files.renew();
    server.running.signal("HUP");
    server.running.until_logged("certificate reloaded").await;
    assert_eq!(served(&server.api).await, last);
    server.running.signal("TERM");
    assert_eq!(server.running.ended().await.0, 0);
}

#[tokio::test]
async fn operators_are_warned_before_and_after_a_certificate_expires() {
    let files = Files::new();
    let command = || {
        let mut command = program(&["check-config", "--tls-cert", "cert.pem"]);
        command.args(["--tls-key", "key.pem"]).current_dir(files.folder.path());
        command
    };
    let checked = run(&mut command()).await;
    assert!(!utf8(&checked.stdout).contains("certificate"), "{}", utf8(&checked.stdout));
    files.renew_until(SystemTime::now() - HOUR);
    let checked = run(&mut command()).await;
    assert_eq!(checked.status.code(), Some(0));
    assert!(utf8(&checked.stdout).contains("the certificate in --tls-cert cert.pem has expired"));

    let mut server = Served::start(&mut files.program()).await;
    server.running.until_logged("the certificate in --tls-cert cert.pem has expired").await;
    // Half an hour more, so that the test may take some time.
    files.renew_until(SystemTime::now() + 72 * HOUR + HOUR / 2);
    server.running.signal("HUP");
    server.running.until_logged("expires in 72 hours; renew it").await;
    files.renew_until(SystemTime::now() + 8 * 24 * HOUR);
    // What is logged of one reload stands before the next one.
    for _ in 0..2 {
        server.running.signal("HUP");
        server.running.until_logged("certificate reloaded").await;
    }
    let log = server.running.killed().await;
    assert_eq!(log.matches("the certificate in").count(), 2, "{log}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_before_the_start() {
    let files = Files::new();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let one_line = std::fs::read_to_string(files.folder.path().join("key.pem")).unwrap();
    let one_line = one_line.replace('\n', "");
    files.write("empty.pem", "");
    files.write("other.pem", &other);
    files.write("one-line.pem", &one_line);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    files.write("encrypted.pem", encrypted);
    files.write("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (chain, key, told) in [
        ("missing.pem", "key.pem", "--tls-cert missing.pem: No such file"),
        ("cert.pem", "missing.pem", "--tls-key missing.pem: No such file"),
        ("empty.pem", "key.pem", "there is no certificate"),
        ("key.pem", "key.pem", "there is no certificate"),
        ("damaged.pem", "key.pem", "the certificate is damaged"),
        ("cert.pem", "empty.pem", "there is no private key"),
        ("cert.pem", "cert.pem", "there is no private key"),
        ("cert.pem", "encrypted.pem", "the private key is encrypted"),
        ("cert.pem", "one-line.pem", "the private key is damaged"),
        ("cert.pem", "other.pem", "the private key does not belong to the certificate"),
    ] {
        for command in ["serve", "check-config"] {
            let mut command = program(&[command, "--tls-cert", chain, "--tls-key", key]);
            let output = run(command.current_dir(files.folder.path())).await;
            let stderr = utf8(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{chain} {key}\n{stderr}");
            assert!(stderr.contains(told), "{told} is not in\n{stderr}");
            assert!(!stderr.contains(&one_line[40..60]), "the key is in\n{stderr}");
        }
    }
    for (flag, missing) in [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")] {
        let output = run(&mut program(&["serve", flag, "cert.pem"])).await;
        assert_eq!(output.status.code(), Some(2));
        assert!(utf8(&output.stderr).contains(missing), "{}", utf8(&output.stderr));
    }
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_is_told_so_and_tls_ends_at_once_where_none_is_spoken() {
    let files = Files::new();
    let mut server = Served::start(files.program().args(["--log", "signal_server=debug"])).await;
    let mut stream = TcpStream::connect(server.api.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use https"), "{answer}");
    server.running.until_logged("a client speaks no TLS").await;
    assert_eq!(server.metric("signal_failed_handshakes_total{reason=\"not_tls\"}").await, 1.0);

    // What only looks like TLS is an error of the client's, too.
    let mut stream = TcpStream::connect(server.api.address()).await.unwrap();
    stream.write_all(&[22; 100]).await.unwrap();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("it is closed");
    server.until_metric("signal_failed_handshakes_total{reason=\"invalid\"}", 1.0).await;

    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    let mut plain = Served::start(command.args(["--log", "signal_server=debug"])).await;
    assert!(handshake(&plain.api, any_certificate(&Arc::default())).await.is_err());
    plain.running.until_logged("a client speaks TLS to a port of plain HTTP").await;
}

#[tokio::test]
async fn a_handshake_has_the_time_of_the_headers_and_counts_as_a_connection() {
    let files = Files::new();
    // Half of them are for other networks.
    let limits = ["--header-seconds", "1", "--max-connections", "6"];
    let server = Served::start(files.program().args(limits)).await;
    let connect = async || TcpStream::connect(server.api.address()).await.unwrap();
    // One says nothing, one stops in the middle of its handshake, one after it.
    let (mut silent, mut begun) = (connect().await, connect().await);
    begun.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    let mut shaken = handshake(&server.api, any_certificate(&Arc::default())).await.unwrap();
    server.until_metric("signal_connections", 3.0).await;
    assert!(is_closed(&mut connect().await).await, "one more than there may be");
    assert!(is_closed(&mut silent).await);
    assert!(is_closed(&mut begun).await);
    let _ = timeout(PATIENCE, shaken.read_to_end(&mut Vec::new())).await.expect("it is closed");
    server.until_metric("signal_failed_handshakes_total{reason=\"late\"}", 2.0).await;
    server.until_metric("signal_refusals_total{setting=\"header-seconds\"}", 3.0).await;
    assert_eq!(server.metric("signal_refusals_total{setting=\"max-connections\"}").await, 1.0);
    server.until_metric("signal_connections", 0.0).await;
    assert_eq!(status(&server.api, &files).await, 200);
}

#[tokio::test]
async fn what_is_read_over_tls_is_checked_like_anything_else() {
    let files = Files::new();
    let server = Served::start(&mut files.program()).await;
    for (request, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /healthz HTTP/1.1\nHost: x\r\n\r\n", "HTTP/1.1 400 "),
        ("GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
    ] {
        let any = any_certificate(&Arc::default());
        let mut stream = handshake(&server.api, any).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // The end of the answer is announced (RFC 8446 section 6.1): it cannot be cut short.
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(status), "{answer}");
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn options() -> Options {
    Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false)
}

fn url(server: &Api) -> String {
    format!("https://{}", server.address())
}

/// The status of a health check by a client that trusts the certificate.
async fn status(server: &Api, files: &Files) -> u16 {
    let certificate = Certificate::from_pem(files.certificate().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([certificate]).build().unwrap();
    client.get(format!("{}/healthz", url(server))).send().await.unwrap().status().as_u16()
}

/// The certificate that a new connection gets.
async fn served(server: &Api) -> CertificateDer<'static> {
    let seen = Arc::default();
    handshake(server, any_certificate(&seen)).await.unwrap();
    seen.lock().unwrap().take().unwrap()
}

async fn handshake(server: &Api, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(PATIENCE, shaken).await.expect("the handshake ends")
}

/// A client that accepts any certificate, and keeps what it was shown.
fn any_certificate(seen: &Arc<Mutex<Option<CertificateDer<'static>>>>) -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = Any { seen: Arc::clone(seen), provider: Arc::clone(&provider) };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Any {
    seen: Arc<Mutex<Option<CertificateDer<'static>>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap() = Some(end_entity.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
