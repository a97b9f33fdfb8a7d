//! Points in time as texts (RFC 3339), in UTC.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::time::Timestamp;

/// Formats a point in time, like `2025-12-06T14:00:00Z`, with a fraction only if there is one.
///
/// Times after the year 9999, which RFC 3339 cannot express, become its last second.
pub fn rfc3339(at: Timestamp) -> String {
    let nanos = i128::from(at.as_millis().min(LAST_MILLIS)) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .expect("the years 1970 to 9999 can be written")
}

pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    u64::try_from(nanos / 1_000_000).ok().map(Timestamp::from_millis)
}

/// 9999-12-31T23:59:59Z.
const LAST_MILLIS: u64 = 253_402_300_799_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_764_943_200_000, "2025-12-05T14:00:00Z"),
            (1_764_943_200_250, "2025-12-05T14:00:00.25Z"),
            (LAST_MILLIS, "9999-12-31T23:59:59Z"),
        ] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(rfc3339(at), text);
            assert_eq!(parse(text), Some(at));
        }
        assert_eq!(rfc3339(Timestamp::from_millis(u64::MAX)), "9999-12-31T23:59:59Z");
        assert_eq!(parse("2025-12-06T14:00:00+08:00"), parse("2025-12-06T06:00:00Z"));
        assert_eq!([parse("yesterday"), parse("1969-12-31T23:59:59Z")], [None, None]);
    }
}
