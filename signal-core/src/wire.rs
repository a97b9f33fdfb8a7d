//! The JSON form of the messages: the only place in this crate that knows JSON.
//!
//! Both directions are here, so that servers and clients share them. A relayed message costs one scan of the
//! incoming frame and one allocation for the outgoing one; the SDP or candidate inside is validated as JSON
//! and then pasted byte for byte.
//!
//! ```
//! use bytes::Bytes;
//! use signal_core::wire;
//! use signal_core::{ClientMessage, ServerMessage};
//!
//! let frame = Bytes::from_static(br#"{"type":"candidate","to":"p_xyz","candidate":null}"#);
//! let ClientMessage::Signal { to, signal } = wire::decode_client(&frame)? else { unreachable!() };
//! let relayed = wire::encode_server(&ServerMessage::Signal { from: to, signal });
//! assert_eq!(relayed, br#"{"type":"candidate","from":"p_xyz","candidate":null}"#[..]);
//! # Ok::<(), wire::DecodeError>(())
//! ```

mod decode;
mod encode;

pub use decode::{DecodeError, decode_client, decode_server, payload};
pub use encode::{encode_client, encode_server};
