//! TURN messages in a stream. Each contains its length, and `ChannelData` is padded to four bytes
//! (RFC 8656 section 12.5).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The stream contains something other than TURN messages.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the stream does not contain TURN messages")]
pub(super) struct NotTurn;

pub(super) fn write(message: &[u8], stream: &mut BytesMut) {
    stream.put_slice(message);
    stream.put_bytes(0, message.len().next_multiple_of(ALIGNMENT) - message.len());
}

/// Takes the next message; `None` if it is not complete yet.
pub(super) fn read(stream: &mut BytesMut) -> Result<Option<Bytes>, NotTurn> {
    let [first, _, high, low, ..] = stream[..] else { return Ok(None) };
    // The first two bits distinguish the kinds (RFC 8656 section 12).
    let header = match first >> 6 {
        0b00 => STUN_HEADER,
        0b01 => CHANNEL_DATA_HEADER,
        _ => return Err(NotTurn),
    };
    let length = header + usize::from(u16::from_be_bytes([high, low]));
    let padded = length.next_multiple_of(ALIGNMENT);
    if stream.len() < padded {
        return Ok(None);
    }
    let message = stream.split_to(length).freeze();
    stream.advance(padded - length);
    Ok(Some(message))
}

const STUN_HEADER: usize = 20;
const CHANNEL_DATA_HEADER: usize = 4;
const ALIGNMENT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_of_a_stream_as_they_went_in_whatever_its_pieces() {
        let stun = [&[0, 1, 0, 4][..], &[7; 20]].concat();
        let channel_data = [&[0x40, 0, 0, 5][..], &[9; 5]].concat();
        let empty = vec![0x40, 1, 0, 0];
        let messages = [stun, channel_data, empty];
        let mut written = BytesMut::new();
        messages.iter().for_each(|message| write(message, &mut written));
        for piece in 1..written.len() {
            let (mut stream, mut read_back) = (BytesMut::new(), Vec::new());
            for bytes in written.chunks(piece) {
                stream.extend_from_slice(bytes);
                while let Some(message) = read(&mut stream).unwrap() {
                    read_back.push(message);
                }
            }
            assert_eq!(read_back, messages, "in pieces of {piece}");
            assert!(stream.is_empty());
        }
    }

    #[test]
    fn what_is_not_turn_is_refused() {
        assert_eq!(read(&mut BytesMut::from("HTTP/1.1 400")), Ok(None));
        assert_eq!(read(&mut BytesMut::from(&[0x80, 0, 0, 0][..])), Err(NotTurn));
    }
}
