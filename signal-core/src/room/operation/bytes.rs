//! The byte form of an operation.

use std::sync::Arc;

use super::{Admission, Change, Grant, LeaveKind, Op, Rotation};
use crate::capacity::Capacity;
use crate::client::{AddressTag, Client};
use crate::codec::{InvalidBytes, LaterFields, Reader, Writer};
use crate::identity::{Attributes, Identity};
use crate::ids::IdSuffix;
use crate::message::Moderation;
use crate::name::DisplayName;
use crate::permissions::Permissions;
use crate::reason::CloseReason;

type Read<T> = Result<T, InvalidBytes>;

impl Op {
    /// Writes the operation as bytes, to send it to another process or to keep it until it is
    /// applied.
    ///
    /// The first byte is the format, 1; the second is the oldest format whose readers understand
    /// it. Then the kind follows, and its fields in the order of their declaration. A reader of an
    /// older format skips fields that it does not know, unless they change the meaning of the
    /// operation: then, and if it does not know the kind, it returns
    /// [`InvalidBytes::Newer`](crate::InvalidBytes::Newer).
    ///
    /// Keep the bytes as safe as a password file: they hold the hashes of tokens and the tags of
    /// passwords.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::begin(FORMAT, READABLE_BY, &LaterFields::default());
        self.write(&mut out);
        out.end(&LaterFields::default())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    ///
    /// The bytes are not an operation, or one that only a newer version of this crate knows. No
    /// input makes this panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBytes> {
        let mut from = Reader::begin(bytes, FORMAT, READABLE_BY)?;
        let op = Self::read(&mut from)?;
        from.later_fields()?;
        Ok(op)
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Admit { by, client, suffix } => {
                out.u8(0);
                by.write(out);
                out.option(*client, |out, client| client.write(out));
                out.u32(suffix.as_u32());
            }
            Self::Attach {
                grant,
                name,
                protocol,
                attachment,
                resume,
                client,
                most_of_address,
                suffix,
            } => {
                out.u8(1);
                grant.write(out);
                out.text(name.as_str());
                out.protocol(*protocol);
                out.attachment(*attachment);
                out.hash(*resume);
                out.option(*client, |out, client| client.write(out));
                out.option(*most_of_address, Writer::u32);
                out.u32(suffix.as_u32());
            }
            Self::Change(change) => {
                out.u8(2);
                change.write(out);
            }
            Self::Close(reason) => {
                out.u8(3);
                out.u8(reason.number());
            }
            Self::Detach { attachment, until } => {
                out.u8(4);
                out.attachment(*attachment);
                out.time(*until);
            }
            Self::Kick { participant, rotate } => {
                out.u8(5);
                out.participant(*participant);
                out.option(*rotate, |out, rotation| rotation.write(out));
            }
            Self::KickUser { user, ban } => {
                out.u8(6);
                out.text(user.as_str());
                out.bool(*ban);
            }
            Self::Leave { attachment, how } => {
                out.u8(7);
                out.attachment(*attachment);
                out.u8(match how {
                    LeaveKind::Close => 0,
                    LeaveKind::Leave => 1,
                });
            }
            Self::Moderate { attachment, moderation } => {
                out.u8(8);
                out.attachment(*attachment);
                moderation.write(out);
            }
            Self::Prune => out.u8(9),
            Self::Resume { token, next_token, attachment, continues, client } => {
                out.u8(10);
                out.hash(*token);
                out.hash(*next_token);
                out.attachment(*attachment);
                out.option(*continues, Writer::attachment);
                out.option(*client, |out, client| client.write(out));
            }
            Self::SetAttributes { participant, attributes } => {
                out.u8(11);
                out.participant(*participant);
                attributes.write(out);
            }
            Self::SetName { participant, name } => {
                out.u8(14);
                out.participant(*participant);
                out.text(name.as_str());
            }
            Self::SetPermissions { participant, permissions } => {
                out.u8(12);
                out.participant(*participant);
                out.u8(permissions.bits());
            }
            Self::Update { attachment, name, state } => {
                out.u8(13);
                out.attachment(*attachment);
                out.option(name.as_ref(), |out, name| out.text(name.as_str()));
                out.option(state.as_ref(), Writer::payload);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        Ok(match from.u8()? {
            0 => Self::Admit {
                by: Admission::read(from)?,
                client: from.option(Client::read)?,
                suffix: from.u32().map(IdSuffix::new)?,
            },
            1 => Self::Attach {
                grant: Grant::read(from)?,
                name: DisplayName::from_record(from.text()?),
                protocol: from.protocol()?,
                attachment: from.attachment()?,
                resume: from.hash()?,
                client: from.option(Client::read)?,
                most_of_address: from.option(Reader::u32)?,
                suffix: from.u32().map(IdSuffix::new)?,
            },
            2 => Self::Change(Change::read(from)?),
            3 => {
                let number = from.u8()?;
                Self::Close(CloseReason::from_number(number).ok_or_else(|| from.unknown())?)
            }
            4 => Self::Detach { attachment: from.attachment()?, until: from.time()? },
            5 => Self::Kick {
                participant: from.participant()?,
                rotate: from.option(Rotation::read)?,
            },
            6 => Self::KickUser { user: from.parsed()?, ban: from.bool()? },
            7 => Self::Leave {
                attachment: from.attachment()?,
                how: match from.u8()? {
                    0 => LeaveKind::Close,
                    1 => LeaveKind::Leave,
                    _ => return Err(from.unknown()),
                },
            },
            8 => Self::Moderate {
                attachment: from.attachment()?,
                moderation: Moderation::read(from)?,
            },
            9 => Self::Prune,
            10 => Self::Resume {
                token: from.hash()?,
                next_token: from.hash()?,
                attachment: from.attachment()?,
                continues: from.option(Reader::attachment)?,
                client: from.option(Client::read)?,
            },
            11 => Self::SetAttributes {
                participant: from.participant()?,
                attributes: Attributes::read(from)?,
            },
            12 => Self::SetPermissions {
                participant: from.participant()?,
                permissions: from.u8().map(Permissions::from_bits)?,
            },
            13 => Self::Update {
                attachment: from.attachment()?,
                name: from.option(|from| from.text().map(DisplayName::from_record))?,
                state: from.option(Reader::payload)?,
            },
            14 => Self::SetName {
                participant: from.participant()?,
                name: from.text().map(DisplayName::from_record)?,
            },
            _ => return Err(from.unknown()),
        })
    }
}

impl Admission {
    fn write(self, out: &mut Writer) {
        match self {
            Self::Host { passes_lock } => {
                out.u8(0);
                out.bool(passes_lock);
            }
            Self::Invite(token) => {
                out.u8(1);
                out.hash(token);
            }
            Self::Password(password) => {
                out.u8(2);
                out.password(password);
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => Ok(Self::Host { passes_lock: from.bool()? }),
            1 => from.hash().map(Self::Invite),
            2 => from.password().map(Self::Password),
            _ => Err(from.unknown()),
        }
    }
}

impl Change {
    fn write(&self, out: &mut Writer) {
        let Self { name, locked, capacity, expires_at, data, rotate, restore_attempts } = self;
        out.option(name.as_deref(), Writer::text);
        out.option(*locked, Writer::bool);
        out.option(*capacity, |out, capacity| out.u16(capacity.participants()));
        out.option(*expires_at, Writer::time);
        out.option(data.as_ref(), |out, data| data.write(out));
        out.option(*rotate, |out, rotation| rotation.write(out));
        out.option(*restore_attempts, Writer::u8);
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        let capacity =
            |from: &mut Reader<'_>| Capacity::new(from.u16()?).map_err(|_| InvalidBytes::Damaged);
        Ok(Self {
            name: from.option(|from| from.text().map(Arc::from))?,
            locked: from.option(Reader::bool)?,
            capacity: from.option(capacity)?,
            expires_at: from.option(Reader::time)?,
            data: from.option(Attributes::read)?,
            rotate: from.option(Rotation::read)?,
            restore_attempts: from.option(Reader::u8)?,
        })
    }
}

impl Grant {
    fn write(&self, out: &mut Writer) {
        let Self {
            ticket,
            promised,
            identity,
            permissions,
            password_epoch,
            epoch,
            passes_lock,
            passes_rotation,
        } = self;
        out.ticket(*ticket);
        out.option(*promised, Writer::participant);
        out.bytes(&identity.to_bytes());
        out.u8(permissions.bits());
        out.u32(*password_epoch);
        out.option(*epoch, Writer::u64);
        out.bool(*passes_lock);
        out.bool(*passes_rotation);
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            ticket: from.ticket()?,
            promised: from.option(Reader::participant)?,
            identity: Identity::from_bytes(from.bytes()?)?.into(),
            permissions: from.u8().map(Permissions::from_bits)?,
            password_epoch: from.u32()?,
            epoch: from.option(Reader::u64)?,
            passes_lock: from.bool()?,
            passes_rotation: from.bool()?,
        })
    }
}

impl Rotation {
    fn write(self, out: &mut Writer) {
        let Self { password, invite, follows } = self;
        out.password(password);
        out.hash(invite);
        out.u32(follows);
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        Ok(Self { password: from.password()?, invite: from.hash()?, follows: from.u32()? })
    }
}

impl Client {
    fn write(self, out: &mut Writer) {
        let Self { address, network } = self;
        out.u64(address.as_u64());
        out.u64(network.as_u64());
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        let address = from.u64().map(AddressTag::new)?;
        Ok(Self { address, network: from.u64().map(AddressTag::new)? })
    }
}

impl Moderation {
    fn write(self, out: &mut Writer) {
        match self {
            Self::Ban(participant) => {
                out.u8(0);
                out.participant(participant);
            }
            Self::Close => out.u8(1),
            Self::Kick(participant) => {
                out.u8(2);
                out.participant(participant);
            }
            Self::Lock => out.u8(3),
            Self::Unlock => out.u8(4),
        }
    }

    fn read(from: &mut Reader<'_>) -> Read<Self> {
        match from.u8()? {
            0 => from.participant().map(Self::Ban),
            1 => Ok(Self::Close),
            2 => from.participant().map(Self::Kick),
            3 => Ok(Self::Lock),
            4 => Ok(Self::Unlock),
            _ => Err(from.unknown()),
        }
    }
}

const FORMAT: u8 = 1;
/// The oldest format whose readers understand an operation.
const READABLE_BY: u8 = 1;
