//! A web application with rooms inside: a login, a decision who may join, TURN credentials and an
//! admin page of its own. It prints what happens in the rooms.
//!
//! ```sh
//! cargo run -p examples --example embedded_server
//! curl -d alice http://127.0.0.1:…/login        # logs alice in: prints a session and sets a cookie
//! # A program sends the session as a token; a page of the application need do nothing.
//! curl -X POST http://127.0.0.1:…/rooms/api/webrtc/rooms -H 'Authorization: Bearer …'
//! # A user who is logged in joins without a password; others need the password.
//! curl -X POST http://127.0.0.1:…/rooms/api/webrtc/rooms/ABC234/join -H 'Authorization: Bearer …'
//! # The admin address:
//! curl http://127.0.0.1:…/rooms                                 # lists rooms and participants
//! curl -X DELETE http://127.0.0.1:…/rooms/ABC234/p_zzzz1234     # kicks a participant
//! curl -X DELETE http://127.0.0.1:…/rooms/ABC234                # closes a room
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::fmt::{Display, Write};
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::serve::ListenerExt;
use signal_server::signal_core::identity::{Identity, UserId};
use signal_server::{
    Admit, Authenticate, DisplayName, IceRequest, IceServer, IceServerSource, IceServers,
    JoinDecision, JoinRequest, Login, LoginRequest, MintToken, RoomEventKind, RoomEvents, Server,
    ServerHandle, TokenError, User, async_trait,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sessions = Sessions::default();
    let mut builder = Server::builder(Login::custom(sessions.clone()))
        .admit(sessions.clone())
        .ice_servers(TurnProvider);
    tokio::spawn(report(builder.events()));
    let server = builder.build();

    let application = Router::new()
        .route("/", get(async || "an application with rooms\n"))
        .route("/login", post(login))
        .with_state(sessions)
        // Clients use http://…/rooms as their server.
        .nest("/rooms", server.router());
    // Served at a separate address, which the public cannot reach.
    let admin = Router::new()
        .route("/rooms", get(list))
        .route("/rooms/{room}", delete(close))
        .route("/rooms/{room}/{participant}", delete(kick))
        .with_state(server.handle())
        .merge(server.admin_router());

    let (public, private) =
        (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    println!("listening on http://{}", public.local_addr()?);
    println!("administered at http://{}", private.local_addr()?);
    tokio::spawn(axum::serve(private, admin).into_future());
    // ICE candidates are small and should go out at once.
    let public = public.tap_io(|socket| drop(socket.set_nodelay(true)));
    // The limits by client address need the address of each connection.
    let service = application.into_make_service_with_connect_info::<SocketAddr>();
    let rooms = server.handle();
    let stopped = async move {
        let _ = tokio::signal::ctrl_c().await;
        // Tells all participants to come back, and closes their sockets.
        rooms.drain().await;
    };
    axum::serve(public, service).with_graceful_shutdown(stopped).await?;
    println!("stopped");
    Ok(())
}

/// Stands for a table of sessions: the user of each one.
#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<HashMap<String, String>>>);

impl Sessions {
    fn user(&self, request: &LoginRequest<'_>) -> Option<String> {
        // Cookies are here only if the application's own page sent the request.
        let session = request.token.or(request.cookie("session"))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned()
    }
}

/// Decides who creates rooms, and enters them as their creator.
#[async_trait]
impl Authenticate for Sessions {
    async fn authenticate(&self, request: LoginRequest<'_>) -> Result<User, TokenError> {
        let name = self.user(&request).ok_or(TokenError::Invalid)?;
        Ok(User::new(&name).named(&name).identified(identity(&name)))
    }
}

/// Decides who joins the rooms of others.
#[async_trait]
impl Admit for Sessions {
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
        let mut token = MintToken::new(request.name.clone());
        let Some(user) = self.user(&request.login) else {
            return JoinDecision::AskPassword(token);
        };
        token.identity = identity(&user);
        if let Ok(Some(name)) = DisplayName::parse(&user) {
            token.name = name;
        }
        JoinDecision::Admit(token)
    }
}

/// What the application finds again in lists and events.
fn identity(user: &str) -> Identity {
    user.parse().map(Identity::of).unwrap_or_default()
}

/// Creates a session. A real login would check a password.
async fn login(State(Sessions(sessions)): State<Sessions>, name: String) -> impl IntoResponse {
    let session = format!("{:032x}", rand::random::<u128>());
    sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session.clone(), name);
    let cookie = format!("session={session}; Path=/; HttpOnly; SameSite=Strict");
    ([(SET_COOKIE, cookie)], session)
}

/// Stands for a TURN service that issues credentials on request.
struct TurnProvider;

#[async_trait]
impl IceServerSource for TurnProvider {
    async fn ice_servers(
        &self,
        request: &IceRequest,
    ) -> Result<IceServers, Box<dyn Error + Send + Sync>> {
        let username = format!("{}-{}", request.room, request.participant);
        let turn = IceServer::turn(["turn:127.0.0.1:3478"], username, "from the provider");
        Ok(IceServers { servers: vec![turn], expires_at: request.until })
    }
}

/// Prints the events of all rooms. A real application would bill or log them.
async fn report(mut events: RoomEvents) {
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(lost) => {
                println!("{lost}");
                continue;
            }
        };
        let room = event.key.room;
        match event.kind {
            RoomEventKind::Opened => {
                println!("{room}: opened by {}", event.creator.as_deref().unwrap_or("nobody"));
            }
            RoomEventKind::Joined { participant } => {
                println!("{room}: {} joined", participant.name);
            }
            RoomEventKind::Left { participant, reason } => {
                println!("{room}: {} left ({reason:?})", participant.name);
            }
            RoomEventKind::Closed { reason } => println!("{room}: closed ({reason:?})"),
            other => println!("{room}: {other:?}"),
        }
    }
}

async fn list(State(rooms): State<ServerHandle>) -> String {
    let mut page = String::new();
    for room in rooms.rooms() {
        let creator = room.creator.as_deref().unwrap_or("nobody");
        let _ = writeln!(page, "{} {}, of {creator}", room.id, room.name);
        for participant in room.participants {
            let user = participant.identity.user.as_ref().map_or("a guest", UserId::as_str);
            let _ = writeln!(page, "  {} {}: {user}", participant.id, participant.name);
        }
    }
    page
}

async fn close(State(rooms): State<ServerHandle>, Path(room): Path<String>) -> Result<(), Failure> {
    let room = room.parse().map_err(not_found)?;
    rooms.close_room(room).await.map_err(not_found)
}

async fn kick(
    State(rooms): State<ServerHandle>,
    Path((room, participant)): Path<(String, String)>,
) -> Result<(), Failure> {
    let (room, participant) =
        (room.parse().map_err(not_found)?, participant.parse().map_err(not_found)?);
    rooms.kick(room, participant).await.map_err(not_found)
}

type Failure = (StatusCode, String);

fn not_found(error: impl Display) -> Failure {
    (StatusCode::NOT_FOUND, format!("{error}\n"))
}
