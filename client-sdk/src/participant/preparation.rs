//! What a participant enters with.

use std::net::UdpSocket;
use std::time::Duration;

use crate::error::EnterError;
use crate::media::{MediaError, MediaKind, OpenSource};
use crate::options::Options;
use crate::session::TrackSource;

/// The settings of a participant, checked, and its sources, opened.
///
/// This comes before the server is asked for anything: a room whose creator cannot enter would be
/// left behind. The sources play once the participant is in the room.
pub(crate) struct Preparation {
    pub(super) options: Options,
    pub(super) sources: Vec<(MediaKind, OpenSource, TrackSource)>,
    /// The sources that are left out.
    pub(super) failed: Vec<(MediaKind, MediaError)>,
}

impl Preparation {
    pub(crate) async fn new(options: Options) -> Result<Self, EnterError> {
        for &address in &options.bind_addresses {
            UdpSocket::bind((address, 0))
                .map_err(|source| EnterError::BindAddress { address, source })?;
        }
        let (mut sources, mut failed) = (Vec::new(), Vec::new());
        let wanted = [
            (MediaKind::Audio, options.audio.as_ref()),
            (MediaKind::Video, options.video.as_ref()),
        ];
        for (kind, source) in wanted {
            let Some(source) = source else { continue };
            match source.open(kind).await {
                Ok(opened) => sources.push((kind, opened, source.label(kind))),
                Err(reason) if options.allows_degraded => failed.push((kind, reason)),
                Err(reason) => return Err(reason.into()),
            }
        }
        Ok(Self { options, sources, failed })
    }

    pub(crate) fn enter_timeout(&self) -> Duration {
        self.options.enter_timeout
    }
}
