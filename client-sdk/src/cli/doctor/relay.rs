//! Allocates a relay at a TURN server, with the connection code of calls.

use std::sync::Arc;
use std::time::Duration;

use signal_core::ice::IceServer;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::channel::ByteBudget;
use crate::client::Client;
use crate::connection::{AddressWatch, Connection, ConnectionEvent, ConnectionMessage, Setup};
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::session::{ConnectionCommand, ConnectionFailure, IceCandidate, NoRelay, Report};

/// Why there is no relay.
#[derive(Debug, Error)]
pub(super) enum NotAllocated {
    #[error("{0}")]
    Broken(ConnectionFailure),
    #[error("it has no username and no credential")]
    NoCredential,
    #[error("{0}")]
    NoRelay(NoRelay),
}

/// Allocates a relay and returns its address.
pub(super) async fn allocate(
    client: &Client,
    server: &IceServer,
    url: &str,
    options: &Options,
) -> Result<String, NotAllocated> {
    let server = IceServer { urls: vec![url.to_owned()], ..server.clone() };
    let options = options.clone().relay_only(true).mdns(false);
    let (outgoing, addresses) = (Outgoing::new(&options), AddressWatch::start());
    let setup = Setup::new(
        &options,
        &[server],
        outgoing.watch(),
        client.api.turn_servers(),
        addresses.subscribe(),
    );
    if !setup.has_relay() {
        return Err(NotAllocated::NoCredential);
    }
    let (messages, mut inbox) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    let nobody = "p_00000000".parse().expect("that is the form of an id");
    let budget = ByteBudget::default();
    let connection =
        Connection::open(Arc::new(setup), nobody, 1, true, messages, budget, &mut tasks);
    // The queue is empty.
    let _ = connection.command(ConnectionCommand::Offer { negotiation: 1, restart_ice: false });
    let gathering = async {
        loop {
            let Some(ConnectionMessage { event, .. }) = inbox.recv().await else {
                return Err(NotAllocated::Broken(ConnectionFailure::Broken));
            };
            match event {
                ConnectionEvent::Report(Report::Candidate(candidate)) if is_relay(&candidate) => {
                    let mut words = candidate.candidate.split_ascii_whitespace().skip(4);
                    let (ip, port) = (words.next(), words.next());
                    return Ok(format!("{} port {}", ip.unwrap_or("?"), port.unwrap_or("?")));
                }
                ConnectionEvent::Report(Report::Broken(failure)) => {
                    return Err(match failure {
                        ConnectionFailure::NoRelay(reason) => NotAllocated::NoRelay(reason),
                        other => NotAllocated::Broken(other),
                    });
                }
                _ => {}
            }
        }
    };
    let unreachable = NotAllocated::NoRelay(NoRelay::Unreachable);
    let allocated = timeout(PATIENCE, gathering).await.unwrap_or(Err(unreachable));
    // Releases the allocation.
    drop((connection, inbox));
    while tasks.join_next().await.is_some() {}
    allocated
}

/// Whether it is the address of a relay (RFC 8839 section 5.1).
fn is_relay(candidate: &IceCandidate) -> bool {
    let mut words = candidate.candidate.split_ascii_whitespace();
    words.find(|word| *word == "typ").and_then(|_| words.next()) == Some("relay")
}

/// webrtc-rs gives up on a TURN server after almost 8 s.
const PATIENCE: Duration = Duration::from_secs(20);
