//! Whose access tokens open the server: secrets, public keys, an identity provider.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use reqwest::Method;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use signal_server::{Identity, InvalidKey, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::common::program::{Running, program};
use crate::common::{Api, answer, pass, text};

// Made for these tests with `openssl genrsa`.
const RSA_PRIVATE: &str = include_str!("keys/rsa_private.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa_public.pem");

/// A key pair of a login.
struct Login {
    algorithm: Algorithm,
    signing: EncodingKey,
    public_pem: String,
}

impl Login {
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

/// How creating a room with that token is answered.
async fn create(api: &Api, token: &str) -> u16 {
    answer(api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(token)).await.status
}

#[tokio::test]
async fn a_login_with_a_key_pair_is_believed_by_its_public_key() {
    for login in Login::all() {
        let identity = Identity::public_keys([&login.public_pem]).unwrap();
        let api = Api::start_with(Server::builder(identity)).await;
        let token = login.token(Some("whatever it calls it"));
        let request = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
        let created = answer(request).await.data();
        assert_eq!(created["name"], "小明的房间");
        api.attach(&text(&created["room_id"]), &token).await.joined().await;
        for stranger in
            Login::all().into_iter().filter(|other| other.public_pem != login.public_pem)
        {
            assert_eq!(create(&api, &stranger.token(None)).await, 401, "{:?}", stranger.algorithm);
        }
    }
}

#[tokio::test]
async fn while_one_key_replaces_another_both_are_believed() {
    let [old, new, other] = Login::all();
    let api = Api::start_with(Server::builder(
        Identity::public_keys([&old.public_pem, &new.public_pem]).unwrap(),
    ))
    .await;
    for (login, status) in [(old, 200), (new, 200), (other, 401)] {
        assert_eq!(create(&api, &login.token(None)).await, status);
    }
}

#[tokio::test]
async fn a_token_has_no_say_in_the_algorithm() {
    for login in Login::all() {
        let identity = Identity::public_keys([&login.public_pem]).unwrap();
        let api = Api::start_with(Server::builder(identity)).await;
        let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64});
        // What is public must not serve as a secret.
        for secret in [login.public_pem.as_bytes(), login.public_pem.trim_end().as_bytes()] {
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
            jwk: Some(serde_json::from_value(login.jwk("x")).unwrap()),
            ..Header::new(Algorithm::EdDSA)
        };
        let stranger = Login::ed25519();
        let brought = encode(&brought, &claims, &stranger.signing).unwrap();
        assert_eq!(create(&api, &brought).await, 401);
    }
    // The same kind of key with another algorithm.
    let api = Api::start_with(Server::builder(Identity::public_keys([RSA_PUBLIC]).unwrap())).await;
    let claims = json!({"sub": "alice", "exp": 4_000_000_000_u64});
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let token = encode(&Header::new(algorithm), &claims, &Login::rsa().signing).unwrap();
        assert_eq!(create(&api, &token).await, 401, "{algorithm:?}");
    }
}

#[test]
fn keys_that_should_not_be_used_are_refused() {
    assert_eq!(Identity::public_keys([RSA_PRIVATE]).unwrap_err(), InvalidKey::Private);
    assert_eq!(
        Identity::public_keys([include_str!("keys/rsa_1024_public.pem")]).unwrap_err(),
        InvalidKey::Short
    );
}

/// An identity provider with a certificate of its own authority, which publishes keys at any path.
struct Provider {
    address: SocketAddr,
    ca: String,
    published: Arc<Mutex<Published>>,
    requests: Arc<AtomicU32>,
    serving: JoinHandle<()>,
}

/// What a provider answers: status and body.
type Published = (u16, String);

impl Provider {
    async fn start(keys: &[Value]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let chain = vec![certificate.der().clone()];
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(chain, private).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Mutex::new((200, json!({"keys": keys}).to_string())));
        let requests = Arc::new(AtomicU32::new(0));
        let serving = tokio::spawn(Self::serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            Arc::clone(&published),
            Arc::clone(&requests),
        ));
        Self { address, ca: certificate.pem(), published, requests, serving }
    }

    async fn serve(
        listener: TcpListener,
        tls: TlsAcceptor,
        published: Arc<Mutex<Published>>,
        requests: Arc<AtomicU32>,
    ) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not trust the certificate ends the handshake.
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                    Err(error) => panic!("{error}"),
                }
            }
            requests.fetch_add(1, Ordering::Relaxed);
            let (status, body) = published.lock().unwrap().clone();
            let answer = format!(
                "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/jwks.json", self.address.port())
    }

    fn identity(&self) -> Identity {
        Identity::jwks(&self.url(), Some(&self.ca)).unwrap()
    }

    fn publish(&self, keys: &[Value]) {
        self.answer(200, json!({"keys": keys}).to_string());
    }

    fn answer(&self, status: u16, body: String) {
        *self.published.lock().unwrap() = (status, body);
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn the_keys_of_an_identity_provider_are_fetched_once_and_serve_its_tokens() {
    let logins = Login::all();
    let mut keys: Vec<Value> = logins
        .iter()
        .enumerate()
        .map(|(index, login)| login.jwk(&format!("key-{index}")))
        .collect();
    // Others may be there that mean nothing to this server.
    keys.push(json!({"kty": "oct", "kid": "key-9", "k": "c2VjcmV0"}));
    keys.push(json!({"kty": "quantum", "kid": "key-10"}));
    let provider = Provider::start(&keys).await;
    let api = Api::start_with(Server::builder(provider.identity())).await;
    assert_eq!(provider.requests(), 0, "nobody has asked yet");
    for (index, login) in logins.iter().enumerate() {
        for kid in [Some(format!("key-{index}")), None] {
            assert_eq!(
                create(&api, &login.token(kid.as_deref())).await,
                200,
                "{:?}",
                login.algorithm
            );
        }
        let wrong_key = format!("key-{}", (index + 1) % 3);
        assert_eq!(create(&api, &login.token(Some(&wrong_key))).await, 401);
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
    let [_, old, new] = Login::all();
    let provider = Provider::start(&[old.jwk("old")]).await;
    let api = Api::start_with(Server::builder(provider.identity())).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    pass(Duration::from_secs(5)).await;

    provider.publish(&[old.jwk("old"), new.jwk("new")]);
    assert_eq!(create(&api, &new.token(Some("new"))).await, 200);
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    assert_eq!(provider.requests(), 2);
    pass(Duration::from_secs(5)).await;
    // The keys were fetched for this one, so it is known to be forged.
    assert_eq!(create(&api, &new.token(Some("forged"))).await, 401);
    for forged in 0..5 {
        assert_eq!(create(&api, &new.token(Some(&format!("forged-{forged}")))).await, 503);
    }
    assert_eq!(provider.requests(), 3);
}

#[tokio::test]
async fn a_token_of_a_key_published_a_moment_ago_cannot_be_judged_yet() {
    let [_, old, new] = Login::all();
    let provider = Provider::start(&[old.jwk("old")]).await;
    let api = Api::start_with(Server::builder(provider.identity())).await;
    // A stranger's made-up key id has the keys fetched, just before the login changes its key.
    assert_eq!(create(&api, &new.token(Some("made-up"))).await, 401);
    provider.publish(&[new.jwk("new")]);
    let token = new.token(Some("new"));
    let request = || api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token);
    let early = request().send().await.unwrap();
    assert_eq!(early.status(), 503);
    assert!(early.headers().contains_key("retry-after"));
    let mut socket = api.attach("ABC234", &token).await;
    assert_eq!((socket.error().await, socket.closed().await), ("unavailable".to_owned(), 4001));
    pass(Duration::from_secs(5)).await;
    assert_eq!(answer(request()).await.status, 200);
}

#[tokio::test]
async fn an_ed25519_key_verifies_tokens_by_the_new_name_of_its_algorithm_too() {
    let [rsa, _, login] = Login::all();
    let claims = json!({"sub": "alice", "name": "小明", "exp": 4_000_000_000_u64});
    let token = |alg: &str, claims: &Value, by: &Login| {
        let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&json!({"alg": alg, "kid": "key"})), part(claims));
        let signature = sign(message.as_bytes(), &by.signing, by.algorithm).unwrap();
        format!("{message}.{signature}")
    };
    let mut published = login.jwk("key");
    published["alg"] = "Ed25519".into();
    let provider = Provider::start(&[published]).await;
    let identities = [Identity::public_keys([&login.public_pem]).unwrap(), provider.identity()];
    for identity in identities {
        let api = Api::start_with(Server::builder(identity)).await;
        for name in ["Ed25519", "EdDSA"] {
            let good = token(name, &claims, &login);
            let request = api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&good);
            assert_eq!(answer(request).await.data()["name"], "小明的房间");
            // The claims of the same token count as with every other name.
            for (claim, value) in [("exp", json!(1_000_000_000)), ("nbf", json!(3_900_000_000_u64))]
            {
                let mut claims = claims.clone();
                claims[claim] = value;
                assert_eq!(create(&api, &token(name, &claims, &login)).await, 401, "{claim}");
            }
            let other = token(name, &json!({"sub": "bob", "exp": 4_000_000_000_u64}), &login);
            let (message, _) = good.rsplit_once('.').unwrap();
            let (_, signature) = other.rsplit_once('.').unwrap();
            assert_eq!(create(&api, &format!("{message}.{signature}")).await, 401);
            assert_eq!(create(&api, &format!("{message}.")).await, 401);
            assert_eq!(create(&api, &token(name, &claims, &Login::ed25519())).await, 401);
        }
        assert_eq!(create(&api, &token("ED25519", &claims, &login)).await, 401);
    }
    // The name does not choose the key.
    let api = Api::start_with(Server::builder(Identity::public_keys([RSA_PUBLIC]).unwrap())).await;
    for by in [&rsa, &login] {
        assert_eq!(create(&api, &token("Ed25519", &claims, by)).await, 401);
    }
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_believed_no_more_after_ten_minutes() {
    let [_, old, new] = Login::all();
    let provider = Provider::start(&[old.jwk("old"), new.jwk("new")]).await;
    let api = Api::start_with(Server::builder(provider.identity())).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 200);
    provider.publish(&[new.jwk("new")]);
    pass(Duration::from_secs(10 * 60)).await;
    assert_eq!(create(&api, &old.token(Some("old"))).await, 401);
    assert_eq!(create(&api, &new.token(Some("new"))).await, 200);
}

#[tokio::test]
async fn while_the_provider_fails_its_last_keys_serve_for_a_day() {
    let login = Login::p256();
    let provider = Provider::start(&[login.jwk("key")]).await;
    let api = Api::start_with(Server::builder(provider.identity())).await;
    assert_eq!(create(&api, &login.token(Some("key"))).await, 200);
    for (status, body) in [
        (500, "{}".to_owned()),
        (200, "<html>".to_owned()),
        (200, json!({"keys": []}).to_string()),
        (200, json!({"keys": [login.jwk("key")], "padding": "x".repeat(64 * 1024)}).to_string()),
        (302, "{}".to_owned()),
    ] {
        provider.answer(status, body);
        pass(Duration::from_secs(60 * 60)).await;
        assert_eq!(create(&api, &login.token(Some("key"))).await, 200, "{status}");
    }
    provider.serving.abort();
    pass(Duration::from_secs(19 * 60 * 60)).await;
    // Neither is it the fault of whoever brings the token.
    let token = login.token(Some("key"));
    let refused = answer(api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token)).await;
    assert_eq!(refused.refused(), (503, "unavailable"));
    let mut socket = api.attach("ABC234", &token).await;
    assert_eq!((socket.error().await, socket.closed().await), ("unavailable".to_owned(), 4001));
}

#[tokio::test]
async fn a_provider_that_was_not_there_is_tried_again_soon() {
    let login = Login::ed25519();
    let provider = Provider::start(&[login.jwk("key")]).await;
    let keys = provider.published.lock().unwrap().1.clone();
    provider.answer(503, String::new());
    let api = Api::start_with(Server::builder(provider.identity())).await;
    for _ in 0..3 {
        assert_eq!(create(&api, &login.token(Some("key"))).await, 503);
    }
    assert_eq!(provider.requests(), 1);
    provider.answer(200, keys);
    pass(Duration::from_secs(5)).await;
    assert_eq!(create(&api, &login.token(Some("key"))).await, 200);
}

#[tokio::test]
async fn a_provider_whose_certificate_nobody_vouches_for_is_not_believed() {
    let login = Login::ed25519();
    let provider = Provider::start(&[login.jwk("key")]).await;
    let other = Provider::start(&[]).await;
    for ca in [None, Some(other.ca.as_str())] {
        let identity = Identity::jwks(&provider.url(), ca).unwrap();
        let api = Api::start_with(Server::builder(identity)).await;
        assert_eq!(create(&api, &login.token(Some("key"))).await, 503);
    }
    assert_eq!(provider.requests(), 0);
}

#[tokio::test]
async fn the_program_takes_keys_and_an_identity_provider_as_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).to_str().unwrap().to_owned()
    };
    let [rsa, p256, _] = Login::all();
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
    for (settings, login) in settings {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        let mut running = Running::start(command.args(settings));
        let printed = running.announcement().await;
        assert!(!printed.contains("SIGNAL_ACCESS_SECRET") && !printed.contains("eyJ"), "{printed}");
        let url = printed.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
        let api = Api::at(url.parse().unwrap());
        assert_eq!(create(&api, &login.token(Some("key"))).await, 200);
        assert_eq!(create(&api, &api.access_token("alice")).await, 401);
    }
    assert!(!Path::new("signal-data").exists());
}
