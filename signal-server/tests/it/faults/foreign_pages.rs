//! Pages of strangers, which have the browsers of their visitors send what needs no preflight.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::serve;
use crate::common::{Api, Participant, answer};

/// More than the attempts of an address, and those of a room.
const ATTEMPTS: usize = 60;
const WRONG: &str = r#"{"password":"wrong!"}"#;

#[tokio::test]
async fn a_foreign_page_spends_no_guess_no_join_and_no_socket_of_its_visitors() {
    let limits = ["--joins-per-minute", "1", "--sockets-per-minute", "1"];
    let server = serve(&limits).await;
    let (api, room) = (&server.api, server.api.room().await);
    let join = format!("/api/webrtc/rooms/{}/join", room.id);
    for _ in 0..ATTEMPTS {
        for body in [WRONG.to_owned(), json!({"password": room.password}).to_string()] {
            let refused = answer(from_page(api, Method::POST, &join).body(body)).await;
            assert_eq!(refused.refused(), (403, "forbidden"));
        }
        let url = api.socket_url(&room.id, &room.access_token);
        let mut upgrade = url.into_client_request().unwrap();
        upgrade.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
        match Participant::connect(upgrade).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403),
            other => panic!("{:?}", other.map(|(_, response)| response)),
        }
    }
    // The page's own name may point to the server.
    let rebound = from_page(api, Method::POST, &join).header("host", "evil.example").body(WRONG);
    assert_eq!(answer(rebound).await.refused(), (403, "forbidden"));

    // An HTML form without an origin, as old browsers send it.
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        for _ in 0..ATTEMPTS {
            let form = api.request(Method::POST, &join).header("content-type", content_type);
            let refused = answer(form.body(WRONG)).await;
            assert_eq!(refused.refused(), (415, "unsupported_media_type"));
        }
    }

    let shown = api.ask(Method::GET, &room, "").await.data();
    assert_eq!(shown["password_attempts_left"], 20);
    assert_eq!(api.join(&room.id, &json!({"password": "wrong!"})).await.status, 401);
    api.ws_token(&room, "the one join").await;
    api.creator(&room).await;
    let refused = server.metrics().await;
    for setting in ["max-failed-joins", "joins-per-minute", "sockets-per-minute"] {
        let none = format!("signal_refusals_total{{setting=\"{setting}\"}} 0\n");
        assert!(refused.contains(&none), "{refused}");
    }
}

/// `fetch` with `mode: "no-cors"`.
fn from_page(api: &Api, method: Method, path: &str) -> RequestBuilder {
    api.request(method, path)
        .header("origin", "http://evil.example")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "text/plain")
}
