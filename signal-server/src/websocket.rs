//! Opening a signaling WebSocket: whose seat is it for?

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use signal_core::wire::encode_server;
use signal_core::{DisplayName, ErrorCode, IdSuffix, Input, Language, RoomId, ServerMessage, Ticket};

use crate::app::App;
use crate::connection::{self, Connection};
use crate::language;
use crate::rooms::{bearer, creator_name};
use crate::token::TokenError;

#[derive(Deserialize)]
pub(crate) struct WsQuery {
    token: Option<String>,
}

/// `GET /ws/webrtc/rooms/{room_id}`
///
/// A socket that is refused is opened all the same and told why, since browsers hide a failed upgrade.
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    Query(query): Query<WsQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !app.origins.permit(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let language = language::preferred(&headers);
    let token = query.token.as_deref().or_else(|| bearer(&headers)).or_else(|| subprotocol_token(&headers));
    let seat = identify(&app, &room, token.unwrap_or_default(), language);
    upgrade
        .protocols([SUBPROTOCOL])
        // The library fills this buffer with zeros for each connection; a candidate fits, an offer takes two reads.
        .read_buffer_size(4096)
        // Longer messages than the core takes are read, to be answered; beyond this the socket is not worth keeping.
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| async move {
            match seat {
                Ok(seat) => serve(&app, seat, language, socket).await,
                Err(code) => refuse(socket, code, language).await,
            }
        })
}

/// What a token opens.
struct Seat {
    room: RoomId,
    ticket: Ticket,
    name: DisplayName,
}

/// Verifies the token before it looks at the room, so that strangers learn nothing about rooms.
fn identify(app: &App, room: &str, token: &str, language: Language) -> Result<Seat, ErrorCode> {
    match app.ws_tokens.verify(token) {
        Ok(grant) => {
            if !room.eq_ignore_ascii_case(grant.room.as_str()) {
                return Err(ErrorCode::TokenInvalid);
            }
            // A later room of the same id is not the one this token was made for.
            let same =
                app.shards.of(grant.room).room(grant.room).is_some_and(|room| room.epoch() == grant.epoch);
            if !same {
                return Err(ErrorCode::RoomNotFound);
            }
            Ok(Seat { room: grant.room, ticket: grant.ticket, name: grant.name })
        }
        Err(TokenError::Expired) => Err(ErrorCode::TokenExpired),
        Err(TokenError::Invalid) => {
            let user = app.access_tokens.verify(token).map_err(|error| match error {
                TokenError::Expired => ErrorCode::TokenExpired,
                TokenError::Invalid => ErrorCode::TokenInvalid,
            })?;
            let room: RoomId = room.parse().map_err(|_| ErrorCode::RoomNotFound)?;
            let record = app.shards.of(room).room(room).ok_or(ErrorCode::RoomNotFound)?;
            if record.creator() != user.subject {
                return Err(ErrorCode::Forbidden);
            }
            Ok(Seat { room, ticket: Ticket::Creator, name: creator_name(&user, language) })
        }
    }
}

async fn serve(app: &App, seat: Seat, language: Language, socket: WebSocket) {
    let conn = app.shards.next_conn();
    let Seat { room, ticket, name } = seat;
    let suffix = IdSuffix::new(rand::random());
    let open = Input::Open { conn, room, ticket, name, language, suffix };
    Connection::open(app.shards.of(room), conn, open).run(socket).await;
}

async fn refuse(mut socket: WebSocket, code: ErrorCode, language: Language) {
    let close = match code {
        ErrorCode::RoomNotFound => 4503,
        _ => 4500,
    };
    tracing::debug!(%code, close, "websocket refused");
    let error = ServerMessage::Error { code, message: code.text(language).to_owned() };
    let Ok(text) = encode_server(&error).try_into() else { return };
    if socket.send(Message::Text(text)).await.is_ok() {
        connection::close(&mut socket, CloseFrame { code: close, reason: "".into() }).await;
    }
}

/// The token among the subprotocols a page asks for: `rooms, token.<t>`.
fn subprotocol_token(headers: &HeaderMap) -> Option<&str> {
    let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    protocols.flat_map(|value| value.split(',')).find_map(|protocol| protocol.trim().strip_prefix("token."))
}

const SUBPROTOCOL: &str = "rooms";
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
