//! Asks a STUN server for the address that it sees (RFC 8489).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Getter, Message};
use rtc::stun::xoraddr::XorMappedAddress;
use thiserror::Error;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("nothing listens at {0}")]
    Refused(SocketAddr),
    #[error("no answer over UDP")]
    Silent,
    #[error("the answer is not STUN")]
    Strange,
    #[error("the name has no address ({0})")]
    UnknownHost(io::Error),
    #[error("cannot send to it ({0})")]
    Unsent(io::Error),
}

/// Returns the address of this machine as the server sees it.
pub(super) async fn ask(host: &str, port: u16) -> Result<SocketAddr, NoAnswer> {
    let found = lookup_host(format!("{host}:{port}")).await.map_err(NoAnswer::UnknownHost)?;
    let mut last = NoAnswer::UnknownHost(io::ErrorKind::NotFound.into());
    for address in found {
        match ask_at(address).await {
            Ok(seen) => return Ok(seen),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn ask_at(server: SocketAddr) -> Result<SocketAddr, NoAnswer> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => NoAnswer::Refused(server),
        _ => NoAnswer::Unsent(error),
    };
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    socket.connect(server).await.map_err(failed)?;
    let mut request = Message::new();
    request.set_type(BINDING_REQUEST);
    // This uses the system's random numbers, which do not fail.
    let _ = request.new_transaction_id();
    request.encode();
    let mut answer = [0; 1500];
    for pause in RETRANSMISSION {
        socket.send(&request.raw).await.map_err(failed)?;
        if let Ok(received) = timeout(pause, socket.recv(&mut answer)).await {
            let length = received.map_err(failed)?;
            return seen(&request, &answer[..length]).ok_or(NoAnswer::Strange);
        }
    }
    Err(NoAnswer::Silent)
}

fn seen(request: &Message, answer: &[u8]) -> Option<SocketAddr> {
    let mut message = Message::new();
    message.unmarshal_binary(answer).ok()?;
    let is_answer =
        message.typ == BINDING_SUCCESS && message.transaction_id == request.transaction_id;
    let mut address = XorMappedAddress::default();
    address.get_from(&message).ok().filter(|()| is_answer)?;
    Some((address.ip, address.port).into())
}

/// The waits after which a request is sent again (RFC 8489 section 6.2.1).
const RETRANSMISSION: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(2),
];
