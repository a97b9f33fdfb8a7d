//! The settings of webhooks.

use std::sync::Arc;

use reqwest::Url;
use thiserror::Error;

use super::endpoint::Endpoint;
use super::event_type::WebhookEvent;
use super::signing_key::SigningKey;
use crate::auth::secret::Secret;
use crate::auth::shown::shown_url;
use crate::auth::tls;

/// The receiver of the events of rooms, for [`Builder::webhooks`](crate::Builder::webhooks).
///
/// Each event is a POST with JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com)
/// describes. The receiver returns 2xx. After any other response, or none within 10 s, the event is
/// sent again, less and less often, for an hour; a 410 ends all sending until the next start.
/// `Retry-After` delays the next attempt for that room, but does not lengthen the hour. Redirects
/// are not followed. The events of one room arrive in order; those of other rooms do not wait for
/// them. An event may arrive more than once, with the same `webhook-id`.
///
/// With a [data directory](crate::Builder::open) the events that wait survive a crash. The next
/// start gives each of them another hour, except those older than a week, which are given up, and
/// those that [`only`](Self::only) no longer lists, which are dropped.
///
/// At most 64 MiB of events wait, and 1 MiB of one room. Events that participants can cause as
/// often as they like, such as changed names and attributes, fill at most half of each. Further
/// events are dropped, and the log and the metrics say so.
#[derive(Clone, Debug)]
pub struct Webhooks {
    pub(super) endpoint: Endpoint,
    pub(super) include: Arc<[WebhookEvent]>,
}

/// Why settings of webhooks are invalid.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidWebhooks {
    /// The certificate authorities are missing or malformed.
    #[error("expected certificates in PEM: {0}")]
    Ca(String),
    /// The URL contains a user name or a password. Logs would show them, and the signature tells
    /// the receiver who sends.
    #[error("expected a URL without a user name or a password")]
    Credentials,
    /// A secret is malformed or weak.
    #[error("expected a secret like whsec_…, with 24 to 64 random bytes in base64")]
    Secret,
    /// There is no secret, or there are more than two.
    #[error("expected one secret, or two while one replaces the other")]
    SecretCount,
    /// The URL is not `https:`, so the network could read the events.
    #[error(
        "{0}: expected an https:// URL; http:// is allowed for this machine only, like \
         http://127.0.0.1:9000/webhooks"
    )]
    Url(String),
}

impl Webhooks {
    /// Creates settings for a receiver at this URL: `https:`, or `http:` on this machine.
    ///
    /// `secrets` are one secret, or two while one replaces the other: each event is signed with
    /// all. A secret is `whsec_` and 24 to 64 random bytes in base64. `ca` has the certificate
    /// authorities to trust, as PEM; without it they are Mozilla's.
    ///
    /// # Errors
    ///
    /// The URL, a secret or the authorities are malformed.
    pub fn new(url: &str, secrets: &[Secret], ca: Option<&str>) -> Result<Self, InvalidWebhooks> {
        let invalid = || InvalidWebhooks::Url(shown_url(url).to_owned());
        let parsed = Url::parse(url).map_err(|_| invalid())?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(InvalidWebhooks::Credentials);
        }
        if !tls::is_private(&parsed) {
            return Err(invalid());
        }
        let keys: Option<Vec<_>> = secrets.iter().map(SigningKey::new).collect();
        let keys = keys.ok_or(InvalidWebhooks::Secret)?;
        if !(1..=2).contains(&keys.len()) {
            return Err(InvalidWebhooks::SecretCount);
        }
        let roots = tls::roots(ca).map_err(InvalidWebhooks::Ca)?;
        Ok(Self { endpoint: Endpoint::new(parsed, keys, roots), include: WebhookEvent::ALL.into() })
    }

    /// Sends these events only. By default all are sent.
    #[must_use]
    pub fn only(mut self, events: impl IntoIterator<Item = WebhookEvent>) -> Self {
        self.include = events.into_iter().collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_setting_is_told_without_secrets() {
        let secret = || Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let with = |url: &str, secrets: &[Secret]| {
            Webhooks::new(url, secrets, None).map_err(|error| error.to_string())
        };
        for url in [
            "https://hooks.example.com/rooms",
            "http://127.0.0.1:1/",
            "http://[::1]/",
            "http://localhost:80",
        ] {
            assert!(with(url, &[secret()]).is_ok(), "{url}");
        }
        for (url, secrets, part) in [
            ("http://hooks.example.com", vec![secret()], "expected an https:// URL"),
            ("http://127.0.0.1.example.com", vec![secret()], "expected an https:// URL"),
            ("hooks.example.com", vec![secret()], "expected an https:// URL"),
            ("ftp://127.0.0.1", vec![secret()], "expected an https:// URL"),
            ("https://user:word@example.com", vec![secret()], "without a user name"),
            ("https://user:word@example.com:port", vec![secret()], "expected an https:// URL"),
            ("https://example.com", vec![], "expected one secret"),
            ("https://example.com", vec![secret(), secret(), secret()], "expected one secret"),
            ("https://example.com", vec![secret(), Secret::new("word")], "whsec_"),
        ] {
            let told = with(url, &secrets).unwrap_err();
            assert!(told.contains(part) && !told.contains("word@"), "{url}: {told}");
        }
        let no_ca = Webhooks::new("https://example.com", &[secret()], Some("no certificate"));
        assert!(no_ca.unwrap_err().to_string().contains("certificates in PEM"));
    }
}
