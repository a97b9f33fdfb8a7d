//! What a shard does under its lock, and what after it.

use std::sync::mpsc;
use std::thread;

use futures_util::FutureExt;
use signal_core::config::HubConfig;
use signal_core::hub::NodeId;
use signal_core::room::{
    Capacity, CloseReason, IdSuffix, OnCreatorLeave, Reject, RoomSpec, Status, TokenHash,
};

use super::*;
use crate::ice::configured::ConfiguredServers;
use crate::limits::concurrency::ConcurrencyLimit;
use crate::metrics::Metrics;

pub(super) fn context() -> ShardContext {
    let clock = Clock::start();
    ShardContext {
        ice: Ice::new(None, ConfiguredServers::default(), Duration::from_secs(1), clock),
        counters: Arc::new(LimitCounters::new(Metrics::new())),
        clock,
        events: EventSender::new(),
        inbox: Inbox::default(),
        webhooks: None,
    }
}

fn shard() -> Shard {
    let most_ended = MostEnded { of_user: 10, without_creator: 10 };
    Shard::new(Hub::new(NodeId(1), HubConfig::default()), None, most_ended, context())
}

/// It ends after so many seconds.
pub(super) fn room(number: u8, seconds: u64, now: Timestamp) -> Room {
    Room::create(spec(number, seconds, now))
}

fn spec(number: u8, seconds: u64, now: Timestamp) -> RoomSpec {
    RoomSpec {
        id: RoomId::from_indices([number; 6]),
        epoch: 1,
        name: "room".into(),
        creator: Some("alice".into()),
        password: None,
        invite: TokenHash::new([9; 32]),
        capacity: Capacity::default(),
        created_at: now,
        expires_at: now + Duration::from_secs(seconds),
        on_creator_leave: OnCreatorLeave::Close,
        suffix: IdSuffix::new(1),
    }
}

#[test]
fn whoever_waits_for_a_lock_that_shards_share_holds_up_no_room() {
    let (shard, open_rooms) = (Arc::new(shard()), ConcurrencyLimit::new());
    let [first, second] = [1, 2].map(|number| {
        let permit = open_rooms.acquire("alice".to_owned(), 2);
        shard.create(room(number, 60, shard.clock.now()), permit).unwrap().keep().id()
    });
    let held = open_rooms.hold();
    let closing = thread::spawn({
        let shard = Arc::clone(&shard);
        move || {
            let close = Op::Close(CloseReason::ByAdmin);
            let closed = shard.apply(first.into(), &close, |_| {}).now_or_never().flatten();
            assert_eq!(closed.map(|applied| applied.reply.is_ok()), Some(true));
        }
    });
    let (found_in, found) = mpsc::channel();
    thread::spawn({
        let shard = Arc::clone(&shard);
        move || {
            while shard.room(first).unwrap().status() == Status::Open {
                thread::yield_now();
            }
            found_in.send(shard.room(second).is_some()).unwrap();
        }
    });
    assert_eq!(found.recv_timeout(Duration::from_secs(30)), Ok(true));
    assert!(!closing.is_finished(), "the room is given back later");
    drop(held);
    closing.join().unwrap();
    assert_eq!(open_rooms.count(&"alice".to_owned()), 1);
}

#[test]
fn what_is_under_way_for_a_room_does_not_touch_a_later_one_with_its_id() {
    let shard = shard();
    let id = RoomId::chosen("daily").unwrap();
    let daily = |epoch| {
        let spec = spec(1, 60, shard.clock.now());
        Room::create(RoomSpec { id, epoch, creator: None, ..spec })
    };
    let close = |room| {
        let close = Op::Close(CloseReason::ByAdmin);
        shard.apply(room, &close, |_| {}).now_or_never().flatten().unwrap().reply
    };
    let first = shard.create(daily(1), None).unwrap();
    let record = Arc::clone(first.room());
    close(id.into()).unwrap();
    shard.create(daily(2), None).unwrap().keep();
    // Its creator does not learn of the first room.
    drop(first);
    assert_eq!(close(RoomRef::from(&record)), Err(Reject::RoomClosed));
    let later = shard.room(id).unwrap();
    assert_eq!((later.epoch(), later.status()), (2, Status::Open));
}
