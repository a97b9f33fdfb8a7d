//! The trait for code of the host application that decides who may join a room.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signal_core::DisplayName;
use signal_core::room::Room;

use super::mint::MintToken;
use crate::auth::login::LoginRequest;
use crate::client_address::ClientAddress;
use crate::embedder;
use crate::limits::client_concurrency::ClientConcurrency;
use crate::limits::concurrency::ConcurrencyLimit;

/// Decides who may join a room, and as whom: for example the members of a meeting, without a
/// password. See [`Builder::admit`](crate::Builder::admit).
///
/// The server calls it for each request to join (`POST …/join`) whose room exists, after the limits
/// of the client's address. The request needs neither a password nor an invite. The server does not
/// ask about the creator, who opens a socket with the login, nor about tokens that exist already.
///
/// # When it fails
///
/// The call must not block. The server waits 5 s for an answer, or half of
/// [`request_patience`](crate::Limits::request_patience) if that is less. At most 64 calls run at
/// once, 16 of them for one network (IPv4 /24, IPv6 /48) and 8 for one client address. If the call
/// takes longer or panics, or too many run, the request gets 503 `unavailable`, and nothing is
/// changed or counted. Otherwise the request counts as a join of its address, whatever the call and
/// the room decide, and also if the client hangs up during the call.
///
/// ```
/// use std::collections::{HashMap, HashSet};
/// use signal_server::signal_core::identity::Identity;
/// use signal_server::{Admit, JoinDecision, JoinRequest, MintToken, Secret, Server, async_trait};
///
/// /// The users of each creator's meetings, and the session of each user.
/// struct Meetings {
///     members: HashMap<String, HashSet<String>>,
///     sessions: HashMap<String, String>,
/// }
///
/// #[async_trait]
/// impl Admit for Meetings {
///     async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
///         let session = request.login.cookie("session");
///         let user = session.and_then(|session| self.sessions.get(session));
///         let mut token = MintToken::new(request.name.clone());
///         // Strangers need the password.
///         let Some(user) = user else { return JoinDecision::AskPassword(token) };
///         let creator = request.room.creator();
///         let members = creator.and_then(|creator| self.members.get(creator));
///         if !members.is_some_and(|members| members.contains(user)) {
///             return JoinDecision::Refuse;
///         }
///         token.identity.user = user.parse().ok();
///         JoinDecision::Admit(token)
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// # let (members, sessions) = Default::default();
/// let server = Server::builder(Secret::new("the secret that your login signs access tokens with"))
///     .admit(Meetings { members, sessions })
///     .build();
/// # }
/// ```
#[async_trait]
pub trait Admit: Send + Sync + 'static {
    /// Decides on a request to join.
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision;
}

/// A request to join a room.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct JoinRequest<'a> {
    /// The room, which may be locked, full or expired. The server itself refuses such requests
    /// after the decision.
    pub room: &'a Room,
    /// The name that the guest has chosen, or 访客 or Guest.
    pub name: &'a DisplayName,
    /// The HTTP request, with its token, headers, query and address. As for a login, cookies are
    /// only there [if your own page sent it](crate::Authenticate#cookies).
    pub login: LoginRequest<'a>,
}

/// The decision of [`Admit`].
///
/// The [lifetime](MintToken::lifetime) of a token is at most 10 minutes here too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinDecision {
    /// Admits the request without a password, as the holder of this token. If the room is locked,
    /// the token has to [pass the lock](MintToken::passes_lock).
    Admit(MintToken),
    /// Admits the request with the password or an invite, as without [`Admit`], and as the holder
    /// of this token. A locked room refuses it.
    AskPassword(MintToken),
    /// Refuses the request with 403 `forbidden`.
    Refuse,
    /// The request cannot be decided on now, and gets 503 `unavailable`.
    Unavailable,
}

/// The code that decides on requests to join, with a timeout and a bound on its calls.
#[derive(Clone)]
pub(crate) struct JoinPolicy {
    admit: Arc<dyn Admit>,
    patience: Duration,
    /// The calls that run.
    calls: Arc<ConcurrencyLimit<()>>,
    by_client: Arc<ClientConcurrency>,
}

impl JoinPolicy {
    pub(crate) fn new(admit: impl Admit) -> Self {
        let by_client = ClientConcurrency::new(MOST_CALLS_OF_ADDRESS, MOST_CALLS_OF_NETWORK);
        Self {
            admit: Arc::new(admit),
            patience: PATIENCE,
            calls: ConcurrencyLimit::new(),
            by_client: Arc::new(by_client),
        }
    }

    /// Limits the timeout to half the time that a request may take, so that the request can still
    /// be answered.
    pub(crate) fn cap_timeout(self, request_patience: Duration) -> Self {
        Self { patience: PATIENCE.min(request_patience / 2), ..self }
    }

    pub(crate) async fn decide(
        &self,
        request: JoinRequest<'_>,
        client: Option<ClientAddress>,
    ) -> JoinDecision {
        let of_client = client.map(|client| self.by_client.acquire(client)).transpose();
        let (Ok(_of_client), Some(_call)) = (of_client, self.calls.acquire((), MOST_CALLS)) else {
            tracing::debug!("cannot decide on a join: too many decisions are under way");
            return JoinDecision::Unavailable;
        };
        let decision =
            embedder::ask(self.patience, async { self.admit.admit(request).await }).await;
        decision.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot decide on a join: the code of the application failed");
            JoinDecision::Unavailable
        })
    }
}

impl fmt::Debug for JoinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinPolicy(..)")
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
const MOST_CALLS: u32 = 64;
const MOST_CALLS_OF_NETWORK: u32 = 16;
const MOST_CALLS_OF_ADDRESS: u32 = 8;

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::{IpAddr, Ipv4Addr};
    use std::task::{Context, Waker};

    use futures_util::FutureExt;
    use signal_core::Timestamp;
    use signal_core::room::{PasswordTag, RoomSpec};

    use super::*;

    struct Hangs;

    #[async_trait]
    impl Admit for Hangs {
        async fn admit(&self, _: JoinRequest<'_>) -> JoinDecision {
            pending().await
        }
    }

    #[tokio::test]
    async fn an_address_may_have_eight_calls_at_once_its_network_16_and_all_of_them_64() {
        let policy = JoinPolicy::new(Hangs);
        let (password, now) = (PasswordTag::new([1; 32]), Timestamp::from_millis(0));
        let room = Room::create(RoomSpec::draw([7; 50], password, now, Duration::from_secs(60)));
        let name = DisplayName::parse("guest").unwrap().unwrap();
        let (headers, uri) = (&Default::default(), &Default::default());
        let login = LoginRequest { token: None, headers, uri, address: None };
        let request = JoinRequest { room: &room, name: &name, login };
        let decide = |network: u8, host: u8| {
            let address = IpAddr::from(Ipv4Addr::new(198, 51, network, host));
            Box::pin(policy.decide(request, Some(ClientAddress::of(address))))
        };
        let mut calls = Vec::new();
        for network in 1..=4 {
            for host in 1..=2 {
                assert!(decide(network, 3).now_or_never().is_none(), "others are asked about");
                for _ in 0..8 {
                    let mut call = decide(network, host);
                    assert!(call.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
                    calls.push(call);
                }
                assert_eq!(decide(network, host).now_or_never(), Some(JoinDecision::Unavailable));
            }
            assert_eq!(decide(network, 3).now_or_never(), Some(JoinDecision::Unavailable));
        }
        assert_eq!(decide(5, 1).now_or_never(), Some(JoinDecision::Unavailable));
        drop(calls.pop());
        assert!(decide(5, 1).now_or_never().is_none(), "a call has ended");
    }
}
