//! The limit on wrong passwords of a room.

use std::collections::VecDeque;
use std::time::Duration;

use super::memory::{LONGEST, push};
use super::reject::Reject;
use crate::client::{AddressTag, Client};
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::time::Timestamp;

/// The wrong passwords that a room still answers, whatever its password is.
///
/// One bucket serves everybody, and one network takes at most half of it, so that no single network
/// locks a room. An address from which somebody has entered has a few attempts of its own besides,
/// so that strangers do not lock out those who were in the room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PasswordAttempts {
    room: Bucket,
    /// The attempts that networks have taken. A network that has none out is not listed.
    networks: VecDeque<(AddressTag, Bucket)>,
    /// The last addresses from which somebody took a seat, and the attempts of their own.
    known: VecDeque<(AddressTag, u8)>,
    /// How often the creator has filled the bucket.
    restores: u8,
    /// Whether the bucket has run empty and has not been full since.
    ran_out: bool,
}

/// The attempts that were taken, of which one comes back at each interval.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Bucket {
    taken: u8,
    /// The start of the current interval.
    since: Timestamp,
}

impl PasswordAttempts {
    pub(super) fn new() -> Self {
        Self {
            room: Bucket::default(),
            networks: VecDeque::new(),
            known: VecDeque::new(),
            restores: 0,
            ran_out: false,
        }
    }

    /// Whether a password of that client is compared at all.
    pub(super) fn check(&self, client: Option<Client>, now: Timestamp) -> Result<(), Reject> {
        if self.takes_from_room(client, now) || self.own(client).is_some_and(|own| own > 0) {
            Ok(())
        } else {
            Err(Reject::PasswordLocked)
        }
    }

    /// Counts a wrong password, which [`check`](Self::check) has permitted.
    pub(super) fn take(&mut self, client: Option<Client>, now: Timestamp) {
        if !self.takes_from_room(client, now) {
            let own = client.and_then(|client| {
                self.known.iter_mut().find(|(address, _)| *address == client.address)
            });
            if let Some((_, own)) = own {
                *own = own.saturating_sub(1);
            }
            return;
        }
        self.room.take(EACH, now);
        self.ran_out |= self.room.left(ROOM, EACH, now) == 0;
        let Some(network) = client.map(|client| client.network) else { return };
        self.networks.retain(|(_, bucket)| bucket.taken_at(EACH_OF_NETWORK, now) > 0);
        match self.networks.iter_mut().find(|(known, _)| *known == network) {
            Some((_, bucket)) => bucket.take(EACH_OF_NETWORK, now),
            None => {
                let mut bucket = Bucket::default();
                bucket.take(EACH_OF_NETWORK, now);
                push(&mut self.networks, (network, bucket), MOST_NETWORKS);
            }
        }
    }

    /// Records the address of a new seat, and keeps the last `most`; `false` if it is recorded
    /// already.
    pub(super) fn know(&mut self, client: Option<Client>, most: usize) -> bool {
        let Some(Client { address, .. }) = client else { return false };
        if self.own(client).is_some() {
            return false;
        }
        push(&mut self.known, (address, OWN), most);
        true
    }

    /// Whether another restore may be asked for.
    pub(super) fn check_restore(&self, follows: u8) -> Result<(), Reject> {
        if follows >= self.restores && self.restores >= RESTORES {
            Err(Reject::RestoresExhausted)
        } else {
            Ok(())
        }
    }

    /// Fills every bucket; `false` if this restore was applied before.
    pub(super) fn restore(&mut self, follows: u8) -> bool {
        if follows < self.restores || self.restores >= RESTORES {
            return false;
        }
        self.restores += 1;
        self.room = Bucket::default();
        self.networks.clear();
        self.known.iter_mut().for_each(|(_, own)| *own = OWN);
        self.ran_out = false;
        true
    }

    /// Notes that the bucket is full again; `false` if it is not, or never ran empty.
    pub(super) fn recover(&mut self, now: Timestamp) -> bool {
        let is_full = self.room.taken_at(EACH, now) == 0;
        self.ran_out && is_full && std::mem::take(&mut self.ran_out)
    }

    /// When [`recover`](Self::recover) has something to note.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.ran_out.then(|| self.full_at())
    }

    pub(super) fn full_at(&self) -> Timestamp {
        self.room.since + EACH * u32::from(self.room.taken)
    }

    pub(super) fn left(&self, now: Timestamp) -> u8 {
        self.room.left(ROOM, EACH, now)
    }

    /// How long until an attempt is available; zero if one is available now.
    pub(super) fn next_in(&self, now: Timestamp) -> Duration {
        if self.left(now) > 0 {
            return Duration::ZERO;
        }
        let since = now.saturating_since(self.room.since);
        EACH.saturating_sub(since)
    }

    pub(super) fn ran_out(&self) -> bool {
        self.ran_out
    }

    pub(super) fn restores(&self) -> u8 {
        self.restores
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.room.write(out);
        out.list(self.networks.iter(), |out, (network, bucket)| {
            out.u64(network.as_u64());
            bucket.write(out);
        });
        out.list(self.known.iter(), |out, (address, own)| {
            out.u64(address.as_u64());
            out.u8(*own);
        });
        out.u8(self.restores);
        out.bool(self.ran_out);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, InvalidBytes> {
        Ok(Self {
            room: Bucket::read(from, ROOM)?,
            networks: from.list(MOST_NETWORKS, |from| {
                Ok((AddressTag::new(from.u64()?), Bucket::read(from, OF_NETWORK)?))
            })?,
            known: from.list(LONGEST, |from| Ok((AddressTag::new(from.u64()?), from.u8()?)))?,
            restores: from.u8()?,
            ran_out: from.bool()?,
        })
    }

    /// Converts a record of format 1 or 2, in which attempts did not come back.
    pub(super) fn of_older_record(left: u8, created_at: Timestamp) -> Self {
        let taken = ROOM.saturating_sub(left);
        let room = Bucket { taken, since: created_at };
        Self { room, ran_out: taken == ROOM, ..Self::new() }
    }

    fn takes_from_room(&self, client: Option<Client>, now: Timestamp) -> bool {
        let of_network = client.and_then(|client| {
            self.networks.iter().find(|(network, _)| *network == client.network)
        });
        let network_left =
            of_network.map_or(OF_NETWORK, |(_, used)| used.left(OF_NETWORK, EACH_OF_NETWORK, now));
        self.left(now) > 0 && network_left > 0
    }

    fn own(&self, client: Option<Client>) -> Option<u8> {
        let address = client?.address;
        self.known.iter().find(|(known, _)| *known == address).map(|(_, own)| *own)
    }
}

impl Bucket {
    fn taken_at(&self, each: Duration, now: Timestamp) -> u8 {
        let back = now.saturating_since(self.since).as_millis() / each.as_millis();
        self.taken.saturating_sub(u8::try_from(back).unwrap_or(u8::MAX))
    }

    fn left(&self, size: u8, each: Duration, now: Timestamp) -> u8 {
        size.saturating_sub(self.taken_at(each, now))
    }

    fn take(&mut self, each: Duration, now: Timestamp) {
        let taken = self.taken_at(each, now);
        let back = self.taken - taken;
        self.since = if taken == 0 { now } else { self.since + each * u32::from(back) };
        self.taken = taken.saturating_add(1);
    }

    fn write(self, out: &mut Writer) {
        out.u8(self.taken);
        out.time(self.since);
    }

    fn read(from: &mut Reader<'_>, size: u8) -> Result<Self, InvalidBytes> {
        let bucket = Self { taken: from.u8()?, since: from.time()? };
        if bucket.taken <= size { Ok(bucket) } else { Err(InvalidBytes::Damaged) }
    }
}

/// How many wrong passwords a room answers at once.
pub(super) const ROOM: u8 = 20;
/// The time after which it answers one more.
pub(super) const EACH: Duration = Duration::from_secs(3 * 60);
/// How often the creator may fill the bucket.
pub(super) const RESTORES: u8 = 10;
/// One network takes half of the bucket, and of what comes back.
const OF_NETWORK: u8 = ROOM / 2;
const EACH_OF_NETWORK: Duration = Duration::from_secs(2 * EACH.as_secs());
/// The attempts of an address from which somebody has taken a seat.
const OWN: u8 = 3;
/// In the hour in which a network gets back what it took, a room answers 40 attempts.
const MOST_NETWORKS: usize = 64;
