//! Reads elements of EBML (RFC 8794), on which Matroska is based.

use bytes::Bytes;

/// The header of an element: its id and length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) id: u32,
    /// `None` for an element of unknown size, which ends where another one of its level begins.
    pub(super) length: Option<usize>,
}

/// Takes the header of the next element; `None` if there is none.
pub(super) fn header(bytes: &mut Bytes) -> Option<Header> {
    let id_length = leading_zeros(bytes)? + 1;
    let id = bytes.get(..id_length).filter(|_| id_length <= MAX_ID_LENGTH)?;
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let mut rest = bytes.slice(id_length..);
    let length = length(&mut rest)?;
    *bytes = rest;
    Some(Header { id, length })
}

/// Takes a complete element, and returns its id and content.
pub(super) fn element(bytes: &mut Bytes) -> Option<(u32, Bytes)> {
    let Header { id, length } = header(bytes)?;
    let length = length.filter(|length| *length <= bytes.len())?;
    Some((id, bytes.split_to(length)))
}

/// Consecutive elements, up to an incomplete one.
pub(super) fn elements(mut bytes: Bytes) -> impl Iterator<Item = (u32, Bytes)> {
    std::iter::from_fn(move || element(&mut bytes))
}

/// Takes a variable-size number (RFC 8794 section 4). All ones mean an unknown size, the inner
/// `None`.
pub(super) fn length(bytes: &mut Bytes) -> Option<Option<usize>> {
    let width = leading_zeros(bytes)? + 1;
    let number = bytes.get(..width)?;
    let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let value_bits = 7 * width as u32;
    let value = number & ((1 << value_bits) - 1);
    *bytes = bytes.slice(width..);
    let is_unknown = value == (1 << value_bits) - 1;
    Some((!is_unknown).then(|| usize::try_from(value).unwrap_or(usize::MAX)))
}

/// Reads the whole content as an unsigned number; `None` if it has more than eight bytes.
pub(super) fn unsigned(content: &[u8]) -> Option<u64> {
    (content.len() <= 8)
        .then(|| content.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn leading_zeros(bytes: &[u8]) -> Option<usize> {
    let zeros = bytes.first()?.leading_zeros() as usize;
    (zeros < 8).then_some(zeros)
}

const MAX_ID_LENGTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_contents_are_told_apart() {
        let bytes =
            Bytes::from_static(b"\x42\x86\x81\x01\x42\x82\x84webm\xec\x40\x02ab\xd7\x85cut");
        let found: Vec<(u32, Bytes)> = elements(bytes).collect();
        let expected: [(u32, &[u8]); 3] = [(0x4286, b"\x01"), (0x4282, b"webm"), (0xec, b"ab")];
        assert_eq!(found.len(), expected.len());
        for ((id, content), (expected_id, expected_content)) in found.iter().zip(expected) {
            assert_eq!((*id, &content[..]), (expected_id, expected_content));
        }
    }

    #[test]
    fn a_length_may_be_unknown_and_is_never_more_than_there_can_be() {
        let length = |bytes: &'static [u8]| length(&mut Bytes::from_static(bytes));
        assert_eq!(length(b"\x01\xff\xff\xff\xff\xff\xff\xff"), Some(None));
        assert_eq!(length(b"\xff"), Some(None));
        assert_eq!(length(b"\x40\x7f"), Some(Some(127)));
        assert_eq!((length(b""), length(b"\0\0"), length(b"\x40")), (None, None, None));
        assert_eq!(unsigned(&[1, 0]), Some(256));
        assert_eq!(unsigned(&[0; 9]), None);
    }
}
