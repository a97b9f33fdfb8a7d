//! The page in the browser: its files, its headers, and whom it signs in.

use std::collections::HashSet;
use std::net::TcpListener;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, ORIGIN};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use signal_server::Page;
use tokio::time::{sleep, timeout};

use crate::common::program::{Running, program, run, utf8};
use crate::common::{ACCESS_SECRET, Api, PATIENCE, answer, builder, http_client, text};

#[tokio::test]
async fn the_page_and_every_file_that_it_names_are_served_under_a_strict_policy() {
    let api = Api::start_with(builder().page(Page::AsksForToken)).await;
    let invited = get_text(&api, "/join/ABC234").await;
    let mut waiting = vec!["/".to_owned()];
    let mut seen = HashSet::new();
    while let Some(path) = waiting.pop() {
        let response = get(&api, &path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_policy(response.headers());
        let content = response.text().await.unwrap();
        waiting.extend(named_in(&path, &content).into_iter().filter(|it| seen.insert(it.clone())));
    }
    // The page of an invite link names the same files, from its own place.
    assert_eq!(named_in("/join/ABC234", &invited), named_in("/", &get_text(&api, "/").await));
    assert_eq!(get_text(&api, "/join").await, get_text(&api, "/").await);
    for file in
        ["/web/icon.svg", "/web/page.css", "/web/rooms-client.js", "/web/client/signaling.js"]
    {
        assert!(seen.contains(file), "{seen:?}");
    }
    for unknown in ["/web/", "/web/no.js", "/web/../Cargo.toml", "/join/ABC234/more"] {
        assert_eq!(get(&api, unknown).await.status(), 404, "{unknown}");
    }
}

#[tokio::test]
async fn pages_of_origins_that_are_named_may_show_it_in_a_frame() {
    let origins = ["https://example.com", "https://intranet.example.com:8443"];
    let ancestors = origins.map(HeaderValue::from_static);
    let api = Api::start_with(builder().page(Page::AsksForToken).frame_ancestors(ancestors)).await;
    for path in ["/", "/join/ABC234", "/web/page.js"] {
        let headers = get(&api, path).await.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        let expected = "; frame-ancestors https://example.com https://intranet.example.com:8443";
        assert!(policy.ends_with(expected), "{policy}");
    }
    // The API is never a page.
    let headers = get(&api, "/api/webrtc/rooms").await.headers().clone();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
}

#[tokio::test]
async fn the_page_learns_which_login_to_open_and_where_it_leads_back_to() {
    let login = "https://login.example.com/?client=rooms";
    let page = || builder().page(Page::OpensLogin(login.parse().unwrap()));
    let way = async |api: &Api| {
        get(api, "/web/sign-in").await.json::<Value>().await.unwrap()["data"].take()
    };
    let public = page().public_url("https://rooms.example.com/join".parse().unwrap());
    assert_eq!(
        way(&Api::start_with(public).await).await,
        json!({
            "way": "login",
            "login_url": login,
            "redirect_uri": "https://rooms.example.com/join",
        })
    );
    assert_eq!(way(&Api::start_with(page()).await).await["redirect_uri"], Value::Null);
    for (page, expected) in [(Page::AsksForToken, "token"), (Page::SignsIn, "here")] {
        assert_eq!(way(&Api::start_with(builder().page(page)).await).await["way"], expected);
    }
}

#[tokio::test]
async fn settings_of_the_page_that_lead_nowhere_are_refused() {
    let public = ["--public-url", "https://rooms.example.com/join"];
    for (args, told) in [
        (&["--login-url", "https://login.example.com"][..], "--login-url needs --public-url"),
        (&["--login-url", "http://login.example.com", public[0], public[1]], "http is possible"),
        (&["--page", "--public-url", "https://rooms.example.com/"], "has to end in /join"),
        (&["--frame-ancestor", "example.com"], "--frame-ancestor example.com: expected an origin"),
    ] {
        let output = run(program(&["check-config"]).args(args)).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(utf8(&output.stderr).contains(told), "{}", utf8(&output.stderr));
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
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|part| part.trim() == rule), "{rule} is not in {policy}");
    }
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-cache");
    assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=(self)"));
}

/// The paths in the quotes of a page or module that lead to other files of the server.
fn named_in(path: &str, content: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').unwrap().0;
    let quoted = content.split('"').skip(1).step_by(2);
    quoted
        .filter_map(|name| match name.split_once('/')? {
            ("web", _) => Some(format!("{folder}/{name}")),
            (".", rest) => Some(format!("{folder}/{rest}")),
            ("..", rest) if !rest.ends_with('/') => {
                Some(format!("{}/{rest}", folder.rsplit_once('/')?.0))
            }
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

async fn get_text(api: &Api, path: &str) -> String {
    get(api, path).await.text().await.unwrap()
}

async fn get(api: &Api, path: &str) -> Response {
    api.request(Method::GET, path).send().await.unwrap()
}
