//! The TLS configuration of HTTP requests and the WebSocket: rustls with ring.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::RequestError;

/// Trusts Mozilla's certificate authorities and those in `more`, in PEM.
pub(crate) fn client_config(more: &[u8]) -> Result<ClientConfig, RequestError> {
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
