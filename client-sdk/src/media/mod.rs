//! Sources of frames, and players that play them for all connections.

mod annex_b;
mod audience;
mod audio_level;
mod codec;
mod conversion;
mod ebml;
mod error;
mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod group;
mod idle;
pub(crate) mod ivf;
mod keyframe;
mod live_clock;
mod matroska;
mod media_source;
mod muted;
pub(crate) mod ogg;
#[cfg(feature = "opus")]
mod pcm;
mod playback;
mod player;
mod push;
mod recording;
#[cfg(feature = "opus")]
mod resampling;
mod source;
#[cfg(test)]
mod test_players;
#[cfg(feature = "opus")]
mod wav;

pub(crate) use self::audience::Viewer;
pub use self::audio_level::AudioLevel;
pub use self::codec::{Codec, MediaKind};
pub use self::error::MediaError;
pub(crate) use self::feed::TimedFrame;
pub use self::media_source::{Frame, MediaSource};
#[cfg(feature = "opus")]
pub use self::pcm::{PcmError, PcmSender};
pub use self::playback::Playback;
pub(crate) use self::player::{Player, PlayerEvent};
pub use self::push::{PushError, Pusher};
pub(crate) use self::source::OpenSource;
pub use self::source::{CustomSource, LoadedSource, PlayedSource, Source};
