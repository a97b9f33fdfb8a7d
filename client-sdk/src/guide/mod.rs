//! The guide: what a participant does automatically, one page for each subject.

#[doc = include_str!("channels.md")]
pub mod channels {}

#[doc = include_str!("codecs.md")]
pub mod codecs {}

#[doc = include_str!("degradation.md")]
pub mod degradation {}

#[doc = include_str!("files.md")]
pub mod files {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("negotiation.md")]
pub mod negotiation {}

#[doc = include_str!("resilience.md")]
pub mod resilience {}

#[cfg(feature = "opus")]
#[doc = include_str!("sound.md")]
pub mod sound {}

#[doc = include_str!("tracks.md")]
pub mod tracks {}
