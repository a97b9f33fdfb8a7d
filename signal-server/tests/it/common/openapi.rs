//! Validates answers against the OpenAPI document that the server serves.

use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A request and its answer.
pub struct Exchange<'a> {
    pub method: &'a Method,
    pub url: &'a Url,
    pub status: u16,
    pub retry_after: bool,
    pub body: &'a Value,
}

/// Every server of a test program serves the same.
static DOCUMENT: OnceCell<Value> = OnceCell::const_new();
/// The document of the requests of operators.
static MANAGEMENT: OnceCell<Value> = OnceCell::const_new();

/// Fails unless the document says that a request may be answered like this.
pub async fn judge(client: &Client, exchange: Exchange<'_>) {
    let document = if exchange.url.path().starts_with("/admin/") {
        MANAGEMENT.get_or_init(|| fetch(client, exchange.url, "/admin/openapi.json")).await
    } else {
        DOCUMENT.get_or_init(|| fetch(client, exchange.url, "/openapi.json")).await
    };
    let problems = problems(document, &exchange);
    let Exchange { method, url, status, body, .. } = exchange;
    assert!(problems.is_empty(), "{method} {url} {status} {body}:\n{}", problems.join("\n"));
}

async fn fetch(client: &Client, url: &Url, path: &str) -> Value {
    let served = client.get(url.join(path).unwrap()).send().await.unwrap();
    serde_json::from_str(&served.text().await.unwrap()).unwrap()
}

/// The differences from the document.
pub fn problems(document: &Value, exchange: &Exchange<'_>) -> Vec<String> {
    let path = exchange.url.path();
    // The routes may be nested under a prefix.
    let path = &path[path.find("/api/webrtc").unwrap_or(0)..];
    let operation = operation(document, exchange.method, path);
    let Some(response) =
        operation.map(|operation| &operation["responses"][exchange.status.to_string()])
    else {
        // This is no operation, so the answer has to be an ordinary failure.
        let is_refusal = [404, 405].contains(&exchange.status);
        let failure = json!({"$ref": "#/components/schemas/Failure"});
        let said_so = if is_refusal { Vec::new() } else { vec!["no such operation".to_owned()] };
        return [said_so, violations(document, &failure, exchange.body)].concat();
    };
    if response.is_null() {
        return vec!["no such status".to_owned()];
    }
    let mut problems =
        violations(document, &response["content"]["application/json"]["schema"], exchange.body);
    // The last restore of the attempts of a room is refused for good.
    let may_be_final = exchange.status == 429 && *exchange.method == Method::PATCH;
    let is_announced = !response["headers"]["Retry-After"].is_null();
    if is_announced != exchange.retry_after && !(is_announced && may_be_final) {
        problems.push("Retry-After".to_owned());
    }
    problems
}

/// The operation of a request; its path may have parameters.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let segments: Vec<&str> = template.split('/').collect();
        let mut pairs = segments.iter().zip(&asked);
        segments.len() == asked.len()
            && pairs.all(|(segment, asked)| {
                segment == asked || segment.starts_with('{') && !asked.is_empty()
            })
    };
    let (_, item) =
        document["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template))?;
    item.get(method.as_str().to_lowercase())
}

fn violations(document: &Value, schema: &Value, body: &Value) -> Vec<String> {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": document["components"],
        "allOf": [schema],
    });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Whether an answer says when to try again.
pub fn has_retry_after(response: &Response) -> bool {
    response.headers().contains_key("retry-after")
}
