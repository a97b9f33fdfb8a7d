//! Cameras, microphones and speakers, also missing ones.

use serde_json::json;

use super::{Call, stage};
use crate::browser::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_camera_or_no_device_at_all_is_told_and_joins() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    for (kinds, mode) in [
        (&[][..], "You join to watch and listen only."),
        (&["audioinput"], "You join with audio only."),
    ] {
        let guest = Visitor::open_with_devices(&browser, &invitation.link, kinds).await;
        guest.until_shown("#join").await;
        let words = format!(
            "document.querySelector('.preview .hint').innerText.startsWith({})",
            json!(mode),
        );
        guest.until(&words).await;
        guest.join("Bob").await;
        guest.until_media_flows(1).await;
        creator.until_shown(".grid .tile.faceless:nth-child(2)").await;
        creator.until("document.querySelector('.tile:nth-child(2) .state').hidden").await;
        guest.assert_no_faults().await;
        guest.click("#leave").await;
        creator.until_people(1).await;
        guest.close().await;
    }
    creator.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_unplugged_is_missed_in_words_and_comes_back() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, .. } = &call;
    for (kind, lost, back, shown) in [
        ("video", "The camera is gone", "The others see you with: ", ".faceless"),
        ("audio", "The microphone is gone", "The others hear you with: ", ":has(.bad)"),
    ] {
        guest.see(&format!("visit.unplug('{kind}')")).await;
        guest.until_notified(lost).await;
        creator.until_shown(&format!(".tile:nth-child(2){shown}")).await;
        guest.see(&format!("visit.plugIn('{kind}')")).await;
        guest.until_notified(back).await;
        creator.until_hidden(&format!(".tile:nth-child(2){shown}")).await;
        call.until_media_flows().await;
    }
    // Where another device is there, it takes the place of the one that is gone.
    guest.see("visit.notices.length = 0").await;
    guest.see("visit.tracks.at(-1).dispatchEvent(new Event('ended'))").await;
    guest.until_notified("The others hear you with: ").await;
    call.until_media_flows().await;
    assert_eq!(guest.see("visit.connections.length").await, 1);
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_creates_a_room_or_reloads_without_a_device_is_told_so_in_the_call() {
    let (server, browser) = stage().await;
    let page = Visitor::open_with_devices(&browser, &server.url(), &["audioinput"]).await;
    page.create("Alice").await;
    let words = "You join with audio only. No other device was found.";
    page.until_notified(words).await;
    page.reload().await;
    page.until_notified(words).await;
    // Nothing is missing that was switched off.
    let complete = Visitor::open(&browser, &server.url()).await;
    complete.create("Bob").await;
    complete.click("#camera").await;
    complete.reload().await;
    complete.until_shown(".call").await;
    assert_eq!(complete.see("visit.notices").await, json!([]));
    for page in [&page, &complete] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_unplugged_before_the_call_is_missed_in_words_and_comes_back() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.until_shown(".switches button").await;
    guest.see("visit.unplug('audio')").await;
    guest.join("Bob").await;
    guest.until_notified("The microphone is gone").await;
    creator.until_shown(".tile:nth-child(2):has(.bad)").await;
    guest.see("visit.plugIn('audio')").await;
    guest.until_notified("The others hear you with: ").await;
    creator.until_hidden(".tile:nth-child(2):has(.bad)").await;
    creator.until_media_flows(1).await;
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn camera_microphone_and_speaker_are_chosen_and_switched_off_during_a_call() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, .. } = &call;
    guest.click("#settings").await;
    for (list, kind) in [("#choose-camera", "video"), ("#choose-microphone", "audio")] {
        let before = guest.see("visit.sent()").await[kind].clone();
        let chosen = guest.choose(list, 2).await;
        assert_ne!(chosen, before);
        guest.until(&format!("visit.sent().{kind} === {chosen}")).await;
    }
    let speaker = guest.choose("#choose-speaker", 1).await;
    let heard = format!("document.querySelector('.tile:nth-child(2) video').sinkId === {speaker}");
    guest.until(&heard).await;
    guest.click(".settings .close").await;
    call.until_media_flows().await;

    for (button, shown) in [("#microphone", ":has(.bad)"), ("#camera", ".faceless")] {
        guest.click(button).await;
        creator.until_shown(&format!(".tile:nth-child(2){shown}")).await;
        guest.click(button).await;
        creator.until_hidden(&format!(".tile:nth-child(2){shown}")).await;
    }
    call.until_media_flows().await;
    assert_eq!(guest.see("visit.connections.length").await, 1);
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_sees_it_and_is_told_if_nobody_hears_it() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    page.create("Alice").await;
    page.until_shown(".tile.speaking").await;
    page.click("#microphone").await;
    page.until_hidden(".tile.speaking").await;
    page.see(WATCH_SPEAKING).await;
    page.until_notified("You are muted, so nobody hears you.").await;
    assert_eq!(page.see("visit.hasSpoken").await, json!(false));
    page.click("#microphone").await;
    page.until_shown(".tile.speaking").await;
    page.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_refused_the_devices_is_told_how_to_allow_them() {
    let (server, browser) = stage().await;
    // A browser without a window asks nobody, and allows everything.
    let refusing = "navigator.mediaDevices.getUserMedia = async () => {
        throw new DOMException('refused', 'NotAllowedError');
    }";
    let page = Visitor::open_with(&browser, &server.url(), refusing).await;
    let invitation = page.create("Alice").await;
    page.until_notified("You join to watch and listen only. The browser does not allow it.").await;
    page.click("#camera").await;
    page.until_notified("The browser does not allow it. Click the icon left of the address").await;
    let guest = Visitor::open_with(&browser, &invitation.link, refusing).await;
    guest.until_shown("#join").await;
    guest
        .until("document.querySelector('.preview .hint').innerText.includes('left of the address')")
        .await;
    for page in [&page, &guest] {
        page.assert_no_faults().await;
    }
}

/// Notes whether its own tile is marked as speaking from now on, even for a moment.
const WATCH_SPEAKING: &str = "(() => {
    const tile = document.querySelector('.tile');
    visit.hasSpoken = false;
    new MutationObserver(() => { visit.hasSpoken ||= tile.matches('.speaking'); })
        .observe(tile, { attributes: true });
})()";
