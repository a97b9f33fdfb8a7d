//! Links so slow that one message takes longer than a socket may be silent.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::frames::{TEXT, frame};
use super::{LONG_PATIENCE, serve};

/// More than the 45 s after which a silent socket is closed.
const LASTS: Duration = Duration::from_secs(55);

#[tokio::test]
async fn a_message_that_takes_a_minute_arrives_since_its_bytes_do() {
    let server = serve(&[]).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, creator_id) = api.creator(&room).await;
    let (mut guest, _) = api.guest(&room, "guest").await;
    assert_eq!(creator.hear().await["type"], "peer_joined");
    let message = json!({"type": "candidate", "to": creator_id, "candidate": "slowly"}).to_string();
    let bytes = frame(TEXT, message.as_bytes());
    // One frame, within which nothing else can be said, not even the answer to a ping.
    let trickle = async {
        for byte in &bytes {
            guest.tcp().write_u8(*byte).await.unwrap();
            sleep(LASTS / u32::try_from(bytes.len()).unwrap()).await;
        }
    };
    let (heard, ()): (Value, ()) = tokio::join!(creator.hear_within(LONG_PATIENCE), trickle);
    assert_eq!((&heard["type"], &heard["candidate"]), (&json!("candidate"), &json!("slowly")));
    guest.say(&json!({"type": "candidate", "to": creator_id, "candidate": "at once"})).await;
    assert_eq!(creator.hear().await["candidate"], "at once");
}
