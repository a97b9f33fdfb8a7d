//! The local ports of this machine. Each socket to one server takes one.

use std::fs;

use thiserror::Error;

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

/// Tells before the start whether there are enough.
pub(crate) fn check(needed: u64) -> Result<(), TooFewPorts> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    match range.ok().as_deref().and_then(count) {
        Some(ports) if ports < needed => Err(TooFewPorts { needed, ports }),
        Some(_) | None => Ok(()),
    }
}

fn count(range: &str) -> Option<u64> {
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last + 1).checked_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_contains_both_ends() {
        assert_eq!(count("32768\t60999\n"), Some(28_232));
        assert_eq!(count("5 4"), Some(0));
        assert_eq!(count("9 4"), None);
        assert!(check(u64::MAX).unwrap_err().to_string().contains("ip_local_port_range"));
    }
}
