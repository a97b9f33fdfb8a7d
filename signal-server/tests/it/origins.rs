//! Which web pages may use the server.

use reqwest::{Method, Response};
use serde_json::json;
use signal_server::Origins;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::{Api, Participant, answer, builder};

const LISTED: &str = "https://example.com";
const UNLISTED: [&str; 5] = [
    "https://evil.com",
    "https://example.com.evil.com",
    "http://example.com",
    "https://example.com:8443",
    "null",
];

async fn api() -> Api {
    Api::start_with(builder().origins(Origins::listed([LISTED.parse().unwrap()]))).await
}

async fn preflight(api: &Api, origin: &str, method: &str) -> Response {
    let request = api.request(Method::OPTIONS, "/api/webrtc/rooms/ABC234");
    let request = request.header("origin", origin).header("access-control-request-method", method);
    request
        .header("access-control-request-headers", "authorization,content-type")
        .send()
        .await
        .unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_listed_page_may_do_what_the_api_offers() {
    let api = api().await;
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let response = preflight(&api, LISTED, method).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "access-control-allow-origin"), Some(LISTED));
        let methods = header(&response, "access-control-allow-methods").unwrap();
        assert!(
            methods.split(',').any(|allowed| allowed == method),
            "{method} is not in {methods}"
        );
        let headers = header(&response, "access-control-allow-headers").unwrap();
        assert_eq!(headers, "authorization,content-type");
        assert_eq!(header(&response, "access-control-allow-credentials"), None);
    }
    let request = api.request(Method::POST, "/api/webrtc/rooms").header("origin", LISTED);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 401, "a refusal can be read as well");
    assert_eq!(header(&response, "access-control-allow-origin"), Some(LISTED));
    assert_eq!(header(&response, "access-control-expose-headers"), Some("retry-after"));
}

#[tokio::test]
async fn any_other_page_is_not_answered_to() {
    let api = api().await;
    for origin in UNLISTED {
        let response = preflight(&api, origin, "POST").await;
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
    }
}

#[tokio::test]
async fn a_page_opens_a_socket_only_if_it_is_listed_and_a_program_always() {
    let api = api().await;
    let room = api.room().await;
    let request = |origin: &str| {
        let mut request =
            api.socket_url(&room.id, &room.access_token).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request
    };
    for origin in UNLISTED {
        match Participant::connect(request(origin)).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin} got {:?}", other.map(|(_, response)| response)),
        }
    }
    Participant::connect(request(LISTED)).await.unwrap().0.joined().await;
    api.creator(&room).await;
}

#[tokio::test]
async fn by_default_no_page_may_and_in_development_any_of_this_machine() {
    let page = "http://localhost:5173";
    let closed = Api::start().await;
    assert_eq!(
        header(&preflight(&closed, page, "POST").await, "access-control-allow-origin"),
        None
    );
    let open = Api::start_with(builder().origins(Origins::default().and_loopback())).await;
    assert_eq!(
        header(&preflight(&open, page, "POST").await, "access-control-allow-origin"),
        Some(page)
    );
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so_in_the_form_of_the_api() {
    let api = api().await;
    let path = "/ws/webrtc/rooms/ABC234?token=x";
    assert_eq!(answer(api.request(Method::GET, path)).await.refused(), (400, "invalid_argument"));
    let foreign = api.request(Method::GET, path).header("origin", UNLISTED[0]);
    assert_eq!(answer(foreign).await.refused(), (403, "forbidden"));
    let bad = answer(api.request(Method::GET, "/ws/webrtc/rooms/ABC234?v=two&token=x")).await;
    assert_eq!(bad.refused(), (400, "invalid_argument"));
    assert!(bad.message().contains("v: "), "{bad:?}");
    assert_eq!(bad.body["success"], json!(false));
}
