//! The objectives of a run, and the verdict on it.

pub(crate) mod measurable;
pub(crate) mod slo;
pub(crate) mod verdict;
