//! The text chat of the page.

use std::time::Duration;

use client_sdk::Permissions;
use serde_json::json;
use tokio::time::sleep;

use super::{Call, permit, stage};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_what_nobody_gets_is_told_so() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, invitation } = &call;
    guest.say("got").await;
    creator.until_said("got").await;
    // The server does not say which message it has dropped.
    sleep(Duration::from_secs(1)).await;
    let write_after_pings = "(() => {
        const socket = visit.sockets.at(-1);
        for (let sent = 0; sent < 500; sent += 1) socket.send('{\"type\":\"ping\"}');
        document.querySelector('.chat input').value = 'dropped';
        document.querySelector('.chat form button').click();
    })()";
    guest.see(write_after_pings).await;
    guest.until_shown(".messages .problem").await;
    assert_eq!(guest.text(".messages li:has(.problem) p").await, "dropped");
    assert!(guest.text(".messages .problem").await.starts_with("Perhaps not sent"));

    // A message may be on its way when the permission is taken.
    let mut silent = Permissions::default();
    silent.message = false;
    permit(&server, invitation, "Bob", silent).await;
    guest.until_shown(".chat input:disabled").await;
    guest
        .see("document.querySelectorAll('.chat :disabled').forEach((it) => it.disabled = false)")
        .await;
    guest.say("forbidden").await;
    guest.until_shown(".messages li:last-child .problem").await;
    assert_eq!(guest.text(".messages li:last-child p").await, "forbidden");
    assert_eq!(guest.text(".messages li:last-child .problem").await, "You may not write for now");
    assert_eq!(creator.see("document.querySelectorAll('.messages li').length").await, 1);
    assert_eq!(guest.see("document.querySelectorAll('.messages .problem').length").await, 2);
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_of_the_chat_tells_of_new_messages_and_gets_the_focus_back() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, .. } = &call;
    guest.say("are you there?").await;
    creator.until_shown("#chat[aria-label='Chat, new messages'].unread").await;
    creator.click("#chat").await;
    creator.until_shown("#chat[aria-label='Chat']:not(.unread)").await;
    creator.see("document.querySelector('.chat header button').focus()").await;
    creator.click(".chat header button").await;
    creator.until_hidden(".chat").await;
    assert_eq!(creator.see("document.activeElement.id").await, json!("chat"));
    call.assert_no_faults().await;
}
