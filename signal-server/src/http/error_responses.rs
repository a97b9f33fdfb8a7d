//! What an operation is refused with, for the OpenAPI document.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, Type, schema,
};

use super::error::Code;

/// The error responses of one operation, by status.
pub(crate) fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for &code in codes.iter().chain([&Code::RequestTimeout]) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    let named =
        by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into()));
    named.collect()
}

fn response(codes: &[Code]) -> Response {
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

/// Names the errors of an operation: `error_responses!(Unauthorized, RoomNotFound)` makes a type `ErrorResponses`.
macro_rules! error_responses {
    ($($code:ident),+ $(,)?) => {
        struct ErrorResponses;

        impl utoipa::IntoResponses for ErrorResponses {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::Response>,
            > {
                $crate::http::error_responses::responses(&[$($crate::http::error::Code::$code),+])
            }
        }
    };
}
pub(crate) use error_responses;
