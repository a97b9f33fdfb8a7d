//! Headers of requests.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{ACCEPT_LANGUAGE, AUTHORIZATION, FORWARDED, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use reqwest::Url;
use signal_core::Language;

use crate::auth::origin::Origins;
use crate::client_address::{ClientAddress, ForwardedHeader, TrustedProxies, network};
use crate::http::authentication::bearer;
use crate::http::language::PreferredLanguage;
use crate::socket::upgrade::subprotocol;

/// A request: lines like `peer 10.0.0.1`, `trust 10.0.0.0/8` and `name: value`.
pub fn headers(data: &[u8]) {
    let request = Request::read(data);
    the_client_is_nobodys_invention(&request);
    a_language_was_asked_for(&request.headers);
    a_token_stands_in_its_header(&request.headers);
    a_page_is_listed_or_local(&request.headers);
}

struct Request {
    peer: SocketAddr,
    trusted: Vec<IpNet>,
    headers: HeaderMap,
}

impl Request {
    fn read(data: &[u8]) -> Self {
        let peer = SocketAddr::from(([10, 0, 0, 1], 4711));
        let mut request = Self { peer, trusted: Vec::new(), headers: HeaderMap::new() };
        for line in data.split(|byte| *byte == b'\n').take(100) {
            if let Some(at) = line.iter().position(|byte| *byte == b':')
                && let Ok(name) = HeaderName::from_bytes(&line[..at])
                && let Ok(value) = HeaderValue::from_bytes(line[at + 1..].trim_ascii())
            {
                request.headers.append(name, value);
                continue;
            }
            let line = String::from_utf8_lossy(line);
            if let Some(ip) = line.strip_prefix("peer ").and_then(|ip| ip.parse().ok()) {
                request.peer.set_ip(ip);
            } else if let Some(network) = line.strip_prefix("trust ").and_then(read_network) {
                request.trusted.push(network);
            }
        }
        request
    }

    fn client(&self, header: ForwardedHeader, headers: &HeaderMap) -> ClientAddress {
        let proxies = TrustedProxies::new(self.trusted.clone(), header);
        ClientAddress::of(proxies.client(self.peer, headers))
    }
}

/// A network is written as it is read.
fn read_network(text: &str) -> Option<IpNet> {
    let read = network(text)?;
    assert_eq!(network(&read.to_string()), Some(read), "{text}");
    assert!(read.contains(&read.addr()), "{text}");
    Some(read)
}

fn the_client_is_nobodys_invention(request: &Request) {
    let stranger = IpAddr::from([192, 0, 2, 66]);
    for header in [ForwardedHeader::Forwarded, ForwardedHeader::XForwardedFor] {
        let name = match header {
            ForwardedHeader::Forwarded => FORWARDED,
            ForwardedHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        };
        let hop = match header {
            ForwardedHeader::Forwarded => HeaderValue::from_static("for=192.0.2.66"),
            ForwardedHeader::XForwardedFor => HeaderValue::from_static("192.0.2.66"),
        };
        let proxies = TrustedProxies::new(request.trusted.clone(), header);
        let client = request.client(header, &request.headers);
        if !proxies.contain(request.peer.ip()) {
            assert_eq!(client, ClientAddress::of(request.peer.ip()), "a peer is who it is");
            continue;
        }
        if proxies.contain(stranger) {
            continue;
        }
        // What a trusted proxy adds at the end counts, whatever the stranger has written before.
        let mut added = request.headers.clone();
        added.append(&name, hop.clone());
        assert_eq!(request.client(header, &added), ClientAddress::of(stranger));

        // What stands before a stranger is the stranger's; before proxies alone it counts.
        let mut invented = HeaderMap::new();
        invented.append(&name, hop);
        for value in request.headers.get_all(&name) {
            invented.append(&name, value.clone());
        }
        let believed = request.client(header, &invented);
        assert!(
            believed == client || believed == ClientAddress::of(stranger),
            "neither of the two"
        );
    }
}

fn a_language_was_asked_for(headers: &HeaderMap) {
    let asked: Vec<_> =
        headers.get_all(ACCEPT_LANGUAGE).iter().map(HeaderValue::as_bytes).collect();
    let names =
        |language: &[u8]| asked.concat().to_ascii_lowercase().windows(2).any(|two| two == language);
    match PreferredLanguage::of(headers, Language::Zh).0 {
        Language::En => assert!(names(b"en"), "English was not asked for"),
        // It is the default as well.
        Language::Zh => {}
    }
}

fn a_token_stands_in_its_header(headers: &HeaderMap) {
    if let Some(token) = bearer(headers) {
        let value = headers[AUTHORIZATION].to_str().expect("a token is text");
        assert!(value.ends_with(token) || value.trim_end().ends_with(token), "{value}");
        assert!(value.to_ascii_lowercase().starts_with("bearer "), "{value}");
        assert_eq!(token, token.trim());
    }
    for kind in ["token.", "resume."] {
        let Some(token) = subprotocol(headers, kind) else { continue };
        assert!(!token.contains(',') && token == token.trim_end(), "{token}");
        let mut lines = headers.get_all("sec-websocket-protocol").iter();
        let written = format!("{kind}{token}");
        assert!(
            lines.any(|line| line.to_str().is_ok_and(|line| line.contains(&written))),
            "{token}"
        );
    }
}

fn a_page_is_listed_or_local(headers: &HeaderMap) {
    let listed = HeaderValue::from_static("https://example.com");
    let pages: Vec<_> = headers.get_all(ORIGIN).iter().collect();
    // A browser vouches for the page then.
    if headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        return assert!(Origins::default().permit(headers, None), "{pages:?}");
    }
    let is_listed = pages.iter().all(|page| *page == listed);
    assert_eq!(Origins::listed([listed]).permit(headers, None), is_listed, "{pages:?}");
    if Origins::default().and_loopback().permit(headers, None) {
        for page in pages {
            let page = page.to_str().expect("an origin is text");
            let Ok(url) = Url::parse(page) else { continue };
            assert!(matches!(url.scheme(), "http" | "https"), "{page}");
            assert!(matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")), "{page}");
        }
    }
}
