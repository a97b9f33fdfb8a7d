//! The same calls with webrtc-rs alone, wired by hand: each joins, offers or answers, trickles
//! candidates, sends and receives. Each has a data channel, as the connections of the SDK do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use client_sdk::{Client, Codec, CreatedRoom};
use futures_util::{SinkExt, StreamExt};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::media::Sample;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription,
};

use crate::Figures;
use crate::media::{Media, Stream};
use crate::watch::Before;

pub(crate) async fn run(server: &str, rooms: &[CreatedRoom], media: Media) -> Figures {
    let before = Before::now();
    let client = Client::new(server).expect("the address of a server");
    let mut participants = JoinSet::new();
    let mut first_packet = Vec::new();
    for room in rooms {
        let (entered, mut is_entered) = mpsc::unbounded_channel();
        let (client, server) = (client.clone(), server.to_owned());
        participants.spawn(take_part(client.clone(), server.clone(), room.clone(), media, entered));
        assert_eq!(is_entered.recv().await, Some(News::Entered));
        let begun = Instant::now();
        let (told, mut first) = mpsc::unbounded_channel();
        participants.spawn(take_part(client, server, room.clone(), media, told));
        while first.recv().await.expect("the first packet arrives") != News::FirstPacket {}
        first_packet.push(begun.elapsed());
    }
    Figures { first_packet, per_connection: before.watch(2 * rooms.len()).await }
}

#[derive(Debug, Eq, PartialEq)]
enum News {
    Entered,
    FirstPacket,
}

/// A callback of webrtc-rs.
enum Note {
    Candidate(RTCIceCandidateInit),
    Connected,
    DataChannel(Arc<dyn DataChannel>),
    Track(Arc<dyn TrackRemote>),
}

struct Handler(mpsc::UnboundedSender<Note>);

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let _ = self
            .0
            .send(Note::Candidate(event.candidate.to_json().expect("a candidate has a JSON form")));
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            let _ = self.0.send(Note::Connected);
        }
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        let _ = self.0.send(Note::DataChannel(channel));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.0.send(Note::Track(track));
    }
}

/// One end of a call.
async fn take_part(
    client: Client,
    server: String,
    room: CreatedRoom,
    media: Media,
    news: mpsc::UnboundedSender<News>,
) {
    let joined =
        client.join_room(&room.room_id, &room.password, "bare").await.expect("the room takes it");
    let url = format!(
        "{}/ws/webrtc/rooms/{}?token={}",
        server.replacen("http", "ws", 1),
        room.room_id,
        joined.ws_token
    );
    let (mut socket, _) = connect_async(&url).await.expect("the server takes the token");
    let (notes_in, mut notes) = mpsc::unbounded_channel();
    let (pc, tracks) = connection(Handler(notes_in), media).await;
    let mut channels = Vec::new();
    let mut other = None;
    // Candidates wait for the description that they belong to.
    let (mut is_described, mut early) = (false, Vec::new());
    let mut tasks = JoinSet::new();
    // Both ends of a call would otherwise begin to send together, when the connection is up, and
    // share wake-ups that ends on different machines cannot share.
    let began = Instant::now();
    loop {
        tokio::select! {
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).expect("the server sends JSON");
                let from = || {
                    message["from"].as_str().expect("the server names the sender").to_owned()
                };
                match message["type"].as_str() {
                    Some("joined") => {
                        let _ = news.send(News::Entered);
                        // The second participant has the smaller id and offers.
                        if let Some(host) = message["participants"].get(0) {
                            let host = host["id"].as_str().expect("participants have ids");
                            let channel = pc.create_data_channel("data", None).await;
                            channels.push(channel.expect("a channel"));
                            let offer = pc.create_offer(None).await.expect("an offer");
                            pc.set_local_description(offer.clone())
                                .await
                                .expect("the offer is its own");
                            let offer = json!({"type": "offer", "to": host, "sdp": offer.sdp});
                            other = Some(host.to_owned());
                            socket
                                .send(offer.to_string().into())
                                .await
                                .expect("the server listens");
                        }
                    }
                    Some("offer") => {
                        other = Some(from());
                        let sdp = message["sdp"].as_str().expect("an offer is text").to_owned();
                        let offer = RTCSessionDescription::offer(sdp).expect("an offer");
                        pc.set_remote_description(offer).await.expect("the offer is taken");
                        let answer = pc.create_answer(None).await.expect("an answer");
                        pc.set_local_description(answer.clone())
                            .await
                            .expect("the answer is its own");
                        let answer = json!({"type": "answer", "to": from(), "sdp": answer.sdp});
                        socket.send(answer.to_string().into()).await.expect("the server listens");
                        is_described = true;
                    }
                    Some("answer") => {
                        let sdp = message["sdp"].as_str().expect("an answer is text").to_owned();
                        let answer = RTCSessionDescription::answer(sdp).expect("an answer");
                        pc.set_remote_description(answer).await.expect("the answer is taken");
                        is_described = true;
                    }
                    Some("candidate") => {
                        let candidate = serde_json::from_value(message["candidate"].clone());
                        early.push(candidate.expect("a candidate"));
                    }
                    _ => {}
                }
                if is_described {
                    for candidate in early.drain(..) {
                        pc.add_ice_candidate(candidate).await.expect("the candidate is taken");
                    }
                }
            }
            Some(note) = notes.recv() => match note {
                Note::Candidate(candidate) => {
                    let candidate =
                        json!({"type": "candidate", "to": other, "candidate": candidate});
                    socket.send(candidate.to_string().into()).await.expect("the server listens");
                }
                Note::Connected => {
                    for track in &tracks {
                        tasks.spawn(send(track.clone(), began.into()));
                    }
                }
                Note::DataChannel(channel) => channels.push(channel),
                Note::Track(track) => drop(tasks.spawn(receive(track, news.clone()))),
            },
        }
    }
}

async fn connection(handler: Handler, media: Media) -> (Arc<dyn PeerConnection>, Vec<Outgoing>) {
    let mut engine = MediaEngine::default();
    engine.register_default_codecs().expect("the library's own codecs");
    let interceptors = register_default_interceptors(Registry::new(), &mut engine)
        .expect("the library's own interceptors");
    // The settings of the SDK.
    let settings = SettingEngineBuilder::new()
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_relay_acceptance_min_wait(Some(Duration::ZERO))
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .build();
    let pc = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(engine)
        .with_interceptor_registry(interceptors)
        .with_setting_engine(settings)
        .with_handler(Arc::new(handler))
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .build()
        .await
        .expect("a connection");
    let mut tracks = Vec::new();
    for stream in media.streams() {
        let outgoing = Outgoing::of(stream);
        let track = Arc::clone(&outgoing.track) as Arc<dyn TrackLocal>;
        pc.add_track(track).await.expect("the connection takes a track");
        tracks.push(outgoing);
    }
    (Arc::new(pc), tracks)
}

/// A track and what is sent on it.
#[derive(Clone)]
struct Outgoing {
    track: Arc<TrackLocalStaticSample>,
    ssrc: u32,
    /// That of the default codecs of the library, which both ends use.
    payload_type: u8,
    stream: Stream,
}

impl Outgoing {
    fn of(stream: Stream) -> Self {
        let (mime_type, kind, clock_rate, channels, payload_type) = match stream.codec {
            Codec::Opus => (MIME_TYPE_OPUS, RtpCodecKind::Audio, 48_000, 2, 111),
            _ => (MIME_TYPE_VP8, RtpCodecKind::Video, 90_000, 0, 96),
        };
        let ssrc = payload_type.into();
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            codec: RTCRtpCodec {
                mime_type: mime_type.to_owned(),
                clock_rate,
                channels,
                ..RTCRtpCodec::default()
            },
            ..RTCRtpEncodingParameters::default()
        };
        let track = MediaStreamTrack::new(
            "stream".to_owned(),
            mime_type.to_owned(),
            mime_type.to_owned(),
            kind,
            vec![encoding],
        );
        let track = TrackLocalStaticSample::new(Instant::now(), track).expect("a track");
        Self { track: Arc::new(track), ssrc, payload_type, stream }
    }
}

async fn send(
    Outgoing { track, ssrc, payload_type, stream }: Outgoing,
    began: tokio::time::Instant,
) {
    let mut ticks = interval_at(began, stream.pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let (data, duration) = (stream.frame.clone(), stream.pace);
        let sample = Sample { data, duration, ..Sample::new(Instant::now()) };
        if track.write_sample(ssrc, payload_type, &sample, &[]).await.is_err() {
            return;
        }
    }
}

async fn receive(track: Arc<dyn TrackRemote>, news: mpsc::UnboundedSender<News>) {
    let mut is_first = true;
    while let Some(event) = track.poll().await {
        if is_first && matches!(event, TrackRemoteEvent::OnRtpPacket(_)) {
            is_first = false;
            let _ = news.send(News::FirstPacket);
        }
    }
}
