//! The settings of an engine.

use std::time::Duration;

use crate::config::HubConfig;

/// What an [`Engine`](crate::Engine) does beyond its [`Hub`](crate::Hub), and the limits of both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EngineConfig {
    /// What each participant, connection, pair and room may use.
    pub hub: HubConfig,
    /// Whether the host keeps the records of rooms elsewhere too, so that they outlive the process:
    /// by default not. If it does, [`poll_save`](crate::Engine::poll_save) hands out what to write,
    /// and a change is announced after it is written.
    pub saves: bool,
    /// After how long a [`Transmit::Ping`](crate::Transmit::Ping) follows another: by default 20 s,
    /// and at least 1 ms.
    pub ping_every: Duration,
    /// How long a connection may be silent: by default 45 s. It is closed with
    /// [`CloseCode::Idle`](crate::CloseCode::Idle) then.
    pub idle_timeout: Duration,
    /// How long the host may take for a [`Question`](crate::Question): by default 10 s. Then the
    /// participant is told `unavailable`.
    pub question_patience: Duration,
    /// How many [`Event`](crate::Event)s wait for the host at most, and how many of those that are
    /// not written yet: by default 10,000. Of those that wait for the host the oldest are dropped
    /// beyond it, of those that are not written the newest. A host without use for them sets 0;
    /// then [`Save::events`](crate::Save::events) are none either.
    pub max_events: usize,
    /// How many bytes of messages to the host wait for it at most: by default none, since nobody
    /// takes them, and a participant is told `peer_not_found`. A host that calls
    /// [`poll_message`](crate::Engine::poll_message) sets 1 MiB, for example. Beyond it, a
    /// participant is told `unavailable`, which says that trying again may help.
    pub max_message_bytes: usize,
    /// How long participants may resume after a restart, see
    /// [`restore`](crate::Engine::restore): by default 60 s.
    pub restart_grace: Duration,
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
