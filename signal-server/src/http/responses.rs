//! The error responses of an operation, for the OpenAPI document.

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
    for &code in codes.iter().chain(&OF_EVERY_OPERATION) {
        let of_status = by_status.entry(code.status().as_u16()).or_default();
        if !of_status.contains(&code) {
            of_status.push(code);
        }
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
        .description(Some("The number of seconds to wait before the next attempt."));
    response.header("Retry-After", after.build()).build()
}

/// The errors of the layers around every operation.
const OF_EVERY_OPERATION: [Code; 3] =
    [Code::Forbidden, Code::RequestTimeout, Code::UnsupportedMediaType];
