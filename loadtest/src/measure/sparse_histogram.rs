//! Histograms of few values.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::measure::hdr;

/// A histogram of two digits, which takes memory only for values that occur: an HdrHistogram of 40
/// latencies takes a hundred times as much. Its text is that of an HdrHistogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SparseHistogram(BTreeMap<u64, u64>);

impl SparseHistogram {
    pub(crate) fn record(&mut self, value: u64) {
        *self.0.entry(lowest_equivalent(value)).or_default() += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same as an HdrHistogram.
    pub(crate) fn to_histogram(&self) -> Histogram<u64> {
        Self::sum([self])
    }

    /// Several of them as one HdrHistogram.
    pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Histogram<u64> {
        let mut sum = growing(DIGITS);
        for (value, count) in all.into_iter().flat_map(|histogram| &histogram.0) {
            sum.record_n(*value, *count).expect("it grows with what is recorded");
        }
        sum
    }
}

impl AddAssign for SparseHistogram {
    fn add_assign(&mut self, other: Self) {
        for (value, count) in other.0 {
            *self.0.entry(value).or_default() += count;
        }
    }
}

impl Serialize for SparseHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        hdr::serialize(&self.to_histogram(), serializer)
    }
}

impl<'de> Deserialize<'de> for SparseHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let histogram = hdr::deserialize(deserializer)?;
        let values = histogram.iter_recorded();
        let values =
            values.map(|at| (lowest_equivalent(at.value_iterated_to()), at.count_at_value()));
        Ok(Self(values.collect()))
    }
}

/// A histogram with so many digits that takes as much memory as its longest latency needs.
pub(crate) fn growing(digits: u8) -> Histogram<u64> {
    let mut histogram = Histogram::new(digits).expect("up to five digits are within what it takes");
    histogram.auto(true);
    histogram
}

/// The lowest of the values that an HdrHistogram of two digits does not tell apart, which are those
/// with the same first eight bits.
fn lowest_equivalent(value: u64) -> u64 {
    let spare = (u64::BITS - value.leading_zeros()).saturating_sub(8);
    value >> spare << spare
}

const DIGITS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_histogram_tells_values_apart_as_an_hdr_histogram_does() {
        let (mut sparse, mut dense) = (SparseHistogram::default(), growing(DIGITS));
        let mut value = 0_u64;
        while value < 3_600_000_000 {
            assert_eq!(lowest_equivalent(value), dense.lowest_equivalent(value), "{value}");
            sparse.record(value);
            dense.record(value).unwrap();
            value = value * 9 / 8 + 1;
        }
        let mut other = SparseHistogram::default();
        other.record(777);
        dense.record(777).unwrap();
        sparse += other;
        let told = sparse.to_histogram();
        assert_eq!((&told, told.max(), told.mean()), (&dense, dense.max(), dense.mean()));
        let text = serde_json::to_string(&sparse).unwrap();
        assert_eq!(serde_json::from_str::<SparseHistogram>(&text).unwrap(), sparse);
    }
}
