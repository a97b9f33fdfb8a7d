//! Every text that people read, in each language. Programs read the codes.

use crate::error::ErrorCode;
use crate::language::Language;
use crate::reason::CloseReason;
use crate::room::Reject;

impl ErrorCode {
    /// The text for people: what is wrong and, if there is a remedy, what to do.
    pub fn text(self, language: Language) -> &'static str {
        let text = match self {
            Self::Forbidden => ["没有权限", "you are not permitted to do this"],
            Self::InvalidMessage => ["消息格式无效", "the message is malformed"],
            Self::MessageTooLarge => ["消息过大", "the message is too large"],
            Self::OfferConflict => [
                "对方的 Offer 已先到达，请回滚并应答",
                "the other side's offer came first; roll back and answer it",
            ],
            Self::PeerNotFound => ["对方不在房间内", "no such participant in the room"],
            Self::PeerUnreachable => ["无法联系对方", "the participant cannot be reached"],
            Self::RateLimited => ["发送过于频繁", "too many messages; slow down"],
            Self::ResumeFailed => ["座位已失效，请重新加入", "the seat is gone; join again"],
            Self::RoomClosed => ["房间已关闭", "the room is closed"],
            Self::RoomExpired => ["房间已过期", "the room has expired"],
            Self::RoomFull => ["房间已满", "the room is full"],
            Self::RoomNotFound => ["房间不存在", "no such room"],
            Self::SelfTarget => ["不能向自己发送", "a participant cannot address itself"],
            Self::TokenExpired => ["令牌已过期，请重新加入", "the token has expired; join again"],
            Self::TokenInvalid => ["令牌无效", "the token is not valid"],
            Self::Unavailable => {
                ["服务暂不可用，请稍后再试", "the server cannot do this right now; try again"]
            }
            Self::UnknownType => ["未知的消息类型", "the message type is not known"],
        };
        choose(text, language)
    }

    /// The [text](Self::text) for a connection that is not let in.
    pub fn refusal_text(self, language: Language) -> &'static str {
        match self {
            Self::RateLimited => {
                choose(["尝试过于频繁，请稍后再试", "too many attempts; try again later"], language)
            }
            other => other.text(language),
        }
    }
}

impl Reject {
    /// The text for people.
    pub fn text(self, language: Language) -> &'static str {
        let text = match self {
            Self::AddressFull => [
                "此地址在房间内的人数已达上限",
                "too many participants of this address are in the room",
            ],
            Self::CreatorStays => ["不能移出房间的创建者", "the creator cannot be kicked"],
            Self::GrantVoid => ["令牌已失效", "the token is void"],
            Self::IdsExhausted => {
                ["房间的参与者 ID 已用完", "the room has issued all its participant ids"]
            }
            Self::InviteVoid => ["邀请已失效", "the invite is not valid"],
            Self::ParticipantNotFound => ["房间内没有此参与者", "no such participant in the room"],
            Self::PasswordLocked => [
                "密码错误次数过多，请稍后再试",
                "too many wrong passwords were tried; try again later",
            ],
            Self::PasswordUnchanged => ["新密码与旧密码相同", "the new password is the old one"],
            Self::RestoresExhausted => [
                "密码尝试次数不能再恢复，只会逐次自动增加",
                "the password attempts can no longer be restored; they return one by one",
            ],
            Self::NotPermitted => ["没有权限", "the permission for this is missing"],
            Self::RoomLocked => ["房间已锁定", "the room is locked"],
            Self::RoomTooLarge => ["房间人数上限过大", "the room would be too large"],
            Self::RotationStale => ["密码已被更改", "the password has been changed meanwhile"],
            Self::WrongPassword => ["密码错误", "wrong password"],
            Self::ResumeFailed
            | Self::RoomClosed
            | Self::RoomExpired
            | Self::RoomFull
            | Self::RoomNotFound => return self.code().text(language),
        };
        choose(text, language)
    }
}

impl CloseReason {
    /// The text for people.
    pub fn text(self, language: Language) -> &'static str {
        let text = match self {
            Self::ByAdmin => [
                "有管理权限的人或运维人员关闭了房间",
                "a moderator or the operator closed the room",
            ],
            Self::ByCreator => ["创建者关闭了房间", "the creator closed the room"],
            Self::Expired => ["房间已过期", "the room has expired"],
        };
        choose(text, language)
    }
}

/// The text for a participant that was kicked.
pub(crate) fn kicked(language: Language) -> &'static str {
    choose(["您已被移出房间", "you were removed from the room"], language)
}

fn choose([chinese, english]: [&'static str; 2], language: Language) -> &'static str {
    match language {
        Language::En => english,
        Language::Zh => chinese,
    }
}
