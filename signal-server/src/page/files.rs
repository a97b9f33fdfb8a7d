//! The files of the page, which are a part of the program.

use std::future;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::error::ApiError;

/// `GET /`, `GET /join`, `GET /join/{room_id}` and `GET /web/{file}`. The page reads the room from
/// its own address.
pub(super) fn routes(frame_ancestors: &[HeaderValue]) -> Router<Arc<App>> {
    let policy = policy(frame_ancestors);
    let with_headers = move |mut response: Response| {
        let headers = response.headers_mut();
        headers.extend(HEADERS);
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        future::ready(response)
    };
    Router::new()
        .route("/", get(async || Html(INDEX)))
        .route("/join", get(async || Html(INDEX)))
        .route("/join/{room_id}", get(async || Html(INVITED.as_str())))
        .route("/web/{*file}", get(file))
        .layer(map_response(with_headers))
}

async fn file(Path(path): Path<String>) -> Result<Response, ApiError> {
    let found = FILES.iter().find(|(name, _)| *name == path);
    let (name, text) = found.ok_or(ApiError::NotFound)?;
    Ok(([(CONTENT_TYPE, media_type(name))], *text).into_response())
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

/// Nothing but what the server itself sends is loaded, and no page but these may show this one in a
/// frame.
fn policy(frame_ancestors: &[HeaderValue]) -> HeaderValue {
    let ancestors = match frame_ancestors {
        [] => b"'none'".to_vec(),
        origins => origins.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b' '),
    };
    HeaderValue::from_bytes(&[POLICY.as_bytes(), &ancestors].concat())
        .expect("a header of several header values is one")
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors ";

const HEADERS: [(HeaderName, HeaderValue); 2] = [
    // A page of an older server is not mixed with modules of a newer one.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
             clipboard-write=(self), fullscreen=(self), geolocation=(), payment=(), usb=()",
        ),
    ),
];

const INDEX: &str = include_str!("../../web/index.html");
/// The same for an address that is one level deeper. All addresses are relative, so that a proxy
/// may serve the page below a path of its own.
static INVITED: LazyLock<String> = LazyLock::new(|| INDEX.replace("\"web/", "\"../web/"));

/// The files by their names in `web`, which are their paths below `/web/` as well.
const FILES: &[(&str, &str)] = &[
    ("client/backlog.js", include_str!("../../web/client/backlog.js")),
    ("client/connection.js", include_str!("../../web/client/connection.js")),
    ("client/participant.js", include_str!("../../web/client/participant.js")),
    ("client/publications.js", include_str!("../../web/client/publications.js")),
    ("client/request.js", include_str!("../../web/client/request.js")),
    ("client/signaling.js", include_str!("../../web/client/signaling.js")),
    ("client/uplink.js", include_str!("../../web/client/uplink.js")),
    ("icon.svg", include_str!("../../web/icon.svg")),
    ("page.css", include_str!("../../web/page.css")),
    ("page.js", include_str!("../../web/page.js")),
    ("page/access.js", include_str!("../../web/page/access.js")),
    ("page/call.css", include_str!("../../web/page/call.css")),
    ("page/call.js", include_str!("../../web/page/call.js")),
    ("page/chat.css", include_str!("../../web/page/chat.css")),
    ("page/chat.js", include_str!("../../web/page/chat.js")),
    ("page/controls.js", include_str!("../../web/page/controls.js")),
    ("page/copy.js", include_str!("../../web/page/copy.js")),
    ("page/countdown.js", include_str!("../../web/page/countdown.js")),
    ("page/details.js", include_str!("../../web/page/details.js")),
    ("page/devices.js", include_str!("../../web/page/devices.js")),
    ("page/dialogs.css", include_str!("../../web/page/dialogs.css")),
    ("page/dom.js", include_str!("../../web/page/dom.js")),
    ("page/ended.js", include_str!("../../web/page/ended.js")),
    ("page/fragment.js", include_str!("../../web/page/fragment.js")),
    ("page/host.js", include_str!("../../web/page/host.js")),
    ("page/invitation.js", include_str!("../../web/page/invitation.js")),
    ("page/lobby.js", include_str!("../../web/page/lobby.js")),
    ("page/management.js", include_str!("../../web/page/management.js")),
    ("page/memory.js", include_str!("../../web/page/memory.js")),
    ("page/moderator.js", include_str!("../../web/page/moderator.js")),
    ("page/narrow.css", include_str!("../../web/page/narrow.css")),
    ("page/outgoing.js", include_str!("../../web/page/outgoing.js")),
    ("page/place.js", include_str!("../../web/page/place.js")),
    ("page/preview.js", include_str!("../../web/page/preview.js")),
    ("page/quality.js", include_str!("../../web/page/quality.js")),
    ("page/return.js", include_str!("../../web/page/return.js")),
    ("page/settings.js", include_str!("../../web/page/settings.js")),
    ("page/sign-in.js", include_str!("../../web/page/sign-in.js")),
    ("page/stage.js", include_str!("../../web/page/stage.js")),
    ("page/start.css", include_str!("../../web/page/start.css")),
    ("page/start.js", include_str!("../../web/page/start.js")),
    ("page/tile.js", include_str!("../../web/page/tile.js")),
    ("page/token-input.js", include_str!("../../web/page/token-input.js")),
    ("page/top-bar.js", include_str!("../../web/page/top-bar.js")),
    ("page/voice.js", include_str!("../../web/page/voice.js")),
    ("page/waiting.js", include_str!("../../web/page/waiting.js")),
    ("page/words.js", include_str!("../../web/page/words.js")),
    ("rooms-client.js", include_str!("../../web/rooms-client.js")),
];
