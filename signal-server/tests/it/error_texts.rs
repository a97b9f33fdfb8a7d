//! The texts of refused requests, which people read in their language.

use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use signal_server::Limits;

use crate::common::{ADMIN_KEY, Api, Managed, Room, builder, read};

/// The texts of the answers to one request in Chinese and in English, and `Retry-After`.
async fn refused(
    request: impl Fn() -> RequestBuilder,
    code: (u16, &str),
) -> ([String; 2], Option<String>) {
    let mut texts = Vec::new();
    let mut after = None;
    for language in ["zh", "en"] {
        let response = request().header(ACCEPT_LANGUAGE, language).send().await.unwrap();
        let header = response.headers().get(RETRY_AFTER);
        after = header.map(|value| value.to_str().unwrap().to_owned());
        let answer = read(response).await;
        assert_eq!(answer.refused(), code);
        texts.push(answer.message().to_owned());
    }
    (texts.try_into().unwrap(), after)
}

fn create<'a>(api: &'a Api, body: &'a Value) -> impl Fn() -> RequestBuilder + 'a {
    let token = api.access_token("alice");
    move || api.request(Method::POST, "/api/webrtc/rooms").bearer_auth(&token).json(body)
}

fn change<'a>(api: &'a Api, room: &'a Room, body: &'a Value) -> impl Fn() -> RequestBuilder + 'a {
    let path = format!("/api/webrtc/rooms/{}", room.id);
    move || api.request(Method::PATCH, &path).bearer_auth(&room.access_token).json(body)
}

#[tokio::test]
async fn a_user_with_too_many_open_rooms_is_told_to_close_one() {
    let limits = Limits::with(|limits| limits.open_rooms = 1);
    let api = Api::start_with(builder().limits(limits).unwrap()).await;
    api.room().await;
    let (texts, after) = refused(create(&api, &json!({})), (429, "rate_limited")).await;
    let english = "too many rooms of this user are open; close one first";
    assert_eq!(texts, ["开放的房间数已达上限，请先关闭一个", english]);
    assert_eq!(after.as_deref(), Some("60"));
}

#[tokio::test]
async fn the_eleventh_restore_of_attempts_is_refused_for_good() {
    let api = Api::start().await;
    let room = api.room().await;
    let restore = json!({"restore_attempts": true});
    for _ in 0..10 {
        api.change(&room, &restore).await.data();
    }
    let (texts, after) = refused(change(&api, &room, &restore), (429, "rate_limited")).await;
    let english = "the password attempts can no longer be restored; they return one by one";
    assert_eq!(texts, ["密码尝试次数不能再恢复，只会逐次自动增加", english]);
    assert_eq!(after, None);
}

#[tokio::test]
async fn a_guest_whose_token_is_wrong_is_not_told_to_log_in() {
    let api = Api::start().await;
    let room = api.room().await;
    let path = format!("/api/webrtc/rooms/{}/ice-servers", room.id);
    for token in ["", "Bearer x"] {
        let ask = || api.request(Method::POST, &path).header(AUTHORIZATION, token);
        let (texts, _) = refused(ask, (401, "unauthorized")).await;
        assert_eq!(texts, ["令牌缺失或无效", "the token is missing or invalid"]);
    }
}

#[tokio::test]
async fn an_operator_without_the_key_is_told_what_is_missing() {
    let managed = Managed::start().await;
    let wrong = ADMIN_KEY.to_uppercase();
    let list = || managed.operators.request(Method::GET, "/admin/rooms").bearer_auth(&wrong);
    let (texts, _) = refused(list, (401, "unauthorized")).await;
    let english = "the admin key is missing or wrong (`Authorization: Bearer`)";
    assert_eq!(texts, ["缺少管理密钥或密钥错误（`Authorization: Bearer`）", english]);
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_told_in_the_language_of_whoever_fills_it_in() {
    let api = Api::start().await;
    let long = "x".repeat(200);
    for (body, chinese, english) in [
        (json!({"name": long}), "name: 名称过长", "name: a name may have at most"),
        (json!({"max_participants": 51}), "max_participants: 须为 1 到 50", "expected 1 to 50"),
        (json!({"expires_minutes": 0}), "expires_minutes: 须为 1 到 1440", "expected 1 to 1440"),
        (json!({"password": "short"}), "password: 须为 6 个", "password: expected 6 characters"),
    ] {
        let (texts, _) = refused(create(&api, &body), (400, "invalid_argument")).await;
        assert!(texts[0].contains(chinese) && texts[1].contains(english), "{texts:?}");
    }
    let room = api.room().await;
    let same = json!({"rotate_password": room.password});
    let (texts, _) = refused(change(&api, &room, &same), (400, "invalid_argument")).await;
    let (chinese, english) = ("新密码与旧密码相同", "the new password is the old one");
    assert_eq!(texts[0], format!("参数无效: rotate_password: {chinese}"));
    assert_eq!(texts[1], format!("invalid argument: rotate_password: {english}"));
}
