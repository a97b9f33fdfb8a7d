//! The web pages that may use this server.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The origins whose pages may use the API (RFC 6454, Fetch section 3.2).
#[derive(Clone, Debug, Default)]
pub struct Origins {
    listed: Vec<HeaderValue>,
    loopback: bool,
}

impl Origins {
    /// Allows only these origins, each like `https://example.com`.
    pub fn listed(origins: impl IntoIterator<Item = HeaderValue>) -> Self {
        Self { listed: origins.into_iter().collect(), loopback: false }
    }

    /// Also allows every page served from this machine, for development.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    /// Whether a request may open a WebSocket. Web pages send their origin; other programs send
    /// none.
    pub(crate) fn permit(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| self.contains(origin))
    }

    pub(crate) fn cors_layer(&self) -> CorsLayer {
        let origins = self.clone();
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, _| origins.contains(origin)))
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE])
            .expose_headers([RETRY_AFTER])
            .max_age(PREFLIGHT_KEPT)
    }

    fn contains(&self, origin: &HeaderValue) -> bool {
        self.listed.contains(origin) || (self.loopback && is_loopback(origin))
    }
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let Some(("http" | "https", authority)) =
        origin.to_str().ok().and_then(|origin| origin.split_once("://"))
    else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// How long a browser may cache the answer to a preflight request.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_are_loopback() {
        let loopback = Origins::default().and_loopback();
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://127.0.0.1:8443",
            "http://[::1]:80",
        ] {
            assert!(loopback.contains(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "null",
            "file://localhost",
            "http://localhost.evil.com",
            "http://evil.com",
            "http://evil.com:80@localhost",
        ] {
            assert!(!loopback.contains(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn of_several_origins_each_has_to_be_allowed() {
        let listed = HeaderValue::from_static("https://example.com");
        let origins = Origins::listed([listed]);
        let permit = |pages: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for page in pages {
                headers.append(header::ORIGIN, HeaderValue::from_static(page));
            }
            origins.permit(&headers)
        };
        assert!(permit(&[]) && permit(&["https://example.com"]));
        assert!(!permit(&["https://example.com", "https://evil.com"]) && !permit(&["null"]));
    }
}
