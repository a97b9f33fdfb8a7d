//! Builds peer connections.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::media_engine::MediaEngine;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::configuration::{
    RTCConfiguration, RTCConfigurationBuilder, RTCIceServer, RTCIceTransportPolicy,
};
use rtc::peer_connection::transport::RTCDtlsRole;
use signal_core::ice::{IceServer, IceTransport, IceUrl};
use tokio::sync::watch;
use webrtc::error::Result;
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder};

use super::addresses::Addresses;
use super::formats;
use super::handler::Handler;
use super::interceptors::interceptors;
use super::level_extension::LevelExtension;
use super::senders::Senders;
use super::sockets::Sockets;
use super::stream_ids::StreamIds;
use crate::channel::ChannelWriter;
use crate::ice::usable_urls;
use crate::options::Options;
use crate::outgoing::Media;
use crate::speakers::Speakers;
use crate::turn::{StandIn, TurnServers};
use crate::wanted::Wanted;

/// The settings of all connections of a participant.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    ice_servers: Vec<RTCIceServer>,
    relay_only: bool,
    turn_through: Option<SocketAddr>,
    /// Empty for the default.
    bind_addresses: Vec<IpAddr>,
    mdns: MulticastDnsMode,
    reactor_threads: usize,
    disconnected_timeout: Duration,
    failed_timeout: Duration,
    media: watch::Receiver<Media>,
    turn: Arc<TurnServers>,
    stream_ids: StreamIds,
    pub(super) speakers: Speakers,
    pub(super) default_channel_as_event: bool,
    /// What to receive of participants by default.
    pub(crate) wanted: Wanted,
    pub(super) addresses: watch::Receiver<Addresses>,
}

impl Setup {
    pub(crate) fn new(
        options: &Options,
        ice_servers: &[IceServer],
        media: watch::Receiver<Media>,
        turn: TurnServers,
        addresses: watch::Receiver<Addresses>,
    ) -> Self {
        Self {
            ice_servers: usable(ice_servers, &turn, options.turn_through),
            relay_only: options.relay_only,
            turn_through: options.turn_through,
            bind_addresses: options.bind_addresses.clone(),
            mdns: if options.mdns {
                MulticastDnsMode::QueryOnly
            } else {
                MulticastDnsMode::Disabled
            },
            reactor_threads: options.reactor_threads,
            disconnected_timeout: options.disconnected_timeout,
            failed_timeout: options.failed_timeout,
            media,
            turn: Arc::new(turn),
            stream_ids: StreamIds::random(),
            default_channel_as_event: options.default_channel_as_event,
            speakers: Speakers::default(),
            wanted: options.wanted,
            addresses,
        }
    }

    /// The same settings with other ICE servers.
    pub(crate) fn with_ice_servers(&self, ice_servers: &[IceServer]) -> Self {
        let ice_servers = usable(ice_servers, &self.turn, self.turn_through);
        Self { ice_servers, ..self.clone() }
    }

    /// The speaker detector, which all connections feed.
    pub(crate) fn speakers(&self) -> Speakers {
        self.speakers.clone()
    }

    /// Whether a connection could use a relay.
    pub(crate) fn has_relay(&self) -> bool {
        // `usable` has written the schemes in lower case.
        self.ice_servers.iter().flat_map(|server| &server.urls).any(|url| url.starts_with("turn:"))
    }

    /// Whether a connection fails unless it finds a relay.
    pub(super) fn needs_relay(&self) -> bool {
        self.relay_only
    }

    /// Whether this machine has an address that connections may use now. Without one, webrtc-rs
    /// gives up a connection at an ICE restart, so a cached result is not enough.
    pub(super) fn has_address(&self) -> bool {
        let Some(addresses) = Addresses::now() else { return true };
        let is_there = |bound: IpAddr| match bound.is_unspecified() {
            true => addresses.usable().any(|address| address.is_ipv4() == bound.is_ipv4()),
            false => addresses.contains(bound),
        };
        self.udp_addresses().iter().any(|bound| is_there(bound.ip()))
    }

    /// Builds a peer connection and the tracks that it sends.
    pub(super) async fn build(
        &self,
        handler: Arc<Handler>,
        sockets: Sockets,
        levels: LevelExtension,
    ) -> Result<(Arc<dyn PeerConnection>, Senders)> {
        let clocks = handler.clocks.clone();
        let pc = self.build_bare(handler, sockets).await?;
        let (media, stream_ids) = (self.media.clone(), self.stream_ids.clone());
        match Senders::add(pc.as_ref(), media, stream_ids, levels, clocks).await {
            Ok(senders) => Ok((pc, senders)),
            Err(error) => {
                close(pc.as_ref()).await;
                Err(error)
            }
        }
    }

    /// The shared state of the sockets of a connection.
    pub(super) fn sockets(&self) -> Sockets {
        Sockets::new(Arc::clone(&self.turn))
    }

    /// The configuration that can be changed while a connection exists.
    pub(super) fn configuration(&self) -> RTCConfiguration {
        let mut configuration =
            RTCConfigurationBuilder::new().with_ice_servers(self.ice_servers.clone());
        if self.relay_only {
            configuration = configuration.with_ice_transport_policy(RTCIceTransportPolicy::Relay);
        }
        configuration.build()
    }

    fn udp_addresses(&self) -> Vec<SocketAddr> {
        let addresses = if self.bind_addresses.is_empty() {
            usable_wildcards()
        } else {
            self.bind_addresses.clone()
        };
        addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect()
    }

    /// Builds a peer connection without tracks. mDNS names are resolved only if the multicast group
    /// can be joined, since webrtc-rs would otherwise open no socket at all.
    async fn build_bare(
        &self,
        handler: Arc<Handler>,
        sockets: Sockets,
    ) -> Result<Arc<dyn PeerConnection>> {
        match self.build_with(Arc::clone(&handler), sockets.clone(), self.mdns).await {
            Err(error) if self.mdns != MulticastDnsMode::Disabled => {
                tracing::debug!(%error, "trying again without mDNS");
                self.build_with(handler, sockets, MulticastDnsMode::Disabled).await
            }
            built => built,
        }
    }

    async fn build_with(
        &self,
        handler: Arc<Handler>,
        sockets: Sockets,
        mdns: MulticastDnsMode,
    ) -> Result<Arc<dyn PeerConnection>> {
        let mut media = MediaEngine::default();
        formats::register(&mut media)?;
        let interceptors = interceptors(&mut media, &handler)?;
        let settings = SettingEngineBuilder::new()
            // webrtc-rs always answers with `a=setup:active`, so only as a DTLS server does the
            // answerer never change its role.
            .with_answering_dtls_role(RTCDtlsRole::Server)
            // Take the first pair that works, since waiting for a better one costs each connection
            // a second.
            .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
            .with_relay_acceptance_min_wait(Some(Duration::ZERO))
            // ICE is restarted because the network, and so the local addresses, have changed.
            .with_discard_local_candidates_during_ice_restart(true)
            .with_multicast_dns_mode(mdns)
            // By default, webrtc-rs checks a pair for 1.6 seconds, and the controlling side never
            // checks it again, not even when the other side does (RFC 8445 section 7.3.1.4). A
            // relay drops checks until the other side has a permission for them, which takes longer
            // on a slow or lossy path. The timeouts below limit the checks.
            .with_ice_connection_attempts(None, Some(u16::MAX))
            .with_ice_timeouts(
                Some(self.disconnected_timeout),
                Some(self.failed_timeout),
                Some(keepalive_interval(self.disconnected_timeout)),
            )
            .build();
        let pc = PeerConnectionBuilder::new()
            .with_configuration(self.configuration())
            .with_media_engine(media)
            .with_interceptor_registry(interceptors)
            .with_setting_engine(settings)
            .with_handler(handler)
            .with_runtime(Arc::new(sockets))
            .with_dedicated_reactor_pool_size(self.reactor_threads)
            .with_data_channel_send_buffer_limit(ChannelWriter::MAX_UNSENT_BYTES)
            .with_udp_addrs(self.udp_addresses())
            .build()
            .await?;
        Ok(Arc::new(pc))
    }
}

/// The wildcard addresses of the IP versions in which this machine has a usable address. With any
/// other wildcard, webrtc-rs would announce the wildcard itself as a candidate.
fn usable_wildcards() -> Vec<IpAddr> {
    let addresses = Addresses::now().unwrap_or_default();
    let has_v6 = addresses.usable().any(|address| address.is_ipv6());
    let mut wildcards = Vec::new();
    if addresses.usable().any(|address| address.is_ipv4()) || !has_v6 {
        wildcards.push(Ipv4Addr::UNSPECIFIED.into());
    }
    if has_v6 {
        wildcards.push(Ipv6Addr::UNSPECIFIED.into());
    }
    wildcards
}

/// Closes a peer connection. Dropping it would leave its driver, socket and handler alive.
pub(super) async fn close(pc: &dyn PeerConnection) {
    if let Err(error) = pc.close().await {
        tracing::debug!(%error, "closing a connection failed");
    }
}

/// The interval of keepalives, of which several have to be missing before a connection counts as
/// disconnected.
fn keepalive_interval(disconnected_timeout: Duration) -> Duration {
    match disconnected_timeout {
        Duration::ZERO => KEEPALIVE,
        timeout => (timeout / 4).min(KEEPALIVE),
    }
}

fn usable(
    ice_servers: &[IceServer],
    turn: &TurnServers,
    through: Option<SocketAddr>,
) -> Vec<RTCIceServer> {
    let url = |url: IceUrl| {
        let is_turn_over_udp = url.is_relay() && url.transport() == IceTransport::Udp;
        match through {
            Some(address) if is_turn_over_udp => format!("turn:{address}?transport=udp"),
            Some(_) | None => turn.stand_in(&url).map_or_else(|| url.to_string(), StandIn::url),
        }
    };
    let usable = ice_servers.iter().filter_map(|server| {
        let urls: Vec<String> = usable_urls(server).into_iter().map(url).collect();
        let (username, credential) = (server.username.clone(), server.credential.clone());
        (!urls.is_empty()).then(|| RTCIceServer {
            urls,
            username: username.unwrap_or_default(),
            credential: credential.unwrap_or_default(),
        })
    });
    usable.collect()
}

/// The default of webrtc-rs.
const KEEPALIVE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;

    #[test]
    fn only_turn_over_udp_goes_through_another_address() {
        let turn = TurnServers::new(Network::new(None, &[]).unwrap());
        let urls = ["turn:a:3478", "turn:a:3478?transport=tcp", "turns:a:5349", "stun:a:3478"];
        let servers = [IceServer::turn(urls, "user", "password")];
        let through = Some(SocketAddr::from(([127, 0, 0, 1], 9)));
        let usable = usable(&servers, &turn, through);
        let stand_in = |url: &str| turn.stand_in(&url.parse().unwrap()).unwrap().url();
        let expected = [
            "turn:127.0.0.1:9?transport=udp".to_owned(),
            stand_in(urls[1]),
            stand_in(urls[2]),
            "stun:a:3478".to_owned(),
        ];
        assert_eq!(usable[0].urls, expected);
    }
}
