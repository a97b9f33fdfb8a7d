//! The files of the page, which are a part of the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;

/// `GET /` and `GET /join/{room_id}`: the page reads the room from its own address.
pub(super) async fn index() -> Response {
    (HEADERS, [(CONTENT_TYPE, "text/html; charset=utf-8")], INDEX).into_response()
}

/// `GET /web/{file}`
pub(super) async fn file(Path(path): Path<String>) -> Result<Response, ApiError> {
    let found = FILES.iter().find(|(name, _)| *name == path);
    let (name, text) = found.ok_or(ApiError::NotFound)?;
    Ok((HEADERS, [(CONTENT_TYPE, media_type(name))], *text).into_response())
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/javascript; charset=utf-8",
    }
}

/// Nothing but what the server itself sends is loaded, and no other page may show this one in a
/// frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    // A page of an older server is not mixed with modules of a newer one.
    (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
             clipboard-write=(self), fullscreen=(self), geolocation=(), payment=(), usb=()",
        ),
    ),
];

const INDEX: &str = include_str!("../../web/index.html");

/// The files by their names in `web`, which are their paths below `/web/` as well.
const FILES: &[(&str, &str)] = &[
    ("client/backlog.js", include_str!("../../web/client/backlog.js")),
    ("client/connection.js", include_str!("../../web/client/connection.js")),
    ("client/participant.js", include_str!("../../web/client/participant.js")),
    ("client/publications.js", include_str!("../../web/client/publications.js")),
    ("client/request.js", include_str!("../../web/client/request.js")),
    ("client/signaling.js", include_str!("../../web/client/signaling.js")),
    ("icon.svg", include_str!("../../web/icon.svg")),
    ("page.css", include_str!("../../web/page.css")),
    ("page.js", include_str!("../../web/page.js")),
    ("page/access.js", include_str!("../../web/page/access.js")),
    ("page/call.js", include_str!("../../web/page/call.js")),
    ("page/chat.js", include_str!("../../web/page/chat.js")),
    ("page/copy.js", include_str!("../../web/page/copy.js")),
    ("page/devices.js", include_str!("../../web/page/devices.js")),
    ("page/dom.js", include_str!("../../web/page/dom.js")),
    ("page/ended.js", include_str!("../../web/page/ended.js")),
    ("page/invitation.js", include_str!("../../web/page/invitation.js")),
    ("page/lobby.js", include_str!("../../web/page/lobby.js")),
    ("page/memory.js", include_str!("../../web/page/memory.js")),
    ("page/outgoing.js", include_str!("../../web/page/outgoing.js")),
    ("page/preview.js", include_str!("../../web/page/preview.js")),
    ("page/stage.js", include_str!("../../web/page/stage.js")),
    ("page/start.js", include_str!("../../web/page/start.js")),
    ("page/tile.js", include_str!("../../web/page/tile.js")),
    ("page/words.js", include_str!("../../web/page/words.js")),
    ("rooms-client.js", include_str!("../../web/rooms-client.js")),
];
