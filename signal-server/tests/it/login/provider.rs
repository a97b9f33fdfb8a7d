//! An identity provider that publishes its keys over HTTPS.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use signal_server::Login;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// An identity provider with a certificate of its own authority, which publishes keys at any path.
pub(super) struct Provider {
    address: SocketAddr,
    pub(super) ca: String,
    pub(super) published: Arc<Mutex<Published>>,
    requests: Arc<AtomicU32>,
    pub(super) serving: JoinHandle<()>,
}

/// The answer of a provider: status and body.
pub(super) type Published = (u16, String);

impl Provider {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let chain = vec![certificate.der().clone()];
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(chain, private).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Mutex::new((200, json!({"keys": keys}).to_string())));
        let requests = Arc::new(AtomicU32::new(0));
        let serving = tokio::spawn(Self::serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            Arc::clone(&published),
            Arc::clone(&requests),
        ));
        Self { address, ca: certificate.pem(), published, requests, serving }
    }

    async fn serve(
        listener: TcpListener,
        tls: TlsAcceptor,
        published: Arc<Mutex<Published>>,
        requests: Arc<AtomicU32>,
    ) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate ends the handshake.
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                    Err(error) => panic!("{error}"),
                }
            }
            requests.fetch_add(1, Ordering::Relaxed);
            let (status, body) = published.lock().unwrap().clone();
            let answer = format!(
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/jwks.json", self.address.port())
    }

    pub(super) fn login(&self) -> Login {
        Login::jwks(&self.url(), Some(&self.ca)).unwrap()
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.answer(200, json!({"keys": keys}).to_string());
    }

    pub(super) fn answer(&self, status: u16, body: String) {
        *self.published.lock().unwrap() = (status, body);
    }

    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}
