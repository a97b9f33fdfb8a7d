//! What a participant sends: sources of frames, and players that play them for all connections.

mod annex_b;
mod codec;
mod error;
mod ivf;
mod media_source;
mod ogg;
mod player;
mod push;
mod recording;
mod source;

pub use self::codec::{Codec, MediaKind};
pub use self::error::MediaError;
pub use self::media_source::{Frame, MediaSource};
pub(crate) use self::player::Player;
pub use self::push::{PushError, Pusher};
pub use self::source::{CustomSource, Source};
