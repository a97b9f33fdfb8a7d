//! TCP connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use url::{Host, Url};

use super::{ByteStream, Stream, within};
use crate::error::{NetworkFailure, Phase};

impl ByteStream for TcpStream {
    fn local_address(&self) -> Option<IpAddr> {
        self.local_addr().ok().map(|address| address.ip())
    }
}

/// Opens a connection to the host of a URL. Its addresses are tried one after the other, and each
/// gets an equal share of the remaining time, so that an unresponsive address leaves time for the
/// next.
pub(super) async fn connect(url: &Url, deadline: Instant) -> Result<Stream, NetworkFailure> {
    let addresses = within(Phase::Resolving, deadline, addresses(url)).await?;
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let now = Instant::now();
        let share = now + deadline.saturating_duration_since(now) / left;
        match within(Phase::Connecting, share, open(*address)).await {
            Ok(stream) => return Ok(stream),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| unknown(url, io::ErrorKind::NotFound.into())))
}

/// The addresses of the host of a URL.
pub(crate) async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, NetworkFailure> {
    let port = url.port_or_known_default().unwrap_or_default();
    match url.host() {
        Some(Host::Ipv4(ip)) => Ok(vec![(ip, port).into()]),
        Some(Host::Ipv6(ip)) => Ok(vec![(ip, port).into()]),
        Some(Host::Domain(name)) => match lookup_host((name, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(unknown(url, error)),
        },
        None => Err(unknown(url, io::ErrorKind::NotFound.into())),
    }
}

fn unknown(url: &Url, source: io::Error) -> NetworkFailure {
    NetworkFailure::UnknownHost { host: url.host_str().unwrap_or_default().to_owned(), source }
}

async fn open(address: SocketAddr) -> Result<Stream, NetworkFailure> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::ConnectionRefused => NetworkFailure::Refused { address, source },
        _ => NetworkFailure::Connect { address, source },
    };
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(Box::new(stream))
}
