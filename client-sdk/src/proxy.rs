//! The HTTP proxy between a client and its server.

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tower::ServiceExt;

use crate::error::RequestError;

/// An HTTP proxy that forwards requests and opens tunnels (RFC 9110 section 9.3.6).
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    url: String,
    uri: Uri,
}

impl Proxy {
    pub(crate) fn parse(url: &str) -> Result<Self, RequestError> {
        let parsed = Url::parse(url).ok().filter(|parsed| {
            parsed.scheme() == "http" && parsed.host().is_some() && parsed.username().is_empty()
        });
        match (parsed, url.parse()) {
            (Some(_), Ok(uri)) => Ok(Self { url: url.to_owned(), uri }),
            _ => Err(RequestError::Proxy { url: url.to_owned() }),
        }
    }

    pub(crate) fn for_requests(&self) -> Result<reqwest::Proxy, RequestError> {
        reqwest::Proxy::all(&self.url).map_err(|_| RequestError::Proxy { url: self.url.clone() })
    }

    /// Opens a tunnel to the host of a URL, whatever its scheme.
    pub(crate) async fn tunnel(&self, to: &str) -> Result<TcpStream, String> {
        let authority = authority(to).ok_or("the address has no host")?;
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
        let tunnel = Tunnel::new(self.uri.clone(), HttpConnector::new());
        let stream = tunnel.oneshot(uri.map_err(|error| error.to_string())?).await;
        Ok(stream
            .map_err(|error| format!("the proxy does not let this through: {error}"))?
            .into_inner())
    }
}

/// The host and port. `ws` and `wss` have the ports of HTTP.
fn authority(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
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

    #[test]
    fn the_tunnel_leads_to_the_port_of_the_scheme() {
        assert_eq!(authority("wss://example.com/ws?token=x").unwrap(), "example.com:443");
        assert_eq!(authority("ws://127.0.0.1:8080/ws").unwrap(), "127.0.0.1:8080");
        assert_eq!(authority("ws://[::1]/ws").unwrap(), "[::1]:80");
    }
}
