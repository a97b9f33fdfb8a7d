//! The offset of another machine's clock.

use tokio::io::{AsyncBufRead, AsyncWrite};

use super::protocol::{Answer, LinkError, Request, SILENCE, receive, send, unix_us};

/// The offset of a clock from this machine's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ClockOffset {
    /// How far it is ahead.
    pub(super) ahead_us: i64,
    /// The error of the offset.
    pub(super) error_us: u64,
}

impl ClockOffset {
    /// Asks for the time a few times, and uses the shortest exchange, which is the most exact. Also
    /// returns the version of the other side.
    pub(super) async fn measure(
        reader: &mut (impl AsyncBufRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(Self, String), LinkError> {
        let mut best: Option<(Self, String)> = None;
        for _ in 0..EXCHANGES {
            let asked = unix_us();
            send(writer, &Request::Clock).await?;
            let answer = receive(reader, SILENCE).await?;
            let answered = unix_us();
            let Answer::Clock { unix_us, version } = answer else { return Err(LinkError::Closed) };
            let took = answered.saturating_sub(asked);
            let ahead_us = unix_us.wrapping_sub(asked + took / 2) as i64;
            let offset = Self { ahead_us, error_us: took / 2 };
            if best.as_ref().is_none_or(|(best, _)| offset.error_us < best.error_us) {
                best = Some((offset, version));
            }
        }
        best.ok_or(LinkError::Closed)
    }

    /// Converts a time of this machine to that clock.
    pub(super) fn there(self, unix_us: u64) -> u64 {
        unix_us.saturating_add_signed(self.ahead_us)
    }

    /// Converts a time of that clock in milliseconds to this machine's.
    pub(super) fn here_ms(self, unix_ms: u64) -> u64 {
        unix_ms.saturating_add_signed(-self.ahead_us / 1000)
    }
}

const EXCHANGES: u32 = 10;

#[cfg(test)]
mod tests {
    use tokio::io::{BufReader, duplex, split};

    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_wrong_is_known_by_how_much() {
        for ahead in [-90_000_000_i64, 0, 5_000_000] {
            let (near, far) = duplex(1024);
            tokio::spawn(async move {
                let (reader, mut writer) = split(far);
                let mut reader = BufReader::new(reader);
                while let Ok(Request::Clock) = receive(&mut reader, SILENCE).await {
                    let unix_us = unix_us().saturating_add_signed(ahead);
                    send(&mut writer, &Answer::Clock { unix_us, version: "7".into() })
                        .await
                        .unwrap();
                }
            });
            let (reader, mut writer) = split(near);
            let measured = ClockOffset::measure(&mut BufReader::new(reader), &mut writer).await;
            let (offset, version) = measured.unwrap();
            let wrong = offset.ahead_us.abs_diff(ahead);
            assert!(wrong <= offset.error_us + 1, "{offset:?} for {ahead}");
            assert_eq!(version, "7");
            assert_eq!(offset.there(100_000_000).abs_diff((100_000_000 + ahead) as u64), wrong);
            let here = offset.here_ms((100_000 + ahead / 1000) as u64);
            assert!(here.abs_diff(100_000) <= wrong / 1000 + 1, "{here}");
        }
    }
}
