//! How a participant takes part.

use std::time::Duration;

use crate::media::Source;
use crate::mesh::MeshTracks;

/// How a participant takes part in a room; the defaults suit a silent listener on a real network.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) audio: Option<Source>,
    pub(crate) video: Option<Source>,
    pub(crate) require_media: bool,
    pub(crate) relay_only: bool,
    pub(crate) bind_address: String,
    pub(crate) mdns: bool,
    pub(crate) reactor_threads: usize,
    pub(crate) enter_timeout: Duration,
    pub(crate) disconnected_timeout: Duration,
    pub(crate) failed_timeout: Duration,
    pub(crate) upload_budget: u64,
    pub(crate) expected_bitrates: MeshTracks,
    pub(crate) sheds_video: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            audio: None,
            video: None,
            require_media: false,
            relay_only: false,
            bind_address: "0.0.0.0:0".into(),
            mdns: true,
            reactor_threads: 0,
            enter_timeout: Duration::from_secs(10),
            disconnected_timeout: Duration::from_secs(5),
            failed_timeout: Duration::from_secs(25),
            upload_budget: 10_000_000,
            expected_bitrates: MeshTracks { audio: 48_000, video: 1_000_000 },
            sheds_video: false,
        }
    }
}

impl Options {
    /// A participant that sends nothing and receives everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends audio. By default none is sent.
    pub fn audio(mut self, source: Source) -> Self {
        self.audio = Some(source);
        self
    }

    /// Sends video. By default none is sent.
    pub fn video(mut self, source: Source) -> Self {
        self.video = Some(source);
        self
    }

    /// Whether entering fails if a source cannot be opened. By default it does not: the participant enters with what is
    /// left and tells [`Event::Degraded`](crate::Event::Degraded).
    pub fn require_media(mut self, require_media: bool) -> Self {
        self.require_media = require_media;
        self
    }

    /// Connects through TURN servers only, so that peers do not learn this machine's addresses. By default off.
    ///
    /// Entering fails unless the server names a TURN server over UDP. If that one cannot be reached, or does not accept the
    /// credential, connections fail within half a minute, and the log says so.
    pub fn relay_only(mut self, relay_only: bool) -> Self {
        self.relay_only = relay_only;
        self
    }

    /// The UDP address that media comes and goes at: by default `0.0.0.0:0`, a free port of every interface but
    /// loopback. For peers on this machine alone use `127.0.0.1:0`.
    pub fn bind_address(mut self, address: impl Into<String>) -> Self {
        self.bind_address = address.into();
        self
    }

    /// Whether candidates of browsers that hide their address behind an mDNS name are resolved. By default on; each
    /// connection then has one more socket, so turn it off for many participants in one process.
    pub fn mdns(mut self, mdns: bool) -> Self {
        self.mdns = mdns;
        self
    }

    /// Threads that do nothing but carry the media of all participants of this process: by default 0, which leaves it to
    /// the runtime. The first participant's value counts.
    pub fn reactor_threads(mut self, threads: usize) -> Self {
        self.reactor_threads = threads;
        self
    }

    /// After how long without a sign of life a connection counts as disconnected: by default 5 s. Zero means never.
    pub fn disconnected_timeout(mut self, timeout: Duration) -> Self {
        self.disconnected_timeout = timeout;
        self
    }

    /// For how long a connection may be disconnected, or ICE look for a path, before it has failed and something is done
    /// about it: by default 25 s. Zero means for ever.
    pub fn failed_timeout(mut self, timeout: Duration) -> Self {
        self.failed_timeout = timeout;
        self
    }

    /// For how long entering a room may take: by default 10 s. Each attempt to come back has as long.
    pub fn enter_timeout(mut self, timeout: Duration) -> Self {
        self.enter_timeout = timeout;
        self
    }

    /// How many bits a second this participant can upload: by default 10 Mbit/s. Everything is sent once for each other
    /// participant; where that is likely to be more, [`Event::OverBudget`](crate::Event::OverBudget) tells.
    pub fn upload_budget(mut self, bits_per_second: u64) -> Self {
        self.upload_budget = bits_per_second;
        self
    }

    /// Whether video and screens are given up, and audio kept, when the [budget](Self::upload_budget) is passed: by default
    /// not. [`Event::Degraded`](crate::Event::Degraded) and [`Event::ShareEnded`](crate::Event::ShareEnded) tell. Those that
    /// are [published](crate::Participant::publish) or [shared](crate::Participant::share) later are given up as well unless
    /// they fit by then.
    pub fn shed_video(mut self, shed: bool) -> Self {
        self.sheds_video = shed;
        self
    }

    /// What the sources are expected to take, for [`upload_budget`](Self::upload_budget): by default 48 kbit/s of audio and
    /// 1 Mbit/s of video. Only what is sent counts.
    pub fn expected_bitrates(mut self, tracks: MeshTracks) -> Self {
        self.expected_bitrates = tracks;
        self
    }
}
