//! How HTTP requests fail: a status, a stable code, and a text for people.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use signal_core::{Language, Reject, Room};
use thiserror::Error;

use crate::quota::UsedUp;

/// Why a request was refused.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("body_too_large")]
    BodyTooLarge,
    /// The server is stopping.
    #[error("unavailable")]
    Draining,
    #[error("forbidden")]
    Forbidden,
    /// With what is wrong, in English.
    #[error("invalid_argument")]
    InvalidArgument(String),
    #[error("invite_void")]
    InviteVoid,
    #[error("method_not_allowed")]
    MethodNotAllowed,
    #[error("not_found")]
    NotFound,
    #[error("participant_not_found")]
    ParticipantNotFound,
    #[error("password_locked")]
    PasswordLocked,
    /// One of the limits is reached.
    #[error("rate_limited")]
    RateLimited { retry_after: Duration },
    #[error("request_timeout")]
    RequestTimeout,
    #[error("room_expired")]
    RoomExpired,
    #[error("room_locked")]
    RoomLocked,
    #[error("room_full")]
    RoomFull,
    #[error("room_not_found")]
    RoomNotFound,
    #[error("storage_unavailable")]
    StorageUnavailable,
    #[error("unauthorized")]
    Unauthorized,
    #[error("unavailable")]
    Unavailable,
    #[error("wrong_password")]
    WrongPassword,
}

impl ApiError {
    pub(crate) fn into_response(self, language: Language) -> Response {
        let (status, zh, en) = match &self {
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "请求体过大", "the request body is too large")
            }
            Self::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "服务器正在重启，请稍后再试",
                "the server is restarting; try again in a moment",
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, "没有权限", "you may not do this"),
            Self::InvalidArgument(_) => (StatusCode::BAD_REQUEST, "参数无效", "invalid argument"),
            Self::InviteVoid => (StatusCode::UNAUTHORIZED, "邀请已失效", "the invite is not valid"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "不支持该方法", "this method is not allowed here")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "路径不存在", "no such path"),
            Self::ParticipantNotFound => {
                (StatusCode::NOT_FOUND, "房间内没有此参与者", "no such participant in the room")
            }
            Self::PasswordLocked => (
                StatusCode::TOO_MANY_REQUESTS,
                "密码错误次数过多，房间已锁定",
                "too many wrong passwords were tried",
            ),
            Self::RateLimited { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "操作过于频繁，请稍后再试", "too often; try again later")
            }
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "请求超时", "the request took too long"),
            Self::RoomExpired => (StatusCode::BAD_REQUEST, "房间已过期", "the room has expired"),
            Self::RoomLocked => (StatusCode::FORBIDDEN, "房间已锁定", "the room is locked"),
            Self::RoomFull => (StatusCode::BAD_REQUEST, "房间已满", "the room is full"),
            Self::RoomNotFound => (StatusCode::NOT_FOUND, "房间不存在", "no such room"),
            Self::StorageUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "服务器暂时无法保存新房间，请稍后再试",
                "the server cannot save new rooms right now; try again",
            ),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "请先登录", "a valid access token is needed"),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "服务暂不可用，请稍后再试",
                "the server cannot do this right now; try again",
            ),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "密码错误", "wrong password"),
        };
        let text = match language {
            Language::En => en,
            Language::Zh => zh,
        };
        let message = match &self {
            Self::InvalidArgument(detail) => format!("{text}: {detail}"),
            _ => text.to_owned(),
        };
        let body = json!({"success": false, "code": self.to_string(), "message": message});
        let mut response = (status, Json(body)).into_response();
        let retry_after = match self {
            Self::RateLimited { retry_after } => Some(retry_after),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(UNAVAILABLE_FOR),
            _ => None,
        };
        if let Some(after) = retry_after {
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
            Reject::PasswordUnchanged => Self::InvalidArgument(format!("rotate_password: {reject}")),
            Reject::RotationStale => Self::Unavailable,
            Reject::RotationsExhausted => {
                Self::InvalidArgument(format!("{reject}: a room allows {} changes", Room::ROTATIONS))
            }
            Reject::ResumeFailed => Self::Unauthorized,
            Reject::RoomFull => Self::RoomFull,
            Reject::RoomLocked => Self::RoomLocked,
            Reject::WrongPassword => Self::WrongPassword,
        }
    }
}

const UNAVAILABLE_FOR: Duration = Duration::from_secs(2);
