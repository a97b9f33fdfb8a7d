//! The URLs of the TURN and STUN servers.

use signal_core::ice::IceUrl;

use super::Check;
use crate::auth::shown::shown_url;

impl Check {
    /// Checks URLs of TURN or STUN servers. A browser refuses the whole list for one malformed URL.
    pub(super) fn ice_urls(&mut self, name: &str, urls: &[String], are_relays: bool) {
        for url in urls {
            let problem = match url.parse::<IceUrl>() {
                Ok(parsed) if parsed.is_relay() == are_relays => continue,
                Ok(_) if are_relays => "expected a turn: or turns: URL".to_owned(),
                Ok(_) => "expected a stun: or stuns: URL".to_owned(),
                Err(error) => error.to_string(),
            };
            self.problem(format!("--{name} {}: {problem}", shown_url(url)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_an_ice_server_that_browsers_refuse_is_a_problem_that_names_it() {
        let urls = |turn: &str, stun: &str| {
            let mut check = Check::default();
            check.ice_urls("turn-url", &[turn.to_owned()], true);
            check.ice_urls("stun-url", &[stun.to_owned()], false);
            check.problems
        };
        assert_eq!(urls("TURN:[::1]:3478?transport=tcp", "stun:a.example"), Vec::<String>::new());
        let told = urls("turn:a.example?ttl=1", "stun:a.example:3478?transport=udp");
        assert!(told[0].starts_with("--turn-url turn:a.example?ttl=1: expected ?transport=udp"));
        assert!(
            told[1].starts_with("--stun-url stun:a.example:3478?transport=udp: a stun: or stuns:")
        );
        let told = urls("stun:a.example", "turns:a.example");
        assert_eq!(
            told,
            [
                "--turn-url stun:a.example: expected a turn: or turns: URL",
                "--stun-url turns:a.example: expected a stun: or stuns: URL",
            ]
        );
    }
}
