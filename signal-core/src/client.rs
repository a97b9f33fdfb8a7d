//! Where a client comes from, as far as the core has to know it.

/// A client's address and network, as tags that the host computes.
///
/// The core compares tags and keeps a bounded number of them in the record of a room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Client {
    /// Its address: the whole of an IPv4 address, the first 64 bits of an IPv6 address.
    pub address: AddressTag,
    /// Its network: the first 24 bits of an IPv4 address, the first 48 bits of an IPv6 address.
    pub network: AddressTag,
}

/// A keyed hash of an address or network, so that a record does not tell who was in a room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AddressTag(u64);

impl AddressTag {
    /// Wraps a hash, for example the first 64 bits of an HMAC-SHA256 (RFC 2104).
    pub fn new(hash: u64) -> Self {
        Self(hash)
    }

    pub(crate) fn as_u64(self) -> u64 {
        self.0
    }
}
