//! Does a join and leave cost more where there are many other rooms?
//!
//! It should not: nothing in the core looks at a room it has nothing to do with.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use signal_core::{Disconnect, Input, Ticket};
use support::Node;

/// Rooms with one participant each, besides the one that is measured.
const ROOMS: [usize; 4] = [1, 100, 10_000, 100_000];

fn rooms(c: &mut Criterion) {
    let mut group = c.benchmark_group("rooms");
    for rooms in ROOMS {
        let mut node = Node::new();
        for number in 1..=rooms {
            node.create_room(number);
            node.connect(Ticket::Creator);
        }
        node.create_room(0);
        for _ in 0..3 {
            node.connect_guest();
        }
        group.bench_function(BenchmarkId::new("join_and_leave", rooms), |b| {
            b.iter(|| {
                let newcomer = node.connect(Ticket::Creator);
                node.handle(Input::Lost { conn: newcomer, how: Disconnect::Abrupt })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rooms);
criterion_main!(benches);
