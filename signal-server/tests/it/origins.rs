//! Which web pages may use the server.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;
use signal_server::{ForwardedHeader, Limits, Origins};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::program::{Served, program};
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
        .header("access-control-request-headers", "authorization,content-type,traceparent,baggage")
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
        assert_eq!(headers, "authorization,content-type,traceparent,baggage");
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
        assert_eq!(response.status(), 403, "{origin}");
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
    }
}

/// A request without a preflight, as any page can have its visitors send it.
fn join_from_page(api: &Api, room: &str, origin: &str, host: Option<&str>) -> RequestBuilder {
    let request = api.request(Method::POST, &format!("/api/webrtc/rooms/{room}/join"));
    let request = request.header("origin", origin).json(&json!({"password": "wrong!"}));
    match host {
        Some(host) => request.header("host", host),
        None => request,
    }
}

#[tokio::test]
async fn a_foreign_page_spends_no_guess_of_its_visitors() {
    let api = api().await;
    let room = api.room().await;
    // More than an address and a room have.
    for host in [None, Some("evil.com")] {
        for _ in 0..30 {
            let request = join_from_page(&api, &room.id, "http://evil.com", host);
            assert_eq!(answer(request).await.refused(), (403, "forbidden"));
        }
    }
    for path in ["/api/webrtc/rooms", "/healthz", "/openapi.json", "/nowhere"] {
        let request = api.request(Method::GET, path).header("origin", "http://evil.com");
        assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
    }
    let right = api.join(&room.id, &json!({"password": room.password})).await;
    right.data();
}

#[tokio::test]
async fn a_body_that_is_not_json_by_its_type_is_refused_and_spends_no_guess() {
    let api = api().await;
    let room = api.room().await;
    let path = format!("/api/webrtc/rooms/{}/join", room.id);
    let wrong = r#"{"password":"wrong!"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        for _ in 0..10 {
            let request = api.request(Method::POST, &path).header("content-type", content_type);
            let refused = answer(request.body(wrong)).await;
            assert_eq!(refused.refused(), (415, "unsupported_media_type"));
        }
    }
    let untyped = answer(api.request(Method::POST, &path).body(wrong)).await;
    assert_eq!(untyped.refused(), (415, "unsupported_media_type"));
    let right = format!(r#"{{"password":"{}"}}"#, room.password);
    let request = api.request(Method::POST, &path).body(right);
    answer(request.header("content-type", "Application/JSON; charset=utf-8")).await.data();
}

#[tokio::test]
async fn a_page_of_the_servers_own_origin_needs_no_setting() {
    let api = Api::start_with(builder().public_url("https://calls.example/join".parse().unwrap()));
    let api = api.await;
    let own = format!("http://{}", api.address());
    let status = async |origin: &str, host: Option<&str>, site: Option<&str>| {
        let mut request = api.request(Method::GET, "/healthz").header("origin", origin);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        request.send().await.unwrap().status()
    };
    assert_eq!(status(&own, None, None).await, 200, "opened by its address");
    assert_eq!(status("https://calls.example", None, None).await, 200, "the public URL");
    assert_eq!(status("http://evil.example", Some("evil.example"), None).await, 403);
    let same = Some("same-origin");
    assert_eq!(status("https://rooms.example", Some("rooms.example"), same).await, 200);
}

#[tokio::test]
async fn the_log_names_a_refused_page_once_and_the_flag_that_would_allow_it() {
    let listed = ["serve", "--listen", "127.0.0.1:0", "--cors-origin", "capacitor://localhost"];
    let server = Served::start(&mut program(&listed)).await;
    for _ in 0..3 {
        let request = server.api.request(Method::GET, "/healthz").header("origin", LISTED);
        assert_eq!(request.send().await.unwrap().status(), 403);
    }
    let app = server.api.request(Method::GET, "/healthz").header("origin", "capacitor://localhost");
    assert_eq!(app.send().await.unwrap().status(), 200);
    server.running.signal("TERM");
    let (_, log) = server.running.ended().await;
    let advice = format!("allow it with --cors-origin {LISTED}");
    assert_eq!(log.matches(&advice).count(), 1, "{log}");
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

#[tokio::test]
async fn what_another_page_loads_as_an_image_uses_up_no_socket_of_the_address() {
    let limits = Limits::with(|limits| limits.sockets_per_minute = 1);
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    let room = api.room().await;
    for _ in 0..3 {
        // Browsers send no `Origin` for an image.
        let path = format!("/ws/webrtc/rooms/{}?token=x", room.id);
        let image = api.request(Method::GET, &path).header("sec-fetch-site", "cross-site");
        assert_eq!(answer(image).await.refused(), (400, "invalid_argument"));
    }
    api.creator(&room).await;
    match Participant::connect(api.socket_url(&room.id, &room.access_token)).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 429),
        other => panic!("it is over the limit: {:?}", other.map(|(_, response)| response)),
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_host_that_the_client_has_asked_for_counts() {
    let (ours, other) = ("192.0.2.1:8443", "192.0.2.9:8443");
    let common = (ForwardedHeader::XForwardedFor, "x-forwarded-host");
    let standard = (ForwardedHeader::Forwarded, "forwarded");
    let line = |(header, _): (ForwardedHeader, &str), host: &str| match header {
        ForwardedHeader::Forwarded => format!("for=198.51.100.1;proto=https;host=\"{host}\""),
        ForwardedHeader::XForwardedFor => host.to_owned(),
    };
    let status = async |api: &Api, name: &str, line: String| {
        let request = api.request(Method::GET, "/healthz").header("host", "rooms.internal");
        let request = request.header("origin", format!("https://{ours}")).header(name, line);
        request.send().await.unwrap().status()
    };
    for (used, unused) in [(common, standard), (standard, common)] {
        for (proxy, answered) in [("127.0.0.1/32", 200), ("10.0.0.0/8", 403)] {
            let proxies = [proxy.parse().unwrap()];
            let api = Api::start_with(builder().trusted_proxies(proxies, used.0)).await;
            assert_eq!(status(&api, used.1, line(used, ours)).await, answered, "{used:?} {proxy}");
            assert_eq!(status(&api, used.1, line(used, other)).await, 403);
            assert_eq!(status(&api, unused.1, line(unused, ours)).await, 403, "{unused:?}");
            // Entries before the proxy's own may be forged by the client.
            let forged = format!("{}, {}", line(used, ours), line(used, other));
            assert_eq!(status(&api, used.1, forged).await, 403);
            let passed_on = format!("{}, {}", line(used, other), line(used, ours));
            assert_eq!(status(&api, used.1, passed_on).await, answered);
        }
    }
}
