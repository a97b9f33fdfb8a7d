//! RTP time without wraparound.

/// The time of the frames of one stream, in units of its clock since its first frame.
#[derive(Debug, Default)]
pub(crate) struct RtpTime {
    /// The time stamp of the last frame, and its time.
    last: Option<(u32, u64)>,
}

impl RtpTime {
    /// The time of the next frame, which is always later than that of the previous one.
    pub(crate) fn at(&mut self, timestamp: u32) -> u64 {
        let at = self.last.map_or(0, |(last, at)| {
            let step = timestamp.wrapping_sub(last) as i32;
            at.saturating_add(step.max(1).unsigned_abs().into())
        });
        self.last = Some((timestamp, at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_time_stamps_wrap_or_go_back() {
        let mut time = RtpTime::default();
        let stamps = [u32::MAX - 959, 0, 0, 100, 50_000, 3, 963];
        assert_eq!(stamps.map(|stamp| time.at(stamp)), [0, 960, 961, 1061, 50_961, 50_962, 51_922]);
    }
}
