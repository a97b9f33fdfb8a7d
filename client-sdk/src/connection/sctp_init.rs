//! The INIT of the other side, which begins the SCTP association.
//!
//! The DTLS client begins the association, and repeats its INIT until it has an INIT ACK. Several
//! INITs arrive if the INIT ACK is lost, or if a round trip takes a second. webrtc-rs begins an
//! association with each, against RFC 9260 section 5.2.2, and opens the channels of this side on
//! any of them, although only one will remain. Therefore a repeated INIT is kept from webrtc-rs and
//! answered with the earlier INIT ACK.
//!
//! DTLS encrypts both messages, but not the number and the length of a record, by which they are
//! recognized here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// The INIT that one connection has received, and the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct SctpInit(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    /// Whether this side has sent data first, and so is the DTLS client.
    is_client: bool,
    init: Option<Record>,
    answer: Option<Answer>,
    /// The lowest number of a record that is not an INIT: the COOKIE ECHO, after which no INIT is
    /// sent.
    cookie_echo: Option<u64>,
    repeats: u8,
}

/// The datagram with the INIT ACK, and its path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) datagram: Bytes,
}

/// A DTLS record (RFC 6347 section 4.1) that carries data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Record {
    /// The epoch, then the sequence number.
    number: u64,
    length: u16,
}

impl SctpInit {
    pub(super) fn sending(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        if Record::find(datagram).is_none() {
            return;
        }
        let mut exchange = self.exchange();
        if exchange.init.is_none() {
            exchange.is_client = true;
        } else if exchange.answer.is_none() {
            let datagram = Bytes::copy_from_slice(datagram);
            exchange.answer = Some(Answer { from, to, datagram });
        }
    }

    /// Keeps a repeated INIT from webrtc-rs. Returns its answer, if it is known.
    pub(super) fn received(&self, datagram: &mut [u8]) -> Option<Answer> {
        let (at, record) = Record::find(datagram)?;
        let mut exchange = self.exchange();
        if exchange.is_client {
            return None;
        }
        let Some(init) = exchange.init else {
            exchange.init = Some(record);
            return None;
        };
        let cookie_echo = exchange.cookie_echo.unwrap_or(u64::MAX);
        if record.length != init.length {
            exchange.cookie_echo = Some(cookie_echo.min(record.number));
            return None;
        }
        if record.number > cookie_echo
            || record.number == init.number
            || exchange.repeats == MAX_REPEATS
        {
            return None;
        }
        exchange.repeats += 1;
        // DTLS discards a record whose number has arrived before.
        datagram[at + NUMBER..at + LENGTH].copy_from_slice(&init.number.to_be_bytes());
        exchange.answer.clone()
    }

    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// The record at the start of a datagram, or inside TURN framing, and its position.
    fn find(datagram: &[u8]) -> Option<(usize, Self)> {
        let at = match datagram {
            [APPLICATION_DATA, ..] => 0,
            // RFC 8656 section 12.4: ChannelData.
            [0x40..=0x4f, ..] => 4,
            // Section 17: an indication of the method Send or Data.
            [0x00, 0x16 | 0x17, ..] => data_attribute(datagram)?,
            _ => return None,
        };
        let header = datagram.get(at..at + HEADER)?;
        if header[0] != APPLICATION_DATA {
            return None;
        }
        let number = header[NUMBER..LENGTH].try_into().map(u64::from_be_bytes).ok()?;
        let length = header[LENGTH..].try_into().map(u16::from_be_bytes).ok()?;
        Some((at, Self { number, length }))
    }
}

/// The position of the value of the attribute DATA (RFC 8656 section 18.4) in a STUN message.
fn data_attribute(message: &[u8]) -> Option<usize> {
    let mut at = 20;
    loop {
        let header = message.get(at..at + 4)?;
        at += 4;
        if header.starts_with(&[0x00, 0x13]) {
            return Some(at);
        }
        let length = u16::from_be_bytes([header[2], header[3]]);
        at += usize::from(length).next_multiple_of(4);
    }
}

const APPLICATION_DATA: u8 = 23;
/// The positions of the fields in the header of a record, and its length.
const NUMBER: usize = 3;
const LENGTH: usize = 11;
const HEADER: usize = 13;
/// The repeats of about 15 s. After that a record is passed on, in case it is a COOKIE ECHO as long
/// as the INIT.
const MAX_REPEATS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: u16 = 64;
    const INIT_ACK: u16 = 100;
    const COOKIE_ECHO: u16 = 72;

    /// The framings of a record: none, ChannelData, and a TURN indication.
    const CARRIERS: [&[u8]; 3] = [
        &[],
        &[0x40, 0x01, 0x00, 0x4d],
        &[
            0x00, 0x17, 0x00, 0x61, 0x21, 0x12, 0xa4, 0x42, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
            0x00, 0x12, 0x00, 0x05, 1, 2, 3, 4, 5, 0, 0, 0, 0x00, 0x13, 0x00, 0x4d,
        ],
    ];

    #[test]
    fn an_init_that_is_repeated_becomes_a_replay_and_is_answered_as_before() {
        for first in CARRIERS {
            for second in CARRIERS {
                let init = SctpInit::default();
                assert_eq!(receive(&init, first, 1, INIT), (1, None));
                let answer = send(&init, second, 1, INIT_ACK);
                send(&init, first, 2, INIT_ACK);
                assert_eq!(receive(&init, second, 2, INIT), (1, Some(answer)));
            }
        }
    }

    #[test]
    fn an_init_that_was_overtaken_is_repeated_too() {
        let init = SctpInit::default();
        assert_eq!(receive(&init, &[], 2, INIT), (2, None));
        let answer = send(&init, &[], 1, INIT_ACK);
        assert_eq!(receive(&init, &[], 1, INIT), (2, Some(answer.clone())));
        assert_eq!(receive(&init, &[], 4, COOKIE_ECHO), (4, None));
        assert_eq!(receive(&init, &[], 3, INIT), (2, Some(answer)));
    }

    #[test]
    fn an_init_of_this_side_is_left_alone() {
        let init = SctpInit::default();
        send(&init, &[], 1, INIT);
        for number in 1..10 {
            assert_eq!(receive(&init, &[], number, INIT_ACK), (number, None));
        }
    }

    #[test]
    fn what_follows_the_cookie_may_be_of_any_length() {
        let init = SctpInit::default();
        assert_eq!(receive(&init, &[], 1, INIT), (1, None));
        send(&init, &[], 1, INIT_ACK);
        assert_eq!(receive(&init, &[], 2, COOKIE_ECHO), (2, None));
        for number in 3..30 {
            assert_eq!(receive(&init, &[], number, INIT), (number, None));
        }
    }

    #[test]
    fn a_cookie_as_long_as_the_init_gets_through_in_the_end() {
        let init = SctpInit::default();
        assert_eq!(receive(&init, &[], 1, INIT), (1, None));
        send(&init, &[], 1, INIT_ACK);
        let passed = (2..10).find(|&number| receive(&init, &[], number, INIT) == (number, None));
        assert_eq!(passed, Some(2 + u64::from(MAX_REPEATS)));
    }

    #[test]
    fn whatever_arrives_is_no_reason_to_panic() {
        let init = SctpInit::default();
        let [whole, ..] = [CARRIERS[2]].map(|carrier| datagram(carrier, 1, INIT));
        for end in 0..whole.len() {
            for first in 0..=255 {
                let mut cut = whole[..end].to_vec();
                if let Some(byte) = cut.first_mut() {
                    *byte = first;
                }
                init.received(&mut cut);
                init.sending(address(1), address(2), &cut);
            }
        }
    }

    /// Returns the number of the record that is passed on, and the answer.
    fn receive(init: &SctpInit, carrier: &[u8], number: u64, length: u16) -> (u64, Option<Answer>) {
        let mut datagram = datagram(carrier, number, length);
        let answer = init.received(&mut datagram);
        let (at, record) = Record::find(&datagram).unwrap();
        assert_eq!((at, record.length), (carrier.len(), length));
        (record.number ^ EPOCH, answer)
    }

    fn send(init: &SctpInit, carrier: &[u8], number: u64, length: u16) -> Answer {
        let datagram = datagram(carrier, number, length);
        let (from, to) = (address(1), address(2));
        init.sending(from, to, &datagram);
        Answer { from, to, datagram: datagram.into() }
    }

    fn datagram(carrier: &[u8], number: u64, length: u16) -> Vec<u8> {
        let number = (number | EPOCH).to_be_bytes();
        let length_bytes = length.to_be_bytes();
        let body = vec![9; length.into()];
        [carrier, &[APPLICATION_DATA, 0xfe, 0xfd], &number, &length_bytes, &body].concat()
    }

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    /// The first epoch, in the upper 16 bits.
    const EPOCH: u64 = 1 << 48;
}
