//! Do a join and a leave cost more when there are many other rooms?
//!
//! They should not: no operation of the core touches a room that it does not concern.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use signal_core::hub::{Disconnect, Input};
use signal_core::room::Ticket;
use support::Node;

/// The numbers of other rooms, each with one participant.
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
