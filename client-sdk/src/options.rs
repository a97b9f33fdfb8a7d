//! The settings of a participant.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::media::Source;
use crate::mesh::MeshTracks;
use crate::slot::Slot;
use crate::wanted::Wanted;

/// The settings of a participant. The defaults suit a participant that sends nothing, on a real
/// network.
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
    /// Creates the options of a participant that sends nothing and receives everything.
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

    /// Sends a source from the start, as [`Participant::publish`](crate::Participant::publish) does
    /// later. Each further call adds a slot. The default is none.
    pub fn publish(mut self, slot: impl Into<Slot>, source: Source) -> Self {
        self.sources.insert(slot.into(), source);
        self
    }

    /// Enters with this slot [muted](crate::Participant::mute). Each further call adds a slot. The
    /// default is none.
    pub fn muted(mut self, slot: impl Into<Slot>) -> Self {
        self.muted.insert(slot.into());
        self
    }

    /// Sets what to receive from the others, unless
    /// [`Participant::receive`](crate::Participant::receive) sets it for one of them. The default
    /// is everything.
    pub fn receive(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Sets whether to enter without sources that cannot be opened, which
    /// [`Event::Degraded`](crate::Event::Degraded) then reports. The default is `false`: entering
    /// fails with the reason.
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

    /// Sends UDP datagrams for a TURN server to this address instead, for example to a local
    /// program that simulates a bad network and forwards them. The default is the TURN server
    /// itself.
    pub fn turn_through(mut self, address: impl Into<SocketAddr>) -> Self {
        self.turn_through = Some(address.into());
        self
    }

    /// Binds media to this local address; each further call adds one. Every connection opens a UDP
    /// port on each. The default is `0.0.0.0` and `::` (RFC 8421), if the machine has addresses of
    /// that family. ICE then chooses among all networks except loopback. Bind one address to stay
    /// on one network, or `127.0.0.1` for peers on this machine.
    ///
    /// Entering fails with [`EnterError::BindAddress`](crate::EnterError::BindAddress) if it is not
    /// an address of this machine.
    pub fn bind_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.bind_addresses.push(address.into());
        self
    }

    /// Sets whether to resolve the mDNS names behind which browsers hide their addresses. The
    /// default is `true` if the machine has IPv4 multicast. Each connection then needs one more
    /// socket, so turn it off for many participants in one process.
    pub fn mdns(mut self, mdns: bool) -> Self {
        self.mdns = mdns;
        self
    }

    /// Sets the number of threads for media, which all participants of this process share. The
    /// default is 0, which leaves media to the runtime. The value of the first participant is used.
    pub fn reactor_threads(mut self, threads: usize) -> Self {
        self.reactor_threads = threads;
        self
    }

    /// Sets how long nothing may arrive before a connection counts as disconnected. The default is
    /// 5 s; zero means without a limit.
    pub fn disconnected_timeout(mut self, timeout: Duration) -> Self {
        self.disconnected_timeout = timeout;
        self
    }

    /// Sets how long a connection may stay disconnected, or ICE may search for a path, before the
    /// connection has failed and is restarted or rebuilt. The default is 25 s; zero means without a
    /// limit.
    pub fn failed_timeout(mut self, timeout: Duration) -> Self {
        self.failed_timeout = timeout;
        self
    }

    /// Sets how long entering a room may take, and each attempt to return to it. The default is 10
    /// s.
    pub fn enter_timeout(mut self, timeout: Duration) -> Self {
        self.enter_timeout = timeout;
        self
    }

    /// Sets the upload bandwidth of this participant in bits a second. The default is 10 Mbit/s.
    /// Everything is sent once for each other participant; when that is likely to exceed the
    /// budget, [`Event::OverBudget`](crate::Event::OverBudget) reports it.
    pub fn upload_budget(mut self, bits_per_second: u64) -> Self {
        self.upload_budget = bits_per_second;
        self
    }

    /// Sets whether to give up video and screens, and keep audio, when the
    /// [budget](Self::upload_budget) is exceeded. The default is `false`.
    /// [`Event::Degraded`](crate::Event::Degraded) and
    /// [`Event::ShareEnded`](crate::Event::ShareEnded) report the sources that were given up.
    /// Sources that are [published](crate::Participant::publish) or
    /// [shared](crate::Participant::share) later are given up as well, unless they fit by then.
    pub fn shed_video(mut self, shed: bool) -> Self {
        self.sheds_video = shed;
        self
    }

    /// Sets whether the default data channel of each participant arrives as
    /// [`Event::DataChannel`](crate::Event::DataChannel), like the others, and delivers its
    /// messages there instead of as [`Event::Data`](crate::Event::Data). A page's first channel
    /// then keeps its label, and text can be distinguished from bytes. The default is `false`.
    ///
    /// Dropping the channel does not close it: its messages are then discarded.
    /// [`send_data`](crate::Participant::send_data) works either way.
    pub fn default_channel_as_event(mut self, as_event: bool) -> Self {
        self.default_channel_as_event = as_event;
        self
    }

    /// Sets how long before the end of the room [`Event::RoomExpiring`](crate::Event::RoomExpiring)
    /// reports it; at once if less time is left. The default is one minute, and zero means never.
    pub fn expiry_notice(mut self, notice: Duration) -> Self {
        self.expiry_notice = notice;
        self
    }

    /// Sets the expected bit rates of the sources, for [`upload_budget`](Self::upload_budget). The
    /// default is 48 kbit/s for audio and 1 Mbit/s for video. Only kinds that are sent count.
    pub fn expected_bitrates(mut self, tracks: MeshTracks) -> Self {
        self.expected_bitrates = tracks;
        self
    }
}
