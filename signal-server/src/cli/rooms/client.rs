//! The HTTP client of the commands.

use std::time::Duration;

use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::request::Request;
use crate::auth::admin_key::AdminKey;
use crate::auth::shown::shown_url;
use crate::auth::tls;

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    key: AdminKey,
}

/// Why a request failed.
#[derive(Debug, Error)]
pub(super) enum RequestError {
    /// The response is not in the format of the server.
    #[error("{url} answers {status}; is it the --admin-listen of a server with --admin-key-file?")]
    Foreign { url: String, status: StatusCode },
    /// The server refused the request.
    #[error("the server refuses: {message} ({code})")]
    Refused { code: String, message: String },
    /// The network failed, or no server listens at the URL.
    #[error("cannot reach {url}: {error}; --admin-url is the server's --admin-listen")]
    Unreachable { url: String, error: reqwest::Error },
}

/// A response, whether it is a success or a failure.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Success { data: Value },
    Failure { code: String, message: String },
}

impl Client {
    pub(super) fn new(url: Url, key: AdminKey) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client(tls::mozilla()))
            // A redirect would send the key to another server.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("building a client with a given TLS configuration cannot fail");
        Self { http, url, key }
    }

    /// Sends a request and returns the data of the response.
    pub(super) async fn send(&self, request: Request) -> Result<Value, RequestError> {
        let Request { method, path, query, body } = request;
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["admin", "rooms"]).extend(path);
        }
        url.set_query(query.as_deref());
        let mut request = self.http.request(method, url).bearer_auth(self.key.as_str());
        request = request.header(ACCEPT_LANGUAGE, "en");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let unreachable = |error: reqwest::Error| RequestError::Unreachable {
            url: self.shown(),
            error: error.without_url(),
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        match serde_json::from_slice(&body) {
            Ok(Answer::Success { data }) => Ok(data),
            Ok(Answer::Failure { code, message }) => Err(RequestError::Refused { code, message }),
            Err(_) => Err(RequestError::Foreign { url: self.shown(), status }),
        }
    }

    fn shown(&self) -> String {
        shown_url(self.url.as_str()).to_owned()
    }
}

const PATIENCE: Duration = Duration::from_secs(15);
