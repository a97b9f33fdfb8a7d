//! The statistics of a participant's connections, taken now and then.

use std::collections::HashMap;
use std::time::Duration;

use client_sdk::{Participant, ParticipantId, PeerStats};
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The last statistics of each connection.
pub(super) type Samples = HashMap<ParticipantId, PeerStats>;

/// Takes statistics in a task of its own, so that it holds up nothing.
#[derive(Debug)]
pub(super) struct Sampler {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Samples>,
}

impl Sampler {
    pub(super) fn start(participant: Participant) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop: Some(stop), task: tokio::spawn(sample(participant, stopped)) }
    }

    /// Takes the last statistics now.
    pub(super) fn stop(&mut self) {
        // Without a task, nothing is sampled any more.
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// The last statistics of all connections, also of those that have ended, once it has stopped.
    /// Safe to cancel; not to be called again once it has returned.
    pub(super) async fn samples(&mut self) -> Samples {
        // After a panic there are none.
        (&mut self.task).await.unwrap_or_default()
    }
}

async fn sample(participant: Participant, mut stopped: oneshot::Receiver<()>) -> Samples {
    let mut samples = Samples::new();
    loop {
        let is_last = timeout(EVERY, &mut stopped).await.is_ok();
        let others = participant.participants();
        let taken = join_all(others.iter().map(|other| participant.stats(other.id)));
        // A connection that does not answer keeps what it had.
        let taken = timeout(PATIENCE, taken).await.unwrap_or_default();
        for (other, stats) in others.iter().zip(taken) {
            samples.extend(stats.map(|stats| (other.id, stats)));
        }
        if is_last {
            return samples;
        }
    }
}

const EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);
