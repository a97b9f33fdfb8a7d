//! `GET /openapi.json`, which all other tests validate answers against.

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::common::openapi::{Exchange, problems};
use crate::common::{Api, Managed};

async fn document(api: &Api) -> Value {
    document_at(api, "/openapi.json").await
}

async fn document_at(api: &Api, path: &str) -> Value {
    let response = api.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// Method and path of each operation.
fn operations(document: &Value) -> Vec<(Method, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of = |(path, item): (&String, &Value)| {
        let methods =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase().parse().unwrap());
        methods.map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(of).collect()
}

#[tokio::test]
async fn it_names_every_request_that_the_server_takes() {
    let api = Api::start().await;
    let document = document(&api).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut named: Vec<String> =
        operations(&document).iter().map(|(method, path)| format!("{method} {path}")).collect();
    named.sort();
    assert_eq!(
        named,
        [
            "DELETE /api/webrtc/rooms/{room_id}",
            "DELETE /api/webrtc/rooms/{room_id}/participants/{participant_id}",
            "GET /api/webrtc/rooms",
            "GET /api/webrtc/rooms/{room_id}",
            "GET /asyncapi.json",
            "GET /healthz",
            "GET /openapi.json",
            "GET /readyz",
            "GET /ws/webrtc/rooms/{room_id}",
            "PATCH /api/webrtc/rooms/{room_id}",
            "POST /api/webrtc/rooms",
            "POST /api/webrtc/rooms/{room_id}/ice-servers",
            "POST /api/webrtc/rooms/{room_id}/join",
        ]
    );
    // And the server takes what it names.
    for (method, path) in operations(&document) {
        let path = path.replace("{room_id}", "ABC234").replace("{participant_id}", "p_zzzz0000");
        let response = api.request(method, &path).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(
            status != 405 && !text.contains(r#""code":"not_found""#),
            "{path}: {status} {text}"
        );
    }
}

#[tokio::test]
async fn the_document_for_operators_names_every_request_that_they_may_send() {
    let managed = Managed::start().await;
    let document = document_at(&managed.operators, "/admin/openapi.json").await;
    let mut named: Vec<String> =
        operations(&document).iter().map(|(method, path)| format!("{method} {path}")).collect();
    named.sort();
    assert_eq!(
        named,
        [
            "DELETE /admin/rooms/{room_id}",
            "DELETE /admin/rooms/{room_id}/participants/{participant_id}",
            "DELETE /admin/rooms/{room_id}/users/{user}",
            "GET /admin/openapi.json",
            "GET /admin/rooms",
            "GET /admin/rooms/{room_id}",
            "PATCH /admin/rooms/{room_id}",
            "POST /admin/rooms",
            "POST /admin/rooms/{room_id}/messages",
            "POST /admin/rooms/{room_id}/tokens",
            "PUT /admin/rooms/{room_id}/data",
            "PUT /admin/rooms/{room_id}/participants/{participant_id}/attributes",
            "PUT /admin/rooms/{room_id}/participants/{participant_id}/name",
            "PUT /admin/rooms/{room_id}/participants/{participant_id}/permissions",
        ]
    );
    for (method, path) in operations(&document).iter().filter(|(_, path)| path.contains("rooms")) {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        assert_eq!(operation["security"], json!([{"admin_key": []}]), "{method} {path}");
        let path = path.replace("{room_id}", "ABC234").replace("{participant_id}", "p_zzzz0000");
        let answered = managed.send(method.clone(), &path, None).await;
        assert!(![404, 405].contains(&answered.status) || answered.refused().1 == "room_not_found");
    }
}

#[tokio::test]
async fn the_document_for_operators_takes_the_pages_that_the_server_takes() {
    let managed = Managed::start().await;
    let document = document_at(&managed.operators, "/admin/openapi.json").await;
    let parameters = document["paths"]["/admin/rooms"]["get"]["parameters"].as_array().unwrap();
    let after = parameters.iter().find(|parameter| parameter["name"] == "after").unwrap();
    let schema = jsonschema::validator_for(&after["schema"]).unwrap();
    let longest = "x".repeat(64);
    for (room, is_taken) in [
        ("ABC234", true),
        ("x", true),
        ("x.", true),
        (".x", true),
        ("...", true),
        (longest.as_str(), true),
        (".", false),
        ("..", false),
        ("", false),
        ("x+", false),
        (&format!("{longest}x"), false),
    ] {
        let after = format!("1764500000000-{room}");
        let path = format!("/admin/rooms?after={after}");
        let answered = managed.send(Method::GET, &path, None).await;
        let status = if is_taken { 200 } else { 400 };
        assert_eq!((answered.status, schema.is_valid(&json!(after))), (status, is_taken), "{room}");
    }
}

#[tokio::test]
async fn every_operation_says_who_may_and_how_it_is_refused() {
    let api = Api::start().await;
    let document = document(&api).await;
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for (method, path) in operations(&document).iter().filter(|(_, path)| path.starts_with("/api"))
    {
        let operation = &document["paths"][path][method.as_str().to_lowercase()];
        for text in ["summary", "description", "operationId"] {
            assert!(
                operation[text].as_str().is_some_and(|text| !text.is_empty()),
                "{method} {path}: {text}"
            );
        }
        let security = operation["security"].as_array();
        assert_eq!(security.is_none(), path.ends_with("/join"), "{method} {path}");
        for scheme in security.into_iter().flatten() {
            assert!(schemes.contains_key(scheme.as_object().unwrap().keys().next().unwrap()));
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                !response["description"].as_str().unwrap().is_empty(),
                "{method} {path} {status}"
            );
            let waits = ["429", "503"].contains(&status.as_str());
            assert_eq!(
                response["headers"]["Retry-After"].is_object(),
                waits,
                "{method} {path} {status}"
            );
        }
    }
}

/// Checks that the validation finds differences at all.
#[tokio::test]
async fn an_answer_that_is_not_as_it_says_is_noticed() {
    let api = Api::start().await;
    let document = document(&api).await;
    let refused = |code: &str| json!({"success": false, "code": code, "message": "x"});
    let created = api.create(&json!({})).await.body;
    let without = |field: &str| {
        let mut body = created.clone();
        body["data"].as_object_mut().unwrap().remove(field);
        body
    };
    let with = |field: &str, value: Value| {
        let mut body = created.clone();
        body["data"][field] = value;
        body
    };
    let rooms = "/api/webrtc/rooms";
    let cases = [
        (Method::POST, rooms, 200, false, created.clone(), true),
        (Method::POST, rooms, 200, false, without("room_id"), false),
        (Method::POST, rooms, 200, false, without("invite_token"), false),
        (Method::POST, rooms, 200, false, with("max_participants", json!("10")), false),
        (Method::POST, rooms, 200, false, with("expires_at", json!("soon")), false),
        (Method::POST, rooms, 200, false, with("join_url", json!(null)), false),
        (Method::POST, rooms, 201, false, created.clone(), false),
        (Method::POST, rooms, 401, false, refused("unauthorized"), true),
        (Method::POST, rooms, 401, false, refused("forbidden"), false),
        (Method::POST, rooms, 401, false, json!({"code": "unauthorized", "message": "x"}), false),
        (Method::POST, rooms, 404, false, refused("room_not_found"), false),
        (Method::POST, rooms, 429, true, refused("rate_limited"), true),
        (Method::POST, rooms, 429, false, refused("rate_limited"), false),
        (Method::PUT, rooms, 405, false, refused("method_not_allowed"), true),
        (Method::PUT, rooms, 200, false, created.clone(), false),
        (Method::GET, "/nowhere", 404, false, json!({}), false),
    ];
    for (method, path, status, retry_after, body, is_right) in cases {
        let url = Url::parse(&format!("http://localhost{path}")).unwrap();
        let exchange = Exchange { method: &method, url: &url, status, retry_after, body: &body };
        let problems = problems(&document, &exchange);
        assert_eq!(problems.is_empty(), is_right, "{method} {path} {status} {body}: {problems:?}");
    }
}
