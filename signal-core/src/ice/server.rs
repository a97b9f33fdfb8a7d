//! One STUN or TURN server.

use std::fmt;

/// A STUN or TURN server, like `RTCIceServer` (W3C WebRTC section 4.2.2).
///
/// `Debug` leaves out the credential. The JSON form is that of browsers; members that are unknown
/// are ignored when it is read.
///
/// ```
/// use signal_core::ice::IceServer;
///
/// let turn = IceServer::turn(["turn:turn.example.com:3478?transport=udp"], "user", "password");
/// assert_eq!(turn.username.as_deref(), Some("user"));
/// assert!(!format!("{turn:?}").contains("password"));
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct IceServer {
    /// URLs like `stun:host:3478` or `turn:host:3478?transport=udp`. They are not checked here; see
    /// [`IceUrl`](crate::ice::IceUrl).
    pub urls: Vec<String>,
    /// The user name of a TURN credential.
    pub username: Option<String>,
    /// The password of a TURN credential.
    pub credential: Option<String>,
}

impl IceServer {
    /// A STUN server, which needs no credential.
    pub fn stun(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { urls: urls.into_iter().map(Into::into).collect(), username: None, credential: None }
    }

    /// A TURN server and the long-term credential to use with it (RFC 8489 section 9.2).
    pub fn turn(
        urls: impl IntoIterator<Item = impl Into<String>>,
        username: impl Into<String>,
        credential: impl Into<String>,
    ) -> Self {
        Self {
            username: Some(username.into()),
            credential: Some(credential.into()),
            ..Self::stun(urls)
        }
    }
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = self.credential.as_ref().map(|_| "..");
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .field("credential", &credential)
            .finish()
    }
}
