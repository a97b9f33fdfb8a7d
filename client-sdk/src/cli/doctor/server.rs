//! The steps to the server: its name, TCP, TLS and HTTP, each with the code that calls use.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderValue};
use tokio::time::Instant;
use url::{Position, Url};

use super::finding::{Findings, Outcome};
use crate::client::Client;
use crate::error::{NetworkFailure, Phase};
use crate::network::{Request, addresses, deadline, within};

/// Checks each step, and returns whether the server answers.
pub(super) async fn check(client: &Client, server: &Url, findings: &mut Findings) -> bool {
    let host = &server[Position::BeforeHost..Position::AfterPort];
    let network = &client.api.network;
    if network.proxy.is_none() {
        let found = within(Phase::Resolving, deadline(PATIENCE), addresses(server)).await;
        match found {
            Ok(found) => findings.add("dns", host, Outcome::Passed(listed(&found))),
            Err(failure) => return failed("dns", host, &failure, findings),
        }
    }
    let begun = Instant::now();
    let stream = match network.open(server, deadline(PATIENCE)).await {
        Ok(stream) => stream,
        Err(failure) => return failed("tcp", host, &failure, findings),
    };
    findings.add("tcp", host, Outcome::Passed(format!("open after {}", millis(begun))));
    if server.scheme() == "https" {
        let begun = Instant::now();
        match network.secure(server, stream, deadline(PATIENCE)).await {
            Ok(_) => {
                let detail = format!("the certificate is trusted; {}", millis(begun));
                findings.add("tls", host, Outcome::Passed(detail));
            }
            Err(failure) => return failed("tls", host, &failure, findings),
        }
    }
    let mut url = server.clone();
    url.set_path(&format!("{}/healthz", server.path().trim_end_matches('/')));
    let shown = url.as_str();
    match network.send(&url, health(&url), deadline(PATIENCE)).await {
        Ok(answer) => {
            let status = answer.status();
            // A proxy may hide the probe, so its absence is not a failure.
            let outcome = match status.is_server_error() {
                true => Outcome::failed(
                    format!("the server answers with {status}"),
                    "The server, or a proxy in front of it, is not ready: see its log.",
                ),
                false => Outcome::Passed(format!("answers with {status}")),
            };
            findings.add("http", shown, outcome);
            !status.is_server_error()
        }
        Err(failure) => failed("http", shown, &failure, findings),
    }
}

fn health(url: &Url) -> Request {
    let mut request = Request::new(Full::new(Bytes::new()));
    let path = url[Position::BeforePath..Position::AfterPath].parse();
    *request.uri_mut() = path.expect("the path of a URL is one of a request");
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    request.headers_mut().insert(HOST, host.expect("the host of a URL is visible ASCII"));
    request
}

fn failed(
    check: &'static str,
    of: &str,
    failure: &NetworkFailure,
    findings: &mut Findings,
) -> bool {
    findings.add(check, of, Outcome::failed(failure, advice(failure)));
    false
}

/// The advice for a failure.
pub(super) fn advice(failure: &NetworkFailure) -> &'static str {
    match failure {
        NetworkFailure::Broken(_) => {
            "A device between this machine and the server closes connections."
        }
        NetworkFailure::Connect { .. } => {
            "This machine has no route to it: check its network, its routes and its firewall."
        }
        NetworkFailure::NotHttp(_) => "Use https:// if that port is for TLS, or another port.",
        NetworkFailure::NotTls(_) => "Use http:// if that port has no TLS, or another port.",
        NetworkFailure::Proxy { .. } | NetworkFailure::ProxyRefused { .. } => {
            "Check the address of the proxy, and whether it allows tunnels to that host and port."
        }
        NetworkFailure::Refused { .. } => {
            "The server is not running, or listens on another port or address."
        }
        NetworkFailure::Timeout { .. } => {
            "A firewall drops the packets, or the server hangs: try from another network."
        }
        NetworkFailure::Tls(_) => "Check that the certificate is valid now.",
        NetworkFailure::UnknownAuthority(_) => {
            "Trust the authority with --trust FILE, or have the server send its whole chain."
        }
        NetworkFailure::UnknownHost { .. } => "Check the spelling of the name, and the resolver.",
        NetworkFailure::WrongName(_) => {
            "Use the name that the certificate is for, or a certificate for this one."
        }
    }
}

fn listed(addresses: &[SocketAddr]) -> String {
    let mut ips: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    ips.dedup();
    ips.join(", ")
}

fn millis(since: Instant) -> String {
    format!("{} ms", since.elapsed().as_millis())
}

pub(super) const PATIENCE: Duration = Duration::from_secs(10);
