//! The local ports of this machine. Each socket to one server takes one.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process};

use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};

/// This machine has not so many local ports as a run needs.
#[derive(Debug, Error)]
#[error(
    "this run needs about {needed} sockets to one server, and this machine has {ports} local ports \
     for them: widen net.ipv4.ip_local_port_range, or use fewer or smaller rooms"
)]
pub(crate) struct TooFewPorts {
    needed: u64,
    ports: u64,
}

/// Takes the local ports in turn.
///
/// Linux looks for a free one at each half of the range in order, so that beyond 14,000 sockets to
/// one server each further one takes it milliseconds of processor time, during which nothing else
/// goes on.
#[derive(Debug)]
pub(crate) struct LocalPorts {
    /// `None` where it is not known: the operating system chooses.
    range: Option<PortRange>,
    taken: AtomicU32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct PortRange {
    first: u16,
    count: u32,
}

/// Tells before the start whether there are enough.
pub(crate) fn check(needed: u64) -> Result<(), TooFewPorts> {
    match PortRange::of_this_machine() {
        Some(PortRange { count, .. }) if u64::from(count) < needed => {
            Err(TooFewPorts { needed, ports: count.into() })
        }
        Some(_) | None => Ok(()),
    }
}

impl LocalPorts {
    pub(crate) fn of_this_machine() -> Self {
        // Several generators on one machine begin at different ports.
        let taken = AtomicU32::new(process::id().wrapping_mul(1_000));
        Self { range: PortRange::of_this_machine(), taken }
    }

    /// Connects from the next port that is free.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(port) = self.next() else { break };
            let (socket, from) = match to {
                SocketAddr::V4(_) => (TcpSocket::new_v4()?, Ipv4Addr::UNSPECIFIED.into()),
                SocketAddr::V6(_) => (TcpSocket::new_v6()?, Ipv6Addr::UNSPECIFIED.into()),
            };
            // The port of a socket that was closed a moment ago may be used again.
            socket.set_reuseaddr(true)?;
            let connected = match socket.bind(SocketAddr::new(from, port)) {
                Ok(()) => socket.connect(to).await,
                Err(error) => Err(error),
            };
            match connected {
                Err(error) if is_taken(&error) => {}
                connected => return connected,
            }
        }
        TcpStream::connect(to).await
    }

    fn next(&self) -> Option<u16> {
        let range = self.range?;
        let place = self.taken.fetch_add(1, Ordering::Relaxed) % range.count;
        // The range ends below 65,536.
        u16::try_from(u32::from(range.first) + place).ok()
    }
}

impl PortRange {
    fn of_this_machine() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
    }

    fn parse(range: &str) -> Option<Self> {
        let mut ends = range.split_whitespace().map(str::parse::<u16>);
        let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
        let count = (u32::from(last) + 1).checked_sub(first.into())?;
        (count > 0).then_some(Self { first, count })
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
}

/// Those of other programs lie close together.
const MAX_ATTEMPTS: u32 = 200;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_range_contains_both_ends() {
        let usual = PortRange { first: 32_768, count: 28_232 };
        assert_eq!(PortRange::parse("32768\t60999\n"), Some(usual));
        assert_eq!(PortRange::parse("1024 65535").map(|range| range.count), Some(64_512));
        for none in ["5 4", "9 4", "", "1", "1 x", "1 65536"] {
            assert_eq!(PortRange::parse(none), None, "{none}");
        }
        assert!(check(u64::MAX).unwrap_err().to_string().contains("ip_local_port_range"));
    }

    #[tokio::test]
    async fn ports_are_taken_in_turn_and_those_in_use_are_passed_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        // A range of the listener's own port and seven more, round which this goes twice.
        let first = to.port().min(u16::MAX - 7);
        let range = Some(PortRange { first, count: 8 });
        let ports = LocalPorts { range, taken: AtomicU32::new(0) };
        let mut streams = Vec::new();
        for _ in 0..16 {
            streams.push(ports.connect(to).await.unwrap());
        }
        let used: HashSet<u16> =
            streams.iter().map(|stream| stream.local_addr().unwrap().port()).collect();
        assert_eq!(used.len(), streams.len());
        let within = used.iter().filter(|port| (first..first + 8).contains(port)).count();
        assert!(within >= 4, "{used:?} from {first}");
        assert!(!used.contains(&to.port()));
    }
}
