//! TLS: rustls with ring.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::{ByteStream, Stream};
use crate::error::{NetworkFailure, RequestError};

/// Trusts Mozilla's certificate authorities and those in `more`, in PEM.
pub(super) fn client_config(more: &[u8]) -> Result<ClientConfig, RequestError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let refused = |reason: String| RequestError::Certificate(reason);
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(more) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if !more.is_empty() && roots.len() == before {
        return Err(refused("there is no certificate in it".into()));
    }
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the protocol versions that rustls does")
        .with_root_certificates(roots)
        .with_no_client_auth())
}

impl ByteStream for TlsStream<Stream> {
    fn local_address(&self) -> Option<IpAddr> {
        self.get_ref().0.local_address()
    }
}

/// Does the TLS handshake with the host of a URL.
pub(super) async fn secure(
    config: &Arc<ClientConfig>,
    url: &Url,
    stream: Stream,
) -> Result<Stream, NetworkFailure> {
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => Ok(ServerName::from(IpAddr::from(ip))),
        Some(Host::Ipv6(ip)) => Ok(ServerName::from(IpAddr::from(ip))),
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(io::Error::other),
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    let name = name.map_err(NetworkFailure::Tls)?;
    let secured = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    Ok(Box::new(secured.map_err(failure)?))
}

fn failure(error: io::Error) -> NetworkFailure {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidMessage(_)) => NetworkFailure::NotTls(error),
        Some(rustls::Error::InvalidCertificate(refused)) => match refused {
            CertificateError::UnknownIssuer => NetworkFailure::UnknownAuthority(error),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                NetworkFailure::WrongName(error)
            }
            _ => NetworkFailure::Tls(error),
        },
        _ => NetworkFailure::Tls(error),
    }
}
