//! All shards of a server.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use signal_core::config::HubConfig;
use signal_core::hub::{Hub, NodeId};
use signal_core::room::Room;
use signal_core::{ConnId, RoomId};
use tokio::task::JoinSet;

use super::Shard;
use super::events::{EventSender, RoomEvents};
use super::inbox::{Inbox, MessagesToHost};
use super::state::ShardContext;
use crate::limits::concurrency::Permit;
#[cfg(feature = "metrics")]
use crate::metrics::MessageMeter;
use crate::store::{MostEnded, Writer};
use crate::supervision::Supervisor;

/// All rooms of this process, spread over shards so that cores do not contend for one lock.
#[derive(Clone, Debug)]
pub(crate) struct Shards {
    shards: Arc<[Shard]>,
    hasher: RandomState,
    last_conn: Arc<AtomicU64>,
    events: EventSender,
    inbox: Inbox,
}

impl Shards {
    pub(crate) fn new(
        count: usize,
        config: &HubConfig,
        disk: Option<&Writer>,
        context: &ShardContext,
    ) -> Self {
        let node = NodeId(rand::random());
        let shards = (0..count.max(1))
            .map(|_| {
                let hub = Hub::new(node, config.clone());
                let of_each = |most: usize| most.div_ceil(count.max(1));
                let most_ended = MostEnded {
                    of_user: of_each(MOST_ENDED.of_user),
                    without_creator: of_each(MOST_ENDED.without_creator),
                };
                Shard::new(hub, disk.cloned(), most_ended, context.clone())
            })
            .collect();
        let (events, inbox) = (context.events.clone(), context.inbox.clone());
        Self { shards, hasher: RandomState::new(), last_conn: Arc::default(), events, inbox }
    }

    /// Adds a room that an earlier process saved. Its participants may resume within `grace`.
    /// `permit` counts an open room among those of its creator.
    pub(crate) fn restore(&self, room: Room, permit: Option<Permit<String>>, grace: Duration) {
        self.of(room.id()).restore(room, permit, grace);
    }

    /// The shard that holds a room.
    pub(crate) fn of(&self, room: RoomId) -> &Shard {
        let index = self.hasher.hash_one(room) as usize % self.shards.len();
        &self.shards[index]
    }

    /// The open rooms of a user.
    pub(crate) fn rooms_of(&self, creator: &str) -> Vec<Arc<Room>> {
        let of = |shard: &Shard| shard.lock().store.rooms_of(creator).cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(of).collect()
    }

    /// All connections, each with its shard.
    pub(crate) fn connections(&self) -> Vec<(&Shard, ConnId)> {
        let of = |shard: &Shard| shard.lock().outboxes.keys().copied().collect::<Vec<_>>();
        self.shards
            .iter()
            .flat_map(|shard| of(shard).into_iter().map(move |conn| (shard, conn)))
            .collect()
    }

    /// All open rooms, in no particular order.
    pub(crate) fn open_rooms(&self) -> Vec<Arc<Room>> {
        let of = |shard: &Shard| shard.lock().store.open_rooms().cloned().collect::<Vec<_>>();
        self.shards.iter().flat_map(of).collect()
    }

    /// The events of all rooms from now on.
    pub(crate) fn events(&self) -> RoomEvents {
        self.events.subscribe()
    }

    /// The messages of participants to the host from now on.
    pub(crate) fn messages(&self) -> MessagesToHost {
        self.inbox.listen()
    }

    /// How many rooms are open, and how many participants are connected.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(rooms, participants), shard| {
            let state = shard.lock();
            (rooms + state.store.open_rooms().len(), participants + state.outboxes.len())
        })
    }

    /// How many bytes wait for the sockets.
    #[cfg(feature = "metrics")]
    pub(crate) fn queued_bytes(&self) -> usize {
        let of = |shard: &Shard| {
            shard.lock().outboxes.values().map(|outbox| outbox.queued()).sum::<usize>()
        };
        self.shards.iter().map(of).sum()
    }

    /// The sum of the message counters of all shards.
    #[cfg(feature = "metrics")]
    pub(crate) fn message_meter(&self) -> MessageMeter {
        let mut sum = MessageMeter::default();
        self.shards.iter().for_each(|shard| sum.add(&shard.lock().meter));
        sum
    }

    /// An id for a new connection, unique in this process.
    pub(crate) fn next_conn(&self) -> ConnId {
        ConnId(self.last_conn.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts the timer task of each shard. One that panics is started again.
    pub(crate) fn start_timers(&self, supervisor: &Supervisor) -> Timers {
        let mut timers = JoinSet::new();
        for index in 0..self.shards.len() {
            let (shards, supervisor) = (Arc::clone(&self.shards), supervisor.clone());
            timers.spawn(async move {
                supervisor.run("the timer of a shard", || shards[index].run_timer()).await;
            });
        }
        Timers(timers)
    }
}

/// The timer tasks of all shards. Dropping this ends them.
pub(crate) struct Timers(
    #[expect(dead_code, reason = "held for its effect when dropped")] JoinSet<()>,
);

/// How many ended rooms are remembered, over all shards.
const MOST_ENDED: MostEnded = MostEnded { of_user: 1000, without_creator: 50_000 };

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Wake, Waker};

    use signal_core::hub::Input;
    use signal_core::room::{Grant, IdSuffix, ResumeToken, TokenHash};
    use signal_core::{DisplayName, Entry, Language, ProtocolVersion, Randomness};

    use super::super::outbox::Outbox;
    use super::super::tests::{context, room};
    use super::*;
    use crate::limits::concurrency::ConcurrencyLimit;

    /// Panics when its task is to go on, as a task of the application's may.
    struct PanicsWhenWoken;

    impl Wake for PanicsWhenWoken {
        fn wake(self: Arc<Self>) {
            panic!("a bug of the task's")
        }
    }

    /// The creator's connection to a room, up to what it waits for: the end of the room.
    async fn connect(shards: &Shards, room: RoomId) -> Arc<Outbox> {
        let conn = shards.next_conn();
        let entry = Entry::Attach {
            grant: Grant::creator(),
            name: DisplayName::parse("alice").unwrap().unwrap(),
            ice: None,
        };
        let resume_token = ResumeToken::new("token", TokenHash::new([1; 32]));
        let open = Input::Open {
            conn,
            room,
            protocol: ProtocolVersion::V1,
            language: Language::En,
            entry,
            randomness: Randomness { suffix: IdSuffix::new(1), resume_token },
            client: None,
        };
        let outbox = shards.of(room).open(conn, open);
        let mut taken = VecDeque::new();
        outbox.take(&mut taken).await;
        let bytes = taken.iter().map(|frame| frame.len()).sum();
        shards.of(room).input(Input::Sent { conn, bytes });
        outbox
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_panics_goes_on_and_one_that_panics_twice_within_a_minute_has_failed() {
        let (context, supervisor) = (context(), Supervisor::new());
        let began = context.clock.now();
        let shards = Shards::new(1, &HubConfig::default(), None, &context);
        let _timers = shards.start_timers(&supervisor);
        let open_rooms = ConcurrencyLimit::new();
        let mut outboxes = Vec::new();
        for (number, end) in [(0, 60), (1, 100), (2, 130), (3, 180)] {
            let permit = open_rooms.acquire("alice".to_owned(), 4);
            let room = room(number, end, context.clock.now());
            let room = shards.of(room.id()).create(room, permit).unwrap().keep().id();
            outboxes.push(connect(&shards, room).await);
        }
        let [first, second, third, fourth] = outboxes.try_into().unwrap();
        // The second panic comes more than a minute after the first, and the third does not.
        let waker = Waker::from(Arc::new(PanicsWhenWoken));
        for outbox in [first, third, fourth] {
            let waiting = pin!(outbox.closed());
            assert!(waiting.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        second.closed().await;
        assert!(!supervisor.has_failed(), "it has panicked once");
        assert_eq!(supervisor.failed().await, "the timer of a shard");
        let lasted = context.clock.now().saturating_since(began);
        assert!(lasted >= Duration::from_secs(180), "it has failed after {lasted:?}");
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn messages_are_added_up_over_all_shards() {
        use crate::metrics::{Counts, Metrics};

        let shards = Shards::new(4, &HubConfig::default(), None, &context());
        let rooms = (0..30).map(|number| RoomId::from_indices([number; 6]));
        for (conn, room) in (0..).map(ConnId).zip(rooms) {
            let shard = shards.of(room);
            shard.message(conn, shard.decoder(ProtocolVersion::V1), &"{}".into());
            shard.lock().meter.relayed();
        }
        let has_all = |meter| {
            let encoded = Metrics::new().encode(Counts::default(), 0, meter);
            ["messages_total", "relays_total", "message_seconds_count"]
                .into_iter()
                .all(|name| encoded.contains(&format!("\nsignal_{name} 30\n")))
        };
        assert!(has_all(shards.message_meter()));
        let of_one = |shard: &Shard| has_all(shard.lock().meter.clone());
        assert!(!shards.shards.iter().any(of_one), "the rooms are in several shards");
    }
}
