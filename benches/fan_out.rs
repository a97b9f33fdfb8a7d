//! What does it cost to tell everybody in a room that a participant joined and left?
//!
//! One round is a join and a leave in a room with that many others, including the store. The time
//! per notification should fall as the room grows, since the message is encoded once.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use signal_core::hub::{Disconnect, Input};
use signal_core::room::Ticket;
use support::Node;

/// The numbers of members of the room, without the newcomer.
const MEMBERS: [usize; 5] = [1, 4, 9, 24, 49];

fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("fan_out");
    for members in MEMBERS {
        let mut node = Node::new();
        for _ in 0..members {
            node.connect_guest();
        }
        group.throughput(Throughput::Elements(2 * members as u64));
        group.bench_function(BenchmarkId::new("join_and_leave", members), |b| {
            b.iter(|| {
                let newcomer = node.connect(Ticket::Creator);
                let told = node.handle(Input::Lost { conn: newcomer, how: Disconnect::Abrupt });
                assert_eq!(told, members);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
