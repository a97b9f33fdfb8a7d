//! Calls of pages with each other, with programs, and with a page of the API document.

use client_sdk::{Client, NewRoom};

use super::{Call, join, stage};
use crate::browser::flow::until_program_receives;
use crate::browser::page::{Entry, Page};
use crate::browser::site::Site;
use crate::browser::tab::Tab;
use crate::browser::tries_all;
use crate::browser::visitor::{Invitation, Visitor};

#[tokio::test(flavor = "multi_thread")]
async fn one_click_makes_a_room_and_whoever_opens_its_link_talks() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    assert!(invitation.link.starts_with(&format!("{}/join/", server.url())));
    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.join("<b>Bob</b>").await;
    for page in [&creator, &guest] {
        page.until_people(2).await;
        page.until_media_flows(1).await;
        // The invite token and all others are nowhere in the address.
        let address = page.see("location.href").await;
        assert_eq!(address, format!("{}/join/{}", server.url(), invitation.room));
    }
    creator.until_shown(".grid .tile:nth-child(2) .name").await;
    assert_eq!(creator.text(".grid .tile:nth-child(2) .name").await, "<b>Bob</b>");
    assert_eq!(guest.text(".grid .tile:nth-child(2) .name").await, "Alice");

    creator.click("#chat").await;
    creator.fill(".chat form", &["<i>你好</i>"]).await;
    creator.click(".chat form button").await;
    guest.until("document.querySelector('.messages li p')").await;
    assert_eq!(
        guest.see("document.querySelector('.messages li p').textContent").await,
        "<i>你好</i>"
    );

    let third = Visitor::open(&browser, &invitation.link).await;
    third.join("Carol").await;
    for page in [&creator, &guest, &third] {
        page.until_people(3).await;
        page.until_media_flows(2).await;
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_and_the_page_talk_whoever_came_first() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    let invitation = page.create("Alice").await;
    let mut program = join(&server, &invitation).await;
    program.until("page", |seen| !seen.present.is_empty()).await;
    let id = *program.present.iter().next().unwrap();
    until_program_receives(&mut program, id).await;
    page.until_media_flows(1).await;

    // The program was there first.
    let second = Visitor::open(&browser, &server.url()).await;
    second.until_shown("#continue").await;
    let typed = format!(" {} ", invitation.room.to_lowercase());
    second.fill("form:last-of-type", &[&typed, &invitation.password, "Bob"]).await;
    second.click("#continue").await;
    second.join("Bob").await;
    program.until("second page", |seen| seen.present.len() == 2).await;
    let id = *program.present.iter().find(|other| **other != id).unwrap();
    until_program_receives(&mut program, id).await;
    second.until_media_flows(2).await;
    for page in [&page, &second] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_document_the_page_and_a_program_talk_and_see_a_shared_screen() {
    let (server, browser) = stage().await;
    let site = Site::open().await;
    let client = Client::new(&server.url()).unwrap();
    // The other order of joining in the long run alone.
    for document_first in [true, false].into_iter().filter(|first| *first || tries_all()) {
        let settings = NewRoom::default();
        let room = client.create_room(&server.access_token("alice"), &settings).await.unwrap();
        let token = room.invite_token.clone().unwrap();
        let link = format!("{}/join/{}#{token}", server.url(), room.room_id);
        let media = &["audio", "video"];
        let (server_url, room_id) = (server.url(), room.room_id.clone());
        let invitation = Invitation { link, room: room_id, password: room.password.clone() };
        let entry = Entry { server: server_url, room, media, codec: None, relay_only: false };
        let url = site.url("rebuilding");
        let visit = async || Page::enter(Tab::Chromium(browser.open(&url).await), &entry).await;
        let (document, page);
        if document_first {
            document = visit().await;
            page = Visitor::open(&browser, &invitation.link).await;
            page.join("Bob").await;
        } else {
            page = Visitor::open(&browser, &invitation.link).await;
            page.join("Bob").await;
            document = visit().await;
        }
        page.until_media_flows(1).await;
        let report = document.report().await;
        let id = report.present.iter().next().unwrap().parse().unwrap();
        document.until_media_flows(&[id]).await;
        let mut program = join(&server, &invitation).await;
        for other in [id, document.id()] {
            until_program_receives(&mut program, other).await;
        }
        page.until_media_flows(2).await;
        document.until_media_flows(&[id, program.id()]).await;
        page.click("#screen").await;
        page.until_shown(".screens .tile").await;
        document.until_media_flows(&[id]).await;
        document.until_shown(id, &["audio", "video"]).await;
        page.until_media_flows(2).await;
        page.assert_no_faults().await;
        page.close().await;
        document.close().await;
        program.participant.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_or_closes_the_tab_is_gone_and_the_creators_leave_ends_the_call() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let [leaving, closing, staying] = [
        Visitor::open(&browser, &invitation.link).await,
        Visitor::open(&browser, &invitation.link).await,
        Visitor::open(&browser, &invitation.link).await,
    ];
    for guest in [&leaving, &closing, &staying] {
        guest.join("Guest").await;
    }
    creator.until_people(4).await;
    leaving.click("#leave").await;
    leaving.until_shown(".ended").await;
    creator.until_people(3).await;
    closing.close().await;
    creator.until_people(2).await;
    staying.until_people(2).await;
    creator.click("#leave").await;
    staying.until_shown(".ended").await;
    for page in [&creator, &leaving, &staying] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_to_click_to_hear_the_others_is_told_so() {
    let (server, browser) = stage().await;
    let creator = Visitor::open_with(&browser, &server.url(), NEEDS_CLICK).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open_with(&browser, &invitation.link, NEEDS_CLICK).await;
    guest.join("Bob").await;
    let plays = "[...document.querySelectorAll('.tile video')].every((it) => !it.paused)";
    for page in [&creator, &guest] {
        page.until_people(2).await;
        page.until_shown(".hear").await;
        assert_eq!(page.see(plays).await, false);
        page.in_chromium().evaluate_as_click("document.querySelector('.hear').click()").await;
        page.until_hidden(".hear").await;
        page.until(plays).await;
        page.until_media_flows(1).await;
    }
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

/// The browser closes its socket, which is a leave. In the long run alone.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_whose_tab_crashes_is_gone() {
    if !tries_all() {
        return;
    }
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    call.guest.in_chromium().crash();
    call.creator.until_people(1).await;
    call.creator.assert_no_faults().await;
}

/// In the long run alone.
#[tokio::test(flavor = "multi_thread")]
async fn five_pages_talk() {
    if !tries_all() {
        return;
    }
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let mut pages = vec![creator];
    for name in ["Bob", "Carol", "Dave", "Eve"] {
        let page = Visitor::open(&browser, &invitation.link).await;
        page.join(name).await;
        pages.push(page);
    }
    for page in &pages {
        page.until_people(5).await;
        page.until_media_flows(4).await;
    }
    for page in &pages {
        page.assert_no_faults().await;
    }
}

/// In the long run alone, since no room ends within a minute of its creation.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_the_time_of_its_room_and_says_so() {
    if !tries_all() {
        return;
    }
    let (server, browser) = stage().await;
    let client = Client::new(&server.url()).unwrap();
    let settings = NewRoom { expires_minutes: Some(1), ..NewRoom::default() };
    let room = client.create_room(&server.access_token("alice"), &settings).await.unwrap();
    let link = format!("{}/join/{}#{}", server.url(), room.room_id, room.invite_token.unwrap());
    let page = Visitor::open(&browser, &link).await;
    page.join("Bob").await;
    page.until_notified("The room ends in a minute.").await;
    page.until(r"/^0:\d\d left$/.test(document.querySelector('.left').innerText)").await;
    page.until_shown(".ended").await;
    assert!(page.text(".ended").await.starts_with("The time of this room is up."));
    page.assert_no_faults().await;
}

/// Plays no sound before a person has clicked on the page, as browsers with windows do.
const NEEDS_CLICK: &str = "{
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = async function () {
        if (!this.muted && !navigator.userActivation.isActive) {
            this.autoplay = false;
            this.pause();
            throw new DOMException('click first', 'NotAllowedError');
        }
        return play.call(this);
    };
}";
