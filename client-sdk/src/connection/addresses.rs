//! The addresses of this machine, and their changes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::shared::ifaces::ifaces;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The addresses of all interfaces.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Addresses(BTreeSet<IpAddr>);

impl Addresses {
    /// The current addresses; `None` if the system does not return them.
    pub(super) fn now() -> Option<Self> {
        let interfaces = ifaces().ok()?;
        Some(Self(interfaces.iter().filter_map(|known| known.addr).map(|at| at.ip()).collect()))
    }

    /// The addresses, listed at most that long ago. All participants of a process share them,
    /// because the system takes long to list them.
    fn listed(at_most: Duration) -> Option<Self> {
        static RECENT: Mutex<Option<(Instant, Addresses)>> = Mutex::new(None);
        let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.as_ref().is_none_or(|(listed, _)| listed.elapsed() >= at_most) {
            *recent = Self::now().map(|addresses| (Instant::now(), addresses));
        }
        recent.as_ref().map(|(_, addresses)| addresses.clone())
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The addresses that webrtc-rs binds for a wildcard.
    pub(super) fn usable(&self) -> impl Iterator<Item = IpAddr> {
        self.0.iter().copied().filter(|address| {
            let is_link_local = match address {
                IpAddr::V4(address) => address.is_link_local(),
                IpAddr::V6(address) => address.is_unicast_link_local(),
            };
            !is_link_local && !address.is_loopback() && !address.is_unspecified()
        })
    }
}

/// A change of the addresses of this machine.
pub(crate) struct AddressChange {
    pub(crate) now: Addresses,
    /// Whether there is a new address.
    pub(crate) has_new: bool,
}

/// Polls the addresses once a second. Notifications would need a different interface for each
/// operating system.
pub(crate) struct AddressWatch {
    current: watch::Sender<Addresses>,
    timer: Interval,
}

impl AddressWatch {
    pub(crate) fn start() -> Self {
        let mut timer = interval(PERIOD);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            current: watch::Sender::new(Addresses::listed(Duration::ZERO).unwrap_or_default()),
            timer,
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Addresses> {
        self.current.subscribe()
    }

    /// Waits for a change. Safe to cancel.
    pub(crate) async fn changed(&mut self) -> AddressChange {
        loop {
            self.timer.tick().await;
            let Some(now) = Addresses::listed(PERIOD / 2) else { continue };
            let before = self.current.borrow().clone();
            if now != before {
                self.current.send_replace(now.clone());
                // Containers that come and go bring addresses that no connection uses.
                let known: Vec<IpAddr> = before.usable().collect();
                let has_new = now.usable().any(|address| !known.contains(&address));
                return AddressChange { now, has_new };
            }
        }
    }
}

const PERIOD: Duration = Duration::from_secs(1);
