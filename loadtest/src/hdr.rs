//! Histograms as text: the V2 encoding of HdrHistogram, in Base64.
//!
//! The encoding is described in `V2EncodingCookieBase` of HdrHistogram's Java implementation, which
//! reads these texts, as its other implementations do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
#[cfg(test)]
use thiserror::Error;

/// A text is no histogram.
#[cfg(test)]
#[derive(Debug, Error)]
#[error("it is no histogram in the V2 encoding of HdrHistogram")]
pub(crate) struct InvalidHistogram;

pub(crate) fn encode(histogram: &Histogram<u64>) -> String {
    let mut counts = Vec::new();
    let mut next_index = 0;
    for value in histogram.iter_recorded() {
        let index = index_of(histogram.sigfig(), value.value_iterated_to());
        if index > next_index {
            push_zig_zag(-((index - next_index) as i64), &mut counts);
        }
        push_zig_zag(i64::try_from(value.count_at_value()).unwrap_or(i64::MAX), &mut counts);
        next_index = index + 1;
    }
    let mut bytes = Vec::with_capacity(HEADER + counts.len());
    bytes.extend(COOKIE.to_be_bytes());
    bytes.extend((counts.len() as u32).to_be_bytes());
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(u32::from(histogram.sigfig()).to_be_bytes());
    bytes.extend(histogram.low().to_be_bytes());
    bytes.extend(histogram.high().to_be_bytes());
    bytes.extend(1.0_f64.to_be_bytes());
    bytes.extend(counts);
    STANDARD.encode(bytes)
}

#[cfg(test)]
pub(crate) fn decode(text: &str) -> Result<Histogram<u64>, InvalidHistogram> {
    let bytes = STANDARD.decode(text).map_err(|_| InvalidHistogram)?;
    let (header, counts) = bytes.split_at_checked(HEADER).ok_or(InvalidHistogram)?;
    let number = |at: usize| {
        let bytes = header[at..at + 8].try_into().expect("eight bytes were taken");
        u64::from_be_bytes(bytes)
    };
    let (cookie, digits) = (number(0) >> 32, number(8) & 0xff);
    if cookie != u64::from(COOKIE) || number(0) & 0xffff_ffff != counts.len() as u64 {
        return Err(InvalidHistogram);
    }
    let digits = digits as u8;
    let mut histogram =
        Histogram::new_with_bounds(number(16), number(24), digits).map_err(|_| InvalidHistogram)?;
    let (mut rest, mut index) = (counts, 0_u64);
    while !rest.is_empty() {
        let count = take_zig_zag(&mut rest).ok_or(InvalidHistogram)?;
        match u64::try_from(count) {
            Ok(count) => {
                let value = value_at(digits, index).ok_or(InvalidHistogram)?;
                histogram.record_n(value, count).map_err(|_| InvalidHistogram)?;
                index += 1;
            }
            Err(_) => index = index.checked_add(count.unsigned_abs()).ok_or(InvalidHistogram)?,
        }
    }
    Ok(histogram)
}

/// How many bits of a value are kept.
fn kept_bits(digits: u8) -> u32 {
    (2 * 10_u64.pow(u32::from(digits))).next_power_of_two().trailing_zeros()
}

/// The index of a value's counter, for histograms whose lowest value is 1.
fn index_of(digits: u8, value: u64) -> u64 {
    let half = kept_bits(digits) - 1;
    let bucket = (63 - (value | ((1 << (half + 1)) - 1)).leading_zeros()).saturating_sub(half);
    (u64::from(bucket) << half) + (value >> bucket)
}

/// The lowest value that a counter counts.
#[cfg(test)]
fn value_at(digits: u8, index: u64) -> Option<u64> {
    let half = kept_bits(digits) - 1;
    let bucket = (index >> half).saturating_sub(1);
    let shift = u32::try_from(bucket).ok().filter(|shift| *shift < 63)?;
    (index - (bucket << half)).checked_shl(shift)
}

/// Appends a number in ZigZag LEB128, of nine bytes at most.
fn push_zig_zag(number: i64, bytes: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    for _ in 0..8 {
        if rest < 0x80 {
            bytes.push(rest as u8);
            return;
        }
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

#[cfg(test)]
fn take_zig_zag(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for position in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let is_last = position == 8 || byte < 0x80;
        let bits = if position == 8 { byte } else { byte & 0x7f };
        number |= u64::from(bits) << (7 * position);
        if is_last {
            break;
        }
    }
    Some((number >> 1) as i64 ^ -((number & 1) as i64))
}

/// V2, with words of zero bytes.
const COOKIE: u32 = 0x1c84_9313;
const HEADER: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_the_same_when_it_is_read_again() {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        let mut value = 1_u64;
        while value < 3_600_000_000 {
            histogram.record_n(value, value % 7 + 1).unwrap();
            value = value * 5 / 3 + 1;
        }
        histogram.record_n(2047, 1_000_000_000).unwrap();
        histogram.record(0).unwrap();
        let read = decode(&encode(&histogram)).unwrap();
        assert_eq!(read, histogram);
        let empty = Histogram::new_with_bounds(1, 1000, 2).unwrap();
        assert_eq!(decode(&encode(&empty)).unwrap(), empty);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let mut histogram = Histogram::new_with_bounds(1, 1000, 3).unwrap();
        histogram.record(7).unwrap();
        let text = encode(&histogram);
        for wrong in ["", "AAAA", "!", &text[..text.len() - 4]] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
