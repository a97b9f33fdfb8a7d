//! The OpenAPI document, which describes the HTTP API. It is generated from the types and errors in
//! use.

use std::sync::LazyLock;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Object, ObjectBuilder, OpenApi as Document, Type, schema};
use utoipa::{Modify, OpenApi};

use super::{asyncapi, json, respond};
use crate::http::error::Failure;
use crate::http::{probes, rooms};
use crate::socket::upgrade;

/// `GET /openapi.json`
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/openapi.json", get(openapi))
}

/// Describe the HTTP API
///
/// Returns this OpenAPI 3.1 document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    responses((status = 200, description = "The OpenAPI document", body = serde_json::Value))
)]
async fn openapi() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(json::<Api>);
    respond(&DOCUMENT)
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "signal-server",
        description = "Rooms for WebRTC calls. A request that succeeds gets 200 with \
            `success: true`. A request that fails gets another status and a `code`, which is \
            stable. The `message` beside it is for people, in Chinese or English, as \
            `Accept-Language` asks. Unknown fields are ignored. Requests with more than 64 \
            headers, or with headers of more than 16 KiB, get 431 without a body."
    ),
    paths(
        rooms::create::create,
        rooms::list::list,
        rooms::show::show,
        rooms::change::change,
        rooms::close::close,
        rooms::join::join,
        rooms::ice_servers::ice_servers,
        rooms::kick::kick,
        upgrade::open,
        probes::healthz,
        probes::readyz,
        openapi,
        asyncapi::asyncapi,
    ),
    components(schemas(Failure)),
    tags(
        (name = "rooms", description = "Rooms and their participants"),
        (name = "server", description = "The server itself"),
    ),
    modifiers(&Tokens, &PasswordOrInvite)
)]
struct Api;

/// Adds the tokens that requests are authenticated with.
struct Tokens;

/// Requires one of two fields in the body of `join`, which its Rust type cannot express.
struct PasswordOrInvite;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "access_token",
            bearer("An access token of the deployment's login, which identifies a user."),
        );
        components.add_security_scheme(
            "ws_token",
            bearer("A token from `create` or `join`, which grants a seat in one room."),
        );
    }
}

impl Modify for PasswordOrInvite {
    fn modify(&self, document: &mut Document) {
        let schemas = document.components.as_mut().map(|components| &mut components.schemas);
        let Some(join) = schemas.and_then(|schemas| schemas.get_mut("JoinRequest")) else { return };
        let with = |field| {
            ObjectBuilder::new().property(field, Object::with_type(Type::String)).required(field)
        };
        let either = schema::AnyOfBuilder::new().item(with("password")).item(with("invite_token"));
        *join = schema::AllOfBuilder::new().item(join.clone()).item(either).into();
    }
}
