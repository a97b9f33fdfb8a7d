//! Messages of the server.

mod decode;
mod encode;

pub use self::decode::decode_server;
pub use self::encode::encode_server;
