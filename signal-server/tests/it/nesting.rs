//! The routes within an application of the embedder's own.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use signal_server::{Limits, Server};
use tokio::net::TcpListener;

use crate::common::{self, Api, answer, builder, text};

/// An application with a root, a probe and a page for unknown paths, as most have.
fn application() -> Router {
    Router::new()
        .route("/", get(async || "the application"))
        .route("/healthz", get(async || "the application's own"))
        .fallback(async || (StatusCode::NOT_FOUND, "the application has no such page"))
}

/// Serves the application and the document that answers are validated against.
async fn serve(application: Router) -> SocketAddr {
    let application = application.merge(builder().build().documents_router());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = application.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });
    address
}

async fn page(api: &Api, path: &str) -> (u16, String) {
    let response = api.request(Method::GET, path).send().await.unwrap();
    // Headers of API answers are not set on pages.
    assert!(!response.headers().contains_key("content-security-policy"), "{path}");
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn merged_routes_leave_every_other_path_to_the_application() {
    let server = builder().build();
    for application in [application().merge(server.router()), server.router().merge(application())]
    {
        let api = Api::at(serve(application).await);
        for (path, status, body) in [
            ("/", 200, "the application"),
            ("/healthz", 200, "the application's own"),
            ("/readyz", 404, "the application has no such page"),
            ("/api/webrtc/nothing", 404, "the application has no such page"),
        ] {
            assert_eq!(page(&api, path).await, (status, body.to_owned()), "{path}");
        }
        let refused = answer(api.request(Method::PUT, "/api/webrtc/rooms")).await;
        assert_eq!(refused.refused(), (405, "method_not_allowed"));
        let room = api.room().await;
        api.creator(&room).await;
        api.guest(&room, "guest").await;
    }
}

#[tokio::test]
async fn an_application_without_a_page_for_it_has_axums_own_404() {
    let server = builder().build();
    let api =
        Api::at(serve(Router::new().route("/", get(async || "")).merge(server.router())).await);
    assert_eq!(page(&api, "/nothing").await, (404, String::new()));
}

#[tokio::test]
async fn the_probes_can_be_merged_beside_the_routes() {
    let server = builder().build();
    let api =
        Api::at(serve(Router::new().merge(server.router()).merge(server.admin_router())).await);
    assert_eq!(page(&api, "/readyz").await, (200, "ok\n".to_owned()));
    assert!(page(&api, "/metrics").await.1.contains("signal_rooms 0"));
}

#[tokio::test]
async fn nested_routes_are_the_whole_api_behind_whatever_prefix() {
    let server = builder().build();
    // A prefix with a parameter as well.
    let application =
        application().nest("/rooms", server.router()).nest("/of/{tenant}", server.router());
    let api = Api::at(serve(application).await);
    for prefix in ["/rooms", "/of/acme"] {
        let rooms = format!("{prefix}/api/webrtc/rooms");
        let token = api.access_token("alice");
        let created = answer(api.request(Method::POST, &rooms).bearer_auth(&token)).await.data();
        let id = text(&created["room_id"]);
        let body = json!({"password": created["password"]});
        let join = api.request(Method::POST, &format!("{rooms}/{id}/join")).json(&body);
        let ws_token = text(&answer(join).await.data()["ws_token"]);
        let url = format!("ws://{}{prefix}/ws/webrtc/rooms/{id}?token={ws_token}", api.address());
        let (mut guest, _) = common::Participant::connect(url).await.unwrap();
        guest.joined().await;
        answer(api.request(Method::DELETE, &format!("{rooms}/{id}")).bearer_auth(&token))
            .await
            .data();
        assert_eq!(guest.hear().await["type"], "room_closed");
        assert_eq!(
            page(&api, &format!("{prefix}/nothing")).await.1,
            "the application has no such page"
        );
    }
}

#[tokio::test]
async fn addresses_have_limits_where_the_application_tells_them_and_none_elsewhere() {
    let guesses = async |api: &Api| {
        let room = api.room().await;
        let wrong = json!({"password": "wrong!"});
        let first = api.join(&room.id, &wrong).await;
        assert_eq!(first.refused(), (401, "wrong_password"));
        api.join(&room.id, &wrong).await.status
    };
    let server = || -> Server {
        builder().limits(Limits::with(|limits| limits.failed_joins = 1)).unwrap().build()
    };
    let told = Api::at(serve(application().merge(server().router())).await);
    assert_eq!(guesses(&told).await, 429);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let untold = Api::at(listener.local_addr().unwrap());
    let application = application().merge(server().router()).merge(server().documents_router());
    tokio::spawn(async { axum::serve(listener, application).await });
    assert_eq!(guesses(&untold).await, 401);
}
