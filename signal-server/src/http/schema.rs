//! Schemas that the types themselves do not have.

use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// A boolean with a constant value.
pub(crate) fn constant<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}

// The core has no schemas, so this repeats the JSON form of its `IceServer`.
/// A STUN or TURN server, in the form of `RTCIceServer` (W3C WebRTC section 4.2.2).
#[derive(ToSchema)]
#[schema(as = IceServer)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub(crate) struct IceServerJson {
    /// URLs like `stun:host:3478` or `turn:host:3478?transport=udp`.
    urls: Vec<String>,
    /// The user name for a TURN server.
    #[schema(nullable = false)]
    username: Option<String>,
    /// The password for a TURN server.
    #[schema(nullable = false)]
    credential: Option<String>,
}
