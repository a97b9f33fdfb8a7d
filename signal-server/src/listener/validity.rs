//! The validity of a certificate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// When a certificate expires. `None` if it never does, or if it cannot be read.
pub(super) fn expires_at(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let certificate = ParsedCertificate::try_from(certificate).ok()?;
    // The verifier looks at the validity first, and names its end if that has passed.
    let (nobody, end) = (RootCertStore::empty(), UnixTime::since_unix_epoch(END_OF_TIME));
    match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], end, &[]) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(UNIX_EPOCH + Duration::from_secs(not_after.as_secs()))
        }
        Ok(()) | Err(_) => None,
    }
}

/// The last second of the year 9999, with which a certificate says that it does not expire (RFC
/// 5280 section 4.1.2.5).
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);
