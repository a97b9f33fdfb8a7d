//! How HTTP requests fail: a status, a stable code, and a text for people.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signal_core::{Language, Reject, Room};
use utoipa::ToSchema;

use crate::documents::openapi;
use crate::limits::quota::UsedUp;
use crate::rooms::creation::CreateRoomError;
use crate::rooms::credentials::RotateError;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) enum ApiError {
    BodyTooLarge,
    /// The server is stopping.
    Draining,
    Forbidden,
    /// With what is wrong, in English.
    InvalidArgument(String),
    InviteVoid,
    MethodNotAllowed,
    NotFound,
    ParticipantNotFound,
    PasswordLocked,
    /// One of the limits is reached.
    RateLimited {
        retry_after: Duration,
    },
    RequestTimeout,
    RoomExpired,
    RoomFull,
    RoomLocked,
    RoomNotFound,
    StorageUnavailable,
    Unauthorized,
    Unavailable,
    WrongPassword,
}

/// Why a request was refused, for programs: these names never change.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ErrorCode)]
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
    WrongPassword,
}

/// A refusal.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failure {
    #[schema(schema_with = openapi::constant::<false>)]
    success: bool,
    code: Code,
    /// For people, in the language of `Accept-Language`.
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
            Self::PasswordLocked | Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::StorageUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether `Retry-After` says when to try again.
    pub(crate) fn passes(self) -> bool {
        self == Self::RateLimited || self.status() == StatusCode::SERVICE_UNAVAILABLE
    }

    /// When it is answered, for the OpenAPI document.
    pub(crate) fn when(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "the body is too long (8 KiB by default)",
            Self::Forbidden => "the token is not one for this",
            Self::InvalidArgument => {
                "the body is not JSON, or a field or parameter is not as it should be; `message` says which"
            }
            Self::InviteVoid => "the invite token is not the room's, or not any more",
            Self::MethodNotAllowed => "the path is there, but not for this method",
            Self::NotFound => "no such path",
            Self::ParticipantNotFound => "nobody of that id has a seat in the room",
            Self::PasswordLocked => {
                "20 wrong passwords were tried in this room: no password opens it until its creator changes it"
            }
            Self::RateLimited => "too often, or too many at once",
            Self::RequestTimeout => "the request took too long (10 s by default)",
            Self::RoomExpired => "the room's time is over; told for 24 hours, then 404",
            Self::RoomFull => "all seats for guests have a socket",
            Self::RoomLocked => "the creator lets nobody else in",
            Self::RoomNotFound => "no such room, or it is closed",
            Self::StorageUnavailable => "the room cannot be saved",
            Self::Unauthorized => "no token, or one that is not valid (any more)",
            Self::Unavailable => {
                "the server is stopping, or the keys of the login are out of reach"
            }
            Self::WrongPassword => "the password is not the room's",
        }
    }
}

impl ApiError {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::BodyTooLarge => Code::BodyTooLarge,
            Self::Draining | Self::Unavailable => Code::Unavailable,
            Self::Forbidden => Code::Forbidden,
            Self::InvalidArgument(_) => Code::InvalidArgument,
            Self::InviteVoid => Code::InviteVoid,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::NotFound => Code::NotFound,
            Self::ParticipantNotFound => Code::ParticipantNotFound,
            Self::PasswordLocked => Code::PasswordLocked,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::RequestTimeout => Code::RequestTimeout,
            Self::RoomExpired => Code::RoomExpired,
            Self::RoomFull => Code::RoomFull,
            Self::RoomLocked => Code::RoomLocked,
            Self::RoomNotFound => Code::RoomNotFound,
            Self::StorageUnavailable => Code::StorageUnavailable,
            Self::Unauthorized => Code::Unauthorized,
            Self::WrongPassword => Code::WrongPassword,
        }
    }

    fn text(&self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::BodyTooLarge => ("请求体过大", "the request body is too large"),
            Self::Draining => {
                ("服务器正在重启，请稍后再试", "the server is restarting; try again in a moment")
            }
            Self::Forbidden => ("没有权限", "you may not do this"),
            Self::InvalidArgument(_) => ("参数无效", "invalid argument"),
            Self::InviteVoid => ("邀请已失效", "the invite is not valid"),
            Self::MethodNotAllowed => ("不支持该方法", "this method is not allowed here"),
            Self::NotFound => ("路径不存在", "no such path"),
            Self::ParticipantNotFound => ("房间内没有此参与者", "no such participant in the room"),
            Self::PasswordLocked => {
                ("密码错误次数过多，房间已锁定", "too many wrong passwords were tried")
            }
            Self::RateLimited { .. } => ("操作过于频繁，请稍后再试", "too often; try again later"),
            Self::RequestTimeout => ("请求超时", "the request took too long"),
            Self::RoomExpired => ("房间已过期", "the room has expired"),
            Self::RoomFull => ("房间已满", "the room is full"),
            Self::RoomLocked => ("房间已锁定", "the room is locked"),
            Self::RoomNotFound => ("房间不存在", "no such room"),
            Self::StorageUnavailable => (
                "服务器暂时无法保存新房间，请稍后再试",
                "the server cannot save new rooms right now; try again",
            ),
            Self::Unauthorized => ("请先登录", "a valid access token is needed"),
            Self::Unavailable => {
                ("服务暂不可用，请稍后再试", "the server cannot do this right now; try again")
            }
            Self::WrongPassword => ("密码错误", "wrong password"),
        };
        match language {
            Language::En => en,
            Language::Zh => zh,
        }
    }

    pub(crate) fn into_response(self, language: Language) -> Response {
        let (code, text) = (self.code(), self.text(language));
        let message = match &self {
            Self::InvalidArgument(detail) => format!("{text}: {detail}"),
            _ => text.to_owned(),
        };
        let mut response =
            (code.status(), Json(Failure { success: false, code, message })).into_response();
        if code.passes() {
            let after = match self {
                Self::RateLimited { retry_after } => retry_after,
                _ => UNAVAILABLE_FOR,
            };
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
        }
        response
    }
}

impl From<UsedUp> for ApiError {
    fn from(UsedUp { retry_after }: UsedUp) -> Self {
        Self::RateLimited { retry_after }
    }
}

impl From<CreateRoomError> for ApiError {
    fn from(error: CreateRoomError) -> Self {
        match error {
            CreateRoomError::NotSaved => Self::StorageUnavailable,
            CreateRoomError::Stopping => Self::Unavailable,
            CreateRoomError::TooManyRooms => Self::RateLimited { retry_after: OPEN_ROOMS_RETRY },
        }
    }
}

impl From<RotateError> for ApiError {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Refused(reject) => reject.into(),
            RotateError::Stopping => Self::Unavailable,
        }
    }
}

impl From<Reject> for ApiError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::CreatorStays | Reject::GrantVoid => Self::Forbidden,
            Reject::IdsExhausted => Self::Unavailable,
            Reject::InviteVoid => Self::InviteVoid,
            Reject::ParticipantNotFound => Self::ParticipantNotFound,
            Reject::PasswordLocked => Self::PasswordLocked,
            Reject::RoomClosed | Reject::RoomNotFound => Self::RoomNotFound,
            Reject::RoomExpired => Self::RoomExpired,
            Reject::PasswordUnchanged => {
                Self::InvalidArgument(format!("rotate_password: {reject}"))
            }
            Reject::RotationStale => Self::Unavailable,
            Reject::RotationsExhausted => Self::InvalidArgument(format!(
                "{reject}: a room allows {} changes",
                Room::ROTATIONS
            )),
            Reject::ResumeFailed => Self::Unauthorized,
            Reject::RoomFull => Self::RoomFull,
            Reject::RoomLocked => Self::RoomLocked,
            Reject::WrongPassword => Self::WrongPassword,
        }
    }
}

const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);
/// A room may be over at any time; soon enough to find out.
const OPEN_ROOMS_RETRY: Duration = Duration::from_secs(60);
