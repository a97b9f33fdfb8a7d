//! Requests to the server whose outcome is pending.
//!
//! The server answers requests that it refuses, and not those that it accepts. A ping after a
//! request distinguishes the two: the server answers in order, so a request that was not refused
//! when the pong arrives was accepted. At most one ping is under way, for any number of requests.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signal_core::message::{ClientMessage, Payload, Request, RequestId};
use signal_core::{DisplayName, ErrorCode};

use super::error::CommandError;
use super::mute_state;

/// The pending requests, and the outcomes of the others.
#[derive(Debug, Default)]
pub(super) struct PendingRequests {
    /// The last number given to a request or a ping.
    last: u64,
    open: BTreeMap<u64, Open>,
    bytes: usize,
    /// The number of the ping under way.
    ping: Option<u64>,
    outcomes: VecDeque<(u64, Result<(), CommandError>)>,
    shown: Profile,
    /// The muted tracks by name, which are part of the announced state.
    muted: Vec<String>,
    /// The time until which the server may drop messages without an answer.
    quiet_until: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    bytes: usize,
    /// The change to the profile once the request is accepted.
    shows: Profile,
}

/// The name and state of this participant that the server has accepted.
#[derive(Clone, Debug, Default)]
struct Profile {
    name: Option<DisplayName>,
    state: Option<Payload>,
}

impl PendingRequests {
    /// Numbers a request and returns the messages to send for it. A request that the server might
    /// drop without an answer is refused.
    pub(super) fn issue(
        &mut self,
        mut message: ClientMessage,
        now: Instant,
    ) -> (u64, Vec<Request>) {
        let quiet = self.quiet_until.map(|until| until.saturating_duration_since(now));
        if let Some(wait) = quiet.filter(|wait| !wait.is_zero()) {
            return (self.refuse(sent_too_much(wait)), Vec::new());
        }
        let number = self.next_number();
        let bytes = size(&message);
        if self.open.len() >= MAX_OPEN || self.bytes + bytes > MAX_BYTES {
            self.outcomes.push_back((number, Err(CommandError::Busy)));
            return (number, Vec::new());
        }
        let shows = match &mut message {
            ClientMessage::Update { name, state } => {
                let shows = Profile { name: name.clone(), state: state.clone() };
                *state = state.take().map(|state| self.with_muted(state));
                shows
            }
            _ => Profile::default(),
        };
        self.bytes += bytes;
        self.open.insert(number, Open { bytes, shows });
        let mut requests = vec![Request { message, req: request_id(number) }];
        requests.extend(self.ping());
        (number, requests)
    }

    /// Fails a request before it is sent.
    pub(super) fn refuse(&mut self, error: CommandError) -> u64 {
        let number = self.next_number();
        self.outcomes.push_back((number, Err(error)));
        number
    }

    /// Handles a pong and returns the message to send next.
    pub(super) fn answered(&mut self, req: Option<&RequestId>) -> Option<Request> {
        let ping = self.ping.filter(|ping| number_of(req) == Some(*ping))?;
        self.ping = None;
        let later = self.open.split_off(&ping);
        for (number, open) in std::mem::replace(&mut self.open, later) {
            self.bytes -= open.bytes;
            self.shown.name = open.shows.name.or(self.shown.name.take());
            self.shown.state = open.shows.state.or(self.shown.state.take());
            self.outcomes.push_back((number, Ok(())));
        }
        if self.open.is_empty() { None } else { self.ping() }
    }

    /// Handles a refusal; `false` if it belongs to no open request.
    pub(super) fn refused(&mut self, req: Option<&RequestId>, error: &CommandError) -> bool {
        let Some((number, open)) =
            number_of(req).and_then(|number| self.open.remove_entry(&number))
        else {
            return false;
        };
        self.bytes -= open.bytes;
        self.outcomes.push_back((number, Err(error.clone())));
        true
    }

    /// Handles that this participant has sent too much; `false` if no request was open. The server
    /// reports this once a second, and drops further messages over the rate without an answer, so
    /// the outcome of every open request is unknown.
    pub(super) fn over_rate(&mut self, error: &CommandError, now: Instant) -> bool {
        self.quiet_until = Some(now + SILENCE);
        self.fail_all(error)
    }

    /// Fails all open requests; `false` if there are none.
    pub(super) fn fail_all(&mut self, error: &CommandError) -> bool {
        self.ping = None;
        self.bytes = 0;
        let failed = std::mem::take(&mut self.open);
        let any = !failed.is_empty();
        self.outcomes.extend(failed.into_keys().map(|number| (number, Err(error.clone()))));
        any
    }

    /// Notes the muted tracks, and returns the message to send for them.
    pub(super) fn mute(&mut self, muted: Vec<String>) -> Option<ClientMessage> {
        if self.muted == muted {
            return None;
        }
        self.muted = muted;
        let open = self.open.values().rev().find_map(|open| open.shows.state.as_ref());
        let own = open.or(self.shown.state.as_ref()).cloned();
        let state = Some(self.with_muted(own.unwrap_or_else(no_state)));
        Some(ClientMessage::Update { name: None, state })
    }

    /// The message with which a new seat gets the same profile.
    pub(super) fn shown(&self) -> Option<ClientMessage> {
        let Profile { name, state } = self.shown.clone();
        let state = match state {
            None if self.muted.is_empty() => None,
            own => Some(self.with_muted(own.unwrap_or_else(no_state))),
        };
        (name.is_some() || state.is_some()).then_some(ClientMessage::Update { name, state })
    }

    pub(super) fn poll_outcome(&mut self) -> Option<(u64, Result<(), CommandError>)> {
        self.outcomes.pop_front()
    }

    fn with_muted(&self, own: Payload) -> Payload {
        mute_state::show(&own, &self.muted).unwrap_or(own)
    }

    fn ping(&mut self) -> Option<Request> {
        if self.ping.is_some() {
            return None;
        }
        let number = self.next_number();
        self.ping = Some(number);
        let t = Payload::new(&()).expect("null has a JSON form");
        Some(Request { message: ClientMessage::Ping { t }, req: request_id(number) })
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

fn sent_too_much(wait: Duration) -> CommandError {
    CommandError::Refused {
        code: ErrorCode::RateLimited.to_string(),
        message: "too much was sent a moment ago".into(),
        retry_after: Some(wait),
    }
}

fn no_state() -> Payload {
    Payload::new(&serde_json::Map::new()).expect("an empty object has a JSON form")
}

fn request_id(number: u64) -> Option<RequestId> {
    Some(RequestId::new(&number.to_string()).expect("a number has 1 to 20 characters"))
}

fn number_of(req: Option<&RequestId>) -> Option<u64> {
    req?.as_str().parse().ok()
}

fn size(message: &ClientMessage) -> usize {
    match message {
        ClientMessage::Message { data, .. } => data.as_bytes().len(),
        ClientMessage::Update { state, .. } => {
            state.as_ref().map_or(0, |state| state.as_bytes().len())
        }
        _ => 0,
    }
}

/// A little more than the second of the server.
const SILENCE: Duration = Duration::from_millis(1500);
const MAX_OPEN: usize = 256;
/// A quarter of the send buffer; the rest is for negotiations.
const MAX_BYTES: usize = 256 * 1024;
