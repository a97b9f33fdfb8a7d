//! What does it cost when a room of 50 fills at once?
//!
//! One round fills an empty room, including the store: the joins alone, and with the negotiation of
//! every newcomer with everybody who is there. The time is that of a join, on average over the
//! room.

mod support;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use signal_core::{ConnId, ParticipantId};
use support::{Node, negotiation_of};

/// As many as a room has seats beside the creator's.
const GUESTS: usize = 49;

fn join_storm(c: &mut Criterion) {
    let mut group = c.benchmark_group("join_storm");
    group.sample_size(20);
    group.throughput(Throughput::Elements(GUESTS as u64));
    for (name, negotiates) in [("joins", false), ("with_negotiations", true)] {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                Node::new,
                |node| assert_eq!(fill(node, negotiates), delivered(negotiates)),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Fills the room, and returns how many messages of negotiations arrived.
fn fill(node: &mut Node, negotiates: bool) -> usize {
    let mut members: Vec<(ConnId, ParticipantId)> = Vec::with_capacity(GUESTS);
    let mut arrived = 0;
    for _ in 0..GUESTS {
        let newcomer = node.connect_guest();
        for member in members.iter().filter(|_| negotiates) {
            for (conn, frame) in negotiation_of(newcomer, *member) {
                arrived += node.say(conn, &frame);
            }
        }
        members.push(newcomer);
    }
    arrived
}

fn delivered(negotiates: bool) -> usize {
    let pairs = GUESTS * (GUESTS - 1) / 2;
    if negotiates { pairs * (2 + 2 * support::CANDIDATES) } else { 0 }
}

criterion_group!(benches, join_storm);
criterion_main!(benches);
