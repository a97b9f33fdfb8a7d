//! What a participant does by itself, one page for each subject.

#[doc = include_str!("guide/channels.md")]
pub mod channels {}

#[doc = include_str!("guide/codecs.md")]
pub mod codecs {}

#[doc = include_str!("guide/degradation.md")]
pub mod degradation {}

#[doc = include_str!("guide/files.md")]
pub mod files {}

#[doc = include_str!("guide/limits.md")]
pub mod limits {}

#[doc = include_str!("guide/negotiation.md")]
pub mod negotiation {}

#[doc = include_str!("guide/resilience.md")]
pub mod resilience {}

#[cfg(feature = "opus")]
#[doc = include_str!("guide/sound.md")]
pub mod sound {}

#[doc = include_str!("guide/tracks.md")]
pub mod tracks {}
