//! TLS from the side of a client.

use std::sync::Arc;

use rustls::crypto::ring;
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
