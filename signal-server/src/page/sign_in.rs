//! How a user who creates a room on the page gets an access token.

use std::future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, header};
use axum::routing::{get, post};
use serde::Serialize;

use super::Page;
use super::login_url::is_loopback;
use crate::app::App;
use crate::auth::origin;
use crate::http::error::ApiError;
use crate::http::response::Success;

/// What the page has to do for an access token.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "way")]
enum Way {
    /// Ask for one that was made elsewhere.
    Token,
    /// Open the login, which sends the browser back to `redirect_uri`, or without one to the page.
    Login { login_url: String, redirect_uri: Option<String> },
    /// Ask this server.
    Here,
}

#[derive(Serialize)]
struct SignedIn {
    access_token: String,
}

/// `GET /web/sign-in`, and in development `POST /web/access-token`.
pub(super) fn routes(page: Page) -> Router<Arc<App>> {
    let routes = match page {
        Page::AsksForToken | Page::OpensLogin(_) => Router::new(),
        Page::SignsIn => Router::new().route("/web/access-token", post(access_token)),
    };
    let sign_in = move |State(app): State<Arc<App>>| future::ready(Success::new(way(&page, &app)));
    routes.route("/web/sign-in", get(sign_in))
}

fn way(page: &Page, app: &App) -> Way {
    match page {
        Page::AsksForToken => Way::Token,
        Page::OpensLogin(login) => Way::Login {
            login_url: login.as_str().to_owned(),
            redirect_uri: app.rooms.public_url.as_ref().map(ToString::to_string),
        },
        Page::SignsIn => Way::Here,
    }
}

/// `POST /web/access-token`: an access token for the server's own page on this machine.
async fn access_token(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Success<SignedIn>, ApiError> {
    if !is_of_own_page_here(peer, &headers) {
        return Err(ApiError::Forbidden);
    }
    let token = app.access.login.mint(DEVELOPER, None, LIFETIME);
    let access_token = token.ok_or(ApiError::Forbidden)?;
    Ok(Success::new(SignedIn { access_token }))
}

/// Whether a page that this server has shown to a person at this machine sent the request.
///
/// A name in `Host` may be anybody's, so that a page of theirs would count as this server's own
/// (DNS rebinding); an address of this machine is nobody else's. Behind a proxy everybody seems to
/// be at this machine.
fn is_of_own_page_here(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let is_here = authority.is_some_and(|authority| is_loopback(authority.host()));
    let is_proxied = PROXIED.iter().any(|name| headers.contains_key(name));
    is_here
        && !is_proxied
        && peer.ip().to_canonical().is_loopback()
        && origin::is_of_own_page(headers, host)
}

/// What proxies add to a request.
const PROXIED: [HeaderName; 5] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];
/// The user id of everybody who develops on this machine.
const DEVELOPER: &str = "developer";
const LIFETIME: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::{FORWARDED, HOST, ORIGIN};

    use super::*;

    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

    fn permits(peer: &str, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        is_of_own_page_here(peer.parse().unwrap(), &headers.collect())
    }

    #[test]
    fn the_servers_own_page_at_this_machine_signs_in() {
        for (peer, host, origin) in [
            ("127.0.0.1:50000", "127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:50000", "localhost:8080", "http://localhost:8080"),
            ("[::1]:50000", "[::1]:8080", "http://[::1]:8080"),
            ("[::ffff:127.0.0.1]:50000", "localhost:8080", "http://localhost:8080"),
        ] {
            assert!(permits(peer, &[(HOST, host), (ORIGIN, origin)]), "{host}");
            assert!(permits(peer, &[(HOST, host), (SITE, "same-origin")]), "{host}");
        }
    }

    #[test]
    fn nobody_else_gets_an_access_token() {
        let host = (HOST, "localhost:8080");
        let origin = (ORIGIN, "http://localhost:8080");
        let here = "127.0.0.1:50000";
        for (peer, headers) in [
            // A page of another server on this machine.
            (here, vec![host.clone(), (ORIGIN, "http://localhost:3000")]),
            (here, vec![host.clone(), (SITE, "same-site"), (ORIGIN, "http://localhost:3000")]),
            // A page whose name somebody has pointed at this machine.
            (here, vec![(HOST, "evil.example:8080"), (ORIGIN, "http://evil.example:8080")]),
            (here, vec![(HOST, "evil.example:8080"), (SITE, "same-origin")]),
            (here, vec![(HOST, "127.0.0.1.evil.example"), (SITE, "same-origin")]),
            // No page at all.
            (here, vec![host.clone()]),
            (here, vec![origin.clone()]),
            // Somebody at another machine, directly or through a proxy.
            ("192.0.2.1:50000", vec![host.clone(), origin.clone()]),
            (here, vec![host.clone(), origin.clone(), (FORWARDED, "for=192.0.2.1")]),
        ] {
            assert!(!permits(peer, &headers), "{peer} {headers:?}");
        }
    }
}
