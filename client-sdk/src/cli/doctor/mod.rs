//! Finds out why a call fails: checks one step after the other, and names one cause for each
//! failure.

mod finding;
mod ice;
mod relay;
mod rooms;
mod server;
mod stun;

use std::process::ExitCode;

use signal_core::ice::IceServer;

use self::finding::Findings;
use self::rooms::Credential;
use super::args::DoctorArgs;
use super::failure::Failure;
use super::output::Output;
use super::target::{Target, options};

pub(super) async fn doctor(args: DoctorArgs, output: Output) -> Result<ExitCode, Failure> {
    let target = args.link.as_deref().map(Target::read).transpose()?;
    let of_link = target.as_ref().and_then(|target| target.server.as_deref());
    let (client, server) = args.server.client(of_link)?;
    let checks_server = args.ice.is_empty() || target.is_some() || args.server.server.is_some();
    let credential = Credential::of(target, args.password.read()?, args.token.read()?);

    let (mut servers, mut findings) = (None, Findings::default());
    if checks_server && server::check(&client, &server, &mut findings).await {
        let options = options(args.bind, &server);
        servers = rooms::check(&client, credential, &options, &mut findings).await;
    }
    if !args.ice.is_empty() {
        servers.get_or_insert_default().push(IceServer {
            urls: args.ice,
            username: args.ice_username,
            credential: args.ice_credential,
        });
    }
    if let Some(servers) = servers {
        ice::check(&client, &servers, args.bind, &mut findings).await;
    }
    Ok(findings.print(output))
}
