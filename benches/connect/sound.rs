//! The sound that both programs send: packets of the same size at the same pace. Nobody decodes
//! them.

use std::time::Duration;

use bytes::Bytes;

/// A packet of the size of Opus at 32 kbit/s.
pub(crate) const PACKET: Bytes = Bytes::from_static(&[0xf8; 80]);
/// The duration of one packet.
pub(crate) const PACE: Duration = Duration::from_millis(20);
