//! The seats in the record of a room.

use super::{AttachHistory, Capacity, Departures, IdIssuer, Seat, Seats};
use crate::client::AddressTag;
use crate::codec::{InvalidBytes, Reader, Writer};
use crate::identity::Identity;
use crate::permissions::Permissions;

type Read<T> = Result<T, InvalidBytes>;

impl Seats {
    pub(in crate::room) fn write(&self, out: &mut Writer) {
        out.u16(self.capacity.participants());
        out.list(self.taken.iter(), |out, seat| seat.write(out));
        self.ids.write(out);
        out.option(self.lowest_entered, Writer::participant);
        self.departures.write(out);
        self.attach_history.write(out);
        out.list(self.last_tokens.iter(), |out, token| out.hash(*token));
    }

    pub(in crate::room) fn read(
        from: &mut Reader<'_>,
        format: u8,
        has_creator: bool,
    ) -> Read<Self> {
        let participants = if format < 8 { from.u8()?.into() } else { from.u16()? };
        let seats = Self {
            capacity: Capacity::new(participants).map_err(|_| InvalidBytes::Damaged)?,
            has_creator,
            // The limit is not the capacity, since a room that was made smaller may hold more.
            taken: from.list(usize::from(Capacity::MAX), |from| Seat::read(from, format))?,
            ids: IdIssuer::read(from, format)?,
            lowest_entered: from.option(Reader::participant)?,
            departures: Departures::read(from)?,
            attach_history: AttachHistory::read(from)?,
            last_tokens: match format {
                1 | 2 => Vec::new(),
                _ => from.list(2 * usize::from(Capacity::MAX), Reader::hash)?,
            },
        };
        seats.check_order()?;
        Ok(seats)
    }

    /// Checks that the ids of the seats can have been issued, each after the one before.
    fn check_order(&self) -> Read<()> {
        let Some(newest) = self.taken.last() else { return Ok(()) };
        let descends = self.taken.is_sorted_by(|older, newer| newer.id < older.id);
        let is_noted = self.lowest_entered.is_some_and(|lowest| lowest <= newest.id);
        if descends && is_noted && self.ids.may_have_issued(newest.id) {
            Ok(())
        } else {
            Err(InvalidBytes::Damaged)
        }
    }

    /// Writes what the record omits.
    pub(in crate::room) fn write_shared(&self, out: &mut Writer) {
        self.ids.write_last(out);
        out.list(self.taken.iter(), |out, seat| {
            out.participant(seat.id);
            out.bytes(&seat.identity.to_bytes());
            out.option(seat.state.as_ref(), Writer::payload);
        });
    }

    pub(in crate::room) fn read_shared(&mut self, from: &mut Reader<'_>) -> Read<()> {
        self.ids.read_last(from)?;
        self.check_order()?;
        let seats: Vec<_> = from.list(usize::from(Capacity::MAX), |from| {
            let id = from.participant()?;
            let identity = Identity::from_bytes(from.bytes()?)?;
            Ok((id, identity, from.option(Reader::payload)?))
        })?;
        for (id, identity, state) in seats {
            let seat = self.seat_mut(id).ok_or(InvalidBytes::Damaged)?;
            (seat.identity, seat.state) = (identity.into(), state);
        }
        Ok(())
    }

    pub(in crate::room) fn write_addresses(&self, out: &mut Writer) {
        let addresses = self.taken.iter().map(|seat| seat.address);
        out.list(addresses, |out, address| {
            out.option(address, |out, address| out.u64(address.as_u64()));
        });
    }

    pub(in crate::room) fn read_addresses(&mut self, from: &mut Reader<'_>) -> Read<()> {
        let address = |from: &mut Reader<'_>| from.option(|from| from.u64().map(AddressTag::new));
        self.read_of_each(from, address, |seat, address| seat.address = address)
    }

    pub(in crate::room) fn write_permissions(&self, out: &mut Writer) {
        out.list(self.taken.iter(), |out, seat| out.u8(seat.permissions.bits()));
    }

    pub(in crate::room) fn read_permissions(&mut self, from: &mut Reader<'_>) -> Read<()> {
        let permissions = |from: &mut Reader<'_>| from.u8().map(Permissions::from_bits);
        self.read_of_each(from, permissions, |seat, permissions| seat.permissions = permissions)
    }

    /// Reads a list with one value for each seat.
    fn read_of_each<T>(
        &mut self,
        from: &mut Reader<'_>,
        read: impl FnMut(&mut Reader<'_>) -> Read<T>,
        set: impl Fn(&mut Seat, T),
    ) -> Read<()> {
        let values: Vec<T> = from.list(self.taken.len(), read)?;
        if values.len() != self.taken.len() {
            return Err(InvalidBytes::Damaged);
        }
        self.taken.iter_mut().zip(values).for_each(|(seat, value)| set(seat, value));
        Ok(())
    }
}
