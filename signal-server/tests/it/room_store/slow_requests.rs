//! Requests that end before a slow store has saved what they have changed.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use signal_server::{Limits, Secret, testing};

use super::records::{Mood, Records};
use crate::common::{Api, builder, text};

#[tokio::test]
async fn what_has_taken_effect_counts_although_its_request_ends_before_it_is_saved() {
    let records = Records::default();
    let limits = Limits::with(|limits| {
        limits.changes_per_minute = 2;
        limits.creates_per_minute = 2;
        limits.room_joins_per_minute = 2;
        limits.request_patience = Duration::from_secs(2);
    });
    let builder = builder().limits(limits).unwrap();
    let server = builder.open_store(records.clone(), &Secret::new("kept")).await.unwrap();
    let server = testing::serve(server).await.unwrap();
    let api = Api::at(server.address());
    let room = api.room().await;
    let (_guest, joined) = api.enter_v2(&room, &api.ws_token(&room, "guest").await).await;
    let (late, limited) = ((408, "request_timeout"), (429, "rate_limited"));

    // The server drops these requests as it does when the client hangs up.
    records.become_so(Mood::Hanging);
    let rotate = json!({"rotate_password": true});
    assert_eq!(api.change(&room, &rotate).await.refused(), late);
    let ban = format!("/participants/{}?ban=true", text(&joined["participant_id"]));
    assert_eq!(api.ask(Method::DELETE, &room, &ban).await.refused(), late);
    assert_eq!(api.change(&room, &rotate).await.refused(), limited);
    let wrong = json!({"password": "wrong!"});
    assert_eq!(api.join(&room.id, &wrong).await.refused(), late);
    assert_eq!(api.join(&room.id, &wrong).await.refused(), limited);
    assert_eq!(api.create(&json!({})).await.refused(), late);
    assert_eq!(api.create(&json!({})).await.refused(), limited);
    records.become_so(Mood::Well);
}
