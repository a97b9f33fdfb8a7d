//! The AsyncAPI document against the messages of the conformance kit, and against messages with a
//! fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Map, Value, json};
use signal_core::{CloseCode, ErrorCode, ProtocolVersion};

use crate::common::asyncapi::{DOCUMENT, Side, assert_fits, fault, name};
use crate::common::{Api, text};

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let api = Api::start().await;
    let response = api.request(Method::GET, "/asyncapi.json").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let served: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(served, *DOCUMENT);
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_message_of_the_kit_fits_and_is_an_example_of_its_kind() {
    let mut expected: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for golden in golden() {
        let Golden { protocol, side, file, message } = golden;
        assert_fits(protocol, side, &message);
        let kind = text(&message["type"]);
        expected.entry(name(protocol, side, &kind)).or_default().insert(file, message);
    }
    let messages = DOCUMENT["components"]["messages"].as_object().unwrap();
    let examples = |message: &Value| -> BTreeMap<String, Value> {
        let examples = message["examples"].as_array().unwrap().iter();
        examples.map(|example| (text(&example["name"]), example["payload"].clone())).collect()
    };
    let found = messages.iter().map(|(name, message)| (name.clone(), examples(message))).collect();
    assert_eq!(expected, found);
}

#[test]
fn every_frame_of_the_exchanges_fits_unless_it_is_refused() {
    let (mut said, mut heard, mut refused) = (0, 0, 0);
    for path in json_files(&kit().join("exchanges")) {
        let script: Value = read(&path);
        let steps = script["steps"].as_array().unwrap();
        let mut protocols = BTreeMap::new();
        for (number, step) in steps.iter().enumerate() {
            let place = format!("{}, step {}: {step}", path.display(), number + 1);
            if let Some(name) = step["open"].as_str() {
                let is_v2 = step["v"] == 2 || step.get("resume").is_some();
                protocols
                    .insert(name, if is_v2 { ProtocolVersion::V2 } else { ProtocolVersion::V1 });
            } else if let Some(name) = step["receive"].as_str() {
                let message = filled(&step["message"], protocols[name], Side::Server);
                assert_eq!(fault(protocols[name], Side::Server, &message), None, "{place}");
                heard += 1;
            } else if let Some(name) = step["send"].as_str() {
                let answer = steps[number + 1..].iter().find(|next| next["receive"] == name);
                let answer = answer.map(|answer| &answer["message"]["code"]);
                let is_refused = answer
                    .is_some_and(|code| *code == "invalid_message" || *code == "unknown_type");
                // What is too large is told from its size alone.
                if answer.is_some_and(|code| *code == "message_too_large") {
                    continue;
                }
                let message = match step["text"].as_str() {
                    Some(text) => serde_json::from_str(text).unwrap_or_default(),
                    None => filled(&step["message"], protocols[name], Side::Client),
                };
                let fault = fault(protocols[name], Side::Client, &message);
                assert_eq!(fault.is_some(), is_refused, "{place}: {fault:?}");
                said += 1;
                refused += u32::from(is_refused);
            }
        }
    }
    assert!(
        said >= 30 && heard >= 100 && refused >= 5,
        "{said} said, {heard} heard, {refused} refused"
    );
}

#[test]
fn a_message_of_the_server_with_a_field_less_or_more_or_of_another_name_or_type_is_refused() {
    let mut refused = 0;
    for Golden { protocol, side, file, message } in golden() {
        if side == Side::Client {
            continue;
        }
        for (what, mutant) in mutants(&message) {
            let place = format!("{protocol:?} {file}, {what}: {mutant}");
            assert!(fault(protocol, side, &mutant).is_some(), "{place}");
            refused += 1;
        }
    }
    assert!(refused >= 300, "{refused}");
}

#[test]
fn a_message_of_a_client_without_a_field_it_needs_is_refused_and_one_with_more_is_not() {
    for Golden { protocol, side, file, message } in golden() {
        if side == Side::Server {
            continue;
        }
        let mut more = message.clone();
        more["a field of a later version"] = json!(1);
        assert_fits(protocol, side, &more);
        for field in message.as_object().unwrap().keys() {
            let mut less = message.clone();
            less.as_object_mut().unwrap().remove(field);
            let is_needed = match field.as_str() {
                "type" | "to" | "sdp" | "candidate" | "topic" | "data" | "action"
                | "participant_id" => true,
                "neg" | "tracks" | "req" | "t" | "name" | "state" => false,
                other => panic!("{other} is new"),
            };
            assert_eq!(fault(protocol, side, &less).is_some(), is_needed, "{file} without {field}");
        }
    }
}

#[test]
fn values_out_of_their_range_are_refused() {
    use Side::{Client, Server};
    let v2 = |side: Side, file: &str, pointer: &str, value: Value| {
        let golden = golden().into_iter().find(|golden| {
            golden.protocol == ProtocolVersion::V2 && golden.file == file && golden.side == side
        });
        let mut message = golden.unwrap().message;
        *message.pointer_mut(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}")) = value;
        (side, message)
    };
    let long = "x".repeat(65);
    let cases = [
        v2(Server, "error_offer_conflict", "/code", json!("offer_conflicts")),
        v2(Server, "error_offer_conflict", "/about", json!("p_ZZZZ0001")),
        v2(Server, "error_offer_conflict", "/retryable", json!(true)),
        v2(Server, "error_rate_limited", "/retryable", json!(false)),
        v2(Server, "error_rate_limited", "/retry_after_ms", json!(-1)),
        v2(Server, "peer_left", "/reason", json!("evicted")),
        v2(Server, "room_closed", "/code", json!("closed")),
        v2(Server, "room_closed", "/reason", json!("")),
        v2(Server, "joined", "/v", json!(1)),
        v2(Server, "joined", "/participant_id", json!("p_short")),
        v2(Server, "joined", "/participants/0/id", json!("zzzz0000p_")),
        v2(Server, "joined", "/participants/1/name", json!("")),
        v2(Server, "joined", "/room/id", json!("ABC 10")),
        v2(Server, "joined", "/room/max_participants", json!(501)),
        v2(Server, "joined", "/room/max_participants", json!(0)),
        v2(Server, "joined", "/room/expires_at", json!("2025-12-06T14:00:00+08:00")),
        v2(Server, "joined", "/server_time", json!("2025-13-06T14:00:00Z")),
        v2(Server, "joined", "/resume_token", json!("not safe in URLs")),
        v2(Server, "joined", "/ice_servers/0/urls", json!([])),
        v2(Server, "joined", "/ice_servers/0/urls", json!("turn:1.2.3.4")),
        v2(Server, "joined", "/ice_servers/0/urls/0", json!("http://1.2.3.4")),
        v2(Server, "joined", "/ice_servers/0/username", json!("")),
        v2(Server, "resumed_replayed", "/seq", json!(-1)),
        v2(Server, "resumed_replayed", "/received", Value::Null),
        v2(Server, "resumed_snapshot", "/received", json!(12)),
        v2(Server, "peer_updated_lossy", "/lossy", json!(false)),
        v2(Server, "offer", "/neg", json!(4_294_967_296_u64)),
        v2(Server, "offer", "/tracks", json!({})),
        v2(Server, "message", "/topic", json!("")),
        v2(Server, "pong", "/req", json!(long)),
        v2(Client, "offer", "/neg", json!(-1)),
        v2(Client, "offer", "/neg", json!(0.5)),
        v2(Client, "offer", "/tracks", json!("camera")),
        v2(Client, "offer", "/to", json!("room for two")),
        v2(Client, "offer", "/to", json!(7)),
        v2(Client, "message_to_room", "/topic", json!(long)),
        v2(Client, "message_to_room", "/to", json!("everybody")),
        v2(Client, "message_to_one", "/req", json!("")),
        v2(Client, "update", "/name", json!(7)),
        v2(Client, "ping", "/req", json!(7)),
        v2(Client, "leave", "/type", json!("Leave")),
    ];
    for (side, message) in cases {
        assert!(fault(ProtocolVersion::V2, side, &message).is_some(), "{message}");
    }
    for pair in [
        json!({"participant_id": "p_zzzy0001"}),
        json!({"participant_id": "p_zzzy0001", "lossy": true}),
    ] {
        let mut message = pair;
        message["type"] = json!("peer_updated");
        assert!(fault(ProtocolVersion::V2, Server, &message).is_some(), "{message}");
    }
    for nothing in [json!(null), json!([]), json!("leave"), json!({})] {
        assert!(fault(ProtocolVersion::V1, Client, &nothing).is_some(), "{nothing}");
    }
}

#[test]
fn the_codes_are_those_of_the_protocol() {
    let schemas = &DOCUMENT["components"]["schemas"];
    for code in schemas["ErrorCode"]["enum"].as_array().unwrap() {
        assert!(ErrorCode::from_wire(code.as_str().unwrap()).is_some(), "{code}");
    }
    let codes = [
        CloseCode::BadMessages,
        CloseCode::BadToken,
        CloseCode::Kicked,
        CloseCode::Left,
        CloseCode::RateLimited,
        CloseCode::Replaced,
        CloseCode::ResumeFailed,
        CloseCode::RoomClosed,
        CloseCode::RoomFull,
        CloseCode::SlowConsumer,
        CloseCode::Unavailable,
    ];
    let mut expected: BTreeSet<String> =
        codes.iter().map(|code| code.as_u16().to_string()).collect();
    // No pong, and what is against WebSocket itself: the host's to find out.
    expected.extend(["4012", "1002", "1007", "1009"].map(String::from));
    let documented: BTreeSet<String> =
        DOCUMENT["x-close-codes"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(documented, expected);
}

/// A file of the conformance kit.
struct Golden {
    protocol: ProtocolVersion,
    side: Side,
    /// Without `.json`.
    file: String,
    message: Value,
}

fn golden() -> Vec<Golden> {
    let folders = [
        ("v1/client", ProtocolVersion::V1, Side::Client),
        ("v1/server", ProtocolVersion::V1, Side::Server),
        ("v2/client", ProtocolVersion::V2, Side::Client),
        ("v2/server", ProtocolVersion::V2, Side::Server),
    ];
    let of = |(folder, protocol, side): (&str, ProtocolVersion, Side)| {
        let files = json_files(&kit().join("messages").join(folder)).into_iter();
        files.map(move |path| {
            let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
            Golden { protocol, side, file, message: read(&path) }
        })
    };
    folders.into_iter().flat_map(of).collect()
}

/// The message with each of its fields removed, renamed and of another type, and with one more.
fn mutants(message: &Value) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    for (pointer, object) in objects(message) {
        let mut put = |what: String, fields: Map<String, Value>| {
            let mut mutant = message.clone();
            *mutant.pointer_mut(&pointer).unwrap() = Value::Object(fields);
            mutants.push((format!("{pointer}: {what}"), mutant));
        };
        let with = |name: &str, value: Value| {
            let mut fields = object.clone();
            fields.insert(name.into(), value);
            fields
        };
        put("one more".into(), with("extra", json!(1)));
        for (name, value) in object {
            let mut fields = object.clone();
            fields.remove(name);
            let is_optional =
                OPTIONAL.contains(&(message["type"].as_str().unwrap(), name.as_str()));
            if !is_optional {
                put(format!("no {name}"), fields.clone());
            }
            fields.insert(format!("{name}s"), value.clone());
            put(format!("{name} renamed"), fields);
            if !OPAQUE.contains(&name.as_str()) {
                let other = if value.is_array() { json!({}) } else { json!([]) };
                put(format!("{name} of another type"), with(name, other));
            }
        }
    }
    mutants
}

/// The objects within a message that are the protocol's, by where they are.
fn objects(message: &Value) -> Vec<(String, &Map<String, Value>)> {
    let mut found = vec![(String::new(), message.as_object().unwrap())];
    for (pointer, value) in [
        ("/participant", message.get("participant")),
        ("/participants/0", message.pointer("/participants/0")),
        ("/room", message.get("room")),
        ("/permissions", message.get("permissions")),
        ("/ice_servers/0", message.pointer("/ice_servers/0")),
    ] {
        found.extend(value.and_then(Value::as_object).map(|object| (pointer.to_owned(), object)));
    }
    found
}

/// The fields that may be absent, by the type of the message.
const OPTIONAL: [(&str, &str); 16] = [
    ("answer", "neg"),
    ("candidate", "neg"),
    ("error", "about"),
    ("error", "req"),
    ("ice_servers", "req"),
    ("joined", "state"),
    ("offer", "neg"),
    ("offer", "tracks"),
    ("peer_joined", "attributes"),
    ("peer_joined", "publish"),
    ("peer_joined", "state"),
    ("peer_updated", "lossy"),
    ("peer_updated", "name"),
    ("peer_updated", "state"),
    ("pong", "req"),
    ("resumed", "state"),
];
/// Fields that the server does not look into.
const OPAQUE: [&str; 5] = ["candidate", "data", "sdp", "state", "t"];

/// A message of an exchange, with values of the kit in the place of its variables.
fn filled(message: &Value, protocol: ProtocolVersion, side: Side) -> Value {
    let mut models = golden();
    models.retain(|model| model.protocol == protocol && model.message["type"] == message["type"]);
    // The other side's have what only they should, which a client may forge.
    models.sort_by_key(|model| model.side != side);
    let models: Vec<Value> = models.into_iter().map(|model| model.message).collect();
    fill(message, &models)
}

fn fill(pattern: &Value, models: &[Value]) -> Value {
    match pattern {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| {
                let is_variable =
                    field.as_str().is_some_and(|text| text == "*" || text.starts_with('$'));
                let model = || models.iter().find_map(|model| find(model, name));
                let value = if is_variable {
                    model().unwrap_or_else(|| panic!("no {name} for {pattern}")).clone()
                } else {
                    fill(field, models)
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| fill(item, models)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => pattern.clone(),
    }
}

/// The first field of that name, outside in.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => {
            fields.get(name).or_else(|| fields.values().find_map(|field| find(field, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../signal-core/conformance")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
