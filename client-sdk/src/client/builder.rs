//! How a server is reached.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;

use super::Client;
use crate::error::RequestError;
use crate::proxy::Proxy;
use crate::tls;

/// What a [`Client`] is made of; see [`Client::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    proxy: Option<String>,
    certificates: Vec<u8>,
    request_timeout: Duration,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        let request_timeout = Duration::from_secs(10);
        Self { url: url.to_owned(), proxy: None, certificates: Vec::new(), request_timeout }
    }

    /// An HTTP proxy, like `http://proxy.example.com:3128`, for requests and signaling (RFC 9110 section 9.3.6). By
    /// default none, whatever the environment says.
    ///
    /// Media is UDP and does not go through it.
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxy = Some(url.to_owned());
        self
    }

    /// Certificate authorities to trust besides those that Mozilla does: one or more in PEM (RFC 7468). By default none.
    pub fn trust(mut self, pem: &[u8]) -> Self {
        self.certificates.extend_from_slice(pem);
        self.certificates.push(b'\n');
        self
    }

    /// For how long a request, like creating or joining a room, may take: by default 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Builds the client. It reaches for the server only when it is used.
    ///
    /// # Errors
    ///
    /// One of the addresses is none, or a certificate is not one.
    pub fn build(self) -> Result<Client, RequestError> {
        let invalid = || RequestError::Address { url: self.url.clone() };
        let base = Url::parse(&self.url).map_err(|_| invalid())?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(invalid());
        }
        let proxy = self.proxy.as_deref().map(Proxy::parse).transpose()?;
        let tls = tls::client_config(&self.certificates)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .user_agent(concat!("client-sdk/", env!("CARGO_PKG_VERSION")))
            .timeout(self.request_timeout);
        let http = match &proxy {
            Some(proxy) => http.proxy(proxy.for_requests()?),
            None => http.no_proxy(),
        };
        let http = http.build().map_err(|error| RequestError::Network(error.to_string()))?;
        Ok(Client { http, base, proxy, tls: Arc::new(tls) })
    }
}
