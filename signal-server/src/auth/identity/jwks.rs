//! The keys of an identity provider: fetched, kept, and fetched again when they change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use signal_core::wire::without_value;
use thiserror::Error;
use tokio::time::Instant;

use super::key::Key;
use crate::auth::secret::shown_url;
use crate::auth::token_error::TokenError;

/// Where keys are published, and those that were there last.
#[derive(Debug)]
pub(crate) struct Jwks {
    url: Url,
    http: Client,
    cache: Mutex<Cache>,
    /// Held while a request is under way, so that there is one at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: Arc<[Key]>,
    fetched_at: Option<Instant>,
    /// Whether the last request was in vain.
    is_failing: bool,
    /// When the next request may be made, whatever it is for.
    not_before: Option<Instant>,
}

/// Why keys cannot be fetched as it is configured; the operator's fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidJwks {
    /// Keys that come over a line which others can change are worth nothing.
    #[error(
        "{0}: expected an https:// URL; http:// is taken for this machine only, like http://127.0.0.1:9000/jwks"
    )]
    Url(String),
    /// They would show in logs, and keys are public.
    #[error("expected a URL without a user name or a password")]
    Credentials,
    /// There is nobody to trust.
    #[error("expected certificates in PEM: {0}")]
    Ca(String),
}

/// Why there are no newer keys; the identity provider's fault, or the network's.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    #[error("{}", causes(.0))]
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
    /// One that is not understood does not spoil the others (RFC 7517 section 5).
    keys: Vec<serde_json::Value>,
}

impl Jwks {
    pub(crate) fn new(url: &str, ca: Option<&str>) -> Result<Self, InvalidJwks> {
        let invalid = || InvalidJwks::Url(shown_url(url).to_owned());
        let parsed = Url::parse(url).map_err(|_| invalid())?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(InvalidJwks::Credentials);
        }
        let is_local = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && is_local) {
            return Err(invalid());
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports the protocol versions that rustls does")
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("a client with its TLS configured has nothing left that may be missing");
        Ok(Self {
            url: parsed,
            http,
            cache: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    /// The keys for a token that names this key id, fetched first if it is not among them or they are old.
    pub(crate) async fn keys(
        self: &Arc<Self>,
        kid: Option<&str>,
    ) -> Result<Arc<[Key]>, TokenError> {
        let (wants, can_wait) = {
            let cache = self.cache();
            (cache.wants(kid), cache.knows(kid) && cache.is_failing)
        };
        if wants && can_wait {
            // Nobody has to wait for a provider that is out of reach.
            let jwks = Arc::clone(self);
            tokio::spawn(async move { jwks.fetch_for(None).await });
        } else if wants {
            self.fetch_for(kid).await;
        }
        self.cache().usable().ok_or(TokenError::Unverifiable)
    }

    async fn fetch_for(&self, kid: Option<&str>) {
        let _one_at_a_time = self.fetching.lock().await;
        // Whoever was first may have brought it.
        if self.cache().wants(kid) {
            self.fetch().await;
        }
    }

    async fn fetch(&self) {
        let fetched = self.request().await;
        let now = Instant::now();
        let mut cache = self.cache();
        match fetched {
            Ok(keys) => {
                tracing::info!(url = %self.url, keys = keys.len(), "keys of the identity provider fetched");
                *cache = Cache {
                    keys,
                    fetched_at: Some(now),
                    is_failing: false,
                    not_before: Some(now + FETCHED_PAUSE),
                };
            }
            Err(error) => {
                tracing::warn!(url = %self.url, %error, "cannot fetch the keys of the identity provider (--jwks-url)");
                cache.is_failing = true;
                cache.not_before = Some(now + FAILED_PAUSE);
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
        // Nothing under the lock leaves it half changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys of a key set that tokens may be signed with.
pub(crate) fn published_keys(body: &[u8]) -> Result<Arc<[Key]>, FetchError> {
    let set: KeySet = serde_json::from_slice(body)?;
    let jwks = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let keys: Arc<[Key]> = jwks.filter_map(|jwk| Key::published(&jwk)).collect();
    if keys.is_empty() { Err(FetchError::NoKey) } else { Ok(keys) }
}

impl Cache {
    /// Whether to make a request before a token is judged that names this key id.
    fn wants(&self, kid: Option<&str>) -> bool {
        let is_old = self.fetched_at.is_none_or(|at| at.elapsed() >= FRESH);
        (is_old || !self.knows(kid)) && self.not_before.is_none_or(|at| Instant::now() >= at)
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        self.usable().is_some_and(|keys| keys.iter().any(|key| key.may_be(kid)))
    }

    fn usable(&self) -> Option<Arc<[Key]>> {
        self.fetched_at.filter(|at| at.elapsed() < KEPT).map(|_| Arc::clone(&self.keys))
    }
}

/// Those to trust at the other end.
pub(crate) fn roots(ca: Option<&str>) -> Result<RootCertStore, InvalidJwks> {
    let Some(pem) = ca else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() });
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| InvalidJwks::Ca(error.to_string()))?;
        roots.add(certificate).map_err(|error| InvalidJwks::Ca(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(InvalidJwks::Ca("there is none".to_owned()));
    }
    Ok(roots)
}

/// An error with what it came from, which is where this library says what happened.
fn causes(error: &reqwest::Error) -> String {
    let chain =
        std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

const MAX_BYTES: usize = 64 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// From when on they are fetched again without need, so that a key that was withdrawn is believed no more.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// For how long they are believed while the provider is out of reach.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens of unknown keys cause no more requests than this.
const FETCHED_PAUSE: Duration = Duration::from_secs(60);
const FAILED_PAUSE: Duration = Duration::from_secs(5);
