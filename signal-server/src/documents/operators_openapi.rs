//! The OpenAPI document of the requests of operators. It is generated from the types and errors in
//! use.

use std::sync::LazyLock;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use signal_core::room::Capacity;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};

use super::{json, respond};
use crate::http::error::Failure;
use crate::http::operators;

/// `GET /admin/openapi.json`
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/admin/openapi.json", get(openapi))
}

/// Describe the requests of operators
///
/// Returns this OpenAPI 3.1 document. It needs no key.
#[utoipa::path(
    get,
    path = "/admin/openapi.json",
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
        title = "signal-server for operators",
        description = "Management of all rooms, at the address for operators. Requests and \
            responses have the form of those of the public API. Changes count as those of the \
            operator, and the limits per minute do not apply."
    ),
    paths(
        operators::create::create,
        operators::list::list,
        operators::show::show,
        operators::change::change,
        operators::close::close,
        operators::kick::kick,
        operators::kick_user::kick_user,
        operators::send::send,
        operators::set_attributes::set_attributes,
        operators::set_data::set_data,
        operators::set_name::set_name,
        operators::set_permissions::set_permissions,
        operators::token::token,
        openapi,
    ),
    components(schemas(Failure)),
    tags(
        (name = "rooms", description = "Rooms and their participants"),
        (name = "server", description = "The server itself"),
    ),
    modifiers(&Key, &LargeRooms)
)]
struct Api;

/// Adds the key that requests are authenticated with.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let scheme = scheme.description(Some("The admin key (`--admin-key-file`).")).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("admin_key", SecurityScheme::Http(scheme));
    }
}

/// Operators may enlarge a room more than its creator may, with the same body.
struct LargeRooms;

impl Modify for LargeRooms {
    fn modify(&self, document: &mut Document) {
        let schemas = &mut document.components.get_or_insert_default().schemas;
        let Some(RefOr::T(Schema::Object(change))) = schemas.get_mut("RoomChange") else { return };
        let number = change.properties.get_mut("max_participants");
        if let Some(RefOr::T(Schema::Object(number))) = number {
            number.maximum = Some(Capacity::MAX.into());
        }
    }
}
