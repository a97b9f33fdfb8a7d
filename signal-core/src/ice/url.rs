//! The URL of a STUN or TURN server.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// The URL of a STUN server (RFC 7064) or a TURN server (RFC 7065).
///
/// Browsers refuse a whole list of servers for one URL that does not follow this grammar, so check
/// URLs before you send them to participants. Scheme and transport are accepted in any case.
///
/// ```
/// use signal_core::ice::{IceScheme, IceTransport, IceUrl};
///
/// let url: IceUrl = "turn:turn.example.com?transport=udp".parse()?;
/// assert_eq!((url.scheme(), url.host(), url.port()), (IceScheme::Turn, "turn.example.com", 3478));
/// assert_eq!(url.transport(), IceTransport::Udp);
/// assert!("stun:stun.example.com?transport=udp".parse::<IceUrl>().is_err());
/// # Ok::<(), signal_core::ice::InvalidIceUrl>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IceUrl {
    scheme: IceScheme,
    /// As written; an IPv6 address is in brackets.
    host: Box<str>,
    port: Option<u16>,
    transport: Option<IceTransport>,
}

/// The scheme of an [`IceUrl`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IceScheme {
    /// STUN over UDP.
    Stun,
    /// STUN over TLS.
    Stuns,
    /// TURN over UDP or TCP.
    Turn,
    /// TURN over TLS or DTLS.
    Turns,
}

/// How a client reaches the server of an [`IceUrl`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IceTransport {
    /// UDP, or DTLS over it for the scheme `turns`.
    Udp,
    /// TCP, or TLS over it for the schemes `stuns` and `turns`.
    Tcp,
}

/// Why a text is not the URL of a STUN or TURN server.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidIceUrl {
    /// The scheme is none of `stun`, `stuns`, `turn` and `turns`.
    #[error("expected a URL that begins with stun:, stuns:, turn: or turns:, without //")]
    Scheme,
    /// The host is no name, IPv4 address or IPv6 address in brackets.
    #[error("expected a host name, an IPv4 address, or an IPv6 address in brackets")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("expected a port from 1 to 65535 after the host")]
    Port,
    /// The scheme is `stun` or `stuns`, which have no parameters.
    #[error("a stun: or stuns: URL has no parameters; remove what follows the ?")]
    StunParameter,
    /// The parameter of a TURN URL is not a transport.
    #[error("expected ?transport=udp or ?transport=tcp, and no other parameter")]
    TurnParameter,
}

impl IceUrl {
    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> IceScheme {
        self.scheme
    }

    /// The host, as it was written. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: by default 3478, and 5349 for `stuns` and `turns`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            IceScheme::Stun | IceScheme::Turn => 3478,
            IceScheme::Stuns | IceScheme::Turns => 5349,
        })
    }

    /// The transport: by default UDP, and TCP for `stuns` and `turns`.
    #[must_use]
    pub fn transport(&self) -> IceTransport {
        self.transport.unwrap_or(match self.scheme {
            IceScheme::Stun | IceScheme::Turn => IceTransport::Udp,
            IceScheme::Stuns | IceScheme::Turns => IceTransport::Tcp,
        })
    }

    /// Whether the server relays media, as TURN servers do.
    #[must_use]
    pub fn is_relay(&self) -> bool {
        match self.scheme {
            IceScheme::Turn | IceScheme::Turns => true,
            IceScheme::Stun | IceScheme::Stuns => false,
        }
    }
}

impl FromStr for IceUrl {
    type Err = InvalidIceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidIceUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidIceUrl::Scheme)?;
        let scheme = SCHEMES
            .into_iter()
            .find_map(|(name, known)| scheme.eq_ignore_ascii_case(name).then_some(known))
            .filter(|_| !rest.starts_with('/'))
            .ok_or(InvalidIceUrl::Scheme)?;
        let (authority, parameter) = match rest.split_once('?') {
            Some((authority, parameter)) => (authority, Some(parameter)),
            None => (rest, None),
        };
        let (host, port) = host_and_port(authority)?;
        let transport = match (parameter, scheme) {
            (None, _) => None,
            (Some(_), IceScheme::Stun | IceScheme::Stuns) => {
                return Err(InvalidIceUrl::StunParameter);
            }
            (Some(parameter), IceScheme::Turn | IceScheme::Turns) => Some(transport(parameter)?),
        };
        Ok(Self { scheme, host: host.into(), port, transport })
    }
}

/// Writes the URL as it was read, with scheme and transport in lower case.
impl fmt::Display for IceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            IceScheme::Stun => "stun",
            IceScheme::Stuns => "stuns",
            IceScheme::Turn => "turn",
            IceScheme::Turns => "turns",
        };
        write!(f, "{scheme}:{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.transport {
            Some(IceTransport::Udp) => f.write_str("?transport=udp"),
            Some(IceTransport::Tcp) => f.write_str("?transport=tcp"),
            None => Ok(()),
        }
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), InvalidIceUrl> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').ok_or(InvalidIceUrl::Host)?;
        let (host, rest) = authority.split_at(end + 1);
        let address = &host[1..end];
        address.parse::<Ipv6Addr>().map_err(|_| InvalidIceUrl::Host)?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(InvalidIceUrl::Port),
        }
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        if !is_name_or_ipv4(host) {
            return Err(InvalidIceUrl::Host);
        }
        (host, port)
    };
    let port = match port {
        // `parse` would also accept a sign.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let port = digits.parse().ok().filter(|port| *port != 0);
            Some(port.ok_or(InvalidIceUrl::Port)?)
        }
        Some(_) => return Err(InvalidIceUrl::Port),
        None => None,
    };
    Ok((host, port))
}

/// Whether this is an IPv4 address, or a name that DNS could know (RFC 1123 section 2.1, and the
/// underscores that some networks use). RFC 3986 permits more, which no resolver takes.
fn is_name_or_ipv4(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() || name.len() > LONGEST_NAME {
        return false;
    }
    let mut last = "";
    for label in name.split('.') {
        let is_label = !label.is_empty()
            && label.len() <= LONGEST_LABEL
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_label {
            return false;
        }
        last = label;
    }
    // A host that ends in a number is an IPv4 address (WHATWG URL section 3.5).
    !last.bytes().all(|byte| byte.is_ascii_digit()) || host.parse::<Ipv4Addr>().is_ok()
}

fn transport(parameter: &str) -> Result<IceTransport, InvalidIceUrl> {
    let (name, value) = parameter.split_once('=').ok_or(InvalidIceUrl::TurnParameter)?;
    match (name, value) {
        ("transport", udp) if udp.eq_ignore_ascii_case("udp") => Ok(IceTransport::Udp),
        ("transport", tcp) if tcp.eq_ignore_ascii_case("tcp") => Ok(IceTransport::Tcp),
        _ => Err(InvalidIceUrl::TurnParameter),
    }
}

const SCHEMES: [(&str, IceScheme); 4] = [
    ("stun", IceScheme::Stun),
    ("stuns", IceScheme::Stuns),
    ("turn", IceScheme::Turn),
    ("turns", IceScheme::Turns),
];
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_the_grammar_are_read_and_written_alike() {
        let urls = [
            ("stun:example.org", 3478, IceTransport::Udp),
            ("stuns:example.org", 5349, IceTransport::Tcp),
            ("stun:example.org:8000", 8000, IceTransport::Udp),
            ("stun:192.0.2.7:3478", 3478, IceTransport::Udp),
            ("stun:[2001:db8::7]", 3478, IceTransport::Udp),
            ("turn:[::1]:3479?transport=tcp", 3479, IceTransport::Tcp),
            ("turn:example.org", 3478, IceTransport::Udp),
            ("turn:example.org.:1?transport=udp", 1, IceTransport::Udp),
            ("turns:turn_1.internal:65535?transport=tcp", 65535, IceTransport::Tcp),
            ("turns:xn--fsqu00a.example", 5349, IceTransport::Tcp),
            ("turns:a.example?transport=udp", 5349, IceTransport::Udp),
        ];
        for (text, port, transport) in urls {
            let url: IceUrl = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.port(), url.transport()), (port, transport), "{text}");
            assert_eq!(url.is_relay(), text.starts_with("turn"), "{text}");
            assert_eq!(url.to_string(), text);
        }
        let shouted: IceUrl = "TURN:Example.ORG?transport=UDP".parse().unwrap();
        assert_eq!(shouted.to_string(), "turn:Example.ORG?transport=udp");
    }

    #[test]
    fn what_a_browser_would_throw_at_is_refused_with_the_part_that_is_wrong() {
        use InvalidIceUrl::{Host, Port, Scheme, StunParameter, TurnParameter};
        let urls = [
            ("", Scheme),
            ("example.org", Scheme),
            ("http://example.org", Scheme),
            ("stun://example.org", Scheme),
            (" stun:example.org", Scheme),
            ("stun:", Host),
            ("stun: example.org", Host),
            ("stun:example.org ", Host),
            ("stun:user@example.org", Host),
            ("stun:exa mple.org", Host),
            ("stun:例子.example", Host),
            ("stun:-example.org", Host),
            ("stun:example..org", Host),
            ("stun:example.org/path", Host),
            ("stun:example.org#fragment", Host),
            ("stun:192.0.2.256", Host),
            ("stun:1.2.3", Host),
            ("stun:[2001:db8::7", Host),
            ("stun:[fe80::1%eth0]", Host),
            ("stun:[192.0.2.7]", Host),
            ("stun::3478", Host),
            ("stun:[::1]3478", Port),
            ("stun:2001:db8::7", Host),
            ("stun:fd00::7", Port),
            ("stun:example.org:", Port),
            ("stun:example.org:0", Port),
            ("stun:example.org:+1", Port),
            ("stun:example.org:65536", Port),
            ("stun:example.org:3478/", Port),
            ("stun:example.org:3478?transport=udp", StunParameter),
            ("stuns:example.org?", StunParameter),
            ("turn:example.org?", TurnParameter),
            ("turn:example.org?transport=sctp", TurnParameter),
            ("turn:example.org?transport=udp&transport=tcp", TurnParameter),
            ("turn:example.org?Transport=udp", TurnParameter),
            ("turn:example.org?ttl=1", TurnParameter),
        ];
        for (text, error) in urls {
            assert_eq!(text.parse::<IceUrl>(), Err(error), "{text}");
        }
        let long = "a.".repeat(127) + "org";
        assert_eq!(format!("stun:{long}").parse::<IceUrl>(), Err(Host));
        assert_eq!(format!("stun:{}.org", "a".repeat(64)).parse::<IceUrl>(), Err(Host));
    }
}
