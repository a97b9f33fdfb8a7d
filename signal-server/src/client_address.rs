//! The client address of a request, which only trusted proxies may report.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Once};

use axum::http::header::{FORWARDED, HOST};
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The address that counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address,
/// which providers assign to one customer.
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

    /// The network of the address, in which one owner may have many addresses: the first 24 bits of
    /// IPv4, or the first 48 bits of IPv6.
    pub(crate) fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 48))),
        }
    }

    pub(crate) fn ip(self) -> IpAddr {
        self.0
    }
}

/// The proxies that may report the client address of a request, and the header that they use.
#[derive(Clone, Debug)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardedHeader,
    /// Ensures that the log mentions an untrusted proxy only once.
    told: Arc<Once>,
}

/// The header in which a proxy reports the client address. The server reads only this one, since
/// clients may have forged the other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ForwardedHeader {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`, which most proxies use.
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

    /// Returns the client address. It is the remote address of the connection or, if that is a
    /// trusted proxy, the last address in the header that is not one.
    ///
    /// If an entry cannot be parsed, the proxy that added it counts as the client, since earlier
    /// entries may be forged.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip();
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::Forwarded => (&FORWARDED, forwarded_for),
            ForwardedHeader::XForwardedFor => (&X_FORWARDED_FOR, |hop| node(hop.trim())),
        };
        if headers.contains_key(name) && !self.contain(client) {
            self.told.call_once(|| {
                tracing::warn!(
                    %name,
                    "ignoring the client address in a request of an untrusted proxy; if it is \
                     yours, trust it with --trusted-proxy"
                );
            });
        }
        let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            let (true, Some(ip)) = (self.contain(client), read(hop)) else { break };
            client = ip;
        }
        client.to_canonical()
    }

    /// The host that a client has asked for: what a trusted proxy reports, or else `Host`.
    pub(crate) fn host<'a>(
        &self,
        peer: Option<SocketAddr>,
        headers: &'a HeaderMap,
    ) -> Option<&'a str> {
        let is_trusted = peer.is_some_and(|peer| self.contain(peer.ip()));
        let last = |name: &HeaderName| {
            let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
            line.rsplit(',').next().map(str::trim)
        };
        let forwarded = match self.header {
            _ if !is_trusted => None,
            ForwardedHeader::Forwarded => last(&FORWARDED).and_then(|hop| parameter(hop, "host")),
            ForwardedHeader::XForwardedFor => last(&X_FORWARDED_HOST),
        };
        forwarded.or_else(|| headers.get(HOST)?.to_str().ok())
    }
}

fn forwarded_for(hop: &str) -> Option<IpAddr> {
    node(parameter(hop, "for")?)
}

/// A parameter of an element of `Forwarded`, without quotes.
fn parameter<'a>(hop: &'a str, name: &str) -> Option<&'a str> {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    let mut pairs = pairs.map(|(key, value)| (key.trim(), value.trim()));
    let (_, value) = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim_matches('"'))
}

/// Parses an address with or without a port (RFC 7239 section 6).
fn node(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse().ok()
}

/// Parses a network like `10.0.0.0/8`, or a single address.
#[cfg(feature = "cli")]
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    // Addresses are compared in their IPv4 form, so a mapped network would never match.
    match network {
        IpNet::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => None,
        IpNet::V4(_) | IpNet::V6(_) => Some(network),
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[cfg(test)]
mod tests {
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
        ClientAddress::of(TrustedProxies::new(trusted.to_vec(), header).client(peer, &headers)).0
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
    fn neighbours_share_a_network() {
        let network = |ip: &str| ClientAddress::of(ip.parse().unwrap()).network();
        assert_eq!(network("203.0.113.9"), network("::ffff:203.0.113.200"));
        assert_ne!(network("203.0.113.9"), network("203.0.114.9"));
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:ffff::"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:2:2::3"));
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
