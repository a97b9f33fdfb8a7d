//! The byte form of a frame between nodes.

use super::{NodeBody, NodeFrame, NodeReceiver, NodeSender, SeatRef};
use crate::codec::{InvalidBytes, LaterFields, Reader, Writer};
use crate::error::ErrorCode;
use crate::message::{RequestId, Signal, SignalKind, Topic};

type Read<T> = Result<T, InvalidBytes>;

impl NodeFrame {
    /// Writes the frame as bytes, to send it to another process.
    ///
    /// The first byte is the format, 1; the second is the oldest format whose readers understand
    /// it. Then the fields follow in the order of their declaration. A reader of an older format
    /// skips fields that it does not know, unless they change the meaning of the frame: then, and
    /// if it does not know the kind of the message, it returns
    /// [`InvalidBytes::Newer`](crate::InvalidBytes::Newer).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { room, epoch, version, from, to, body, req } = self;
        let mut out = Writer::begin(FORMAT, READABLE_BY, &LaterFields::default());
        out.text(room.as_str());
        out.u64(*epoch);
        out.u64(*version);
        from.write(&mut out);
        to.write(&mut out);
        body.write(&mut out);
        out.option(req.as_ref(), |out, req| out.text(req.as_str()));
        out.end(&LaterFields::default())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    ///
    /// The bytes are not a frame, or one that only a newer version of this crate knows. Such a
    /// frame is lost: report it, and upgrade this node. No input makes this panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        let mut from = Reader::begin(bytes, FORMAT, READABLE_BY)?;
        let frame = Self {
            room: from.parsed()?,
            epoch: from.u64()?,
            version: from.u64()?,
            from: NodeSender::read(&mut from)?,
            to: NodeReceiver::read(&mut from)?,
            body: NodeBody::read(&mut from)?,
            req: from
                .option(|from| RequestId::new(from.text()?).map_err(|_| InvalidBytes::Damaged))?,
        };
        from.later_fields()?;
        Ok(frame)
    }
}

impl NodeSender {
    fn write(self, out: &mut Writer) {
        match self {
            Self::Host => out.u8(0),
            Self::Seat(seat) => {
                out.u8(1);
                seat.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => Ok(Self::Host),
            1 => SeatRef::read(from).map(Self::Seat),
            _ => Err(from.unknown()),
        }
    }
}

impl NodeReceiver {
    fn write(self, out: &mut Writer) {
        match self {
            Self::Host => out.u8(0),
            Self::Room => out.u8(1),
            Self::Seat(seat) => {
                out.u8(2);
                seat.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => Ok(Self::Host),
            1 => Ok(Self::Room),
            2 => SeatRef::read(from).map(Self::Seat),
            _ => Err(from.unknown()),
        }
    }
}

impl SeatRef {
    fn write(self, out: &mut Writer) {
        let Self { id, generation } = self;
        out.participant(id);
        out.u32(generation);
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        Ok(Self { id: from.participant()?, generation: from.u32()? })
    }
}

impl NodeBody {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Message { topic, data } => {
                out.u8(0);
                out.text(topic.as_str());
                out.payload(data);
            }
            Self::Refused { code, kind } => {
                out.u8(1);
                out.text(code.as_str());
                out.option(*kind, |out, kind| kind.write(out));
            }
            Self::Signal(signal) => {
                out.u8(2);
                signal.write(out);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => Ok(Self::Message {
                topic: Topic::new(from.text()?).map_err(|_| InvalidBytes::Damaged)?,
                data: from.payload()?,
            }),
            1 => Ok(Self::Refused {
                code: ErrorCode::from_wire(from.text()?).ok_or_else(|| from.unknown())?,
                kind: from.option(SignalKind::read)?,
            }),
            2 => Signal::read(from).map(Self::Signal),
            _ => Err(from.unknown()),
        }
    }
}

impl Signal {
    fn write(&self, out: &mut Writer) {
        let Self { kind, payload, negotiation, tracks } = self;
        kind.write(out);
        out.payload(payload);
        out.option(*negotiation, Writer::u32);
        out.option(tracks.as_ref(), Writer::payload);
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            kind: SignalKind::read(from)?,
            payload: from.payload()?,
            negotiation: from.option(Reader::u32)?,
            tracks: from.option(Reader::payload)?,
        })
    }
}

impl SignalKind {
    fn write(self, out: &mut Writer) {
        out.u8(match self {
            Self::Offer => 0,
            Self::Answer => 1,
            Self::Candidate => 2,
        });
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => Ok(Self::Offer),
            1 => Ok(Self::Answer),
            2 => Ok(Self::Candidate),
            _ => Err(from.unknown()),
        }
    }
}

const FORMAT: u8 = 1;
/// The oldest format whose readers understand a frame.
const READABLE_BY: u8 = 1;
