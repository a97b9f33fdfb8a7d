//! What a participant enters with.

use std::net::UdpSocket;
use std::time::Duration;

use crate::error::EnterError;
use crate::media::{MediaError, MediaKind};
use crate::options::Options;
use crate::outgoing::Outgoing;

/// The settings of a participant, checked, and its sources, opened.
///
/// This comes before the server is asked for anything: a room whose creator cannot enter would be
/// left behind.
pub(crate) struct Preparation {
    pub(super) options: Options,
    pub(super) outgoing: Outgoing,
    /// The sources that are left out.
    pub(super) failed: Vec<(MediaKind, MediaError)>,
}

impl Preparation {
    pub(crate) async fn new(options: Options) -> Result<Self, EnterError> {
        for &address in &options.bind_addresses {
            UdpSocket::bind((address, 0))
                .map_err(|source| EnterError::BindAddress { address, source })?;
        }
        let mut outgoing = Outgoing::new(&options);
        let sources = [
            (MediaKind::Audio, options.audio.as_ref()),
            (MediaKind::Video, options.video.as_ref()),
        ];
        let mut failed = outgoing.publish_all(sources).await;
        if !options.allows_degraded && !failed.is_empty() {
            return Err(failed.swap_remove(0).1.into());
        }
        Ok(Self { options, outgoing, failed })
    }

    pub(crate) fn enter_timeout(&self) -> Duration {
        self.options.enter_timeout
    }
}
