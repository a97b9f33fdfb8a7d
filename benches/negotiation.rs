//! What does the core cost while a whole room negotiates? Every pair exchanges an offer, an answer
//! and candidates.

mod support;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use signal_core::{ConnId, ParticipantId};
use support::{Node, negotiation_of};

/// The numbers of participants; every two of them negotiate.
const PARTICIPANTS: [usize; 3] = [4, 16, 49];

fn negotiation(c: &mut Criterion) {
    let mut group = c.benchmark_group("negotiation");
    for participants in PARTICIPANTS {
        let mut node = Node::new();
        let members: Vec<(ConnId, ParticipantId)> =
            (0..participants).map(|_| node.connect_guest()).collect();
        let frames = mesh(&members);
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(BenchmarkId::new("full_mesh", participants), |b| {
            b.iter(|| {
                let mut delivered = 0;
                for (conn, frame) in &frames {
                    delivered += node.say(*conn, frame);
                }
                assert_eq!(delivered, frames.len());
            });
        });
    }
    group.finish();
}

/// All frames of the negotiations, in an order in which no participant has to wait.
fn mesh(members: &[(ConnId, ParticipantId)]) -> Vec<(ConnId, Bytes)> {
    let pairs = members.iter().enumerate().flat_map(|(index, offerer)| {
        members[..index].iter().map(move |answerer| (*offerer, *answerer))
    });
    pairs.flat_map(|(offerer, answerer)| negotiation_of(offerer, answerer)).collect()
}

criterion_group!(benches, negotiation);
criterion_main!(benches);
