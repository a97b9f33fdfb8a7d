//! The settings of an engine.

use std::time::Duration;

use crate::config::HubConfig;

/// What an [`Engine`](crate::Engine) does beyond its [`Hub`](crate::hub::Hub), and the limits of
/// both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// What each participant, connection, pair and room may use.
    pub hub: HubConfig,
    /// Whether the host also stores the records of rooms, so that they outlive the process: by
    /// default `false`. If it does, [`poll_save`](crate::Engine::poll_save) hands out what to
    /// write, and a change is announced after it is written.
    pub saves: bool,
    /// The time between two [`Transmit::Ping`](crate::Transmit::Ping)s: by default 20 s, and at
    /// least 1 ms.
    pub ping_every: Duration,
    /// How long a connection may be silent: by default 45 s. It is then closed with
    /// [`CloseCode::Idle`](crate::CloseCode::Idle).
    pub idle_timeout: Duration,
    /// How long the host may take for a [`Question`](crate::Question): by default 10 s. After that
    /// the participant gets the error `unavailable`.
    pub question_patience: Duration,
    /// How many [`Event`](crate::Event)s may wait for the host, and how many may wait for a record
    /// to be written: by default 10,000 each. When more wait for the host, the oldest is
    /// dropped; when more wait for a record, the newest is dropped. A host without use for events
    /// sets 0; [`Save::events`](crate::Save::events) is then empty too.
    pub max_events: usize,
    /// How many bytes of messages to the host may wait for it: by default 0, so that participants
    /// get the error `peer_not_found`. A host that calls
    /// [`poll_message`](crate::Engine::poll_message) sets, for example, 1 MiB. Beyond that, a
    /// participant gets the error `unavailable`, which means that trying again may help. One
    /// participant has an eighth of it, over all its sockets, but at least one message; beyond that
    /// it gets `rate_limited`.
    pub max_message_bytes: usize,
    /// How long participants may resume after a restart, see
    /// [`restore`](crate::Engine::restore): by default 60 s.
    pub restart_grace: Duration,
}

impl EngineConfig {
    /// The defaults with some changes.
    ///
    /// ```
    /// use signal_core::EngineConfig;
    ///
    /// let config = EngineConfig::with(|config| config.saves = true);
    /// assert!(config.saves);
    /// ```
    pub fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut config = Self::default();
        change(&mut config);
        config
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            hub: HubConfig::default(),
            saves: false,
            ping_every: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(45),
            question_patience: Duration::from_secs(10),
            max_events: 10_000,
            max_message_bytes: 0,
            restart_grace: Duration::from_secs(60),
        }
    }
}
