//! What does one relayed message cost in the core: decode, route, encode?
//!
//! `hub_without_decode` is the part that a server does while it holds its lock, since it decodes
//! the frame before. `json_tree` changes the frame as `hub` does, but through a `serde_json::Value`
//! and without any routing. Compare the ratio of `hub` and `json_tree` in one run between machines,
//! not the times.

mod support;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use signal_core::hub::Input;
use signal_core::room::Ticket;
use support::Node;

/// Frame sizes in bytes: a candidate, a small offer, and an offer with audio, video and data.
const SIZES: [usize; 3] = [200, 1024, 6 * 1024];

fn relay(c: &mut Criterion) {
    let mut group = c.benchmark_group("relay");
    for size in SIZES {
        let mut node = Node::new();
        node.connect(Ticket::Creator);
        let (sender, _) = node.connect_guest();
        let (_, receiver) = node.connect_guest();
        let frame = candidate(receiver.as_str(), size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("hub", size), |b| {
            b.iter(|| {
                let delivered = node.say(sender, &frame);
                assert_eq!(delivered, 1);
            });
        });
        group.bench_function(BenchmarkId::new("hub_without_decode", size), |b| {
            let decoded = node.decode(&frame);
            b.iter(|| {
                let input = Input::Frame { conn: sender, frame: decoded.clone() };
                assert_eq!(node.handle(input), 1);
            });
        });
        group.bench_function(BenchmarkId::new("json_tree", size), |b| {
            b.iter(|| through_a_tree(&frame));
        });
    }
    group.finish();
}

/// Makes a frame of that size whose candidate has as many escapes as an SDP has lines.
fn candidate(to: &str, size: usize) -> Bytes {
    let head = format!(r#"{{"type":"candidate","to":"{to}","candidate":""#);
    let line = r"a=candidate:1 1 udp 2113937151 10.0.0.1 50000 typ host\r\n";
    let mut frame = head;
    while frame.len() + line.len() + 2 <= size {
        frame.push_str(line);
    }
    frame.push_str(&"x".repeat(size - frame.len() - 2));
    frame.push_str(r#""}"#);
    frame.into()
}

fn through_a_tree(frame: &[u8]) -> String {
    let mut message: Value = serde_json::from_slice(frame).expect("the frame is JSON");
    let fields = message.as_object_mut().expect("the frame is an object");
    fields.remove("to");
    fields.insert("from".into(), "p_sender".into());
    message.to_string()
}

criterion_group!(benches, relay);
criterion_main!(benches);
