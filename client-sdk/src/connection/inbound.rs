//! Takes arriving RTP packets, in the driver of webrtc-rs.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use rtc::rtp::packet::Packet;
use tokio::sync::Notify;

/// The tracks of a connection by the SSRCs of their packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbound(Arc<Mutex<HashMap<u32, Weak<Shared>>>>);

/// Takes the packets of one track. Packets that arrive after this is dropped are discarded.
#[derive(Debug)]
pub(super) struct Intake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

enum State {
    /// Packets are discarded.
    Closed,
    /// Packets wait until this is opened.
    Waiting(VecDeque<(Packet, Instant)>),
    Open(Box<Taker>),
}

/// Takes a packet and its arrival time. It must not block.
type Taker = dyn FnMut(Packet, Instant) + Send;

impl Inbound {
    /// Hands a packet to its track, or back if there is none.
    pub(super) fn take(&self, packet: Packet, now: Instant) -> Option<Packet> {
        let Some(track) = self.tracks().get(&packet.header.ssrc).map(Weak::upgrade) else {
            return Some(packet);
        };
        if let Some(track) = track {
            track.take(packet, now);
        }
        None
    }

    /// Hands the packets with that SSRC to that track from now on.
    pub(super) fn route(&self, ssrc: u32, intake: &Intake) {
        let mut tracks = self.tracks();
        tracks.retain(|_, track| track.strong_count() > 0);
        if tracks.len() < MAX_SSRCS || tracks.contains_key(&ssrc) {
            tracks.insert(ssrc, Arc::downgrade(&intake.0));
        }
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<u32, Weak<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    /// Creates an intake whose packets wait until it is opened.
    pub(super) fn waiting() -> Self {
        let state = Mutex::new(State::Waiting(VecDeque::new()));
        Self(Arc::new(Shared { state, arrived: Notify::new() }))
    }

    /// Hands over the waiting packets and all that follow.
    pub(super) fn open(&self, mut taker: impl FnMut(Packet, Instant) + Send + 'static) {
        let mut state = self.0.state();
        if let State::Waiting(packets) = &mut *state {
            packets.drain(..).for_each(|(packet, now)| taker(packet, now));
        }
        *state = State::Open(Box::new(taker));
    }

    /// Discards packets from now on.
    pub(super) fn close(&self) {
        *self.0.state() = State::Closed;
    }

    /// Lets packets wait again, if this is closed.
    pub(super) fn wait(&self) {
        let mut state = self.0.state();
        if matches!(*state, State::Closed) {
            *state = State::Waiting(VecDeque::new());
        }
    }

    /// Waits until a packet waits. Safe to cancel.
    pub(super) async fn arrived(&self) {
        while !matches!(&*self.0.state(), State::Waiting(packets) if !packets.is_empty()) {
            self.0.arrived.notified().await;
        }
    }

    /// Takes a packet that has arrived another way.
    pub(super) fn take(&self, packet: Packet, now: Instant) {
        self.0.take(packet, now);
    }

    /// Takes packets that arrived before all others.
    pub(super) fn take_first(&self, first: Vec<Packet>, now: Instant) {
        if let State::Waiting(packets) = &mut *self.0.state() {
            first.into_iter().rev().for_each(|packet| packets.push_front((packet, now)));
        }
    }
}

impl Shared {
    fn take(&self, packet: Packet, now: Instant) {
        match &mut *self.state() {
            State::Closed => {}
            State::Waiting(packets) => {
                if packets.len() < MAX_WAITING {
                    packets.push_back((packet, now));
                }
                self.arrived.notify_one();
            }
            State::Open(taker) => taker(packet, now),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "Closed",
            Self::Waiting(_) => "Waiting",
            Self::Open(_) => "Open",
        })
    }
}

/// More than the streams of one side.
const MAX_SSRCS: usize = 64;
/// About as many packets as may wait for the application.
const MAX_WAITING: usize = 512;

#[cfg(test)]
mod tests {
    use rtc::rtp::header::Header;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_track_gets_its_packets_in_order_however_early_they_came() {
        let (tracks, intake, now) = (Inbound::default(), Intake::waiting(), Instant::now());
        assert!(tracks.take(packet(1, 7), now).is_some(), "its track is not known yet");
        tracks.route(7, &intake);
        assert!(tracks.take(packet(2, 7), now).is_none());
        assert!(tracks.take(packet(9, 8), now).is_some(), "it is of another track");
        intake.take_first(vec![packet(0, 7), packet(1, 7)], now);
        let mut taken = open(&intake);
        assert!(tracks.take(packet(3, 7), now).is_none());
        assert_eq!(numbers(&mut taken), [0, 1, 2, 3]);

        intake.close();
        assert!(tracks.take(packet(4, 7), now).is_none());
        assert!(taken.recv().await.is_none(), "the track has ended");
        intake.wait();
        tracks.take(packet(5, 7), now);
        intake.arrived().await;
        let mut taken = open(&intake);
        assert_eq!(numbers(&mut taken), [5]);

        drop(intake);
        assert!(tracks.take(packet(6, 7), now).is_none());
        assert!(taken.recv().await.is_none(), "nobody takes packets any more");
    }

    fn open(intake: &Intake) -> mpsc::UnboundedReceiver<u16> {
        let (taker, taken) = mpsc::unbounded_channel();
        intake.open(move |packet, _| taker.send(packet.header.sequence_number).unwrap());
        taken
    }

    fn numbers(taken: &mut mpsc::UnboundedReceiver<u16>) -> Vec<u16> {
        std::iter::from_fn(|| taken.try_recv().ok()).collect()
    }

    fn packet(sequence_number: u16, ssrc: u32) -> Packet {
        let header = Header { sequence_number, ssrc, ..Header::default() };
        Packet { header, payload: vec![0; 10].into() }
    }
}
