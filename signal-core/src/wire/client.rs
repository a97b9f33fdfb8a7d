//! Messages of a participant.

mod decode;
mod encode;

pub use self::decode::decode_client;
pub use self::encode::encode_client;
