//! Opens a signaling WebSocket, and finds the seat that its token is for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use signal_core::hub::Input;
use signal_core::message::ServerMessage;
use signal_core::room::IdSuffix;
use signal_core::wire::encode_server;
use signal_core::{CloseCode, Entry, ErrorCode, Language, ProtocolVersion, Randomness, RoomId};
use tracing::Instrument;

use super::connection::{self, Connection};
use crate::app::App;
use crate::auth::login::LoginRequest;
use crate::auth::opaque_token;
use crate::auth::token_error::TokenError;
use crate::client_address::ClientAddress;
use crate::http::authentication::{LoginParts, bearer};
use crate::http::client::Client;
use crate::http::error::{ApiError, invalid};
use crate::http::error_responses::error_responses;
use crate::http::language::PreferredLanguage;
use crate::http::path::RoomPath;
use crate::limits::fixed_window::RateLimited;
use crate::listener::permit::ConnectionPermit;
use crate::listener::traffic::Traffic;
use crate::rooms::access::{ClaimError, SeatClaim};

error_responses!(InvalidArgument, Forbidden, RateLimited);

#[derive(Deserialize)]
#[cfg_attr(feature = "documents", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "documents", into_params(parameter_in = Query))]
pub(crate) struct WsQuery {
    /// The protocol version. Without it the version is 1, or 2 with `resume`. A number that is too
    /// high means the highest supported version.
    #[serde(default, deserialize_with = "unless_empty")]
    v: Option<u32>,
    /// A ws token of the room, or the access token of its creator.
    token: Option<String>,
    /// A resume token, in place of `token`.
    resume: Option<String>,
    /// With `resume`: the number of messages received so far.
    #[serde(default, deserialize_with = "unless_empty")]
    last_seq: Option<u64>,
}

/// Reads a number. An empty parameter counts as absent, since pages write one for a value that they
/// do not have.
fn unless_empty<'de, D, T>(parameter: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(parameter)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// Open a WebSocket
///
/// `/asyncapi.json` describes the messages and the close codes. A refused socket is opened too,
/// gets an `error` message and is closed, because browsers hide the response to a failed upgrade.
/// The token can also be sent as `Authorization: Bearer`, or as a subprotocol: `rooms, token.<t>`.
#[cfg_attr(feature = "documents", utoipa::path(
    get,
    path = "/ws/webrtc/rooms/{room_id}",
    tag = "rooms",
    operation_id = "open_socket",
    params(RoomPath, WsQuery, PreferredLanguage),
    responses((status = 101, description = "The socket is open"), ErrorResponses)
))]
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Client(client): Client,
    (connection, traffic): (Option<Extension<ConnectionPermit>>, Option<Extension<Arc<Traffic>>>),
    login: LoginParts,
    query: Result<Query<WsQuery>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let headers = login.headers();
    let PreferredLanguage(language) = PreferredLanguage::of(headers, app.language);
    let permit = client.map(|client| app.sockets.acquire(client)).transpose();
    let permit = permit.map_err(|exhausted| {
        app.counters.count(exhausted.into());
        ApiError::RateLimited { retry_after: CONNECTIONS_RETRY }
    })?;
    let Query(query) = query.map_err(|rejection| invalid(&rejection.body_text()))?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(not_upgraded(&rejection)),
    };
    // Only an upgrade counts, which browsers send with the origin of the page. Any page can make
    // its visitors' browsers send other requests without it, as for an image.
    app.rates.count_socket(client)?;
    let resume = query.resume.as_deref().filter(|token| !token.is_empty());
    let resume = resume.or_else(|| subprotocol(headers, "resume."));
    let protocol = match query.v {
        None | Some(0 | 1) if resume.is_none() => ProtocolVersion::V1,
        None | Some(_) => ProtocolVersion::V2,
    };
    let seat = match resume {
        Some(token) => resumed(&app, room, token, query.last_seq.unwrap_or_default()).await,
        None => {
            let token = query.token.as_deref().filter(|token| !token.is_empty());
            let token = token.or_else(|| bearer(headers));
            let token = token.or_else(|| subprotocol(headers, "token."));
            granted(&app, room, login.request(token), client, protocol, language).await
        }
    };
    let open_socket = app.drain.socket();
    let response = upgrade
        .protocols([SUBPROTOCOL])
        // The library zeroes this buffer for each connection. A candidate fits in it; an offer
        // takes a few reads.
        .read_buffer_size(2048)
        // Messages longer than the core accepts are read and answered with an error. A message
        // beyond this limit ends the socket.
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        // This buffer holds the pongs for a client that sends pings and does not read. Frames of
        // the protocol wait in the outbox.
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .on_upgrade(move |socket| async move {
            match seat {
                // This is checked late, since the server may have begun to drain during the
                // handshake.
                _ if app.drain.is_on() => {
                    refuse(socket, ErrorCode::Unavailable.into(), protocol, language).await;
                }
                Ok(seat) => {
                    let traffic = traffic.map(|Extension(traffic)| traffic);
                    serve(&app, seat, client, protocol, language, socket, traffic).await;
                }
                Err(refusal) => refuse(socket, refusal, protocol, language).await,
            }
            drop((open_socket, permit, connection));
        });
    Ok(response)
}

/// The response to a request that is not an upgrade. It names the version of the protocol that the
/// server speaks (RFC 6455 section 4.2.2).
fn not_upgraded(rejection: &WebSocketUpgradeRejection) -> Response {
    let mut response = invalid(&rejection.body_text()).into_response();
    response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

/// The seat that a token is for.
struct ClaimedSeat {
    room: RoomId,
    entry: Entry,
}

/// Why a socket gets no seat.
struct SocketRefusal {
    code: ErrorCode,
    retry_after: Option<Duration>,
}

/// Finds the seat of a ws token, or of the room's creator by the login. The room decides later
/// whether it admits the participant.
async fn granted(
    app: &App,
    room: Option<RoomId>,
    request: LoginRequest<'_>,
    client: Option<ClientAddress>,
    protocol: ProtocolVersion,
    language: Language,
) -> Result<ClaimedSeat, SocketRefusal> {
    let SeatClaim { room, grant, name } =
        app.access.claim_seat(room, request, client, language).await?;
    let ice = match (protocol, room.granted(&grant)) {
        // v1 does not announce ICE servers.
        (ProtocolVersion::V1, _) => None,
        (ProtocolVersion::V2, Ok(Some(participant))) => {
            Some(app.ice.announced(&room, participant).await)
        }
        // The room has promised no id, or is going to refuse the socket.
        (ProtocolVersion::V2, Ok(None) | Err(_)) => None,
    };
    Ok(ClaimedSeat { room: room.id(), entry: Entry::Attach { grant, name, ice } })
}

/// Finds the seat of a resume token. The room decides later whether it admits the participant.
async fn resumed(
    app: &App,
    room: Option<RoomId>,
    token: &str,
    last_seq: u64,
) -> Result<ClaimedSeat, SocketRefusal> {
    let token = opaque_token::hash(token);
    let room = room.ok_or(ErrorCode::ResumeFailed)?;
    let record = app.rooms.get(room).ok_or(ErrorCode::ResumeFailed)?;
    let ice = match record.resumable(token) {
        Some(seat) => Some(app.ice.announced(&record, seat.id).await),
        // The participants of an ended room are told that it has ended.
        None if record.was_resumable(token) => None,
        // The answer and its timing equal those for an unknown room, so that guessing does not
        // reveal which rooms there are.
        None => return Err(ErrorCode::ResumeFailed.into()),
    };
    Ok(ClaimedSeat { room, entry: Entry::Resume { token, last_seq, ice } })
}

async fn serve(
    app: &App,
    seat: ClaimedSeat,
    client: Option<ClientAddress>,
    protocol: ProtocolVersion,
    language: Language,
    socket: WebSocket,
    traffic: Option<Arc<Traffic>>,
) {
    let conn = app.rooms.shards.next_conn();
    let ClaimedSeat { room, entry } = seat;
    let randomness =
        Randomness { suffix: IdSuffix::new(rand::random()), resume_token: opaque_token::resume() };
    let client = app.rooms.client(room, client);
    let open = Input::Open { conn, room, protocol, language, entry, randomness, client };
    let span = tracing::debug_span!("socket", conn = conn.0, %room);
    let shard = app.rooms.shards.of(room);
    let decoder = shard.decoder(protocol);
    tracing::debug!(conn = conn.0, %room, "socket opened");
    Connection::open(shard, conn, decoder, open).run(socket, traffic).instrument(span).await;
    tracing::debug!(conn = conn.0, %room, "socket closed");
}

async fn refuse(
    socket: WebSocket,
    refusal: SocketRefusal,
    protocol: ProtocolVersion,
    language: Language,
) {
    let SocketRefusal { code, retry_after } = refusal;
    let close = CloseCode::after_refusal(code).as_u16();
    tracing::debug!(%code, close, "websocket refused");
    let message = code.refusal_text(language).to_owned();
    let error = ServerMessage::Error { code, message, about: None, retry_after, req: None };
    let Ok(text) = encode_server(&error, protocol).try_into() else { return };
    let (mut sink, mut stream) = socket.split();
    if sink.send(Message::Text(text)).await.is_ok() {
        let frame = CloseFrame { code: close, reason: "".into() };
        connection::close(&mut sink, &mut stream, frame).await;
    }
}

impl From<ErrorCode> for SocketRefusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after: code.retry_after() }
    }
}

impl From<ClaimError> for SocketRefusal {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Forbidden => ErrorCode::Forbidden.into(),
            ClaimError::RateLimited(RateLimited { retry_after }) => {
                Self { code: ErrorCode::RateLimited, retry_after: Some(retry_after) }
            }
            ClaimError::RoomNotFound => ErrorCode::RoomNotFound.into(),
            ClaimError::Token(TokenError::Expired) => ErrorCode::TokenExpired.into(),
            ClaimError::Token(TokenError::Invalid) => ErrorCode::TokenInvalid.into(),
            ClaimError::Token(TokenError::Unverifiable) => ErrorCode::Unavailable.into(),
        }
    }
}

/// Finds the token among the requested subprotocols: `rooms, token.<t>` or `rooms, resume.<t>`.
pub(crate) fn subprotocol<'a>(headers: &'a HeaderMap, kind: &str) -> Option<&'a str> {
    let protocols =
        headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    protocols
        .flat_map(|value| value.split(','))
        .find_map(|protocol| protocol.trim().strip_prefix(kind))
}

/// Sockets may close at any time, so retrying after a short wait makes sense.
const CONNECTIONS_RETRY: Duration = Duration::from_secs(5);
const SUBPROTOCOL: &str = "rooms";
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The library flushes its buffer from 128 KiB on; every message of the server fits in the rest.
const MAX_WRITE_BUFFER_BYTES: usize = 1024 * 1024;
