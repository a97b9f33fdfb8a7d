//! The errors of HTTP requests: a status, a stable code, and a text for people.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signal_core::Language;
use signal_core::room::{Reject, Room};

use crate::auth::token_error::TokenError;
use crate::limits::fixed_window::RateLimited;
use crate::rooms::access::ClaimError;
use crate::rooms::creation::CreateRoomError;
use crate::rooms::service::ChangeError;

/// Why a request was refused.
///
/// As a response it is a status without a body, until [`word_errors`](super::layers::word_errors)
/// adds the text.
#[derive(Clone, Debug)]
pub(crate) enum ApiError {
    /// The admin key is missing or wrong.
    AdminKeyWrong,
    BodyTooLarge,
    /// The server is draining.
    Draining,
    Forbidden,
    InvalidArgument(Detail),
    MethodNotAllowed,
    NotFound,
    /// A limit is reached.
    RateLimited {
        retry_after: Duration,
    },
    /// The room refuses the request. The core has the text.
    Rejected {
        code: Code,
        reject: Reject,
    },
    RequestTimeout,
    StorageUnavailable,
    /// The token was valid before.
    TokenExpired,
    /// The request needs a token, but not that of a login.
    TokenInvalid,
    /// The user has as many open rooms as it may have.
    TooManyRooms,
    /// The request needs a login.
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    /// The user for whom a token is wanted is banned from the room.
    UserBanned,
}

/// What is wrong with an argument, after the name of its field.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    english: String,
    /// If people can cause the problem, and not only programs.
    chinese: Option<String>,
}

/// The reason of an error, for programs. These names are stable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "documents", schema(as = ErrorCode))]
pub(crate) enum Code {
    BodyTooLarge,
    Forbidden,
    InvalidArgument,
    InviteVoid,
    MethodNotAllowed,
    NotFound,
    ParticipantNotFound,
    PasswordLocked,
    RateLimited,
    RequestTimeout,
    RoomExpired,
    RoomFull,
    RoomLocked,
    RoomNotFound,
    StorageUnavailable,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    WrongPassword,
}

/// An error response.
#[derive(Serialize)]
#[cfg_attr(feature = "documents", derive(utoipa::ToSchema))]
pub(crate) struct Failure {
    #[cfg_attr(feature = "documents", schema(schema_with = crate::http::schema::constant::<false>))]
    success: bool,
    code: Code,
    /// A text for people, in the language of `Accept-Language`.
    message: String,
}

impl Code {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::RoomExpired | Self::RoomFull => StatusCode::BAD_REQUEST,
            Self::InviteVoid | Self::Unauthorized | Self::WrongPassword => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::RoomLocked => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ParticipantNotFound | Self::RoomNotFound => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PasswordLocked | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::StorageUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the response has a `Retry-After` header.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::PasswordLocked | Self::RateLimited)
            || self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// When this code is returned, for the OpenAPI document.
    #[cfg(feature = "documents")]
    pub(crate) fn when(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "the body is too long (by default 8 KiB, of operators 64 KiB)",
            Self::Forbidden => {
                "the token or the host application does not permit this request, the user is \
                 banned from the room, or the origin of the page is not allowed"
            }
            Self::InvalidArgument => {
                "the body is not JSON, or a field or parameter is invalid; `message` names it"
            }
            Self::InviteVoid => "the invite token is wrong, or was replaced by a new one",
            Self::MethodNotAllowed => "the path exists, but does not support this method",
            Self::NotFound => "no such path",
            Self::ParticipantNotFound => {
                "no participant with this id has a seat in the room, or none has entered with this \
                 token yet"
            }
            Self::PasswordLocked => {
                "too many wrong passwords were tried in this room, or from this network; no password \
                 is compared for now"
            }
            Self::RateLimited => "there are too many requests, open rooms or connections",
            Self::RequestTimeout => "the request took too long (10 s by default)",
            Self::RoomExpired => "the room has expired; after 24 hours the response is 404",
            Self::RoomFull => "all seats for guests are taken by connected participants",
            Self::RoomLocked => "the room is locked",
            Self::RoomNotFound => "the room does not exist, or it is closed",
            Self::StorageUnavailable => "the room cannot be saved",
            Self::Unauthorized => "the token is missing, invalid or expired",
            Self::Unavailable => {
                "the server is draining, or cannot reach the login's keys or the host application"
            }
            Self::UnsupportedMediaType => "the body is not `application/json`",
            Self::WrongPassword => "the password is wrong",
        }
    }
}

impl ApiError {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::BodyTooLarge => Code::BodyTooLarge,
            Self::Draining | Self::Unavailable => Code::Unavailable,
            Self::Forbidden | Self::UserBanned => Code::Forbidden,
            Self::InvalidArgument(_) => Code::InvalidArgument,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::NotFound => Code::NotFound,
            Self::RateLimited { .. } | Self::TooManyRooms => Code::RateLimited,
            Self::Rejected { code, .. } => *code,
            Self::RequestTimeout => Code::RequestTimeout,
            Self::StorageUnavailable => Code::StorageUnavailable,
            Self::AdminKeyWrong | Self::TokenExpired | Self::TokenInvalid | Self::Unauthorized => {
                Code::Unauthorized
            }
            Self::UnsupportedMediaType => Code::UnsupportedMediaType,
        }
    }

    fn text(&self, language: Language) -> String {
        let (zh, en) = match self {
            Self::AdminKeyWrong => (
                "缺少管理密钥或密钥错误（`Authorization: Bearer`）",
                "the admin key is missing or wrong (`Authorization: Bearer`)",
            ),
            Self::BodyTooLarge => ("请求体过大", "the request body is too large"),
            Self::Draining => {
                ("服务器正在重启，请稍后再试", "the server is restarting; try again in a moment")
            }
            Self::Forbidden => ("没有权限", "you are not permitted to do this"),
            Self::InvalidArgument(detail) => {
                return match language {
                    Language::En => format!("invalid argument: {}", detail.english),
                    Language::Zh => format!("参数无效: {}", detail.chinese()),
                };
            }
            Self::MethodNotAllowed => ("不支持该方法", "this method is not allowed here"),
            Self::NotFound => ("路径不存在", "no such path"),
            Self::RateLimited { .. } => {
                ("操作过于频繁，请稍后再试", "too many attempts; try again later")
            }
            Self::Rejected { reject, .. } => return reject.text(language).to_owned(),
            Self::RequestTimeout => ("请求超时", "the request took too long"),
            Self::StorageUnavailable => (
                "服务器暂时无法保存新房间，请稍后再试",
                "the server cannot save new rooms right now; try again",
            ),
            Self::TokenExpired => ("令牌已过期", "the token has expired"),
            Self::TokenInvalid => ("令牌缺失或无效", "the token is missing or invalid"),
            Self::TooManyRooms => (
                "开放的房间数已达上限，请先关闭一个",
                "too many rooms of this user are open; close one first",
            ),
            Self::Unauthorized => ("请先登录", "a valid access token is needed"),
            Self::Unavailable => {
                ("服务暂不可用，请稍后再试", "the server cannot do this right now; try again")
            }
            Self::UnsupportedMediaType => (
                "请求体必须是 JSON（Content-Type: application/json）",
                "the body must be JSON (Content-Type: application/json)",
            ),
            Self::UserBanned => ("该用户已被此房间封禁", "the user is banned from the room"),
        };
        let text = match language {
            Language::En => en,
            Language::Zh => zh,
        };
        text.to_owned()
    }

    /// Adds the body to the response that this error was converted to.
    pub(super) fn word(&self, response: Response, language: Language) -> Response {
        let failure = Failure { success: false, code: self.code(), message: self.text(language) };
        let body = serde_json::to_vec(&failure).expect("strings serialize to JSON");
        let (mut parts, _) = response.into_parts();
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The length is that of the empty body.
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(body))
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::TooManyRooms => Some(OPEN_ROOMS_RETRY),
            // Waiting does not help.
            Self::Rejected { reject: Reject::RestoresExhausted, .. } => None,
            // Jittered, so that it does not reveal how many others try, and clients do not all
            // return at once.
            Self::Rejected { code: Code::PasswordLocked, .. } => {
                Some(Room::ATTEMPT_EVERY * rand::random_range(1..=2))
            }
            other => other.code().passes().then_some(UNAVAILABLE_FOR),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code().status().into_response();
        if let Some(after) = self.retry_after() {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl Detail {
    fn chinese(&self) -> &str {
        self.chinese.as_deref().unwrap_or(&self.english)
    }
}

/// The error for an argument that only a program gets wrong. The detail is in English.
pub(crate) fn invalid(detail: &str) -> ApiError {
    ApiError::InvalidArgument(Detail { english: detail.to_owned(), chinese: None })
}

/// The error for a field that people fill in: what is wrong with it, in Chinese and in English.
pub(crate) fn wrong_input(field: &str, chinese: &str, english: &str) -> ApiError {
    let [chinese, english] = [chinese, english].map(|problem| format!("{field}: {problem}"));
    ApiError::InvalidArgument(Detail { english, chinese: Some(chinese) })
}

fn wrong_setting(field: &str, reject: Reject) -> ApiError {
    wrong_input(field, reject.text(Language::Zh), reject.text(Language::En))
}

impl From<RateLimited> for ApiError {
    fn from(RateLimited { retry_after }: RateLimited) -> Self {
        Self::RateLimited { retry_after }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid => Self::Unauthorized,
            TokenError::Unverifiable => Self::Unavailable,
        }
    }
}

impl From<ClaimError> for ApiError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Forbidden => Self::Forbidden,
            ClaimError::RateLimited(limited) => limited.into(),
            ClaimError::RoomNotFound => Reject::RoomNotFound.into(),
            ClaimError::Token(error) => error.into(),
        }
    }
}

impl From<CreateRoomError> for ApiError {
    fn from(error: CreateRoomError) -> Self {
        match error {
            CreateRoomError::IdTaken => invalid(&format!("room_id: {error}")),
            CreateRoomError::TooLarge => {
                wrong_input("max_participants", "超过服务器允许的人数", &error.to_string())
            }
            CreateRoomError::NotSaved => Self::StorageUnavailable,
            CreateRoomError::Stopping => Self::Unavailable,
            CreateRoomError::TooManyRooms => Self::TooManyRooms,
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Rejected(reject) => reject.into(),
            ChangeError::Stopping => Self::Unavailable,
        }
    }
}

impl From<Reject> for ApiError {
    fn from(reject: Reject) -> Self {
        let code = match reject {
            Reject::GrantVoid | Reject::NotPermitted => return Self::Forbidden,
            Reject::IdsExhausted | Reject::RotationStale => return Self::Unavailable,
            Reject::ResumeFailed => return Self::Unauthorized,
            Reject::PasswordUnchanged => return wrong_setting("rotate_password", reject),
            Reject::RoomTooLarge => return wrong_setting("max_participants", reject),
            // Only sockets take seats.
            Reject::AddressFull => return Self::Unavailable,
            // The response does not reveal whether the room existed.
            Reject::RoomClosed => return Reject::RoomNotFound.into(),
            Reject::CreatorStays => Code::Forbidden,
            Reject::InviteVoid => Code::InviteVoid,
            Reject::ParticipantNotFound => Code::ParticipantNotFound,
            Reject::PasswordLocked => Code::PasswordLocked,
            Reject::RestoresExhausted => Code::RateLimited,
            Reject::RoomExpired => Code::RoomExpired,
            Reject::RoomFull => Code::RoomFull,
            Reject::RoomLocked => Code::RoomLocked,
            Reject::RoomNotFound => Code::RoomNotFound,
            Reject::WrongPassword => Code::WrongPassword,
            unknown => {
                tracing::error!(?unknown, "a room refuses for a reason that has no code");
                return Self::Unavailable;
            }
        };
        Self::Rejected { code, reject }
    }
}

const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);
/// Rooms may end at any time, so retrying after a minute makes sense.
const OPEN_ROOMS_RETRY: Duration = Duration::from_secs(60);
