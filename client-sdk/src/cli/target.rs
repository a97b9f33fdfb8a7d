//! The room that an argument names, and its server.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use url::{Host, Position, Url};

use super::args::ServerArgs;
use super::failure::Failure;
use super::secret::first_line;
use crate::client::{Client, ClientBuilder};
use crate::invite::Invite;
use crate::options::Options;

/// The parts of a link or a room id.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    /// The server's address, if it was a link.
    pub(super) server: Option<String>,
    pub(super) room: String,
    /// `None` if a password is needed.
    pub(super) key: Option<Key>,
}

/// The secret of a link.
#[derive(Debug, PartialEq)]
pub(super) enum Key {
    Invite(Invite),
    WsToken(String),
}

impl Target {
    /// Reads a link, or the id of a room; `-` stands for the standard input.
    pub(super) fn read(given: &str) -> Result<Self, Failure> {
        match given {
            "-" => Self::parse(&first_line(Path::new("-"))?),
            given => Self::parse(given.trim()),
        }
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        if !text.contains("://") {
            if text.is_empty() || !text.chars().all(char::is_alphanumeric) {
                return Err(Failure::usage(NO_LINK));
            }
            return Ok(Self { server: None, room: text.to_owned(), key: None });
        }
        if let Ok(invite) = text.parse::<Invite>() {
            let server = invite.server().map(str::to_owned);
            let room = invite.room_id().to_owned();
            return Ok(Self { server, room, key: Some(Key::Invite(invite)) });
        }
        let url = Url::parse(text).map_err(|_| Failure::usage(NO_LINK))?;
        let path: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let rooms = path.windows(2).position(|pair| pair == ["webrtc", "rooms"]);
        let last = path.iter().rfind(|segment| !segment.is_empty());
        let room = rooms.map_or(last, |rooms| path.get(rooms + 2));
        let room = room.filter(|room| !room.is_empty()).ok_or_else(|| Failure::usage(NO_LINK))?;
        let token = url.query_pairs().find(|(name, _)| name == "token");
        let key = token.map(|(_, token)| Key::WsToken(token.into_owned()));
        let scheme = if matches!(url.scheme(), "ws" | "http") { "http" } else { "https" };
        let host = &url[Position::BeforeHost..Position::AfterPort];
        // The API may be below a path: …/PREFIX/api/webrtc/rooms.
        let prefix = &path[..rooms.map_or(0, |rooms| rooms.saturating_sub(1))];
        let prefix: String = prefix.iter().map(|segment| format!("/{segment}")).collect();
        let server = format!("{scheme}://{host}{prefix}");
        Ok(Self { server: Some(server), room: (*room).to_owned(), key })
    }
}

impl ServerArgs {
    /// Builds a client. Also returns the address of its server without a user and a password, to be
    /// printed.
    pub(super) fn client(&self, of_link: Option<&str>) -> Result<(Client, Url), Failure> {
        let address = self.server.as_deref().or(of_link).unwrap_or(DEFAULT_SERVER);
        let client = self.builder(address)?.build()?;
        let mut url = Url::parse(address).map_err(|error| Failure::usage(error.to_string()))?;
        // Both fail for addresses without a host, which have no user.
        let _ = (url.set_username(""), url.set_password(None));
        Ok((client, url))
    }

    fn builder(&self, address: &str) -> Result<ClientBuilder, Failure> {
        let mut builder = Client::builder(address);
        for file in &self.trust {
            let pem = fs::read(file);
            let pem = pem.map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
            })?;
            builder = builder.trust(&pem);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy);
        }
        Ok(builder)
    }
}

/// Options for media from that address, or from the default one for the server.
pub(super) fn options(bind: Option<IpAddr>, server: &Url) -> Options {
    let is_here = match server.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let bind = bind.or(is_here.then_some(Ipv4Addr::LOCALHOST.into()));
    match bind {
        Some(address) => Options::new().bind_address(address),
        None => Options::new(),
    }
}

const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
const NO_LINK: &str = "expected a link to a room, or the id of a room";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_every_kind_and_numbers_are_understood() {
        let token = || Some(Key::WsToken("a/b".to_owned()));
        for (text, server, key) in [
            ("ABC234", None, None),
            ("https://a.example/ABC234", Some("https://a.example"), None),
            ("https://a.example/join/ABC234/", Some("https://a.example"), None),
            ("http://[::1]:81/api/webrtc/rooms/ABC234/join", Some("http://[::1]:81"), None),
            (
                "wss://a.example/x/y/ws/webrtc/rooms/ABC234?v=2&token=a%2Fb",
                Some("https://a.example/x/y"),
                token(),
            ),
            (
                "ws://127.0.0.1:8080/ws/webrtc/rooms/ABC234?token=a/b",
                Some("http://127.0.0.1:8080"),
                token(),
            ),
        ] {
            let found = Target::read(text).unwrap();
            let expected = Target { server: server.map(str::to_owned), room: "ABC234".into(), key };
            assert_eq!(found, expected, "{text}");
        }
        let invited = Target::read("https://a.example/join/ABC234#secret").unwrap();
        assert!(matches!(invited.key, Some(Key::Invite(_))));
        assert_eq!(
            (&*invited.room, invited.server.as_deref()),
            ("ABC234", Some("https://a.example"))
        );
    }

    #[test]
    fn the_password_of_an_address_is_not_shown() {
        let server = Some("http://me:secret@127.0.0.1:81/x".to_owned());
        let args = ServerArgs { server, proxy: None, trust: Vec::new() };
        let (_, shown) = args.client(None).unwrap();
        assert_eq!(shown.as_str(), "http://127.0.0.1:81/x");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "ABC 234", "../x", "https://a.example", "https://a.example/", "a.example/x"]
        {
            assert!(Target::read(text).is_err(), "{text}");
        }
    }
}
