//! The versions of the protocol.

/// The version of the protocol that a connection speaks. Participants of both versions share rooms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProtocolVersion {
    /// The messages and fields of the API document, and no others. A seat ends with its socket.
    #[default]
    V1,
    /// The same messages with added fields and types. A seat outlives its socket for a while and
    /// can be resumed.
    V2,
}
