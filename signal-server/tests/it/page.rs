//! The page in the browser: its files, its headers, and whom it signs in.

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use reqwest::header::{HeaderMap, ORIGIN};
use reqwest::{Method, Response};
use serde_json::Value;
use signal_server::Page;
use tokio::time::{sleep, timeout};

use crate::common::program::{Running, program};
use crate::common::{ACCESS_SECRET, Api, PATIENCE, answer, builder, http_client, text};

#[tokio::test]
async fn the_page_and_every_file_that_it_names_are_served_under_a_strict_policy() {
    let api = Api::start_with(builder().page(Page::AsksForToken)).await;
    let invited = get(&api, "/join/ABC234").await.text().await.unwrap();
    let mut waiting = vec!["/".to_owned()];
    let mut seen = HashSet::new();
    while let Some(path) = waiting.pop() {
        let response = get(&api, &path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_policy(response.headers());
        let content = response.text().await.unwrap();
        if path == "/" {
            assert_eq!(content, invited);
        }
        waiting.extend(named_in(&path, &content).into_iter().filter(|it| seen.insert(it.clone())));
    }
    for file in ["/web/page.css", "/web/rooms-client.js", "/web/client/signaling.js"] {
        assert!(seen.contains(file), "{seen:?}");
    }
    for unknown in ["/web/", "/web/no.js", "/web/../Cargo.toml", "/join", "/join/ABC234/more"] {
        assert_eq!(get(&api, unknown).await.status(), 404, "{unknown}");
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_page_and_nobody_is_signed_in() {
    for (api, sign_in) in [
        (Api::start().await, 404),
        (Api::start_with(builder().page(Page::AsksForToken)).await, 405),
    ] {
        let request = api.request(Method::POST, "/web/access-token");
        let response = request.header(ORIGIN, own_origin(&api)).send().await.unwrap();
        assert_eq!(response.status(), sign_in);
    }
    assert_eq!(get(&Api::start().await, "/").await.status(), 404);
}

#[tokio::test]
async fn the_servers_own_page_signs_in_and_others_do_not() {
    let api = Api::start_with(builder().page(Page::SignsIn)).await;
    let sign_in = || api.request(Method::POST, "/web/access-token");
    // It belongs to the page, and not to the API that is described.
    let signed_in = sign_in().header(ORIGIN, own_origin(&api)).send().await.unwrap();
    let token = signed_in.json::<Value>().await.unwrap()["data"].take();
    let create = api.request(Method::POST, "/api/webrtc/rooms");
    let created = answer(create.bearer_auth(text(&token["access_token"]))).await.data();
    assert_eq!(created["name"], "房主的房间");
    for refused in [
        sign_in(),
        sign_in().header(ORIGIN, "http://localhost:1"),
        sign_in().header(ORIGIN, own_origin(&api)).header("x-forwarded-for", "192.0.2.1"),
    ] {
        assert_eq!(refused.send().await.unwrap().status(), 403);
    }
}

#[tokio::test]
async fn the_program_shows_the_page_in_development_and_otherwise_if_it_is_told() {
    let local = ["serve", "--listen", "127.0.0.1:0"];
    let mut development = Running::start(&mut program(&local));
    let printed = development.announcement().await;
    let url = printed.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    assert_eq!(http_client().get(url).send().await.unwrap().status(), 200, "{url}");
    let own = |url: &str| http_client().post(format!("{url}/web/access-token")).header(ORIGIN, url);
    assert_eq!(own(url).send().await.unwrap().status(), 200);

    // Whoever has a login of its own is not let past it.
    let mut secret = program(&local);
    let mut with_login = Running::start(secret.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET));
    let printed = with_login.announcement().await;
    let url = printed.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    assert_eq!(http_client().get(url).send().await.unwrap().status(), 200);
    assert_eq!(own(url).send().await.unwrap().status(), 405);

    for (flag, status) in [(None, 404), (Some("--page"), 200)] {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = program(&["serve", "--listen", &port, "--production"]);
        command.args(["--server-secret", ACCESS_SECRET]).args(flag);
        let _running = Running::start(command.env("SIGNAL_ACCESS_SECRET", ACCESS_SECRET));
        assert_eq!(first_answer(&format!("http://{port}/")).await, status, "{flag:?}");
    }
}

fn assert_policy(headers: &HeaderMap) {
    let policy = headers["content-security-policy"].to_str().unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|part| part.trim() == rule), "{rule} is not in {policy}");
    }
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=(self)"));
}

/// The paths in the quotes of a page or module that lead to other files of the server.
fn named_in(path: &str, content: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').unwrap().0;
    let quoted = content.split('"').skip(1).step_by(2);
    quoted
        .filter_map(|name| match name.split_once('/')? {
            ("", _) if name.starts_with("/web/") && name.contains('.') => Some(name.to_owned()),
            (".", rest) => Some(format!("{folder}/{rest}")),
            ("..", rest) => Some(format!("{}/{rest}", folder.rsplit_once('/')?.0)),
            _ => None,
        })
        .collect()
}

/// The status of the first answer of a server that is starting.
async fn first_answer(url: &str) -> u16 {
    let asking = async {
        loop {
            match http_client().get(url).send().await {
                Ok(response) => return response.status().as_u16(),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("it answers")
}

fn own_origin(api: &Api) -> String {
    format!("http://{}", api.address())
}

async fn get(api: &Api, path: &str) -> Response {
    api.request(Method::GET, path).send().await.unwrap()
}
