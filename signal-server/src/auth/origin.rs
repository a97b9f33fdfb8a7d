//! The web pages that may use this server.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::ORIGIN;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The origins whose pages may use the API (RFC 6454, Fetch section 3.2).
///
/// A page of the server's own origin may use it too: a page whose browser reports it as such
/// (`Sec-Fetch-Site`), or that was opened by the server's IP address or as `localhost`. Another
/// name in `Host` proves nothing, since anybody can point a name at this server.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    listed: Vec<HeaderValue>,
    loopback: bool,
    /// The refused origins that the log has named.
    named: Arc<Mutex<HashSet<HeaderValue>>>,
}

impl Origins {
    /// Allows these origins, each like `https://example.com`, and the server's own.
    pub fn listed(origins: impl IntoIterator<Item = HeaderValue>) -> Self {
        Self { listed: origins.into_iter().collect(), ..Self::default() }
    }

    /// Also allows every page served from this machine, for development.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    pub(crate) fn and(mut self, origin: HeaderValue) -> Self {
        self.listed.push(origin);
        self
    }

    /// Whether the page that a request comes from may use the server. Web pages send their origin;
    /// other programs send none. `host` is the host that the client has asked for.
    pub(crate) fn permit(&self, headers: &HeaderMap, host: Option<&str>) -> bool {
        let is_same_origin = headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin");
        let host = host.and_then(|host| host.parse::<Authority>().ok());
        let is_allowed = |origin: &HeaderValue| {
            is_same_origin
                || self.listed.contains(origin)
                || page(origin).is_some_and(|page| {
                    self.loopback && page.is_of_this_machine()
                        || host.as_ref().is_some_and(|host| page.is_of_server(host))
                })
        };
        headers.get_all(ORIGIN).iter().all(is_allowed)
    }

    /// Tells the operator once which origin was refused and how to allow it.
    pub(crate) fn report_refused(&self, headers: &HeaderMap) {
        let Some(origin) = headers.get(ORIGIN).filter(|origin| origin.len() <= LONGEST_NAMED)
        else {
            return;
        };
        // A panic under the lock cannot leave the contents half changed.
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = named.len() < MOST_NAMED && named.insert(origin.clone());
        drop(named);
        if is_new {
            let origin = origin.to_str().unwrap_or("(not a text)");
            tracing::warn!(
                origin,
                "refused a web page; if it is yours, allow it with --cors-origin {origin}"
            );
        }
    }
}

/// Whether a page of the server's own origin sent the request, so that its cookies may be trusted.
///
/// Any name in `Host` will do here, since a browser sends only the cookies of that name.
pub(crate) fn is_of_own_page(headers: &HeaderMap, host: Option<&str>) -> bool {
    // This header is more reliable than a comparison of hosts without the scheme.
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let is_own = |origin| page(origin).is_some_and(|page| page.has_host(&host));
    headers.contains_key(ORIGIN) && headers.get_all(ORIGIN).iter().all(is_own)
}

/// The server of a page.
struct Page {
    authority: Authority,
    default_port: u16,
}

fn page(origin: &HeaderValue) -> Option<Page> {
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority: Authority = authority.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(Page { authority, default_port })
}

impl Page {
    fn is_of_this_machine(&self) -> bool {
        matches!(self.authority.host(), "localhost" | "127.0.0.1" | "[::1]")
    }

    /// Whether the page was loaded from this host by its IP address or as `localhost`. Schemes are
    /// not compared, since a proxy may end TLS.
    fn is_of_server(&self, host: &Authority) -> bool {
        let name = host.host();
        let ipv6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = ipv6.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok())
            || name.parse::<IpAddr>().is_ok();
        (is_address || name.eq_ignore_ascii_case("localhost")) && self.has_host(host)
    }

    fn has_host(&self, host: &Authority) -> bool {
        let port = |authority: &Authority| authority.port_u16().unwrap_or(self.default_port);
        self.authority.host().eq_ignore_ascii_case(host.host())
            && port(&self.authority) == port(host)
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How many refused origins the log names.
const MOST_NAMED: usize = 100;
const LONGEST_NAMED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(origins: &Origins, headers: &[(HeaderName, &'static str)], host: &str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        origins.permit(&map, Some(host))
    }

    #[test]
    fn the_servers_own_pages_are_known_by_their_browser_or_by_its_address() {
        let none = Origins::default();
        let own = [
            ("http://192.0.2.1:8080", "192.0.2.1:8080"),
            ("https://192.0.2.1", "192.0.2.1"),
            ("https://192.0.2.1", "192.0.2.1:443"),
            ("http://[2001:db8::1]:8080", "[2001:db8::1]:8080"),
            ("http://localhost:8080", "localhost:8080"),
        ];
        for (origin, host) in own {
            assert!(permits(&none, &[(ORIGIN, origin)], host), "{origin} {host}");
        }
        let foreign = [
            ("http://evil.example", "evil.example"),
            ("http://192.0.2.1:8080", "192.0.2.1:8081"),
            ("http://192.0.2.1", "192.0.2.2"),
            ("http://localhost:3000", "localhost:8080"),
            ("null", "localhost"),
            ("capacitor://localhost", "localhost"),
        ];
        for (origin, host) in foreign {
            assert!(!permits(&none, &[(ORIGIN, origin)], host), "{origin} {host}");
        }
        let evil = (ORIGIN, "http://evil.example");
        for (site, expected) in [("same-origin", true), ("same-site", false), ("cross-site", false)]
        {
            let headers = [evil.clone(), (SEC_FETCH_SITE, site)];
            assert_eq!(permits(&none, &headers, "evil.example"), expected, "{site}");
        }
        let listed = Origins::listed([HeaderValue::from_static("capacitor://localhost")]);
        assert!(permits(&listed, &[(ORIGIN, "capacitor://localhost")], "example.com"));
    }

    #[test]
    fn a_page_is_the_servers_own_by_its_browser_or_by_the_host_it_asks() {
        let is_own = |headers: &[(HeaderName, &'static str)], host| {
            let headers = headers.iter().cloned();
            let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
            is_of_own_page(&headers.collect(), Some(host))
        };
        assert!(is_own(&[(ORIGIN, "https://example.com")], "example.com"));
        assert!(is_own(&[(ORIGIN, "https://example.com")], "Example.com:443"));
        assert!(is_own(&[(SEC_FETCH_SITE, "same-origin")], "example.com"));
        for foreign in [
            &[][..],
            &[(ORIGIN, "null")],
            &[(ORIGIN, "https://page.example.com")],
            &[(ORIGIN, "https://example.com:8443")],
            &[(ORIGIN, "https://example.com"), (ORIGIN, "https://evil.example")],
            &[(SEC_FETCH_SITE, "same-site"), (ORIGIN, "https://evil.example")],
            // A page of plain HTTP on the same host.
            &[(SEC_FETCH_SITE, "cross-site"), (ORIGIN, "http://example.com")],
        ] {
            assert!(!is_own(foreign, "example.com"), "{foreign:?}");
        }
    }

    #[test]
    fn only_pages_of_this_machine_are_loopback() {
        let loopback = Origins::default().and_loopback();
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://127.0.0.1:8443",
            "http://[::1]:80",
        ] {
            assert!(permits(&loopback, &[(ORIGIN, origin)], "example.com"), "{origin}");
        }
        for origin in [
            "null",
            "file://localhost",
            "http://localhost.evil.com",
            "http://evil.com",
            "http://evil.com:80@localhost",
        ] {
            assert!(!permits(&loopback, &[(ORIGIN, origin)], "example.com"), "{origin}");
        }
    }

    #[test]
    fn of_several_origins_each_has_to_be_allowed() {
        let listed = HeaderValue::from_static("https://example.com");
        let origins = Origins::listed([listed]);
        let permit = |pages: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for page in pages {
                headers.append(ORIGIN, HeaderValue::from_static(page));
            }
            origins.permit(&headers, None)
        };
        assert!(permit(&[]) && permit(&["https://example.com"]));
        assert!(!permit(&["https://example.com", "https://evil.com"]) && !permit(&["null"]));
    }
}
