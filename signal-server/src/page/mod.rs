//! The page for calls in a browser, and how a user who creates a room signs in.

mod files;
pub(crate) mod login_url;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;

use self::login_url::LoginUrl;
use crate::app::App;

/// How the page in the browser gets an access token for a user who creates a room; see
/// [`Builder::page`](crate::Builder::page). Joining needs none.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Page {
    /// It asks for an access token of the deployment's login.
    AsksForToken,
    /// It opens the deployment's login at this address, with the query parameters `redirect_uri`,
    /// the [public URL](crate::Builder::public_url), and `state`, a random text. The login has to
    /// check that it knows `redirect_uri`, and sends the browser back to it with `access_token` and
    /// the same `state` in the fragment: `https://example.com/join#access_token=…&state=…`. The
    /// page takes an access token in no other way, except one that is pasted.
    OpensLogin(LoginUrl),
    /// It signs in by itself. The server gives an access token that is valid for ten minutes to its
    /// own page on this machine: the request has to come from a loopback address without a proxy,
    /// and from a page that was opened by a loopback address or as `localhost`. Programs on this
    /// machine can ask as well, so this is for development only.
    SignsIn,
}

/// `GET /`, `GET /join`, `GET /join/{room_id}`, the files in `/web/`, and the sign-in. Pages of the
/// origins `frame_ancestors` may show it in a frame.
pub(crate) fn routes(page: Page, frame_ancestors: &[HeaderValue]) -> Router<Arc<App>> {
    files::routes(frame_ancestors).merge(sign_in::routes(page))
}
