//! The HTTP proxy between a client and its server.

use hyper::Method;
use hyper::header::HOST;
use tokio::time::Instant;
use url::Url;

use super::{Request, Stream, authority, http, tcp, within};
use crate::error::{NetworkFailure, Phase, RequestError};

/// An HTTP proxy that opens tunnels (RFC 9110 section 9.3.6).
#[derive(Clone, Debug)]
pub(crate) struct Proxy(Url);

impl Proxy {
    pub(crate) fn parse(url: &str) -> Result<Self, RequestError> {
        let parsed = Url::parse(url).ok().filter(|parsed| {
            let has_user = !parsed.username().is_empty() || parsed.password().is_some();
            parsed.scheme() == "http" && parsed.host().is_some() && !has_user
        });
        // There may be a password before the host.
        let shown = url.rsplit('@').next().unwrap_or_default();
        parsed.map(Self).ok_or_else(|| RequestError::Proxy { url: shown.to_owned() })
    }

    /// Opens a tunnel to the host of a URL, whatever its scheme.
    pub(crate) async fn tunnel(
        &self,
        to: &Url,
        deadline: Instant,
    ) -> Result<Stream, NetworkFailure> {
        let failed =
            |failure| NetworkFailure::Proxy { proxy: self.name(), failure: Box::new(failure) };
        let stream = tcp::connect(&self.0, deadline).await.map_err(failed)?;
        let to = authority(to);
        match within(Phase::Tunneling, deadline, self.open(stream, &to)).await {
            Err(refused @ NetworkFailure::ProxyRefused { .. }) => Err(refused),
            opened => opened.map_err(failed),
        }
    }

    async fn open(&self, stream: Stream, to: &str) -> Result<Stream, NetworkFailure> {
        let request = Request::default();
        let (mut head, body) = request.into_parts();
        head.method = Method::CONNECT;
        head.uri = to.parse().map_err(http::broken)?;
        head.headers.insert(HOST, to.parse().map_err(http::broken)?);
        let answer = http::exchange(stream, Request::from_parts(head, body)).await?;
        if !answer.status().is_success() {
            let status = answer.status().as_u16();
            return Err(NetworkFailure::ProxyRefused { proxy: self.name(), status });
        }
        // A server behind a tunnel speaks second, so nothing of it has been read yet.
        let (stream, _) = http::switch_protocol(answer).await?;
        Ok(stream)
    }

    fn name(&self) -> String {
        authority(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_proxys_address_is_refused() {
        assert!(Proxy::parse("http://proxy.example.com:3128").is_ok());
        for url in
            ["", "proxy:3128", "socks5://proxy:1080", "https://proxy", "http://user@proxy:3128"]
        {
            assert!(matches!(Proxy::parse(url), Err(RequestError::Proxy { .. })), "{url}");
        }
    }
}
