//! Logins: secrets, public keys, an identity provider.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use reqwest::Method;
use serde_json::{Value, json};
use signal_server::{InvalidKey, Login, Server};

mod provider;
mod published;

use self::provider::Provider;
use crate::common::program::{Running, Served, program};
use crate::common::{ACCESS_SECRET, Api, answer, text};

// Made for these tests with `openssl genrsa`.
const RSA_PRIVATE: &str = include_str!("keys/rsa_private.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa_public.pem");

/// A login that signs tokens with a key of its own.
struct Signer {
    algorithm: Algorithm,
    signing: EncodingKey,
    public_pem: String,
}

impl Signer {
    fn rsa() -> Self {
        let signing = EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap();
        Self { algorithm: Algorithm::RS256, signing, public_pem: RSA_PUBLIC.to_owned() }
    }

    fn p256() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let signing = EncodingKey::from_ec_der(&pair.serialize_der());
        Self { algorithm: Algorithm::ES256, signing, public_pem: pair.public_key_pem() }
    }

    fn ed25519() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let signing = EncodingKey::from_ed_der(&pair.serialize_der());
        Self { algorithm: Algorithm::EdDSA, signing, public_pem: pair.public_key_pem() }
    }

    fn all() -> [Self; 3] {
        [Self::rsa(), Self::p256(), Self::ed25519()]
    }

    fn token(&self, kid: Option<&str>) -> String {
        let claims = json!({"sub": "alice", "name": "小明", "exp": 4_000_000_000_u64});
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm) };
        encode(&header, &claims, &self.signing).unwrap()
    }

    /// The public key as an identity provider publishes it.
    fn jwk(&self, kid: &str) -> Value {
        let pem = self.public_pem.as_bytes();
        let key = match self.algorithm {
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem),
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem),
            _ => DecodingKey::from_ed_pem(pem),
        };
        let mut jwk = Jwk::from_decoding_key(&key.unwrap(), Some(self.algorithm)).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
}

/// The status of creating a room with that token.
async fn create(api: &Api, token: &str) -> u16 {
    answer(api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token)).await.status
}

#[tokio::test]
async fn a_login_with_a_key_pair_is_believed_by_its_public_key() {
    for signer in Signer::all() {
        let login = Login::public_keys([&signer.public_pem]).unwrap();
        let api = Api::start_with(Server::builder(login)).await;
        let token = signer.token(Some("whatever it calls it"));
        let request = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
        let created = answer(request).await.data();
        assert_eq!(created["name"], "小明的房间");
        api.attach(&text(&created["room_id"]), &token).await.joined().await;
        for stranger in
            Signer::all().into_iter().filter(|other| other.public_pem != signer.public_pem)
        {
            assert_eq!(create(&api, &stranger.token(None)).await, 401, "{:?}", stranger.algorithm);
        }
    }
}

#[tokio::test]
async fn while_one_key_replaces_another_both_are_believed() {
    let [old, new, other] = Signer::all();
    let api = Api::start_with(Server::builder(
        Login::public_keys([&old.public_pem, &new.public_pem]).unwrap(),
    ))
    .await;
    for (signer, status) in [(old, 200), (new, 200), (other, 401)] {
        assert_eq!(create(&api, &signer.token(None)).await, status);
    }
}

#[tokio::test]
async fn a_token_has_no_say_in_the_algorithm() {
    for signer in Signer::all() {
        let login = Login::public_keys([&signer.public_pem]).unwrap();
        let api = Api::start_with(Server::builder(login)).await;
        let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64});
        // A public key must not serve as a secret.
        for secret in [signer.public_pem.as_bytes(), signer.public_pem.trim_end().as_bytes()] {
            let forged =
                encode(&Header::default(), &claims, &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(create(&api, &forged).await, 401);
        }
        let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        for algorithm in ["none", "None", "HS256"] {
            let unsigned = format!(
                "{}.{}.",
                part(json!({"alg": algorithm, "typ": "JWT"})),
                part(claims.clone())
            );
            assert_eq!(create(&api, &unsigned).await, 401, "{algorithm}");
        }
        // Nor may it bring or point to a key.
        let brought = Header {
            jwk: Some(serde_json::from_value(signer.jwk("x")).unwrap()),
            ..Header::new(Algorithm::EdDSA)
        };
        let stranger = Signer::ed25519();
        let brought = encode(&brought, &claims, &stranger.signing).unwrap();
        assert_eq!(create(&api, &brought).await, 401);
    }
    // The same kind of key with another algorithm.
    let api = Api::start_with(Server::builder(Login::public_keys([RSA_PUBLIC]).unwrap())).await;
    let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64});
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let token = encode(&Header::new(algorithm), &claims, &Signer::rsa().signing).unwrap();
        assert_eq!(create(&api, &token).await, 401, "{algorithm:?}");
    }
}

#[test]
fn keys_that_should_not_be_used_are_refused() {
    assert_eq!(Login::public_keys([RSA_PRIVATE]).unwrap_err(), InvalidKey::Private);
    assert_eq!(
        Login::public_keys([include_str!("keys/rsa_1024_public.pem")]).unwrap_err(),
        InvalidKey::Short
    );
}

#[tokio::test]
async fn the_program_takes_keys_and_an_identity_provider_as_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let [rsa, p256, _] = Signer::all();
    let provider = Provider::start(&[p256.jwk("key")]).await;
    let settings = [
        (["--access-key-file", &file("rsa.pem", &rsa.public_pem)].map(str::to_owned).to_vec(), rsa),
        (
            ["--jwks-url", &provider.url(), "--jwks-ca", &file("ca.pem", &provider.ca)]
                .map(str::to_owned)
                .to_vec(),
            p256,
        ),
    ];
    for (settings, signer) in settings {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        let mut running = Running::start(command.args(settings));
        let printed = running.announcement().await;
        assert!(!printed.contains("SIGNAL_ACCESS_SECRET") && !printed.contains("eyJ"), "{printed}");
        let url = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        let api = Api::at(url.parse().unwrap());
        assert_eq!(create(&api, &signer.token(Some("key"))).await, 200);
        assert_eq!(create(&api, &api.access_token("alice")).await, 401);
    }
    assert!(!Path::new("signal-data").exists());
}

#[tokio::test]
async fn the_log_and_a_metric_say_why_a_token_was_refused() {
    let (issuer, audience) = ("https://login.example", "rooms");
    let checked = ["--access-issuer", issuer, "--access-audience", audience];
    let log = ["--log", "signal_server=debug", "--log-format", "json"];
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let args = [listen.as_slice(), &checked, &log].concat();
    let server = Served::start(&mut program(&args)).await;
    let api = &server.api;
    let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64, "iss": issuer, "aud": audience});
    let token = |claim: &str, value: Value, secret: &str| {
        let mut claims = claims.clone();
        claims[claim] = value;
        encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    let request = |method: Method, path: &str, token: &str| {
        api.request(method, &format!("/api/webrtc/rooms{path}")).bearer_auth(token)
    };
    for (claim, value, secret) in [
        ("iss", json!("https://other.example"), ACCESS_SECRET),
        ("aud", json!("mail"), ACCESS_SECRET),
        ("sub", json!("alice"), "another secret"),
        ("exp", json!(1_000_000_000), ACCESS_SECRET),
        ("nbf", json!(3_900_000_000_u64), ACCESS_SECRET),
    ] {
        let refused = create(api, &token(claim, value, secret)).await;
        assert_eq!(refused, 401, "{claim}");
    }
    let good = token("sub", "alice".into(), ACCESS_SECRET);
    let room = answer(request(Method::POST, "", &good)).await.data();
    let other = answer(request(Method::POST, "", &good)).await.data();
    let [room_id, other_id] = [&room, &other].map(|room| text(&room["room_id"]));
    let guest = api.join(&room_id, &json!({"password": room["password"]})).await.data();
    let guest = text(&guest["ws_token"]);
    assert_eq!(api.attach(&other_id, &guest).await.error().await, "token_invalid");
    let rotate = request(Method::PATCH, &format!("/{room_id}"), &good);
    answer(rotate.json(&json!({"rotate_password": true}))).await.data();
    assert_eq!(api.attach(&room_id, &guest).await.error().await, "token_invalid");

    let reasons =
        ["issuer", "audience", "signature", "expired", "not_yet_valid", "other_room", "void"];
    for reason in reasons {
        let metric = format!("signal_refused_tokens_total{{reason=\"{reason}\"}}");
        assert_eq!(server.metric(&metric).await, 1.0, "{reason}");
    }
    server.running.signal("TERM");
    let (_, log) = server.running.ended().await;
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<_> =
        lines.filter_map(|line| Some(line["fields"]["reason"].as_str()?.to_owned())).collect();
    assert_eq!(told, reasons);
    assert!(!log.contains(&good) && !log.contains(&guest), "{log}");
}
