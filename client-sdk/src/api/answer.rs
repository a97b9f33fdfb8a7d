//! The server's answers to requests.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::RequestError;

#[derive(Deserialize)]
struct Success<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
    message: String,
}

/// The `data` of a successful answer.
pub(super) fn success<T: DeserializeOwned>(url: &Url, body: &[u8]) -> Result<T, RequestError> {
    let protocol = |reason: String| RequestError::Protocol { url: shown(url), reason };
    let success: Success<T> =
        serde_json::from_slice(body).map_err(|error| protocol(error.to_string()))?;
    success.data.ok_or_else(|| protocol("`data` is missing".into()))
}

/// Converts an error answer of the server.
pub(super) fn refusal(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> RequestError {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { code, .. }) if code == "not_found" => {
            RequestError::WrongPath { url: shown(url) }
        }
        Ok(ErrorBody { code, message }) => {
            // The server gives whole seconds (RFC 9110 section 10.2.3).
            let seconds = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
            let retry_after = seconds.map(Duration::from_secs);
            RequestError::Refused { status: status.as_u16(), code, message, retry_after }
        }
        Err(_) if status == StatusCode::NOT_FOUND => RequestError::WrongPath { url: shown(url) },
        Err(error) => {
            let reason = match header(LOCATION) {
                // The location may repeat a token of the request.
                Some(location) => match url.join(location) {
                    Ok(location) => format!("HTTP status {status} to {}", shown(&location)),
                    Err(_) => format!("HTTP status {status}"),
                },
                None => format!("HTTP status {status}, {error}"),
            };
            RequestError::Protocol { url: shown(url), reason }
        }
    }
}

/// A URL without its secrets: the user, and the query, which may hold a token.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail for addresses without a host, which have no user.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let url = Url::parse("wss://me:secret@a.example:81/ws/ABC234?token=secret#x").unwrap();
        assert_eq!(shown(&url), "wss://a.example:81/ws/ABC234");
        let mut headers = HeaderMap::new();
        let location = "https://b.example/ws/ABC234?token=secret".parse().unwrap();
        headers.insert(LOCATION, location);
        let redirect = refusal(&url, StatusCode::MOVED_PERMANENTLY, &headers, b"");
        let told = format!("{redirect} {redirect:?}");
        assert!(told.contains("https://b.example/ws/ABC234"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
