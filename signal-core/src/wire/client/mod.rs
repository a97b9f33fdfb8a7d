//! Messages from participants to the server.

mod decode;
mod encode;

pub use self::decode::decode_client;
pub use self::encode::encode_client;
