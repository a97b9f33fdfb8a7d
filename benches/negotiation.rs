//! What does the core cost while a whole room negotiates? Every pair exchanges an offer, an answer
//! and candidates.

mod support;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use signal_core::{ConnId, ParticipantId};
use support::Node;

/// The numbers of participants; every two of them negotiate.
const PARTICIPANTS: [usize; 3] = [4, 16, 49];
/// The number of candidates of each side.
const CANDIDATES: usize = 6;

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
    let sdp = r"v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\n".repeat(60);
    let candidate =
        r#"{"candidate":"candidate:1 1 udp 2113937151 10.0.0.1 50000 typ host","sdpMid":"0"}"#;
    let mut frames = Vec::new();
    for (index, (offerer, offerer_id)) in members.iter().enumerate() {
        for (answerer, answerer_id) in &members[..index] {
            let mut say = |conn: ConnId, kind: &str, to: ParticipantId, field: &str| {
                frames.push((
                    conn,
                    Bytes::from(format!(r#"{{"type":"{kind}","to":"{to}",{field}}}"#)),
                ));
            };
            let (sdp, candidate) =
                (format!(r#""sdp":"{sdp}""#), format!(r#""candidate":{candidate}"#));
            say(*offerer, "offer", *answerer_id, &sdp);
            say(*answerer, "answer", *offerer_id, &sdp);
            for _ in 0..CANDIDATES {
                say(*offerer, "candidate", *answerer_id, &candidate);
                say(*answerer, "candidate", *offerer_id, &candidate);
            }
        }
    }
    frames
}

criterion_group!(benches, negotiation);
criterion_main!(benches);
