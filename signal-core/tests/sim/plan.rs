//! The plan of a run, drawn from its seed.

use std::time::Duration;

use signal_core::ProtocolVersion;
use signal_core::config::{HubConfig, RateLimit, ReplayLimit};
use signal_core::room::OnCreatorLeave;

use crate::client::Rule;
use crate::random::Random;

#[derive(Clone, Debug)]
pub struct Plan {
    pub nodes: usize,
    pub rooms: usize,
    pub capacity: u16,
    pub on_creator_leave: OnCreatorLeave,
    /// For how long rooms are open, in milliseconds, if nobody changes that.
    pub life: u64,
    /// The participants, and the room that each is for; the first of a room is its creator.
    pub participants: Vec<(usize, Role)>,
    /// For how long things happen, in milliseconds; afterwards everything comes to rest.
    pub busy: u64,
    /// About how many milliseconds pass from one act to the next.
    pub pause: u64,
    /// The most a frame takes to the other end of a socket, in milliseconds.
    pub delay: u64,
    pub store: StorePlan,
    pub faults: Faults,
    pub config: HubConfig,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    Browser(Rule),
    Hostile(ProtocolVersion),
    Sdk,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StorePlan {
    /// It answers at once, like the store in memory.
    Instant,
    /// It takes up to so many milliseconds each way.
    Slow(u64),
}

/// How often each of these happens, in percent of the occasions.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// A socket breaks.
    pub cut: u64,
    /// A participant does not read for a while.
    pub slow: u64,
    /// A process dies, another takes its place.
    pub crash: u64,
    /// A frame does not reach the other node.
    pub unreachable: u64,
    /// An operation does not reach the store.
    pub lost_request: u64,
    /// Its answer does not come back.
    pub lost_answer: u64,
    /// Its answer comes twice.
    pub double_answer: u64,
    /// A node is not told of a change.
    pub lost_record: u64,
    /// The store forgets: a room, or what happened to it last. In percent of the runs, not of the
    /// occasions.
    pub lost_data: u64,
}

impl Plan {
    pub fn draw(random: &mut Random) -> Self {
        let nodes = usize::try_from(random.between(1, 3)).unwrap();
        let rooms = if random.chance(15) { 2 } else { 1 };
        let everybody = random.between(2, 6) * rooms;
        let participants = (0..everybody).map(|number| {
            let room = usize::try_from(number % rooms).unwrap();
            (room, Role::draw(random))
        });
        let mut participants: Vec<_> = participants.collect();
        if participants.len() > 3 && random.chance(20) {
            participants.truncate(3);
        }
        let is_instant = nodes == 1 && random.chance(60) || random.chance(10);
        Self {
            nodes,
            rooms: usize::try_from(rooms).unwrap(),
            capacity: u16::try_from(if random.chance(30) { random.between(1, 3) } else { 8 })
                .unwrap(),
            on_creator_leave: if random.chance(50) {
                OnCreatorLeave::Close
            } else {
                OnCreatorLeave::Keep
            },
            life: if random.chance(8) { random.between(5_000, 40_000) } else { 3_600_000 },
            participants,
            busy: random.between(5_000, 40_000),
            pause: random.between(200, 900),
            delay: if random.chance(80) { random.between(1, 80) } else { random.between(80, 2000) },
            store: if is_instant {
                StorePlan::Instant
            } else {
                StorePlan::Slow(random.between(0, 400))
            },
            faults: Faults::draw(random),
            config: config(random),
        }
    }
}

impl Role {
    fn draw(random: &mut Random) -> Self {
        match random.below(20) {
            0..=3 => Self::Browser(Rule::Newcomer),
            4..=6 => Self::Browser(Rule::SmallerId),
            7 => Self::Hostile(ProtocolVersion::V1),
            8 => Self::Hostile(ProtocolVersion::V2),
            _ => Self::Sdk,
        }
    }
}

impl Faults {
    /// Each kind of fault is absent from about half of the runs, so that the others have a chance
    /// to matter.
    fn draw(random: &mut Random) -> Self {
        if random.chance(15) {
            return Self::default();
        }
        let mut draw = |most: u64| if random.chance(50) { 0 } else { random.between(1, most) };
        Self {
            cut: draw(25),
            slow: draw(10),
            crash: draw(4),
            unreachable: draw(8),
            lost_request: draw(15),
            lost_answer: draw(15),
            double_answer: draw(20),
            lost_record: draw(60),
            lost_data: draw(6),
        }
    }
}

/// Limits that a run of this length can reach.
fn config(random: &mut Random) -> HubConfig {
    let mut config = HubConfig::with(|config| {
        config.max_bad_messages = 12;
        config.rate = RateLimit::with(|rate| {
            rate.burst_messages = 80;
            rate.burst_messages_per_peer = 10;
            rate.patience = Duration::from_secs(2);
        });
    });
    if random.chance(40) {
        config.max_unsent_bytes = usize::try_from(random.between(2_000, 8_000)).unwrap();
    }
    if random.chance(40) {
        let messages = usize::try_from(random.between(1, 12)).unwrap();
        config.replay = ReplayLimit::with(|replay| replay.messages = messages);
    }
    if random.chance(15) {
        config.max_held_bytes = 1500;
    }
    if random.chance(30) {
        config.max_seats_per_address = Some(u32::try_from(random.between(1, 2)).unwrap());
    }
    if random.chance(50) {
        config.resume_grace = Duration::from_millis(random.between(1_000, 8_000));
    }
    config
}
