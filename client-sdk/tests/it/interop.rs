//! A peer of another kind: it speaks v1, offers less than this crate does, and changes its mind.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use client_sdk::{Client, CreatedRoom, MediaKind, NewRoom, ParticipantId};
use futures_util::{SinkExt, StreamExt};
use rtc::media::Sample;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCIceGatheringState, RTCSessionDescription,
};

use crate::common::{PATIENCE, Witness, client, listener, server, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_is_offered_no_place_for_its_media_offers_one() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let (room, talker) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let (mut peer, mut kinds) = Peer::enter(&client, &room, talker.id()).await;
    peer.pc.create_data_channel("only this", None).await.unwrap();
    peer.offer().await;
    let heard = async { [kinds.recv().await.unwrap(), kinds.recv().await.unwrap()] };
    let heard = peer.take_part_until(heard).await;
    assert!(
        heard.contains(&RtpCodecKind::Audio) && heard.contains(&RtpCodecKind::Video),
        "{heard:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_ends_when_the_other_side_takes_it_back_and_may_come_again() {
    let server = server().await;
    let (client, token) = (client(&server), server.access_token("alice"));
    let (room, listener) = client.create(&token, &NewRoom::default(), listener()).await.unwrap();
    let mut listener = Witness::new(listener);
    let (mut peer, _) = Peer::enter(&client, &room, listener.id()).await;
    let from = peer.id;
    for ssrc in 1..=2 {
        let (track, sender) = peer.add_audio(ssrc).await;
        peer.offer().await;
        let talking = tokio::spawn(talk(track, ssrc));
        let is_heard = async {
            listener
                .until("a track", |seen| seen.tracks.contains_key(&(from, MediaKind::Audio)))
                .await;
            listener.receive(from, MediaKind::Audio, 10).await;
        };
        peer.take_part_until(is_heard).await;

        talking.abort();
        peer.pc.remove_track(&sender).await.unwrap();
        peer.offer().await;
        let mut track = listener.tracks.remove(&(from, MediaKind::Audio)).unwrap();
        peer.take_part_until(async { while track.recv().await.is_some() {} }).await;
    }
}

/// A participant on webrtc-rs alone that speaks v1 and tells all its candidates in its
/// descriptions.
struct Peer {
    id: ParticipantId,
    other: ParticipantId,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pc: Arc<dyn PeerConnection>,
    gathered: mpsc::UnboundedReceiver<()>,
}

impl Peer {
    /// Also gives the kinds of the tracks of which a packet comes.
    async fn enter(
        client: &Client,
        room: &CreatedRoom,
        other: ParticipantId,
    ) -> (Self, mpsc::UnboundedReceiver<RtpCodecKind>) {
        let joined = client.join_room(&room.room_id, &room.password, "peer").await.unwrap();
        let url = client.signaling_url(&room.room_id, &joined.ws_token).replace("v=2&", "");
        let (mut socket, _) = connect_async(url).await.unwrap();
        let welcome = next(&mut socket).await;
        let (gathered_in, gathered) = mpsc::unbounded_channel();
        let (heard_in, heard) = mpsc::unbounded_channel();
        let mut media = MediaEngine::default();
        media.register_default_codecs().unwrap();
        let settings =
            SettingEngineBuilder::new().with_answering_dtls_role(RTCDtlsRole::Server).build();
        let pc = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler { gathered: gathered_in, heard: heard_in }))
            .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
            .build()
            .await
            .unwrap();
        let id = welcome["participant_id"].as_str().unwrap().parse().unwrap();
        (Self { id, other, socket, pc: Arc::new(pc), gathered }, heard)
    }

    async fn add_audio(
        &self,
        ssrc: u32,
    ) -> (Arc<TrackLocalStaticSample>, Arc<dyn webrtc::rtp_transceiver::RtpSender>) {
        let coding =
            RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() };
        let codec = RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            ..RTCRtpCodec::default()
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: coding,
            codec,
            ..RTCRtpEncodingParameters::default()
        };
        let kind = RtpCodecKind::Audio;
        let track = MediaStreamTrack::new(
            "stream".into(),
            format!("track {ssrc}"),
            "".into(),
            kind,
            vec![encoding],
        );
        let track = Arc::new(TrackLocalStaticSample::new(Instant::now(), track).unwrap());
        let sender = self.pc.add_track(Arc::clone(&track) as _).await.unwrap();
        (track, sender)
    }

    /// Offers, and waits for the answer.
    async fn offer(&mut self) {
        let offer = self.pc.create_offer(None).await.unwrap();
        self.describe("offer", offer).await;
        loop {
            let message = next(&mut self.socket).await;
            self.take_in(&message).await;
            if message["type"] == "answer" {
                return;
            }
        }
    }

    async fn take_part_until<T>(&mut self, end: impl Future<Output = T>) -> T {
        let mut end = pin!(timeout(PATIENCE, end));
        loop {
            tokio::select! {
                message = next(&mut self.socket) => self.take_in(&message).await,
                end = &mut end => return end.expect("this never ends"),
            }
        }
    }

    async fn take_in(&mut self, message: &Value) {
        let sdp = || message["sdp"].as_str().unwrap().to_owned();
        match message["type"].as_str().unwrap() {
            "answer" => {
                let answer = RTCSessionDescription::answer(sdp()).unwrap();
                self.pc.set_remote_description(answer).await.unwrap();
            }
            "candidate" => {
                let candidate: RTCIceCandidateInit =
                    serde_json::from_value(message["candidate"].clone()).unwrap();
                self.pc.add_ice_candidate(candidate).await.unwrap();
            }
            "offer" => {
                let offer = RTCSessionDescription::offer(sdp()).unwrap();
                self.pc.set_remote_description(offer).await.unwrap();
                let answer = self.pc.create_answer(None).await.unwrap();
                self.describe("answer", answer).await;
            }
            other => panic!("unexpected {other}"),
        }
    }

    async fn describe(&mut self, kind: &str, description: RTCSessionDescription) {
        self.pc.set_local_description(description).await.unwrap();
        timeout(PATIENCE, self.gathered.recv()).await.unwrap();
        let sdp = self.pc.local_description().await.unwrap().sdp;
        let message = json!({"type": kind, "to": self.other.to_string(), "sdp": sdp});
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }
}

async fn next(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// Sends silence.
async fn talk(track: Arc<TrackLocalStaticSample>, ssrc: u32) {
    loop {
        let data = vec![0xf8, 0xff, 0xfe].into();
        let sample =
            Sample { data, duration: Duration::from_millis(20), ..Sample::new(Instant::now()) };
        // Nothing is taken before the connection stands.
        let _ = track.write_sample(ssrc, OPUS, &sample, &[]).await;
        sleep(Duration::from_millis(20)).await;
    }
}

struct Handler {
    gathered: mpsc::UnboundedSender<()>,
    heard: mpsc::UnboundedSender<RtpCodecKind>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            let mut is_first = true;
            while let Some(event) = track.poll().await {
                if matches!(event, TrackRemoteEvent::OnRtpPacket(_))
                    && std::mem::take(&mut is_first)
                {
                    let _ = heard.send(track.kind().await);
                }
            }
        });
    }
}

/// What webrtc-rs calls Opus unless the other side calls it otherwise.
const OPUS: u8 = 111;
