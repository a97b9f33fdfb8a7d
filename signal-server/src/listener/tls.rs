//! TLS from the side of the server: its certificate, and the handshake of a connection.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, ServerConfig};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::head::TLS_HANDSHAKE;
use super::linger::Lingering;
use super::validity;

/// The certificate of a server and its private key, with which
/// [`Server::serve`](crate::Server::serve) speaks TLS; see [`Builder::tls`](crate::Builder::tls).
///
/// TLS 1.2 and 1.3 are spoken, and HTTP/1.1 over them. Clones share the certificate, so that
/// [`replace`](Self::replace) on one of them replaces it in a running server:
///
/// ```no_run
/// use signal_server::{Secret, Server, Tls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let files = || Ok::<_, std::io::Error>((std::fs::read("cert.pem")?, std::fs::read("key.pem")?));
/// let (chain, key) = files()?;
/// let tls = Tls::from_pem(&chain, &key)?;
/// let builder = Server::builder(Secret::random()).tls(tls.clone());
/// // Months later, in the task that renews certificates:
/// let (chain, key) = files()?;
/// tls.replace(&chain, &key)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls {
    served: Arc<RwLock<Served>>,
}

/// What new connections get.
#[derive(Clone)]
struct Served {
    config: Arc<ServerConfig>,
    expires_at: Option<SystemTime>,
}

/// A certificate or its private key cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidCertificate {
    /// The chain contains no certificate in PEM.
    #[error("there is no certificate; expected PEM with BEGIN CERTIFICATE")]
    NoCertificate,
    /// The chain is not PEM, or its first certificate is not an X.509 certificate.
    #[error("the certificate is damaged: {0}")]
    Certificate(String),
    /// There is no private key in PEM.
    #[error("there is no private key; expected PEM with BEGIN PRIVATE KEY")]
    NoKey,
    /// The private key is encrypted.
    #[error("the private key is encrypted; decrypt it with `openssl pkey`")]
    EncryptedKey,
    /// The private key is damaged or of an unsupported kind.
    #[error("the private key is damaged, or none of RSA, P-256, P-384 and Ed25519: {0}")]
    Key(String),
    /// The private key is not that of the first certificate.
    #[error(
        "the private key does not belong to the certificate, which has to be the first in its chain"
    )]
    Mismatch,
}

impl Tls {
    /// Takes a certificate with those of its authorities, the server's first, and its private key
    /// (PKCS #8, PKCS #1 or SEC1), both in PEM.
    ///
    /// The names and the validity of the certificate are for clients to check; see
    /// [`expires_at`](Self::expires_at).
    ///
    /// # Errors
    ///
    /// The certificate or the key is missing, damaged or of an unsupported kind, or they do not
    /// belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidCertificate> {
        let served = Served::from_pem(chain, key)?;
        Ok(Self { served: Arc::new(RwLock::new(served)) })
    }

    /// Replaces the certificate and its key for new connections. Open ones go on.
    ///
    /// # Errors
    ///
    /// As in [`from_pem`](Self::from_pem). The server goes on with the certificate that it has.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), InvalidCertificate> {
        // The sessions of the old certificate can no longer be resumed.
        let served = Served::from_pem(chain, key)?;
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = served;
        Ok(())
    }

    /// When the certificate expires. `None` if it never does, or if its validity cannot be read.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.served().expires_at
    }

    /// Does the handshake of a new connection. A client that sends anything else is told to use
    /// HTTPS, as far as it speaks HTTP.
    pub(super) async fn accept(
        &self,
        mut stream: Lingering,
    ) -> Result<TlsStream<Lingering>, HandshakeFailure> {
        let first = stream.first_byte().await.map_err(|error| HandshakeFailure::of(&error))?;
        if first.is_some_and(|first| first != TLS_HANDSHAKE) {
            tracing::debug!("a client speaks no TLS to a port of TLS, closing");
            // The client need not read it.
            let _ = stream.write_all(USE_HTTPS).await;
            return Err(HandshakeFailure::NotTls);
        }
        TlsAcceptor::from(self.served().config).accept(stream).await.map_err(|error| {
            tracing::debug!(%error, "a TLS handshake failed");
            HandshakeFailure::of(&error)
        })
    }

    fn served(&self) -> Served {
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Served {
    fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidCertificate> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| InvalidCertificate::Certificate(error.to_string()))?;
        let first = chain.first().ok_or(InvalidCertificate::NoCertificate)?;
        let expires_at = validity::expires_at(first);
        let provider = Arc::new(ring::default_provider());
        let certified = CertifiedKey::new(chain, signing_key(key, &provider)?);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => return Err(InvalidCertificate::Mismatch),
            Err(error) => return Err(InvalidCertificate::Certificate(error.to_string())),
        }
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the protocol versions that rustls does")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), expires_at })
    }
}

fn signing_key(
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Arc<dyn rustls::sign::SigningKey>, InvalidCertificate> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(key) => InvalidCertificate::EncryptedKey,
        pem::Error::NoItemsFound => InvalidCertificate::NoKey,
        // The text of such an error may contain the key.
        _ => InvalidCertificate::Key("its PEM is broken".to_owned()),
    })?;
    let key = provider.key_provider.load_private_key(key);
    key.map_err(|error| InvalidCertificate::Key(error.to_string()))
}

fn is_encrypted(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("BEGIN ENCRYPTED PRIVATE KEY")
}

/// Why a connection has not become one with TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HandshakeFailure {
    /// The client ended the connection.
    Closed,
    /// The client speaks no version or cipher that the server does.
    Incompatible,
    /// The client broke the protocol.
    Invalid,
    /// The handshake was not over in time.
    Late,
    /// The client speaks something else, like plain HTTP.
    NotTls,
    /// The client refused, for example because it does not trust the certificate.
    Refused,
}

impl HandshakeFailure {
    fn of(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            None => Self::Closed,
            Some(rustls::Error::AlertReceived(_)) => Self::Refused,
            Some(rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol) => {
                Self::Incompatible
            }
            Some(_) => Self::Invalid,
        }
    }

    /// The name in metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Incompatible => "incompatible",
            Self::Invalid => "invalid",
            Self::Late => "late",
            Self::NotTls => "not_tls",
            Self::Refused => "refused",
        }
    }
}

const USE_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 38\r\nConnection: close\r\n\r\nThis port speaks TLS only: use https.\n";
