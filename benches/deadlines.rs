//! What does it cost to move the deadline of one room and get the next, while many rooms wait?

mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use signal_core::room::{Change, Op};
use signal_core::store::MemoryStore;
use support::{NOW, new_room, room_id};

/// The numbers of rooms, each with a deadline.
const ROOMS: [usize; 4] = [1, 100, 10_000, 100_000];

fn deadlines(c: &mut Criterion) {
    let mut group = c.benchmark_group("deadlines");
    for rooms in ROOMS {
        let mut store = MemoryStore::new();
        for number in 0..rooms {
            store.create(new_room(number)).expect("the numbers differ");
        }
        let mut minutes = 0;
        group.bench_function(BenchmarkId::new("extend_and_poll", rooms), |b| {
            b.iter(|| {
                // Moves the deadline back and forth across those of all other rooms.
                minutes = (minutes + 37) % 120;
                let expires_at = Some(NOW + Duration::from_secs(60 * (1 + minutes)));
                let change = Op::Change(Change { expires_at, ..Change::default() });
                store.apply(room_id(0), &change, NOW).reply.expect("the room is open");
                let _ = store.handle_timeout(NOW);
                store.poll_timeout()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, deadlines);
criterion_main!(benches);
