//! The client address of a request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::app::App;
use crate::client_address::ClientAddress;

/// The client address that a request is counted for; `None` if the host application does not
/// provide addresses (`into_make_service_with_connect_info`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub(crate) Option<ClientAddress>);

impl FromRequestParts<Arc<App>> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(address(parts, app).map(ClientAddress::of)))
    }
}

/// The address of the client, if it is known.
pub(super) fn address(parts: &Parts, app: &App) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| app.proxies.client(*peer, &parts.headers))
}
