//! Messages from the server to participants.

mod decode;
mod encode;

pub use self::decode::decode_server;
pub use self::encode::encode_server;
