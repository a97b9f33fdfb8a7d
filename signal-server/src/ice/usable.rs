//! Leaves out ICE servers that browsers would refuse.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use signal_core::ice::{IceServer, IceUrl};

use crate::auth::shown::shown_url;

/// Keeps the servers that a browser accepts. One bad URL would make it refuse the whole list, so
/// that every connection of the participant would fail.
///
/// Each URL is logged once, since every join asks for servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsableServers {
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl UsableServers {
    /// Removes unusable URLs, and servers that have no usable URL.
    pub(crate) fn of(&self, servers: Vec<IceServer>) -> Vec<IceServer> {
        let mut usable = servers;
        for server in &mut usable {
            let has_credential = server.username.is_some() && server.credential.is_some();
            server.urls.retain(|url| match problem(url, has_credential) {
                None => true,
                Some(problem) => {
                    self.tell(url, &problem);
                    false
                }
            });
        }
        usable.retain(|server| !server.urls.is_empty());
        usable
    }

    fn tell(&self, url: &str, problem: &str) {
        // A panic under the lock cannot leave the set half changed.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert(url.to_owned()) {
            drop(told);
            let url = shown_url(url);
            tracing::warn!(url, problem, "left out a URL of an ICE server");
        }
    }
}

fn problem(url: &str, has_credential: bool) -> Option<String> {
    match url.parse::<IceUrl>() {
        Ok(parsed) if parsed.is_relay() && !has_credential => {
            Some("a TURN server needs a username and a credential".to_owned())
        }
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// A source that returns ever new URLs must not fill the memory or the log.
const MOST_TOLD: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_refuses_is_left_out_and_the_rest_stays() {
        let turn = |urls: &[&str]| IceServer::turn(urls.iter().copied(), "user", "password");
        let servers = vec![
            IceServer::stun(["stun:a.example?transport=udp", "stun:b.example"]),
            IceServer::stun(["http://c.example"]),
            turn(&["turn:d.example?transport=sctp", "turn:e.example"]),
            IceServer::stun(["turn:f.example"]),
            IceServer::stun(Vec::<String>::new()),
        ];
        let usable = UsableServers::default();
        let kept = [IceServer::stun(["stun:b.example"]), turn(&["turn:e.example"])];
        assert_eq!(usable.of(servers.clone()), kept);
        assert_eq!(usable.told.lock().unwrap().len(), 4);
        assert_eq!(usable.of(servers), kept);
        assert_eq!(usable.told.lock().unwrap().len(), 4, "told twice");
    }

    #[test]
    fn a_source_that_makes_up_urls_does_not_fill_the_memory() {
        let usable = UsableServers::default();
        let made_up = (0..1000).map(|number| IceServer::stun([format!("stun:{number} .example")]));
        assert!(usable.of(made_up.collect()).is_empty());
        assert_eq!(usable.told.lock().unwrap().len(), MOST_TOLD);
    }
}
