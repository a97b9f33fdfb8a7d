//! TLS from the side of a client.

use std::sync::Arc;

use reqwest::Url;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The settings of a client that trusts these certificate authorities.
pub(crate) fn client(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the protocol versions that rustls does")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The certificate authorities that Mozilla trusts.
pub(crate) fn mozilla() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() }
}

/// The certificate authorities to trust: those in `ca`, as PEM, or Mozilla's. An error says what is
/// wrong with them.
pub(crate) fn roots(ca: Option<&str>) -> Result<RootCertStore, String> {
    let Some(pem) = ca else {
        return Ok(mozilla());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is none".to_owned());
    }
    Ok(roots)
}

/// Whether nobody on the network can read or change what is sent to a URL: it is `https:`, or on
/// this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || url.scheme() == "http" && is_local
}
