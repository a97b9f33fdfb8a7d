//! A new connection.

use bytes::Bytes;

use crate::client::Client;
use crate::entry::{Entry, Randomness};
use crate::ice::IceServers;
use crate::ids::RoomId;
use crate::language::Language;
use crate::name::DisplayName;
use crate::protocol::ProtocolVersion;
use crate::room::Grant;
use crate::token::TokenHash;

/// A new connection, for [`Engine::handle_open`](crate::Engine::handle_open).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewConnection {
    /// The room to enter.
    pub room: RoomId,
    /// How it enters the room.
    pub entry: Entry,
    /// Random values, used if an id or a resume token is needed.
    pub randomness: Randomness,
    /// The version of the protocol that it speaks.
    pub protocol: ProtocolVersion,
    /// The language of the texts that it is sent.
    pub language: Language,
    /// The address it comes from, if the host knows it. An address from which somebody has entered
    /// has a few password attempts of its own.
    pub client: Option<Client>,
}

impl NewConnection {
    /// Opens a connection that enters with a grant: as a new participant, or in place of an older
    /// connection with the same grant.
    pub fn attach(room: RoomId, grant: Grant, name: DisplayName, randomness: Randomness) -> Self {
        let entry = Entry::Attach { grant, name, ice: None };
        Self::new(room, entry, ProtocolVersion::V1, randomness)
    }

    /// Opens a v2 connection that takes over the seat of one that was lost. `token` is the hash of
    /// the resume token that it presents; `last_seq` is the number of messages that it has
    /// received.
    pub fn resume(room: RoomId, token: TokenHash, last_seq: u64, randomness: Randomness) -> Self {
        let entry = Entry::Resume { token, last_seq, ice: None };
        Self::new(room, entry, ProtocolVersion::V2, randomness)
    }

    /// Opens a connection whose credential the host has not verified yet. The engine asks with
    /// [`Question::Entry`](crate::Question::Entry), and holds back what the participant sends
    /// meanwhile.
    pub fn ask(room: RoomId, credential: Bytes, randomness: Randomness) -> Self {
        Self::new(room, Entry::Ask { credential }, ProtocolVersion::V1, randomness)
    }

    fn new(room: RoomId, entry: Entry, protocol: ProtocolVersion, randomness: Randomness) -> Self {
        let (language, client) = (Language::default(), None);
        Self { room, entry, randomness, protocol, language, client }
    }

    /// Sets the version of the protocol that the connection speaks: by default v1, or v2 for a
    /// resume.
    #[must_use]
    pub fn protocol(self, protocol: ProtocolVersion) -> Self {
        Self { protocol, ..self }
    }

    /// Sets the language of the texts that the connection is sent: by default Chinese.
    #[must_use]
    pub fn language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Sets the ICE servers that a v2 participant gets when it enters.
    #[must_use]
    pub fn ice_servers(self, servers: IceServers) -> Self {
        let ice = Some(servers);
        let entry = match self.entry {
            Entry::Ask { credential } => Entry::Ask { credential },
            Entry::Attach { grant, name, .. } => Entry::Attach { grant, name, ice },
            Entry::Resume { token, last_seq, .. } => Entry::Resume { token, last_seq, ice },
        };
        Self { entry, ..self }
    }

    /// Sets the address that the connection comes from.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        Self { client: Some(client), ..self }
    }
}
