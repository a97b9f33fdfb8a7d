//! The settings of a participant.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::media::Source;
use crate::mesh::MeshTracks;
use crate::slot::Slot;
use crate::wanted::Wanted;

/// The settings of a participant. The defaults suit a silent listener on a real network.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) sources: BTreeMap<Slot, Source>,
    pub(crate) muted: BTreeSet<Slot>,
    pub(crate) wanted: Wanted,
    pub(crate) allows_degraded: bool,
    pub(crate) relay_only: bool,
    pub(crate) turn_through: Option<SocketAddr>,
    /// Empty for the default.
    pub(crate) bind_addresses: Vec<IpAddr>,
    pub(crate) mdns: bool,
    pub(crate) reactor_threads: usize,
    pub(crate) enter_timeout: Duration,
    pub(crate) disconnected_timeout: Duration,
    pub(crate) failed_timeout: Duration,
    pub(crate) upload_budget: u64,
    pub(crate) expected_bitrates: MeshTracks,
    pub(crate) sheds_video: bool,
    pub(crate) default_channel_as_event: bool,
    pub(crate) expiry_notice: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
            muted: BTreeSet::new(),
            wanted: Wanted::EVERYTHING,
            allows_degraded: false,
            relay_only: false,
            turn_through: None,
            bind_addresses: Vec::new(),
            mdns: true,
            reactor_threads: 0,
            enter_timeout: Duration::from_secs(10),
            disconnected_timeout: Duration::from_secs(5),
            failed_timeout: Duration::from_secs(25),
            upload_budget: 10_000_000,
            expected_bitrates: MeshTracks { audio: 48_000, video: 1_000_000 },
            sheds_video: false,
            default_channel_as_event: false,
            expiry_notice: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// A participant that sends nothing and receives everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends audio. The default is none.
    pub fn audio(self, source: Source) -> Self {
        self.publish(Slot::Audio, source)
    }

    /// Sends video. The default is none.
    pub fn video(self, source: Source) -> Self {
        self.publish(Slot::Video, source)
    }

    /// Sends a source from the start as [`Participant::publish`](crate::Participant::publish) does
    /// later; each further call adds a slot. The default is none.
    pub fn publish(mut self, slot: impl Into<Slot>, source: Source) -> Self {
        self.sources.insert(slot.into(), source);
        self
    }

    /// Enters with what is sent there [muted](crate::Participant::mute); each further call adds a
    /// slot. The default is none.
    pub fn muted(mut self, slot: impl Into<Slot>) -> Self {
        self.muted.insert(slot.into());
        self
    }

    /// What to receive of the others, unless [`Participant::receive`](crate::Participant::receive)
    /// says otherwise of one of them. The default is everything.
    pub fn receive(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Whether to enter without the sources that cannot be opened, which
    /// [`Event::Degraded`](crate::Event::Degraded) reports then. The default is off: entering fails
    /// with the reason.
    pub fn allow_degraded(mut self, allow: bool) -> Self {
        self.allows_degraded = allow;
        self
    }

    /// Connects through TURN servers only, so that peers do not learn this machine's addresses. The
    /// default is off.
    ///
    /// Entering fails unless the server lists a TURN server. If that server cannot be reached or
    /// refuses the credential, connections fail within about a minute with
    /// [`ConnectionFailure::NoRelay`](crate::ConnectionFailure::NoRelay).
    pub fn relay_only(mut self, relay_only: bool) -> Self {
        self.relay_only = relay_only;
        self
    }

    /// Sends to this address what is for a TURN server over UDP, whatever the server says where
    /// that is: to a program on this machine that forwards it, to see what a bad network does. The
    /// default is the TURN server itself.
    pub fn turn_through(mut self, address: impl Into<SocketAddr>) -> Self {
        self.turn_through = Some(address.into());
        self
    }

    /// Binds media to this local address; each further call adds one. Every connection opens a UDP
    /// port on each. The default is `0.0.0.0` and `::` (RFC 8421), as far as the machine has
    /// addresses of that family: all its networks except loopback, of which ICE chooses. Bind one
    /// address to stay on one network, or `127.0.0.1` for peers on this machine.
    ///
    /// Entering fails with [`EnterError::BindAddress`](crate::EnterError::BindAddress) for what is
    /// not an address of this machine.
    pub fn bind_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.bind_addresses.push(address.into());
        self
    }

    /// Whether to resolve the mDNS names behind which browsers hide their addresses. The default is
    /// on, as far as the machine has IPv4 multicast. Each connection then needs one more socket, so
    /// turn it off for many participants in one process.
    pub fn mdns(mut self, mdns: bool) -> Self {
        self.mdns = mdns;
        self
    }

    /// The number of threads that carry only media, for all participants of this process. The
    /// default is 0, which leaves media to the runtime. The value of the first participant counts.
    pub fn reactor_threads(mut self, threads: usize) -> Self {
        self.reactor_threads = threads;
        self
    }

    /// How long nothing may arrive before a connection counts as disconnected. The default is 5 s;
    /// zero means for ever.
    pub fn disconnected_timeout(mut self, timeout: Duration) -> Self {
        self.disconnected_timeout = timeout;
        self
    }

    /// How long a connection may stay disconnected, or ICE search for a path, before the connection
    /// has failed and is restarted or rebuilt. The default is 25 s; zero means for ever.
    pub fn failed_timeout(mut self, timeout: Duration) -> Self {
        self.failed_timeout = timeout;
        self
    }

    /// The longest that entering a room may take, and each attempt to come back. The default is 10
    /// s.
    pub fn enter_timeout(mut self, timeout: Duration) -> Self {
        self.enter_timeout = timeout;
        self
    }

    /// The bits a second that this participant can upload. The default is 10 Mbit/s. Everything is
    /// sent once for each other participant; when that is likely to exceed the budget,
    /// [`Event::OverBudget`](crate::Event::OverBudget) reports it.
    pub fn upload_budget(mut self, bits_per_second: u64) -> Self {
        self.upload_budget = bits_per_second;
        self
    }

    /// Whether to give up video and screens, and keep audio, when the [budget](Self::upload_budget)
    /// is exceeded. The default is off. [`Event::Degraded`](crate::Event::Degraded) and
    /// [`Event::ShareEnded`](crate::Event::ShareEnded) report what was given up. Sources that are
    /// [published](crate::Participant::publish) or [shared](crate::Participant::share) later are
    /// given up as well unless they fit by then.
    pub fn shed_video(mut self, shed: bool) -> Self {
        self.sheds_video = shed;
        self
    }

    /// Whether the default data channel of each participant arrives as
    /// [`Event::DataChannel`](crate::Event::DataChannel), as the others do, and what comes over it
    /// there instead of in [`Event::Data`](crate::Event::Data). A page's first channel then keeps
    /// its label, and text can be told from bytes. The default is off.
    ///
    /// Dropping the channel does not close it: what arrives is thrown away then.
    /// [`send_data`](crate::Participant::send_data) works either way.
    pub fn default_channel_as_event(mut self, as_event: bool) -> Self {
        self.default_channel_as_event = as_event;
        self
    }

    /// How long before the end of the room [`Event::RoomExpiring`](crate::Event::RoomExpiring)
    /// tells of it; at once if less is left. The default is one minute, and zero means never.
    pub fn expiry_notice(mut self, notice: Duration) -> Self {
        self.expiry_notice = notice;
        self
    }

    /// The bit rates that the sources are expected to have, for
    /// [`upload_budget`](Self::upload_budget). The default is 48 kbit/s of audio and 1 Mbit/s of
    /// video. Only what is sent counts.
    pub fn expected_bitrates(mut self, tracks: MeshTracks) -> Self {
        self.expected_bitrates = tracks;
        self
    }
}
