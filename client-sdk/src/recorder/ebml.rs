//! Writes elements of EBML (RFC 8794), on which Matroska is based.

/// Consecutive elements, as bytes.
#[derive(Debug, Default)]
pub(super) struct Elements(Vec<u8>);

impl Elements {
    pub(super) fn unsigned(mut self, id: u32, value: u64) -> Self {
        let bytes = value.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.push(id, &bytes[zeros.min(7)..]);
        self
    }

    pub(super) fn signed(mut self, id: u32, value: i64) -> Self {
        self.push(id, &value.to_be_bytes());
        self
    }

    pub(super) fn float(mut self, id: u32, value: f64) -> Self {
        self.push(id, &value.to_be_bytes());
        self
    }

    pub(super) fn text(mut self, id: u32, text: &str) -> Self {
        self.push(id, text.as_bytes());
        self
    }

    pub(super) fn bytes(mut self, id: u32, bytes: &[u8]) -> Self {
        self.push(id, bytes);
        self
    }

    pub(super) fn optional(self, id: u32, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.bytes(id, bytes),
            None => self,
        }
    }

    pub(super) fn master(mut self, id: u32, children: &Self) -> Self {
        self.push(id, &children.0);
        self
    }

    /// Begins an element that extends to the end of the file.
    pub(super) fn unknown_size(mut self, id: u32) -> Self {
        self.push_id(id);
        self.0.extend_from_slice(&UNKNOWN_SIZE);
        self
    }

    /// Adds a void element of that many bytes, at least nine, to be overwritten later.
    pub(super) fn void(mut self, length: usize) -> Self {
        let content = length - 9;
        self.push_id(VOID);
        self.0.extend_from_slice(&long_size(content as u64));
        self.0.resize(self.0.len() + content, 0);
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn push(&mut self, id: u32, content: &[u8]) {
        self.push_id(id);
        // The largest size in one byte that is not reserved is 126.
        match content.len() {
            short @ 0..=126 => self.0.push(0x80 | short as u8),
            long => self.0.extend_from_slice(&long_size(long as u64)),
        }
        self.0.extend_from_slice(content);
    }

    fn push_id(&mut self, id: u32) {
        let bytes = id.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        self.0.extend_from_slice(&bytes[zeros..]);
    }
}

/// A size in eight bytes.
pub(super) fn long_size(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const VOID: u32 = 0xec;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_their_id_and_size_before_them() {
        let inner = Elements::default().unsigned(0x4286, 1).text(0x4282, "webm");
        assert_eq!(inner.as_bytes(), b"\x42\x86\x81\x01\x42\x82\x84webm");
        let outer = Elements::default().master(0x1a45_dfa3, &inner).unsigned(0xd7, 0x1234);
        assert_eq!(
            outer.as_bytes(),
            b"\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm\xd7\x82\x12\x34"
        );
        assert_eq!(Elements::default().unsigned(0x9c, 0).as_bytes(), b"\x9c\x81\0");
    }

    #[test]
    fn a_void_is_as_long_as_it_is_told_to_be() {
        for length in [9, 10, 200] {
            assert_eq!(Elements::default().void(length).len(), length);
        }
        let long = Elements::default().bytes(0xa3, &[7; 127]);
        assert_eq!(long.as_bytes()[1..10], [1, 0, 0, 0, 0, 0, 0, 127, 7]);
    }
}
