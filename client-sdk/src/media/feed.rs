//! What one connection gets of a player.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::Frame;
use super::player::{Played, Player, TimedFrame};

/// The frames of a player for one connection, in an order that can be decoded.
///
/// A connection joins with the pictures since the last keyframe. They are sent faster than they
/// play, each at the time of its sending, until the connection has caught up with the others. If
/// they are not kept, it joins with the next keyframe, which is requested of the source.
pub(crate) struct Feed {
    player: Arc<Player>,
    played: broadcast::Receiver<Played>,
    /// What is sent as fast as it may.
    behind: VecDeque<Frame>,
    next_behind: Instant,
    waits_for_keyframe: bool,
    /// What is requested before that is on its way already.
    next_request: Instant,
}

impl Feed {
    pub(crate) fn new(player: Arc<Player>) -> Self {
        let (group, played) = player.subscribe();
        let now = Instant::now();
        let mut feed = Self {
            player,
            played,
            behind: VecDeque::new(),
            next_behind: now,
            waits_for_keyframe: true,
            next_request: now,
        };
        feed.begin(group);
        feed
    }

    /// The next frame and its time; `None` when the player is gone. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<TimedFrame> {
        loop {
            tokio::select! {
                played = self.played.recv() => match played {
                    Ok(Played::Frame(timed)) => {
                        if let Some(timed) = self.pass(timed) {
                            return Some(timed);
                        }
                    }
                    Ok(Played::Jump) | Err(RecvError::Lagged(_)) => self.join(),
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.next_behind), if !self.behind.is_empty() => {
                    let at = Instant::now();
                    self.next_behind = at + CATCH_UP_PAUSE;
                    let frame = self.behind.pop_front()?;
                    return Some(TimedFrame { at, frame });
                }
            }
        }
    }

    /// The other side cannot decode what it gets. Nobody else notices what is done about it, unless
    /// the source is asked for a keyframe.
    pub(crate) fn request_keyframe(&mut self) {
        self.player.request_keyframe();
        let now = Instant::now();
        if now < self.next_request {
            return;
        }
        self.next_request = now + REQUEST_PAUSE;
        let (group, played) = self.player.subscribe();
        // If the pictures are not kept, a keyframe will come.
        if !group.is_empty() {
            self.played = played;
            self.begin(group);
        }
    }

    /// `None` for what is sent later or cannot be decoded.
    fn pass(&mut self, timed: TimedFrame) -> Option<TimedFrame> {
        if timed.frame.is_key {
            self.waits_for_keyframe = false;
            // A decoder needs nothing of what came before.
            self.behind.clear();
        } else if self.waits_for_keyframe {
            return None;
        } else if !self.behind.is_empty() {
            self.behind.push_back(timed.frame);
            return None;
        }
        Some(timed)
    }

    fn join(&mut self) {
        let (group, played) = self.player.subscribe();
        // Otherwise what has been played since is still to come.
        if !group.is_empty() {
            self.played = played;
        }
        self.begin(group);
    }

    fn begin(&mut self, group: Vec<Frame>) {
        self.waits_for_keyframe = group.is_empty();
        if self.waits_for_keyframe {
            self.player.request_keyframe();
        }
        self.behind = group.into();
    }
}

/// Between the pictures of a connection that catches up: 200 of them a second, so that they do not
/// arrive in a burst that a network drops.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(5);
/// As long as a picture may take to the other side, and a request from there.
const REQUEST_PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
