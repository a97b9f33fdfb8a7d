//! The failures of connections to the server.

use std::error::Error;
use std::net::SocketAddr;
use std::{fmt, io};

use thiserror::Error;

/// The server was not reached, or the connection to it broke.
#[derive(Debug)]
#[non_exhaustive]
pub struct NetworkError {
    /// The address, without the parts that may hold a secret.
    pub url: String,
    /// The failure.
    pub failure: NetworkFailure,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot reach {}: {}", self.url, self.failure)
    }
}

/// The source is that of the failure, whose text this error already includes.
impl Error for NetworkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.failure.source()
    }
}

/// Why a connection to the server failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkFailure {
    /// The connection broke before the answer was complete.
    #[error("the connection broke before the answer was complete ({0})")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The host's address cannot be reached, for example because there is no route to it.
    #[error("cannot connect to {address} ({source})")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The server does not speak plain HTTP, for example because the port is for TLS.
    #[error("the server does not speak plain HTTP; use https:// for a TLS port ({0})")]
    NotHttp(#[source] Box<dyn Error + Send + Sync>),
    /// The server does not speak TLS, for example because the port is for plain HTTP.
    #[error("the server does not speak TLS; use http:// for a plain HTTP port ({0})")]
    NotTls(#[source] io::Error),
    /// The proxy cannot be reached, or did not answer.
    #[error("cannot use the proxy {proxy}: {failure}")]
    Proxy {
        /// The proxy's address.
        proxy: String,
        /// Why the connection to the proxy failed.
        #[source]
        failure: Box<Self>,
    },
    /// The proxy refuses a tunnel to the server.
    #[error("the proxy {proxy} refuses a tunnel to the server (HTTP status {status})")]
    ProxyRefused {
        /// The proxy's address.
        proxy: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nothing listens at the host's address.
    #[error("nothing listens at {address} ({source})")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A step took too long.
    #[error("no answer in time while {phase}")]
    Timeout {
        /// The step.
        phase: Phase,
    },
    /// The TLS handshake failed, for example because the certificate has expired.
    #[error("the TLS handshake failed ({0})")]
    Tls(#[source] io::Error),
    /// No trusted authority vouches for the server's certificate.
    /// [`ClientBuilder::trust`](crate::ClientBuilder::trust) adds one.
    #[error("no trusted authority has issued the server's certificate ({0})")]
    UnknownAuthority(#[source] io::Error),
    /// The name of the host has no address.
    #[error("the name `{host}` has no address ({source})")]
    UnknownHost {
        /// The name.
        host: String,
        /// The error of the resolver.
        source: io::Error,
    },
    /// The server's certificate is for another name.
    #[error("the server's certificate is for another name ({0})")]
    WrongName(#[source] io::Error),
}

/// A step on the way to an answer of the server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the addresses of the host's name.
    Resolving,
    /// Opening a TCP connection.
    Connecting,
    /// Waiting for the proxy to open a tunnel.
    Tunneling,
    /// The TLS handshake.
    Securing,
    /// Waiting for the answer to a request.
    Answering,
    /// Waiting for the first message over the signaling connection.
    Entering,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "looking up the host's name",
            Self::Connecting => "connecting",
            Self::Tunneling => "waiting for the proxy's tunnel",
            Self::Securing => "agreeing on TLS",
            Self::Answering => "waiting for the server's answer",
            Self::Entering => "waiting for the room",
        })
    }
}
