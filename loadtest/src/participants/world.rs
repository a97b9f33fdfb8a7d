//! The state that all participants of a run share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use client_sdk::IceServer;

use crate::interrupt::Interrupt;
use crate::measure::live_counts::LiveCounts;
use crate::measure::recorder::Recorder;
use crate::scenario::Scenario;
use crate::target::Target;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) target: Arc<Target>,
    pub(crate) scenario: Scenario,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) live: Arc<LiveCounts>,
    /// By the index of the room; `None` for a room that could not be created.
    pub(crate) rooms: Vec<Option<RoomAccess>>,
    /// When the first participant is to arrive.
    pub(crate) begin: Instant,
    /// When the run is to end. It ends later if the rooms take longer to fill.
    pub(crate) end: Instant,
    pub(crate) interrupt: Interrupt,
}

impl World {
    /// Whether the run was interrupted before something that began then had time enough.
    pub(crate) fn is_cut_short(&self, since: Instant) -> bool {
        self.interrupt.is_interrupted() && since.elapsed() < PATIENCE
    }
}

/// A room, and the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct RoomAccess {
    pub(crate) id: String,
    pub(crate) password: String,
    /// The access of the creator, who does not join.
    pub(crate) creator: CreatorAccess,
}

#[derive(Clone, Debug)]
pub(crate) struct CreatorAccess {
    pub(crate) token: String,
    pub(crate) ice_servers: Vec<IceServer>,
}

/// The longest to wait for connections of which none has come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
