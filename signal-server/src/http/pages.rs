//! The web pages whose requests are accepted, and the bodies that they may send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, VARY};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::error::ApiError;
use crate::app::App;
use crate::limits::Limit;

/// Marks a request that comes from no page, or from one whose origin is allowed.
#[derive(Clone)]
struct AllowedPage;

/// Refuses requests of pages that are not allowed, before anything is counted, since any page can
/// make its visitors send them.
pub(crate) async fn refuse_foreign(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let headers = request.headers();
    if !app.origins.permit(headers, app.proxies.host(peer, headers)) {
        app.origins.report_refused(headers);
        app.counters.count(Limit::Origin);
        let mut response = ApiError::Forbidden.into_response();
        response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
        return response;
    }
    request.extensions_mut().insert(AllowedPage);
    next.run(request).await
}

/// Refuses bodies whose type is not JSON. A page can send them without a preflight request (Fetch
/// section 4.1).
pub(crate) async fn refuse_other_types(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || is_json(request.headers()) {
        next.run(request).await
    } else {
        ApiError::UnsupportedMediaType.into_response()
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Answers preflight requests, and lets pages read responses. It has to be inside
/// [`refuse_foreign`]. All headers that a page asks for are allowed, since monitoring libraries add
/// their own. Credentials are not allowed, so a browser adds no cookies to requests of other
/// origins.
pub(crate) fn cors_layer() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|_, request| {
            request.extensions.get::<AllowedPage>().is_some()
        }))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER])
        .max_age(PREFLIGHT_KEPT)
}

/// How long a browser may cache the response to a preflight request.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(600);
