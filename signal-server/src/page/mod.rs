//! The page on which people hold calls in a browser, and how it signs in during development.

mod files;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// How the page in the browser gets an access token for whoever creates a room; see
/// [`Builder::page`](crate::Builder::page). Joining needs none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Page {
    /// It asks for an access token of the deployment's login.
    AsksForToken,
    /// It signs in by itself. The server gives an access token that is valid for ten minutes to its
    /// own page on this machine: the request has to come from a loopback address without a proxy,
    /// and from a page that was opened by a loopback address or as `localhost`. Programs on this
    /// machine can ask as well, so this is for development only.
    SignsIn,
}

/// `GET /`, `GET /join/{room_id}`, the files in `/web/`, and the sign-in if there is one.
pub(crate) fn routes(page: Page) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/", get(files::index))
        .route("/join/{room_id}", get(files::index))
        .route("/web/{*file}", get(files::file));
    match page {
        Page::AsksForToken => routes,
        Page::SignsIn => routes.route("/web/access-token", post(sign_in::access_token)),
    }
}
