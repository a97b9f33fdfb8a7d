//! Fetches and caches the keys of an identity provider.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;
use signal_core::wire::without_value;
use thiserror::Error;
use tokio::time::{Instant, sleep_until};

use super::ed25519;
use super::key::Key;
use crate::auth::shown::{self, shown_url};
use crate::auth::tls;

/// The URL where keys are published, and the keys fetched last.
#[derive(Debug)]
pub(crate) struct Jwks {
    url: Url,
    http: Client,
    cache: Mutex<Cache>,
    /// This lock is held during a request, so that there is one at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: Arc<[Key]>,
    /// When the request for the keys began. The keys are at least as new.
    keys_of: Option<Instant>,
    /// When the last request began.
    last_request: Option<Instant>,
    /// If the last request failed: the earliest time of the next one.
    retry_at: Option<Instant>,
}

/// Why the settings for fetching keys are invalid.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidJwks {
    /// The URL is not `https:`, so an attacker on the network could replace the keys.
    #[error(
        "{0}: expected an https:// URL; http:// is allowed for this machine only, like \
         http://127.0.0.1:9000/jwks"
    )]
    Url(String),
    /// The URL contains a user name or a password. Logs would show them, and published keys need
    /// none.
    #[error("expected a URL without a user name or a password")]
    Credentials,
    /// The certificate authorities are missing or malformed.
    #[error("expected certificates in PEM: {0}")]
    Ca(String),
}

/// Why a fetch failed. The cause is the identity provider or the network.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("{}", shown::causes(.0))]
    Http(#[from] reqwest::Error),
    #[error("it is not a key set: {}", without_value(.0))]
    Json(#[from] serde_json::Error),
    #[error("it is longer than {MAX_BYTES} bytes")]
    Long,
    #[error("it has no RSA, P-256 or Ed25519 key to verify signatures with")]
    NoKey,
}

#[derive(Deserialize)]
struct KeySet {
    /// Keys that are not understood are ignored (RFC 7517 section 5).
    keys: Vec<serde_json::Value>,
}

impl Jwks {
    pub(crate) fn new(url: &str, ca: Option<&str>) -> Result<Self, InvalidJwks> {
        let invalid = || InvalidJwks::Url(shown_url(url).to_owned());
        let parsed = Url::parse(url).map_err(|_| invalid())?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(InvalidJwks::Credentials);
        }
        if !tls::is_private(&parsed) {
            return Err(invalid());
        }
        let http = Client::builder()
            .tls_backend_preconfigured(tls::client(tls::roots(ca).map_err(InvalidJwks::Ca)?))
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("building a client with a given TLS configuration cannot fail");
        Ok(Self {
            url: parsed,
            http,
            cache: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the keys for a token that names this key id. They are fetched first if they are old
    /// or the id is unknown.
    ///
    /// A token with an unknown key is verified with keys that are requested after it arrived, since
    /// its key may have been published a moment ago. Anybody can make up key ids, so there is a
    /// pause between requests; a token waits for the next request and is not refused meanwhile. All
    /// waiting tokens are verified with the keys of that request.
    ///
    /// `None` means that the token cannot be verified now because the provider fails.
    pub(crate) async fn keys(self: &Arc<Self>, kid: Option<&str>) -> Option<Arc<[Key]>> {
        let asked_at = Some(Instant::now());
        let (is_known, is_old, is_failing) = {
            let cache = self.cache();
            (cache.knows(kid), cache.is_old(), cache.retry_at.is_some())
        };
        if !is_known {
            self.fetch_if(|cache| !cache.knows(kid) && cache.keys_of < asked_at).await;
        } else if is_old && is_failing {
            // The cached keys suffice, so the request need not wait for an unreachable provider.
            let jwks = Arc::clone(self);
            tokio::spawn(async move { jwks.fetch_if(Cache::is_old).await });
        } else if is_old {
            self.fetch_if(Cache::is_old).await;
        }
        let cache = self.cache();
        let is_judged = cache.knows(kid) || cache.keys_of >= asked_at;
        cache.usable().filter(|_| is_judged)
    }

    /// Fetches the keys, unless another task has fetched new enough ones meanwhile.
    async fn fetch_if(&self, is_wanted: impl Fn(&Cache) -> bool) {
        let _one_at_a_time = self.fetching.lock().await;
        let last_request = {
            let cache = self.cache();
            if !is_wanted(&cache) || cache.retry_at.is_some_and(|at| Instant::now() < at) {
                return;
            }
            cache.last_request
        };
        if let Some(last_request) = last_request {
            sleep_until(last_request + PAUSE).await;
        }
        self.fetch().await;
    }

    async fn fetch(&self) {
        let began = Instant::now();
        let fetched = self.request().await;
        let mut cache = self.cache();
        cache.last_request = Some(began);
        match fetched {
            Ok(keys) => {
                // Strangers can cause the others.
                if cache.keys_of.is_none() || cache.retry_at.is_some() {
                    tracing::info!(url = %self.url, keys = keys.len(), "fetched the login's keys");
                }
                (cache.keys, cache.keys_of, cache.retry_at) = (keys, Some(began), None);
            }
            Err(error) => {
                let url = &self.url;
                tracing::warn!(%url, %error, "cannot fetch the login's keys (--jwks-url)");
                cache.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
        }
    }

    async fn request(&self) -> Result<Arc<[Key]>, FetchError> {
        let mut response = self.http.get(self.url.clone()).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(FetchError::Long);
            }
            body.extend_from_slice(&chunk);
        }
        published_keys(&body)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A panic under the lock cannot leave the cache half changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses a key set and returns the keys that can verify tokens.
pub(crate) fn published_keys(body: &[u8]) -> Result<Arc<[Key]>, FetchError> {
    let set: KeySet = serde_json::from_slice(body)?;
    let jwks = set.keys.into_iter().filter_map(|mut key| {
        if key.get("alg").is_some_and(|alg| alg == ed25519::NAME) {
            key["alg"] = "EdDSA".into();
        }
        serde_json::from_value::<Jwk>(key).ok()
    });
    let keys: Arc<[Key]> = jwks.filter_map(|jwk| Key::published(&jwk)).collect();
    if keys.is_empty() { Err(FetchError::NoKey) } else { Ok(keys) }
}

impl Cache {
    /// Whether the login may have withdrawn some of the keys meanwhile.
    fn is_old(&self) -> bool {
        self.keys_of.is_none_or(|at| at.elapsed() >= FRESH)
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        self.usable().is_some_and(|keys| keys.iter().any(|key| key.may_be(kid)))
    }

    fn usable(&self) -> Option<Arc<[Key]>> {
        self.keys_of.filter(|at| at.elapsed() < KEPT).map(|_| Arc::clone(&self.keys))
    }
}

const MAX_BYTES: usize = 64 * 1024;
/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The age at which keys are fetched again, so that the server stops accepting withdrawn keys.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long cached keys are used while the provider is unreachable.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The minimum time between the starts of two requests. A token whose key was published a moment
/// ago may have to wait that long, since anybody can cause a request with a made-up key id.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a provider that failed is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(5);
