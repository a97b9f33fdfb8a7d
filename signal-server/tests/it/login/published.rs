//! Keys that an identity provider publishes: fetched, replaced, withdrawn.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{Login, Server};

use super::provider::Provider;
use super::{RSA_PUBLIC, Signer, create};
use crate::common::{Api, answer, pass};

#[tokio::test]
async fn the_keys_of_an_identity_provider_are_fetched_once_and_serve_its_tokens() {
    let logins = Signer::all();
    let mut keys: Vec<Value> = logins
        .iter()
        .enumerate()
        .map(|(index, signer)| signer.jwk(&format!("key-{index}")))
        .collect();
    // Others may be there that mean nothing to this server.
    keys.push(json!({"kty": "oct", "kid": "key-9", "k": "c2VjcmV0"}));
    keys.push(json!({"kty": "quantum", "kid": "key-10"}));
    let provider = Provider::start(&keys).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(provider.requests(), 0, "nobody has asked yet");
    for (index, signer) in logins.iter().enumerate() {
        for kid in [Some(format!("key-{index}")), None] {
            assert_eq!(
                create(&api, &signer.token(kid.as_deref())).await,
                200,
                "{:?}",
                signer.algorithm
            );
        }
        let wrong_key = format!("key-{}", (index + 1) % 3);
        assert_eq!(create(&api, &signer.token(Some(&wrong_key))).await, 401);
    }
    let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64});
    let header = Header { kid: Some("key-9".to_owned()), ..Header::default() };
    let symmetric = encode(&header, &claims, &EncodingKey::from_secret(b"secret")).unwrap();
    assert_eq!(provider.requests(), 1);
    pass(Duration::from_secs(5)).await;
    assert_eq!(create(&api, &symmetric).await, 401);
}

#[tokio::test]
async fn a_token_of_an_unknown_key_has_them_fetched_again_but_not_all_the_time() {
    let [_, old, new] = Signer::all();
    let provider = Provider::start(&[old.jwk("old")]).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    pass(Duration::from_secs(5)).await;

    provider.publish(&[old.jwk("old"), new.jwk("new")]);
    assert_eq!(create(&api, &new.token(Some("new"))).await, 200);
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    assert_eq!(provider.requests(), 2);
    pass(Duration::from_secs(5)).await;
    // The keys were fetched for this one, so it is known to be forged.
    assert_eq!(create(&api, &new.token(Some("forged"))).await, 401);
    let tokens: Vec<_> =
        (0..20).map(|forged| new.token(Some(&format!("forged-{forged}")))).collect();
    let forged = tokens.iter().map(|token| create(&api, token));
    assert_eq!(join_all(forged).await, [401; 20]);
    assert!(provider.requests() <= 6, "{} requests for 20 tokens", provider.requests() - 3);
}

#[tokio::test]
async fn a_strangers_made_up_key_id_keeps_no_token_of_a_key_published_a_moment_later_out() {
    let [_, old, new] = Signer::all();
    let provider = Provider::start(&[old.jwk("old")]).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(create(&api, &new.token(Some("made-up"))).await, 401);
    provider.publish(&[new.jwk("new")]);
    assert_eq!(create(&api, &new.token(Some("new"))).await, 200);
}

#[tokio::test]
async fn a_token_of_an_unknown_key_cannot_be_judged_while_the_provider_fails() {
    let [_, old, new] = Signer::all();
    let provider = Provider::start(&[old.jwk("old")]).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    provider.answer(500, String::new());
    let token = new.token(Some("new"));
    let request = || api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
    let early = request().send().await.unwrap();
    assert_eq!(early.status(), 503);
    assert!(early.headers().contains_key("retry-after"));
    let mut socket = api.attach("ABC234", &token).await;
    assert_eq!((socket.error().await, socket.closed().await), ("unavailable".to_owned(), 4001));
    provider.publish(&[new.jwk("new")]);
    pass(Duration::from_secs(5)).await;
    assert_eq!(answer(request()).await.status, 200);
}

#[tokio::test]
async fn an_ed25519_key_verifies_tokens_by_the_new_name_of_its_algorithm_too() {
    let [rsa, _, signer] = Signer::all();
    let claims = json!({"sub": "alice", "name": "小明", "exp": 4_000_000_000_u64});
    let token = |alg: &str, claims: &Value, by: &Signer| {
        let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&json!({"alg": alg, "kid": "key"})), part(claims));
        let signature = sign(message.as_bytes(), &by.signing, by.algorithm).unwrap();
        format!("{message}.{signature}")
    };
    let mut published = signer.jwk("key");
    published["alg"] = "Ed25519".into();
    let provider = Provider::start(&[published]).await;
    let logins = [Login::public_keys([&signer.public_pem]).unwrap(), provider.login()];
    for login in logins {
        let api = Api::start_with(Server::builder(login)).await;
        for name in ["Ed25519", "EdDSA"] {
            let good = token(name, &claims, &signer);
            let request = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&good);
            assert_eq!(answer(request).await.data()["name"], "小明的房间");
            // The claims of the same token count as with every other name.
            for (claim, value) in [("exp", json!(1_000_000_000)), ("nbf", json!(3_900_000_000_u64))]
            {
                let mut claims = claims.clone();
                claims[claim] = value;
                assert_eq!(create(&api, &token(name, &claims, &signer)).await, 401, "{claim}");
            }
            let other = token(name, &json!({"sub": "bob", "exp": 4_000_000_000_u64}), &signer);
            let (message, _) = good.rsplit_once('.').unwrap();
            let (_, signature) = other.rsplit_once('.').unwrap();
            assert_eq!(create(&api, &format!("{message}.{signature}")).await, 401);
            assert_eq!(create(&api, &format!("{message}.")).await, 401);
            assert_eq!(create(&api, &token(name, &claims, &Signer::ed25519())).await, 401);
        }
        assert_eq!(create(&api, &token("ED25519", &claims, &signer)).await, 401);
    }
    // The name does not choose the key.
    let api = Api::start_with(Server::builder(Login::public_keys([RSA_PUBLIC]).unwrap())).await;
    for by in [&rsa, &signer] {
        assert_eq!(create(&api, &token("Ed25519", &claims, by)).await, 401);
    }
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_believed_no_more_after_ten_minutes() {
    let [_, old, new] = Signer::all();
    let provider = Provider::start(&[old.jwk("old"), new.jwk("new")]).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    provider.publish(&[new.jwk("new")]);
    pass(Duration::from_secs(10 * 60)).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 401);
    assert_eq!(create(&api, &new.token(Some("new"))).await, 200);
}

#[tokio::test]
async fn while_the_provider_fails_its_last_keys_serve_for_a_day() {
    let signer = Signer::p256();
    let provider = Provider::start(&[signer.jwk("key")]).await;
    let api = Api::start_with(Server::builder(provider.login())).await;
    assert_eq!(create(&api, &signer.token(Some("key"))).await, 200);
    for (status, body) in [
        (500, "{}".to_owned()),
        (200, "<html>".to_owned()),
        (200, json!({"keys": []}).to_string()),
        (200, json!({"keys": [signer.jwk("key")], "padding": "x".repeat(64 * 1024)}).to_string()),
        (302, "{}".to_owned()),
    ] {
        provider.answer(status, body);
        pass(Duration::from_secs(60 * 60)).await;
        assert_eq!(create(&api, &signer.token(Some("key"))).await, 200, "{status}");
    }
    provider.serving.abort();
    pass(Duration::from_secs(19 * 60 * 60)).await;
    // The client with the token is not at fault either.
    let token = signer.token(Some("key"));
    let refused = answer(api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token)).await;
    assert_eq!(refused.refused(), (503, "unavailable"));
    let mut socket = api.attach("ABC234", &token).await;
    assert_eq!((socket.error().await, socket.closed().await), ("unavailable".to_owned(), 4001));
}

#[tokio::test]
async fn a_provider_that_was_not_there_is_tried_again_soon() {
    let signer = Signer::ed25519();
    let provider = Provider::start(&[signer.jwk("key")]).await;
    let keys = provider.published.lock().unwrap().1.clone();
    provider.answer(503, String::new());
    let api = Api::start_with(Server::builder(provider.login())).await;
    for _ in 0..3 {
        assert_eq!(create(&api, &signer.token(Some("key"))).await, 503);
    }
    assert_eq!(provider.requests(), 1);
    provider.answer(200, keys);
    pass(Duration::from_secs(5)).await;
    assert_eq!(create(&api, &signer.token(Some("key"))).await, 200);
}

#[tokio::test]
async fn a_provider_whose_certificate_nobody_vouches_for_is_not_believed() {
    let signer = Signer::ed25519();
    let provider = Provider::start(&[signer.jwk("key")]).await;
    let other = Provider::start(&[]).await;
    for ca in [None, Some(other.ca.as_str())] {
        let login = Login::jwks(&provider.url(), ca).unwrap();
        let api = Api::start_with(Server::builder(login)).await;
        assert_eq!(create(&api, &signer.token(Some("key"))).await, 503);
    }
    assert_eq!(provider.requests(), 0);
}
