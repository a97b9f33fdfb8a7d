//! The server of this repository, with limits that a single machine does not reach.
//! What a participant may send is limited if that is asked for.

use std::future::pending;
use std::time::Duration;

use signal_core::config::{HubConfig, RateLimit};
use signal_server::{Limits, Secret, Server};
use tokio::net::TcpListener;

/// The rate of a participant that no single machine reaches.
pub(crate) fn unlimited() -> RateLimit {
    let most = u32::MAX;
    RateLimit::with(|rate| {
        rate.burst_messages = most;
        rate.messages_per_second = most;
        rate.burst_bytes = most;
        rate.bytes_per_second = most;
    })
}

pub(crate) async fn serve(rate: RateLimit) {
    let server = Server::builder(Secret::random())
        .limits(Limits::generous())
        .expect("the limits make sense")
        .hub(HubConfig::with(|config| config.rate = rate))
        .expect("limits that fit each other")
        .build();
    let day = Duration::from_secs(24 * 3600);
    let token = server.access_token("bench", None, day).expect("it signs tokens itself");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    println!("{token}");
    server.serve(listener, pending()).await;
}
