//! How signaling sockets are opened: over TCP, with TLS or not.

use std::io;
use std::net::{IpAddr, TcpStream as BlockingStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::ACCEPT_LANGUAGE;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, WebSocket};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

/// A WebSocket for tasks.
pub(crate) type Socket = WebSocketStream<Box<dyn Bytes>>;
/// A WebSocket for a thread of its own.
pub(crate) type BlockingSocket = WebSocket<Box<dyn BlockingBytes>>;

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

pub(crate) trait BlockingBytes: io::Read + io::Write + Send {}
impl<T: io::Read + io::Write + Send> BlockingBytes for T {}

/// The way to a server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    tls: Arc<ClientConfig>,
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
        Ok(Self { tls: Arc::new(tls) })
    }

    pub(crate) async fn open(&self, url: &Url) -> Result<Socket, SocketError> {
        let stream = TcpStream::connect(authority(url)?).await?;
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

    /// Opens a socket whose reads return after `patience` if nothing has come.
    pub(crate) fn open_blocking(
        &self,
        url: &Url,
        patience: Duration,
    ) -> Result<BlockingSocket, SocketError> {
        let stream = BlockingStream::connect(authority(url)?)?;
        stream.set_nodelay(true)?;
        let timeouts = stream.try_clone()?;
        timeouts.set_read_timeout(Some(HANDSHAKE))?;
        let stream: Box<dyn BlockingBytes> = if url.scheme() == "wss" {
            let connection = ClientConnection::new(Arc::clone(&self.tls), server_name(url)?)?;
            Box::new(StreamOwned::new(connection, stream))
        } else {
            Box::new(stream)
        };
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
