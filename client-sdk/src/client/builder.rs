//! The settings of a client.

use std::fmt;
use std::time::Duration;

use signal_core::Language;

use super::Client;
use crate::api::Api;
use crate::error::RequestError;
use crate::network::{Network, Proxy};

/// Builds a [`Client`]; see [`Client::builder`].
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    proxy: Option<String>,
    certificates: Vec<u8>,
    language: Language,
    request_timeout: Duration,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            proxy: None,
            certificates: Vec::new(),
            language: Language::En,
            request_timeout: Duration::from_secs(10),
        }
    }

    /// Sends requests and signaling through an HTTP proxy like `http://proxy.example.com:3128` (RFC
    /// 9110 section 9.3.6). The default is no proxy; environment variables are ignored.
    ///
    /// Streams to TURN servers over TCP and TLS use the proxy too. All other media is UDP and does
    /// not.
    pub fn proxy(mut self, url: &str) -> Self {
        self.proxy = Some(url.to_owned());
        self
    }

    /// Trusts certificate authorities in addition to Mozilla's, for the server and for TURN servers
    /// over TLS: one or more certificates in PEM (RFC 7468). The default is none. Repeated calls
    /// add certificates.
    pub fn trust(mut self, pem: &[u8]) -> Self {
        self.certificates.extend_from_slice(pem);
        self.certificates.push(b'\n');
        self
    }

    /// Sets the language of the server's texts, like the reasons in errors and events. The default
    /// is English.
    pub fn language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    /// Sets how long one HTTP request may take. The default is 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Builds the client. It connects only when it is used.
    ///
    /// # Errors
    ///
    /// [`RequestError::Address`], [`RequestError::Proxy`] or [`RequestError::Certificate`] for a
    /// setting that cannot be used.
    pub fn build(self) -> Result<Client, RequestError> {
        let proxy = self.proxy.as_deref().map(Proxy::parse).transpose()?;
        let network = Network::new(proxy, &self.certificates)?;
        Ok(Client { api: Api::new(&self.url, network, self.language, self.request_timeout)? })
    }
}

/// The addresses may contain passwords.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("language", &self.language)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}
