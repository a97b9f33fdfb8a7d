//! Validates messages against the AsyncAPI document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use signal_core::ProtocolVersion;
use tokio_tungstenite::tungstenite::http::Request;

pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../asyncapi.json")).unwrap());

/// The sender of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    Client,
    Server,
}

/// The fault of a message; `None` if it is valid.
pub fn fault(protocol: ProtocolVersion, side: Side, message: &Value) -> Option<String> {
    let name = name(protocol, side, message["type"].as_str().unwrap_or_default());
    let Some(validator) = VALIDATORS.get(&name) else { return Some(format!("there is no {name}")) };
    let faults: Vec<String> = validator
        .iter_errors(message)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    (!faults.is_empty()).then(|| format!("{name}: {}", faults.join("; ")))
}

#[track_caller]
pub fn assert_fits(protocol: ProtocolVersion, side: Side, message: &Value) {
    if let Some(fault) = fault(protocol, side, message) {
        panic!("{message}\nis not what asyncapi.json says: {fault}");
    }
}

#[track_caller]
pub fn assert_close_code(code: u16) {
    let is_known = DOCUMENT["x-close-codes"].get(code.to_string()).is_some();
    assert!(is_known, "asyncapi.json does not know close code {code}");
}

/// The name of a message in the document, like `v2.server.joined`.
pub fn name(protocol: ProtocolVersion, side: Side, kind: &str) -> String {
    let protocol = match protocol {
        ProtocolVersion::V1 => "v1",
        ProtocolVersion::V2 => "v2",
    };
    let side = match side {
        Side::Client => "client",
        Side::Server => "server",
    };
    format!("{protocol}.{side}.{kind}")
}

/// The protocol version of a socket that is opened by that request.
pub fn protocol<T>(request: &Request<T>) -> ProtocolVersion {
    let query = request.uri().query().unwrap_or_default();
    let asks =
        query.split('&').filter_map(|field| field.split_once('=')).any(
            |(name, value)| match name {
                "v" => value.parse::<u32>().is_ok_and(|v| v >= 2),
                _ => name == "resume",
            },
        );
    let protocols = request.headers().get_all("sec-websocket-protocol");
    let resumes =
        protocols.iter().any(|value| value.to_str().is_ok_and(|value| value.contains("resume.")));
    if asks || resumes { ProtocolVersion::V2 } else { ProtocolVersion::V1 }
}

/// By the names of the messages.
static VALIDATORS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let messages = DOCUMENT["components"]["messages"].as_object().unwrap();
    let validator = |name: &String| {
        let schema = json!({
            "allOf": [{"$ref": format!("#/components/messages/{name}/payload")}],
            "components": DOCUMENT["components"],
        });
        let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
        options.build(&schema).unwrap_or_else(|error| panic!("the schema of {name}: {error}"))
    };
    messages.keys().map(|name| (name.clone(), validator(name))).collect()
});
