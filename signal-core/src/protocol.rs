//! Which of the two forms of the protocol a connection speaks.

/// The form of the messages on one connection.
///
/// Participants of both kinds sit in the same rooms.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProtocolVersion {
    /// Exactly the messages and fields of the API document. A seat ends with its socket.
    #[default]
    V1,
    /// The same messages with added fields and types. A seat outlives its socket for a while and can be resumed.
    V2,
}
