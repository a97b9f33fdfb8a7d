//! AV1 in RTP (AV1 RTP payload format 1.0).

use bytes::Bytes;

use super::Assembled;
use crate::leb128;

/// Whether the first element does not continue an earlier packet.
pub(super) fn is_start(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & CONTINUES == 0)
}

/// Whether a sequence header is the first element of this payload.
pub(super) fn begins_keyframe(payload: &[u8]) -> bool {
    let Some((header, rest)) = payload.split_first() else { return false };
    // The only one of a known number of elements has no size.
    let element = match header >> 4 & 3 {
        1 => Some(rest),
        _ => leb128::read(rest).map(|(_, element)| element),
    };
    let header = element.and_then(<[u8]>::first);
    header.is_some_and(|header| header >> 3 & 0x0f == SEQUENCE)
}

/// Assembles a temporal unit in the low-overhead format: each OBU with its size, without the
/// temporal delimiter.
pub(super) fn assemble(payloads: &[Bytes]) -> Option<Assembled> {
    let mut obus: Vec<Vec<u8>> = Vec::new();
    let mut is_open = false;
    for payload in payloads {
        let (header, mut rest) = payload.split_first()?;
        let count = usize::from(header >> 4 & 3);
        if (header & CONTINUES != 0) != is_open {
            return None;
        }
        let mut index = 0;
        while !rest.is_empty() {
            index += 1;
            // The last of a known number of elements has no size.
            let element = if count != 0 && index == count {
                std::mem::take(&mut rest)
            } else {
                let (size, behind) = leb128::read(rest)?;
                let (element, following) = behind.split_at_checked(size)?;
                rest = following;
                element
            };
            match obus.last_mut() {
                Some(open) if index == 1 && is_open => open.extend_from_slice(element),
                _ => obus.push(element.to_vec()),
            }
        }
        if index == 0 || (count != 0 && index != count) {
            return None;
        }
        is_open = header & WILL_CONTINUE != 0;
    }
    if is_open {
        return None;
    }
    let (mut data, mut is_key) = (Vec::with_capacity(payloads.iter().map(Bytes::len).sum()), false);
    for obu in &obus {
        let Some(header) = obu.first() else { continue };
        match header >> 3 & 0x0f {
            DELIMITER | TILE_LIST => continue,
            SEQUENCE => is_key = true,
            _ => {}
        }
        write(obu, &mut data)?;
    }
    (!data.is_empty()).then(|| Assembled { data: data.into(), is_key })
}

/// Writes an OBU with its size, which RTP may leave out (AV1 specification section 5.3.2).
fn write(obu: &[u8], data: &mut Vec<u8>) -> Option<()> {
    let header = *obu.first()?;
    if header & HAS_SIZE != 0 {
        data.extend_from_slice(obu);
        return Some(());
    }
    let header_length = if header & HAS_EXTENSION == 0 { 1 } else { 2 };
    let (extension, body) = obu.get(1..)?.split_at_checked(header_length - 1)?;
    data.push(header | HAS_SIZE);
    data.extend_from_slice(extension);
    leb128::write(body.len(), data);
    data.extend_from_slice(body);
    Some(())
}

const CONTINUES: u8 = 0x80;
const WILL_CONTINUE: u8 = 0x40;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;
const SEQUENCE: u8 = 1;
const DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundreds_of_empty_elements_are_no_unit() {
        assert!(assemble(&[vec![0; 300].into()]).is_none());
    }
}
