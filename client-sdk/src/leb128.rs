//! Sizes in the LEB128 encoding of AV1: seven bits in each byte, the lowest first (AV1
//! specification section 4.10.5).

/// Reads a size, and returns it with the rest; `None` if it is incomplete or does not fit in 32
/// bits.
pub(crate) fn read(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(MAX_BYTES).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & CONTINUES == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}

pub(crate) fn write(mut value: usize, to: &mut Vec<u8>) {
    while value > 0x7f {
        to.push((value & 0x7f) as u8 | CONTINUES);
        value >>= 7;
    }
    to.push(value as u8);
}

const CONTINUES: u8 = 0x80;
/// The longest encoding of a 32-bit number.
const MAX_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_with_what_follows() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX as usize] {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            bytes.push(7);
            assert_eq!(read(&bytes), Some((value, &[7][..])));
        }
    }

    #[test]
    fn a_size_without_an_end_or_beyond_32_bits_is_none() {
        for bytes in [&[][..], &[0x80], &[0xff; 9], &[0xff, 0xff, 0xff, 0xff, 0x1f]] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
