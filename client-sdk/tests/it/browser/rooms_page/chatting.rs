//! The text chat of the page.

use std::time::Duration;

use client_sdk::Permissions;
use serde_json::json;
use tokio::time::sleep;

use super::{Call, permit, stage};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_what_nobody_gets_is_told_so() {
    let (server, browser) = stage().await;
    let url = server.url();
    let call = Call::begin_with(&browser, [&url, &url], FLOODING).await;
    let Call { creator, guest, invitation } = &call;
    guest.say("got").await;
    creator.until_said("got").await;
    // The server does not say which messages it has dropped, also after its report, and names one
    // at most.
    for (marked, flood) in [(3, "{ type: 'ping' }"), (6, "{ type: 'ping', req: 'other' }")] {
        sleep(SILENCE * 2).await;
        guest.see(&format!("visit.flood({flood})")).await;
        guest.until(&format!("{MARKS} === {marked}")).await;
        assert_eq!(guest.text(".messages li:last-child p").await, "three");
        let mark = guest.text(".messages li:last-child .problem").await;
        assert!(mark.starts_with("Perhaps not sent"), "{mark}");
    }
    sleep(SILENCE * 2).await;
    guest.say("after").await;
    creator.until_said("after").await;

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
    assert_eq!(guest.see(MARKS).await, 7);
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

/// Its own messages that are marked as perhaps not sent, or not sent.
const MARKS: &str = "document.querySelectorAll('.messages .problem').length";
/// The server reports dropped messages once in this time.
const SILENCE: Duration = Duration::from_secs(1);
/// Sends too many messages, two of the chat at once, and a third one when the server has reported
/// a dropped one.
const FLOODING: &str = "visit.flood = (message) => {
    const say = (text) => {
        document.querySelector('.chat input').value = text;
        document.querySelector('.chat form button').click();
    };
    const socket = visit.sockets.at(-1);
    const told = ({ data }) => {
        if (JSON.parse(data).code !== 'rate_limited') return;
        socket.removeEventListener('message', told);
        say('three');
    };
    socket.addEventListener('message', told);
    for (let sent = 0; sent < 500; sent += 1) socket.send(JSON.stringify(message));
    say('one');
    say('two');
};";
