//! The settings and sources of a participant before it enters.

use std::net::UdpSocket;
use std::time::Duration;

use crate::error::EnterError;
use crate::media::{MediaError, OpenSource};
use crate::options::Options;
use crate::outgoing::MAX_TRACKS;
use crate::session::TrackSource;
use crate::slot::Slot;

/// The checked settings of a participant, and its opened sources.
///
/// This is made before any request to the server, since otherwise a room whose creator cannot enter
/// would be left behind. The sources play once the participant is in the room.
pub(crate) struct Preparation {
    pub(super) options: Options,
    pub(super) sources: Vec<(Slot, OpenSource, TrackSource)>,
    /// The sources that are left out.
    pub(super) failed: Vec<(Slot, MediaError)>,
}

impl Preparation {
    pub(crate) async fn new(options: Options) -> Result<Self, EnterError> {
        for &address in &options.bind_addresses {
            UdpSocket::bind((address, 0))
                .map_err(|source| EnterError::BindAddress { address, source })?;
        }
        let (mut sources, mut failed) = (Vec::new(), Vec::new());
        for (slot, source) in options.sources.clone() {
            let opened = match sources.len() < MAX_TRACKS {
                true => source.open(slot.kind()).await,
                false => Err(MediaError::TooManyTracks),
            };
            let label = slot.label(&source);
            match opened {
                Ok(opened) => sources.push((slot, opened, label)),
                Err(reason) if options.allows_degraded => failed.push((slot, reason)),
                Err(reason) => return Err(reason.into()),
            }
        }
        Ok(Self { options, sources, failed })
    }

    pub(crate) fn enter_timeout(&self) -> Duration {
        self.options.enter_timeout
    }
}
