//! Tokens that anybody may present.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use signal_core::room::{Grant, Ticket};
use signal_core::{DisplayName, RoomId};

use crate::auth::login::{Login, TokenRefusal, User};
use crate::auth::secret::Secret;
use crate::auth::token_error::TokenError;
use crate::auth::ws_token::{SeatGrant, WsTokens};
use crate::clock::unix_seconds;

/// New in each process, so that no input can know it.
static SECRET: LazyLock<Secret> = LazyLock::new(Secret::random);

/// A text that nobody has signed; the same as header and claims that were signed, with a line break
/// in between; and as a change of a good token.
pub fn tokens(data: &[u8]) {
    let ws = WsTokens::new(&SECRET);
    let login = Login::from(SECRET.clone());
    let text = String::from_utf8_lossy(data);
    assert!(ws.verify(&text).is_err(), "nobody has signed {text}");
    assert!(access(&login, &text).is_err(), "nobody has signed {text}");

    let (header, claims) =
        text.split_once('\n').unwrap_or((r#"{"alg":"HS256","typ":"ws+jwt"}"#, &text));
    if let Ok(seat) = ws.verify(&signed(header, claims, &SECRET.derive("ws-token"))) {
        let read = |part: &str| serde_json::from_str::<Value>(part).expect("it was understood");
        let (header, claims) = (read(header), read(claims));
        assert_eq!([&header["alg"], &header["typ"]], ["HS256", "ws+jwt"], "{header}");
        assert!(claims["exp"].as_u64() >= Some(unix_seconds() - 60), "{claims}");
        let again = ws.mint(&seat, SystemTime::now() + WsTokens::LIFETIME);
        assert_eq!(ws.verify(&again), Ok(seat), "the second token differs from the first");
        assert!(access(&login, &again).is_err(), "a seat is no login");
    }
    let access_token = signed(header, claims, SECRET.as_bytes());
    if let Ok(user) = access(&login, &access_token) {
        assert!(!user.subject.is_empty(), "{claims}");
        let name = user.name.as_ref().map(DisplayName::as_str);
        let again =
            login.mint(&user.subject, name, Duration::from_secs(60)).expect("the secret is there");
        assert_eq!(access(&login, &again), Ok(user), "the second token differs from the first");
        assert!(ws.verify(&access_token).is_err(), "a login is no seat");
    }
    changed(data, &ws);
}

/// The first byte says where a good token is changed, the rest to what.
fn changed(data: &[u8], ws: &WsTokens) {
    let Some((at, change)) = data.split_first() else { return };
    let grant = Grant::new(Ticket::Creator, 0);
    let name = DisplayName::parse("alice").ok().flatten().expect("it is a name");
    let seat = SeatGrant { room: RoomId::from_indices([0; 6]), epoch: 7, grant, name };
    let token = ws.mint(&seat, SystemTime::now() + WsTokens::LIFETIME);
    let mut bytes = token.clone().into_bytes();
    let at = usize::from(*at) * bytes.len() / 256;
    let end = bytes.len().min(at + change.len());
    bytes[at..end].copy_from_slice(&change[..end - at]);
    let changed = String::from_utf8_lossy(&bytes);
    let expected = if changed == token { Ok(seat) } else { Err(()) };
    assert_eq!(ws.verify(&changed).map_err(|_| ()), expected, "{changed}");
}

fn access(login: &Login, token: &str) -> Result<User, TokenError> {
    let verified = login.verify(token).now_or_never().expect("a secret need not be waited for");
    verified.map_err(TokenRefusal::error)
}

fn signed(header: &str, claims: &str, key: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
