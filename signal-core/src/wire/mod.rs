//! The JSON form of the messages.
//!
//! Servers and clients share this module: it encodes and decodes the messages of both. A relayed
//! message costs one scan of the incoming frame and one allocation for the outgoing one. The
//! payload inside, an SDP for example, is validated as JSON and then pasted byte for byte.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::message::{ClientMessage, ServerMessage};
//! use signal_core::{ProtocolVersion, wire};
//!
//! let frame = Bytes::from_static(br#"{"type":"candidate","to":"p_xyz","candidate":null}"#);
//! let request = wire::decode_client(&frame, ProtocolVersion::V1)?;
//! let ClientMessage::Signal { to, signal } = request.message else { unreachable!() };
//! let message = ServerMessage::Signal { from: to, signal };
//! let relayed = wire::encode_server(&message, ProtocolVersion::V1);
//! assert_eq!(relayed, br#"{"type":"candidate","from":"p_xyz","candidate":null}"#[..]);
//! # Ok::<(), wire::DecodeError>(())
//! ```

mod client;
mod error;
mod field;
mod ice_server;
mod instant;
mod participant;
mod relayed;
mod server;
mod typed_text;

use bytes::Bytes;
use serde::Serialize;

pub use self::client::{decode_client, encode_client};
pub use self::error::{DecodeError, Problem, without_value};
pub use self::instant::rfc3339;
pub use self::server::{decode_server, encode_server};
pub use self::typed_text::TypedText;

fn to_json<T: Serialize>(message: &T) -> Bytes {
    serde_json::to_vec(message)
        .expect("strings, numbers and lists of them always have a JSON form")
        .into()
}
