//! The receiver's URL, and how an event is sent to it.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::RootCertStore;

use super::signing_key::SigningKey;
use crate::auth::{shown, tls};
use crate::clock::unix_seconds;
use crate::store::QueuedEvent;

/// Where events are sent, and the keys that sign them.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    url: Url,
    keys: Vec<SigningKey>,
    http: Client,
}

/// How it went to send an event.
#[derive(Debug)]
pub(super) enum Attempt {
    /// The response was 2xx.
    Delivered,
    /// The response was 410: the receiver wants no more events.
    Gone,
    /// The response was another one; redirects are not followed.
    Refused {
        status: StatusCode,
        /// How long the receiver asks to be left alone, if it does.
        retry_after: Option<Duration>,
    },
    /// There was no response in time.
    Unreachable(String),
}

impl Endpoint {
    pub(super) fn new(url: Url, keys: Vec<SigningKey>, roots: RootCertStore) -> Self {
        let http = Client::builder()
            .tls_backend_preconfigured(tls::client(roots))
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("signal-server/", env!("CARGO_PKG_VERSION")));
        // A proxy would get events in clear that may only stay on this machine.
        let http = if url.scheme() == "http" { http.no_proxy() } else { http };
        let http =
            http.build().expect("building a client with a given TLS configuration cannot fail");
        Self { url, keys, http }
    }

    /// Sends an event once, signed with the time of this attempt.
    pub(super) async fn send(&self, event: &QueuedEvent) -> Attempt {
        let QueuedEvent { id, body } = event;
        let at = unix_seconds();
        let signatures: Vec<_> = self.keys.iter().map(|key| key.sign(id, at, body)).collect();
        let request = self
            .http
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signatures.join(" "))
            .body(body.clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Unreachable(shown::causes(&error.without_url())),
        };
        let status = response.status();
        let retry_after = retry_after(response.headers());
        skip(response).await;
        match status {
            StatusCode::GONE => Attempt::Gone,
            status if status.is_success() => Attempt::Delivered,
            status => Attempt::Refused { status, retry_after },
        }
    }
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()
}

/// Reads the body of a response, so that the connection can be used again. The status says
/// everything, so a long or slow body is not an error.
async fn skip(mut response: Response) {
    let mut left = MOST_RESPONSE_BYTES;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// How long an attempt may take, with the response.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_RESPONSE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_asks_for_patience_in_seconds_or_until_a_date() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(retry_after(&HeaderMap::new()), None);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        let minute = SystemTime::now() + Duration::from_secs(60);
        let until = read(&httpdate::fmt_http_date(minute)).unwrap();
        assert!(until > Duration::from_secs(55) && until <= Duration::from_secs(60), "{until:?}");
        for nothing in ["", "-1", "1.5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }
}
