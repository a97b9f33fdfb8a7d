//! How signaling sockets are opened: over TCP, with TLS or not.

pub(crate) mod local_ports;
pub(crate) mod udp_path;

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream as BlockingStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::ACCEPT_LANGUAGE;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, WebSocket};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

use self::local_ports::LocalPorts;

/// A WebSocket for tasks.
pub(crate) type Socket = WebSocketStream<Box<dyn Bytes>>;
/// A WebSocket that a separate thread uses.
pub(crate) type BlockingSocket = WebSocket<Box<dyn BlockingBytes>>;

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

pub(crate) trait BlockingBytes: Read + Write + Send {}
impl<T: Read + Write + Send> BlockingBytes for T {}

/// The way to a server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    tls: Arc<ClientConfig>,
    ports: Arc<LocalPorts>,
}

/// A socket was not opened.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    #[error("the address of the server has no host")]
    Address,
    #[error("the server cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{}", refusal(.0))]
    Upgrade(#[from] Box<tungstenite::Error>),
    #[error("certificates: {0}")]
    Certificates(String),
    #[error("it answers with {0}")]
    Answer(String),
}

impl Network {
    /// Trusts the certificates in `more`, in PEM, in addition to Mozilla's.
    pub(crate) fn new(more: &[u8]) -> Result<Self, SocketError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for certificate in CertificateDer::pem_slice_iter(more) {
            let certificate =
                certificate.map_err(|error| SocketError::Certificates(error.to_string()))?;
            roots.add(certificate)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls), ports: Arc::new(LocalPorts::of_this_machine()) })
    }

    pub(crate) async fn open(&self, url: &Url) -> Result<Socket, SocketError> {
        let stream = self.connect(url).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Bytes> = if url.scheme() == "wss" {
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            Box::new(connector.connect(server_name(url)?, stream).await?)
        } else {
            Box::new(stream)
        };
        let opened = client_async_with_config(request(url)?, stream, Some(config())).await;
        opened.map(|(socket, _)| socket).map_err(|error| SocketError::Upgrade(Box::new(error)))
    }

    /// Connects to the first address of the server that answers.
    async fn connect(&self, url: &Url) -> Result<TcpStream, SocketError> {
        let mut failed = SocketError::Address;
        for address in lookup_host(authority(url)?).await? {
            match self.ports.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error.into(),
            }
        }
        Err(failed)
    }

    /// Opens a socket whose reads return after `patience` if nothing has arrived.
    pub(crate) fn open_blocking(
        &self,
        url: &Url,
        patience: Duration,
    ) -> Result<BlockingSocket, SocketError> {
        let (stream, timeouts) = self.connect_blocking(url, HANDSHAKE)?;
        timeouts.set_read_timeout(Some(HANDSHAKE))?;
        let opened = tungstenite::client::client_with_config(request(url)?, stream, Some(config()));
        let (socket, _) = opened.map_err(|error| {
            SocketError::Upgrade(Box::new(match error {
                tungstenite::HandshakeError::Failure(error) => error,
                tungstenite::HandshakeError::Interrupted(_) => {
                    tungstenite::Error::Io(io::ErrorKind::TimedOut.into())
                }
            }))
        })?;
        timeouts.set_read_timeout(Some(patience))?;
        timeouts.set_write_timeout(Some(patience))?;
        Ok(socket)
    }

    /// Gets a text over HTTP. Connecting and each read take `patience` at most.
    pub(crate) fn get_blocking(
        &self,
        url: &Url,
        patience: Duration,
    ) -> Result<String, SocketError> {
        let (mut stream, timeouts) = self.connect_blocking(url, patience)?;
        timeouts.set_read_timeout(Some(patience))?;
        let (host, port) = authority(url)?;
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        // With HTTP/1.0 the body is all that comes until the end.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n")?;
        let mut answer = Vec::new();
        match stream.take(MOST_BYTES).read_to_end(&mut answer) {
            // Some servers end TLS without saying so.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.lines().next().unwrap_or_default();
        if status.split(' ').nth(1) != Some("200") {
            return Err(SocketError::Answer(status.chars().take(100).collect()));
        }
        Ok(body.to_owned())
    }

    /// Opens a stream, and returns a handle to set its timeouts as well.
    fn connect_blocking(
        &self,
        url: &Url,
        patience: Duration,
    ) -> Result<(Box<dyn BlockingBytes>, BlockingStream), SocketError> {
        let stream = connect_blocking(url, patience)?;
        stream.set_nodelay(true)?;
        let timeouts = stream.try_clone()?;
        let stream: Box<dyn BlockingBytes> = if matches!(url.scheme(), "wss" | "https") {
            let connection = ClientConnection::new(Arc::clone(&self.tls), server_name(url)?)?;
            Box::new(StreamOwned::new(connection, stream))
        } else {
            Box::new(stream)
        };
        Ok((stream, timeouts))
    }
}

/// Connects to the first address of the host that takes it, each for `patience` at most.
fn connect_blocking(url: &Url, patience: Duration) -> Result<BlockingStream, SocketError> {
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for address in authority(url)?.to_socket_addrs()? {
        match BlockingStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(stream),
            Err(refused) => error = refused,
        }
    }
    Err(error.into())
}

/// Asks for texts in English, the language of this program.
fn request(url: &Url) -> Result<Request, SocketError> {
    let mut request = url.as_str().into_client_request().map_err(Box::new)?;
    request.headers_mut().insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
    Ok(request)
}

fn authority(url: &Url) -> Result<(String, u16), SocketError> {
    let host = match url.host().ok_or(SocketError::Address)? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    Ok((host, url.port_or_known_default().ok_or(SocketError::Address)?))
}

fn server_name(url: &Url) -> Result<ServerName<'static>, SocketError> {
    match url.host().ok_or(SocketError::Address)? {
        Host::Domain(name) => {
            ServerName::try_from(name.to_owned()).map_err(|_| SocketError::Address)
        }
        Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::from(ip))),
        Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::from(ip))),
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longer answers are cut.
const MOST_BYTES: u64 = 4 << 20;

/// Sockets are many, and read little at once.
fn config() -> WebSocketConfig {
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = 4096;
    config.write_buffer_size = 0;
    config
}

fn refusal(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(answer) => {
            format!("the server refused a WebSocket with HTTP status {}", answer.status().as_u16())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    /// A listener whose queue is full takes no connection and refuses none, as a machine that is
    /// gone.
    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_does_not_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |address: &SocketAddr| {
            BlockingStream::connect_timeout(address, Duration::from_millis(100))
        };
        let mut queued = Vec::new();
        while let Ok(stream) = connect(&address) {
            queued.push(stream);
        }
        let url = Url::parse(&format!("http://{address}/metrics")).unwrap();
        let network = Network::new(&[]).unwrap();
        let error = network.get_blocking(&url, Duration::from_millis(100)).unwrap_err();
        let SocketError::Io(error) = error else { panic!("{error}") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
