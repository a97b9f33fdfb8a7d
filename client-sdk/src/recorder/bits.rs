//! Reads the bits of a codec's header, the highest bit first.

#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Takes the next bits, at most 32, as a number; `None` if there are too few.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// An Exp-Golomb number (H.264 section 9.1; `uvlc` in the AV1 specification section 4.10.3).
    pub(super) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// The same with a sign (H.264 section 9.1.1).
    pub(super) fn signed_golomb(&mut self) -> Option<i32> {
        let code = self.golomb()?;
        let magnitude = code.div_ceil(2) as i32;
        Some(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_from_the_highest_on_and_end_with_the_bytes() {
        let mut bits = Bits::new(&[0b1010_0110, 0b1000_0000]);
        assert_eq!((bits.take(3), bits.flag(), bits.take(4)), (Some(5), Some(false), Some(6)));
        assert_eq!((bits.take(8), bits.take(1)), (Some(128), None));
    }

    #[test]
    fn golomb_numbers_are_those_of_the_table() {
        // 1, 010, 011, 00100, 00101.
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = Bits::new(&bytes);
        let numbers: Vec<u32> = std::iter::from_fn(|| bits.golomb()).take(5).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&bytes);
        let signed: Vec<i32> = std::iter::from_fn(|| bits.signed_golomb()).take(5).collect();
        assert_eq!(signed, [0, 1, -1, 2, -2]);
        assert_eq!(Bits::new(&[0; 9]).golomb(), None);
    }
}
