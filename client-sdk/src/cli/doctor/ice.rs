//! The STUN and TURN servers of a participant, each over each transport.

use std::net::IpAddr;

use futures_util::future::join_all;
use signal_core::ice::{IceScheme, IceServer, IceTransport, IceUrl};
use tokio::time::Instant;
use url::Url;

use super::finding::{Finding, Findings, Outcome};
use super::relay::{NotAllocated, allocate};
use super::server::{PATIENCE, advice};
use super::stun::{self, NoAnswer};
use crate::cli::target;
use crate::client::Client;
use crate::network::deadline;
use crate::options::Options;
use crate::session::NoRelay;

/// The finding of one check, and whether a packet came back over UDP; `None` if none was sent.
struct Checked {
    finding: Finding,
    udp: Option<bool>,
}

pub(super) async fn check(
    client: &Client,
    servers: &[IceServer],
    bind: Option<IpAddr>,
    findings: &mut Findings,
) {
    let urls = servers.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url)));
    let checks = urls.map(|(server, url)| check_url(client, server, url, bind));
    let checked = join_all(checks).await;
    if checked.is_empty() {
        let why = "the server names no ICE servers; calls work only within one network";
        return findings.add("ice", "", Outcome::Skipped(why.into()));
    }
    let udp: Vec<bool> = checked.iter().filter_map(|checked| checked.udp).collect();
    let works = |checked: &Checked| matches!(checked.finding.outcome, Outcome::Passed(_));
    let works_otherwise = checked.iter().any(|checked| checked.udp.is_none() && works(checked));
    let verdict = match (udp.is_empty(), udp.contains(&true), works_otherwise) {
        (true, _, _) => Outcome::Skipped("the server names no STUN or TURN server over UDP".into()),
        (false, true, _) => Outcome::Passed("packets go out, and answers come back".into()),
        (false, false, true) => Outcome::failed(
            "blocked: no server answers over UDP, though relays over TCP work",
            "A firewall blocks UDP. Calls go through TURN over TCP or TLS, which costs delay.",
        ),
        (false, false, false) => Outcome::failed(
            "no server answers over UDP",
            "A firewall blocks UDP, or these servers do not run: try from another network.",
        ),
    };
    findings.extend(checked.into_iter().map(|checked| checked.finding));
    findings.add("udp", "", verdict);
}

async fn check_url(
    client: &Client,
    server: &IceServer,
    text: &str,
    bind: Option<IpAddr>,
) -> Checked {
    let checked = |check, outcome, udp| {
        let finding = Finding { check, of: text.to_owned(), outcome };
        Checked { finding, udp }
    };
    let url: IceUrl = match text.parse() {
        Ok(url) => url,
        Err(error) => {
            let advice =
                "Correct this URL in the settings of the server: browsers refuse all of them.";
            return checked("ice", Outcome::failed(error, advice), None);
        }
    };
    // A server on this machine is reached from this machine only.
    let options = match Url::parse(&format!("http://{}", url.host())) {
        Ok(host) => target::options(bind, &host),
        Err(error) => return checked("ice", Outcome::failed(error, "Correct this URL."), None),
    };
    let options = &options;
    let unused = |check, what: &str| {
        checked(check, Outcome::Skipped(format!("only browsers use {what}")), None)
    };
    match (url.scheme(), url.transport()) {
        (IceScheme::Stun, _) => {
            let (outcome, answered) = binding(&url).await;
            checked("stun", outcome, Some(answered))
        }
        (IceScheme::Stuns, _) => unused("stun", "STUN over TLS"),
        (IceScheme::Turns, IceTransport::Udp) => unused("turn", "TURN over DTLS"),
        (IceScheme::Turn, IceTransport::Udp) => {
            let (asked, answered) = binding(&url).await;
            if !answered {
                return checked("turn udp", asked, Some(false));
            }
            checked("turn udp", relay(client, server, text, options).await, Some(true))
        }
        (IceScheme::Turn, IceTransport::Tcp) => {
            let outcome = match stream(client, &url, "http").await {
                Ok(()) => relay(client, server, text, options).await,
                Err(outcome) => outcome,
            };
            checked("turn tcp", outcome, None)
        }
        (IceScheme::Turns, IceTransport::Tcp) => {
            let outcome = match stream(client, &url, "https").await {
                Ok(()) => relay(client, server, text, options).await,
                Err(outcome) => outcome,
            };
            checked("turn tls", outcome, None)
        }
    }
}

/// Asks a server for the address that it sees, which every STUN and TURN server answers.
async fn binding(url: &IceUrl) -> (Outcome, bool) {
    match stun::ask(url.host(), url.port()).await {
        Ok(seen) => (Outcome::Passed(format!("sees this machine as {seen}")), true),
        Err(error) => {
            let advice = match error {
                NoAnswer::Refused(_) => "The server is not running, or listens on another port.",
                NoAnswer::Silent => "A firewall blocks UDP, or the server is not running.",
                NoAnswer::Strange => "Another program uses that port.",
                NoAnswer::UnknownHost(_) => "Check the spelling of the name, and the resolver.",
                NoAnswer::Unsent(_) => "This machine has no route to it: check its network.",
            };
            let answered = matches!(error, NoAnswer::Strange);
            (Outcome::failed(error, advice), answered)
        }
    }
}

/// Opens a stream to a TURN server over TCP or TLS, to find out why that fails.
async fn stream(client: &Client, url: &IceUrl, scheme: &str) -> Result<(), Outcome> {
    let network = &client.api.network;
    let url = Url::parse(&format!("{scheme}://{}:{}", url.host(), url.port()));
    let url = url.map_err(|error| Outcome::failed(error, "Correct this URL."))?;
    let failed = |failure| Outcome::failed(&failure, advice(&failure));
    let stream = network.open(&url, deadline(PATIENCE)).await.map_err(failed)?;
    network.secure(&url, stream, deadline(PATIENCE)).await.map(|_| ()).map_err(failed)
}

async fn relay(client: &Client, server: &IceServer, url: &str, options: &Options) -> Outcome {
    let begun = Instant::now();
    match allocate(client, server, url, options).await {
        Ok(address) => {
            Outcome::Passed(format!("relays from {address}; {} ms", begun.elapsed().as_millis()))
        }
        Err(error) => {
            let advice = match error {
                NotAllocated::NoCredential => {
                    "The signaling server has to send a credential for this server."
                }
                NotAllocated::NoRelay(NoRelay::Refused { code: 401 }) => {
                    "The TURN server does not accept the credential: it and the signaling server \
                     need the same secret and the same time."
                }
                NotAllocated::NoRelay(NoRelay::Refused { code: 403 }) => {
                    "The TURN server forbids relays to this machine: see its settings and its log."
                }
                NotAllocated::NoRelay(NoRelay::Refused { code: 486 | 508 }) => {
                    "The TURN server has no free ports: raise its quota or its range of ports."
                }
                NotAllocated::NoRelay(NoRelay::Refused { .. }) => "See the log of the TURN server.",
                NotAllocated::NoRelay(NoRelay::Unreachable) => {
                    "It is not a TURN server, or it is overloaded: see its log."
                }
                NotAllocated::Broken(_) => "Run again with ROOM_BOT_LOG=debug for details.",
            };
            Outcome::failed(error, advice)
        }
    }
}
