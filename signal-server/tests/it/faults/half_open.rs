//! Peers that vanish: no FIN, no RST, no acknowledgement, as after a cable is pulled.

use std::time::Duration;

use serde_json::{Value, json};
use socket2::{SockFilter, SockRef};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{LONG_PATIENCE, broadcast, serve};
use crate::common::{Participant, text};

/// Between two messages.
const A_MOMENT: Duration = Duration::from_secs(1);

/// From now on the system drops every packet to this socket before TCP sees it; it sends nothing
/// either.
fn vanish(participant: &mut Participant) {
    const RETURN: u16 = 0x06;
    let nothing_passes = [SockFilter::new(RETURN, 0, 0, 0)];
    SockRef::from(&*participant.tcp()).attach_filter(&nothing_passes).unwrap();
}

#[tokio::test]
async fn a_peer_that_vanishes_is_missed_within_its_heartbeat_and_gone_after_its_grace() {
    let server = serve(&[]).await;
    let api = &server.api;
    let room = api.room().await;
    let (mut creator, _) = api.enter_v2(&room, &room.access_token).await;
    let enter = async |name| api.enter_v2(&room, &api.ws_token(&room, name).await).await;
    let (mut v2, v2_joined) = enter("vanishes").await;
    let (mut roaming, roaming_joined) = enter("comes back from elsewhere").await;
    // Its system acknowledges everything, while the page that should answer pings hangs.
    let (mut hung, hung_joined) = enter("hangs").await;
    let (mut v1, v1_id) = api.guest(&room, "vanishes too").await;
    // Its socket is full of answers that it does not read, so that nothing can be written to it.
    let (mut full, full_id) = api.guest(&room, "does not read").await;
    for _ in 0..5 {
        assert_eq!(creator.hear().await["type"], "peer_joined");
    }
    let v2_id = text(&v2_joined["participant_id"]);
    let (roaming_id, hung_id) =
        (text(&roaming_joined["participant_id"]), text(&hung_joined["participant_id"]));
    let masked_ping = [b"\x89\xFD\0\0\0\0".as_slice(), &[7; 125]].concat();
    for _ in 0..80 {
        full.tcp().write_all(&masked_ping.repeat(1000)).await.unwrap();
    }
    for participant in [&mut v2, &mut v1, &mut roaming] {
        vanish(participant);
    }

    // Back over another network, long before the server misses the old socket.
    creator.say(&broadcast("while it was away")).await;
    let (mut roaming_again, resumed) =
        api.resume(&room, &text(&roaming_joined["resume_token"])).await;
    assert_eq!(resumed["type"], "resumed");
    loop {
        let heard = roaming_again.hear().await;
        if heard["type"] == "message" {
            assert_eq!(heard["data"], "while it was away");
            break;
        }
    }

    // The room goes on, and hears of the others one by one.
    let mut fates: Vec<(String, Value)> = Vec::new();
    let mut said = 0;
    let everybody_is_gone = async {
        while fates.len() < 6 {
            let heard = creator.hear().await;
            match heard["type"].as_str().unwrap() {
                "message" => {
                    assert_eq!(heard["data"], said);
                    said += 1;
                }
                "peer_updated" => {
                    fates.push((text(&heard["participant_id"]), heard["connected"].clone()));
                }
                "peer_left" => {
                    fates.push((text(&heard["participant_id"]), heard["reason"].clone()));
                }
                other => panic!("{other}"),
            }
        }
    };
    let talk = async {
        for number in 0.. {
            roaming_again.say(&broadcast(number)).await;
            // It listens as well, for the time until it speaks again.
            let _ = timeout(A_MOMENT, async {
                loop {
                    roaming_again.hear().await;
                }
            })
            .await;
        }
    };
    tokio::select! {
        gone = timeout(LONG_PATIENCE, everybody_is_gone) => gone.expect("the server misses them"),
        () = talk => unreachable!("it talks without an end"),
    }
    assert!(!fates.iter().any(|(id, _)| *id == roaming_id), "{fates:?}");
    let of = |id: &str| {
        let own = fates.iter().filter(|(whose, _)| whose == id);
        own.map(|(_, fate)| fate.clone()).collect::<Vec<_>>()
    };
    // The seat of a v1 participant ends with its socket.
    for id in [&v1_id, &full_id] {
        assert_eq!(of(id), [json!("lost")]);
    }
    for id in [&v2_id, &hung_id] {
        assert_eq!(of(id), [json!(false), json!("lost")]);
    }

    // A page that wakes up finds a close frame with 4012, and that it has to join again.
    let mut unread = Vec::new();
    hung.tcp().read_to_end(&mut unread).await.unwrap();
    assert!(unread.ends_with(b"\x88\x09\x0f\xacno pong"));
    for joined in [&v2_joined, &hung_joined] {
        let (mut late, refused) = api.resume(&room, &text(&joined["resume_token"])).await;
        assert_eq!((&refused["code"], late.closed().await), (&json!("resume_failed"), 4510));
    }
    assert_eq!(server.metric("signal_participants").await, 2.0);
    assert_eq!(server.metric("signal_queued_bytes").await, 0.0);
}
