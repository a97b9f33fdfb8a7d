//! JSON bodies.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use signal_core::wire;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::error::{ApiError, invalid};
use crate::app::App;
use crate::limits::Limit;
use crate::listener::gate::BodyPatience;

/// A body that is parsed when the handler asks for it, so that an unknown user or a reached limit
/// is reported before a malformed body.
pub(crate) struct JsonBody {
    body: Result<Result<Bytes, BytesRejection>, Elapsed>,
    app: Arc<App>,
}

impl FromRequest<Arc<App>> for JsonBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Infallible> {
        // Behind a listener of the host application, only the time of the request is limited.
        let patience = request.extensions().get::<BodyPatience>().copied();
        let patience = patience.map_or(app.limits.request_patience, |BodyPatience(time)| time);
        let body = timeout(patience, Bytes::from_request(request, app)).await;
        Ok(Self { body, app: Arc::clone(app) })
    }
}

impl JsonBody {
    /// Parses the body. An error names the field and the problem, and contains no values of the
    /// body.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        parse(&self.read()?)
    }

    /// Parses the body, where an empty body or `null` means the default.
    pub(crate) fn parse_or_default<T: DeserializeOwned + Default>(self) -> Result<T, ApiError> {
        let body = self.read()?;
        let value: Option<T> = if body.is_empty() { None } else { parse(&body)? };
        Ok(value.unwrap_or_default())
    }

    fn read(self) -> Result<Bytes, ApiError> {
        let body = self.body.map_err(|Elapsed { .. }| {
            self.app.counters.count(Limit::RequestPatience);
            ApiError::RequestTimeout
        })?;
        body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                self.app.counters.count(Limit::BodyBytes);
                ApiError::BodyTooLarge
            }
            _ => invalid(&rejection.body_text()),
        })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body)).map_err(
        |error| {
            let problem = wire::without_value(error.inner());
            match error.path().to_string().as_str() {
                "." => invalid(&problem),
                path => invalid(&format!("{path}: {problem}")),
            }
        },
    )
}
