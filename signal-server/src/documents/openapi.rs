//! The HTTP interface as a document that programs read (OpenAPI 3.1): made of the types and refusals that are in use.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Object, ObjectBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
    Schema, Type, schema,
};
use utoipa::{Modify, OpenApi};

use super::asyncapi;
use crate::app::App;
use crate::http::error::{Code, Failure};
use crate::http::{probes, rooms};
use crate::socket::upgrade;

/// `GET /openapi.json`
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/openapi.json", get(openapi))
}

/// This document
///
/// OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    responses((status = 200, description = "The document", body = serde_json::Value))
)]
async fn openapi() -> Response {
    static DOCUMENT: LazyLock<String> =
        LazyLock::new(|| Api::openapi().to_json().expect("the document has a JSON form"));
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "signal-server",
        description = "Rooms for WebRTC calls. A request that succeeds is answered 200 with `success: true`, one that is \
            refused with a status of its own and a `code`, which never changes; the text beside it is for people, in \
            Chinese or English by `Accept-Language`. Fields that are not known are ignored. Requests with more \
            than 64 headers, or 16 KiB of them, are answered 431 without a body."
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
        (name = "rooms", description = "Rooms and who may enter them"),
        (name = "server", description = "The server itself"),
    ),
    modifiers(&Tokens, &PasswordOrInvite)
)]
struct Api;

/// The tokens that requests are made with.
struct Tokens;

/// What `join` takes: one of two has to be there, which its type does not say.
struct PasswordOrInvite;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let components = document.components.get_or_insert_default();
        components
            .add_security_scheme("access_token", bearer("A user, by the deployment's own login."));
        components
            .add_security_scheme("ws_token", bearer("A seat in one room, by `create` or `join`."));
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

/// A boolean that never changes.
pub(crate) fn constant<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}

/// The refusals of one operation, by status.
pub(crate) fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for &code in codes.iter().chain([&Code::RequestTimeout]) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    let named =
        by_status.into_iter().map(|(status, codes)| (status.to_string(), refusal(&codes).into()));
    named.collect()
}

fn refusal(codes: &[Code]) -> utoipa::openapi::Response {
    let lines: Vec<String> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", json!(code).as_str().unwrap_or_default(), code.when()))
        .collect();
    let only = ObjectBuilder::new().property(
        "code",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(codes.iter().map(|code| json!(code)))),
    );
    let schema = schema::AllOfBuilder::new().item(Ref::from_schema_name("Failure")).item(only);
    let content =
        ContentBuilder::new().schema(Some(RefOr::T(Schema::from(schema.build())))).build();
    let response =
        ResponseBuilder::new().description(lines.join("\n\n")).content("application/json", content);
    if !codes.iter().any(|code| code.passes()) {
        return response.build();
    }
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let after = HeaderBuilder::new()
        .schema(Some(seconds))
        .description(Some("When to try again, in seconds."));
    response.header("Retry-After", after.build()).build()
}

/// Names what an operation is refused with: `refusals!(Unauthorized, RoomNotFound)` makes a type `Refusals` of it.
macro_rules! refusals {
    ($($code:ident),+ $(,)?) => {
        struct Refusals;

        impl utoipa::IntoResponses for Refusals {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::documents::openapi::responses(&[$($crate::http::error::Code::$code),+])
            }
        }
    };
}
pub(crate) use refusals;
