//! A recorded shape: who was in which room, from when until when.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Stays in rooms, in order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    stays: Vec<Stay>,
    rooms: u32,
}

/// The stay of a participant in a room. Times count from the first arrival.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stay {
    pub(crate) room: u32,
    pub(crate) arrive: Duration,
    /// `None` for the end.
    pub(crate) leave: Option<Duration>,
}

/// A text is no shape.
#[derive(Debug, Error)]
pub(crate) enum InvalidShape {
    #[error("line {0} is not a stay like 3,12.5,90 (room, seconds of arrival and leave)")]
    Line(usize),
    #[error("it has no stays")]
    Empty,
    #[error("room {room} has {size} participants at once, and a server admits {MOST_AT_ONCE}")]
    TooLarge { room: u32, size: usize },
}

impl Shape {
    /// The shape of those stays, in which rooms are numbered as they were first entered, and time
    /// begins with the first arrival.
    pub(crate) fn of(mut stays: Vec<Stay>) -> Self {
        stays.sort_by_key(|stay| stay.arrive);
        let begin = stays.first().map_or(Duration::ZERO, |stay| stay.arrive);
        let mut numbers = BTreeMap::new();
        for stay in &mut stays {
            let next = numbers.len() as u32;
            stay.room = *numbers.entry(stay.room).or_insert(next);
            stay.arrive -= begin;
            stay.leave = stay.leave.map(|leave| leave.saturating_sub(begin).max(stay.arrive));
        }
        Self { stays, rooms: numbers.len() as u32 }
    }

    pub(crate) fn stays(&self) -> &[Stay] {
        &self.stays
    }

    pub(crate) fn rooms(&self) -> u32 {
        self.rooms
    }

    /// When those who are still there leave: so long after the last arrival, or with the last of
    /// those who leave if that is later.
    pub(crate) fn end(&self, after: Duration) -> Duration {
        let arrived = self.stays.last().map_or(Duration::ZERO, |stay| stay.arrive);
        let leaves = self.stays.iter().filter_map(|stay| stay.leave).max();
        leaves.unwrap_or_default().max(arrived.saturating_add(after))
    }

    /// The most participants that each room has at once.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let mut changes: Vec<(Duration, bool, usize)> = Vec::new();
        for stay in &self.stays {
            changes.push((stay.arrive, true, stay.room as usize));
            changes.extend(stay.leave.map(|leave| (leave, false, stay.room as usize)));
        }
        // Participants that leave at a time make room for those that come then.
        changes.sort();
        let (mut now, mut most) =
            (vec![0_usize; self.rooms as usize], vec![0; self.rooms as usize]);
        for (_, arrives, room) in changes {
            now[room] = if arrives { now[room] + 1 } else { now[room].saturating_sub(1) };
            most[room] = most[room].max(now[room]);
        }
        most
    }
}

impl FromStr for Shape {
    type Err = InvalidShape;

    fn from_str(text: &str) -> Result<Self, InvalidShape> {
        let mut stays = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            stays.push(stay(line).ok_or(InvalidShape::Line(index + 1))?);
        }
        let shape = Self::of(stays);
        if shape.stays.is_empty() {
            return Err(InvalidShape::Empty);
        }
        let sizes = shape.sizes().into_iter().zip(0..);
        match sizes.into_iter().find(|(size, _)| *size > MOST_AT_ONCE) {
            Some((size, room)) => Err(InvalidShape::TooLarge { room, size }),
            None => Ok(shape),
        }
    }
}

fn stay(line: &str) -> Option<Stay> {
    let mut fields = line.split(',').map(str::trim);
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    let room = fields.next()?.parse().ok()?;
    let arrive = seconds(fields.next()?)?;
    let leave = match fields.next() {
        None | Some("") => None,
        Some(text) => Some(seconds(text)?),
    };
    let is_whole = fields.next().is_none() && leave.is_none_or(|leave| leave >= arrive);
    is_whole.then_some(Stay { room, arrive, leave })
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# room, seconds of arrival and leave; without leave, until the end")?;
        for Stay { room, arrive, leave } in &self.stays {
            write!(f, "{room},{:.3},", arrive.as_secs_f64())?;
            match leave {
                Some(leave) => writeln!(f, "{:.3}", leave.as_secs_f64())?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// The most participants that a server permits in a room.
const MOST_AT_ONCE: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_the_same_when_it_is_read_again() {
        let text = "# evening\n7,10.5,20\n3,12,\n\n7,11,12.25\n7,20,30\n";
        let shape: Shape = text.parse().unwrap();
        assert_eq!(shape.to_string().lines().nth(1), Some("0,0.000,9.500"));
        assert_eq!(shape.to_string().parse::<Shape>().unwrap(), shape);
        assert_eq!((shape.rooms(), shape.sizes()), (2, vec![2, 1]));
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for wrong in ["", "# nothing", "1", "1,2,1", "1,-2", "1,2,3,4", "a,1,2"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
        let crowd: String = (0..51).map(|at| format!("0,{at},\n")).collect();
        assert!(
            crowd.parse::<Shape>().unwrap_err().to_string().contains("51 participants at once")
        );
    }
}
