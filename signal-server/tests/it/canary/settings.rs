//! Settings that contain secrets, most of them invalid.

use std::fs;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use reqwest::Method;

use super::Seen;
use crate::common::program::{Running, program, run, utf8};
use crate::common::{Api, answer};

/// Strong, weak, and in files of every kind.
const STRONG: &str = "a-strong-secret \"\\ of-the-operator-0123456789";
const WEAK: &str = "a-weak \"\\ secret";

pub(crate) async fn try_all(seen: &mut Seen) {
    seen.marks.add("a strong secret", STRONG);
    seen.marks.add("a weak secret", WEAK);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let secret = file("secret", STRONG);
    let private = format!("-----BEGIN PRIVATE KEY-----\n{STRONG}\n-----END PRIVATE KEY-----");
    let private = file("private.pem", &private);
    let public = file(
        "public.pem",
        &format!("-----BEGIN PUBLIC KEY-----\n{STRONG}\n-----END PUBLIC KEY-----"),
    );
    for args in [
        &["--access-secret", STRONG, "--access-secret-file", &secret] as &[&str],
        &["--access-secret", WEAK, "--production"],
        &["--server-secret", WEAK, "--production", "--access-secret", STRONG],
        &["--previous-access-secret", STRONG, "--access-secret-file", "/nonexistent/secret"],
        &["--turn-secret", STRONG, "--turn-url", "nowhere", "--log", "trace"],
        &["--access-key-file", &private],
        &["--admin-key-file", &secret],
        &["--access-key-file", &public],
        &["--access-secret", STRONG, "--access-key-file", &public],
        &["--jwks-url", "https://user:a-weak%20%22%5C%20secret@login.example.com/jwks"],
        &["--jwks-url", "http://user:a-weak%20%22%5C%20secret@login.example.com/jwks"],
        &["--jwks-url", "https://user:a-weak%20%22%5C%20secret@login.example.com:port/jwks"],
        &["--jwks-url", "user:a-weak%20%22%5C%20secret@login.example.com/jwks"],
        &["--public-url", "https://user:a-weak%20%22%5C%20secret@example.com"],
        &["--public-url", "user:a-weak%20%22%5C%20secret@example.com"],
        &["--turn-url", "user:a-weak%20%22%5C%20secret@turn.example.com"],
        &["--cors-origin", "https://user:a-weak%20%22%5C%20secret@example.com"],
        &["--jwks-url", "https://login.example.com/jwks", "--jwks-ca", &private],
        &["--webhook-url", "https://hooks.example.com", "--webhook-secret-file", &secret],
        &[
            "--webhook-url",
            "https://user:a-weak%20%22%5C%20secret@hooks.example.com",
            "--webhook-secret-file",
            &secret,
        ],
    ] {
        for command in ["serve", "check-config", "print-config"] {
            // `serve` would start with valid settings.
            if command == "serve" {
                note(seen, &[&["serve", "--listen", "192.0.2.1:1"], args].concat()).await;
            } else {
                note(seen, &[&[command], args].concat()).await;
            }
        }
    }
    for text in [
        format!("access-secret = '{STRONG}'\nturn-secret = '{WEAK}'"),
        format!("access-secret = '{STRONG}"),
        format!("access-secret = {STRONG}"),
        format!("access-secret = ['{STRONG}']"),
        format!("access-secret = {{ secret = '{STRONG}' }}"),
        format!("access-secret = '{STRONG}'\naccess-secret = '{WEAK}'"),
        format!("access-secret = '{STRONG}'\nlisten = 'nowhere'"),
        format!("access-secret = '{WEAK}'\nproduction = true\nserver-secret = '{WEAK}'"),
    ] {
        let path = file("settings.toml", &text);
        for command in ["serve", "check-config", "print-config"] {
            note(seen, &[command, "--config", &path, "--listen", "192.0.2.1:1"]).await;
        }
    }
    with_a_login_of_its_own(seen, folder.path()).await;
}

async fn note(seen: &mut Seen, args: &[&str]) {
    let output = run(&mut program(args)).await;
    let place = format!("what {} says", args.join(" ").replace(STRONG, "…").replace(WEAK, "…"));
    seen.note(place, [utf8(&output.stdout), utf8(&output.stderr)].concat());
}

/// Tokens that are no good to a public key, or to an identity provider that answers with nonsense.
async fn with_a_login_of_its_own(seen: &mut Seen, folder: &Path) {
    let provider = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", provider.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let nonsense = serde_json::json!({ "keys": STRONG }).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            nonsense.len()
        );
        loop {
            let (mut stream, _) = provider.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ =
                stream.write_all([head.as_bytes(), nonsense.as_bytes()].concat().as_slice()).await;
        }
    });
    let key = folder.join("key.pem");
    fs::write(&key, include_str!("../keys/rsa_public.pem")).unwrap();
    for login in [["--access-key-file", key.to_str().unwrap()], ["--jwks-url", &url]] {
        let args = ["serve", "--listen", "127.0.0.1:0", "--log", "trace"];
        let mut running = Running::start(program(&args).args(login));
        let printed = running.announcement().await;
        let address =
            printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        let api = Api::at(address.parse().unwrap());
        let stranger = api.access_token("stranger");
        seen.marks.add_token("a stranger's token", &stranger);
        for token in [&stranger, STRONG] {
            let create = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token);
            let refused = answer(create).await;
            assert!(matches!(refused.status, 401 | 503), "{refused:?}");
            seen.note("a refusal", refused.body.to_string());
        }
        running.signal("TERM");
        seen.note(format!("the log with {}", login[0]), running.ended().await.1);
    }
    answering.abort();
}
