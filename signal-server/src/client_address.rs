//! Where a request comes from, as far as it can be believed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Once};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use clap::ValueEnum;
use ipnet::IpNet;

/// Who counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a customer of a provider has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ClientAddress(IpAddr);

impl ClientAddress {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(IpAddr::V4(ip)),
            IpAddr::V6(ip) => {
                Self(IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))))
            }
        }
    }
}

/// The proxies whose word is taken for where a request comes from, and where they write it.
#[derive(Clone, Debug)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
    /// Whether the log was told of a proxy that is not trusted.
    told: Arc<Once>,
}

/// Where a proxy writes from whom it has a request. Only that one is read: what is in the other may be the client's own
/// invention.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ForwardedHeader {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`, which most proxies write.
    #[default]
    XForwardedFor,
}

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { networks, header, told: Arc::new(Once::new()) }
    }

    pub(crate) fn contain(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// The client's address: that of the peer or, if it is a trusted proxy, the last in the header that is none.
    ///
    /// Where an entry cannot be read, the proxy that has written it is the client: whatever is left of it may be invented.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.ip();
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::Forwarded => (&FORWARDED, forwarded_for),
            ForwardedHeader::XForwardedFor => (&X_FORWARDED_FOR, |hop| node(hop.trim())),
        };
        if headers.contains_key(name) && !self.contain(client) {
            self.told.call_once(|| {
                tracing::warn!(
                    %name,
                    "a peer that is not trusted says where it has a request from; if it is your proxy, name it with --trusted-proxy"
                );
            });
        }
        let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            let (true, Some(ip)) = (self.contain(client), read(hop)) else { break };
            client = ip;
        }
        ClientAddress::of(client)
    }
}

fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    node(value.trim_matches('"'))
}

/// An address with or without a port (RFC 7239 section 6).
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse().ok()
}

/// Reads `10.0.0.0/8`, or one address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    // What is mapped is compared as what it maps.
    match network {
        IpNet::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => None,
        IpNet::V4(_) | IpNet::V6(_) => Some(network),
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(header: ForwardedHeader, peer: &str, headers: &[(&'static str, &str)]) -> IpAddr {
        let trusted =
            ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"].map(|text| network(text).unwrap());
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let headers = headers.fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        });
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        TrustedProxies::new(trusted.to_vec(), header).client(peer, &headers).0
    }

    #[test]
    fn only_what_a_trusted_proxy_says_is_believed_and_only_its_last_word() {
        let cases: [(&str, &[&str], &str); 12] = [
            ("203.0.113.9", &[], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.9.9.9,192.0.2.7"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("2001:db8:1::1", &["2001:db8:2:3:4:5:6:7"], "2001:db8:2:3::"),
        ];
        for (peer, lines, expected) in cases {
            let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            let client = client(ForwardedHeader::XForwardedFor, peer, &headers);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        }
        let long = "1.1.1.1, ".repeat(1000) + "198.51.100.1";
        let client =
            client(ForwardedHeader::XForwardedFor, "10.0.0.1", &[("x-forwarded-for", &long)]);
        assert_eq!(client, "198.51.100.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_header_of_the_standard_is_read_where_it_is_asked_for_and_the_other_is_not() {
        for (line, expected) in [
            ("for=1.1.1.1;proto=https, proto=https;For=\"[2001:db8:2:3::9]:80\"", "2001:db8:2:3::"),
            ("for=198.51.100.1", "198.51.100.1"),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            let headers = [("forwarded", line), ("x-forwarded-for", "1.1.1.1")];
            let standard = client(ForwardedHeader::Forwarded, "10.0.0.1", &headers);
            assert_eq!(standard, expected.parse::<IpAddr>().unwrap(), "{line}");
            let common = client(ForwardedHeader::XForwardedFor, "10.0.0.1", &headers);
            assert_eq!(common, "1.1.1.1".parse::<IpAddr>().unwrap(), "{line}");
        }
    }

    #[test]
    fn a_network_is_written_with_or_without_its_length() {
        assert_eq!(network("10.0.0.0/8"), "10.0.0.0/8".parse().ok());
        assert_eq!(network("::1"), "::1/128".parse().ok());
        for text in ["", "10.0.0.0/33", "proxy.example.com", "::ffff:10.0.0.0/104"] {
            assert_eq!(network(text), None, "{text}");
        }
        assert_eq!(
            ClientAddress::of(Ipv4Addr::LOCALHOST.into()),
            ClientAddress::of("::ffff:127.0.0.1".parse().unwrap())
        );
    }
}
