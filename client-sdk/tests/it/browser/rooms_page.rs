//! The page that signal-server serves, in Chromium, with its policy in force.

use client_sdk::{Client, MediaKind, NewRoom, Options};
use signal_server::testing::{self, TestServer};
use signal_server::{Limits, Origins, Page as RoomsPage, Secret, Server};

use super::chromium::Chromium;
use super::flow::until_program_receives;
use super::page::{Entry, Page};
use super::picture::receive_picture;
use super::site::Site;
use super::tab::Tab;
use super::visitor::{Invitation, Visitor};
use crate::common::{Witness, listener, talker};

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
async fn a_screen_is_shown_beside_the_camera_and_both_pages_may_begin_at_once() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.join("Bob").await;
    creator.until_media_flows(1).await;
    guest.until_media_flows(1).await;
    for _ in 0..3 {
        creator.click("#screen").await;
        guest.click("#screen").await;
        for page in [&creator, &guest] {
            page.until("document.querySelectorAll('.screens .tile').length === 2").await;
            let widths = "[...document.querySelectorAll('.screens video')].every(
                (it) => it.videoWidth === 640 && it.videoHeight === 360)";
            page.until(widths).await;
            page.until_media_flows(1).await;
        }
        creator.click("#screen").await;
        guest.click("#screen").await;
        for page in [&creator, &guest] {
            page.until("document.querySelectorAll('.screens .tile').length === 0").await;
            page.until_media_flows(1).await;
        }
    }
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_the_screen_of_the_page_beside_its_camera() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    let invitation = page.create("Alice").await;
    let mut program = join_with(&server, &invitation, listener()).await;
    program.until("page", |seen| !seen.present.is_empty()).await;
    let id = *program.present.iter().next().unwrap();
    let video = (id, MediaKind::Video);
    program.until("camera", |seen| seen.tracks.contains_key(&video)).await;
    page.click("#screen").await;
    program.until("screen", |seen| seen.screens.contains_key(&id)).await;
    let camera = program.tracks.insert(video, program.screens.remove(&id).unwrap());
    receive_picture(&mut program, id, (640, 360)).await;
    assert!(camera.unwrap().recv().await.is_some());
    page.click("#screen").await;
    page.assert_no_faults().await;
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
async fn a_call_outlives_the_socket_and_a_reload_enters_again() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.join("Bob").await;
    creator.until_media_flows(1).await;

    guest.see("visit.loseSocket()").await;
    guest.until_shown(".warning").await;
    guest.until("!document.querySelector('.warning').checkVisibility()").await;
    assert_eq!(guest.see("visit.sockets.length").await, 2);
    assert_eq!(guest.see("visit.connections.length").await, 1);
    creator.until_people(2).await;
    guest.until_media_flows(1).await;

    // Each is somebody new then, or the creator again.
    for page in [&guest, &creator] {
        page.reload().await;
        page.until_shown(".call").await;
        for page in [&creator, &guest] {
            page.until_people(2).await;
            page.until_media_flows(1).await;
        }
    }
    assert_eq!(creator.text(".grid .tile:nth-child(2) .name").await, "Bob");
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

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
            serde_json::json!(mode),
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
async fn a_page_of_the_document_and_the_page_talk_and_see_a_shared_screen() {
    let (server, browser) = stage().await;
    let site = Site::open().await;
    let client = Client::new(&server.url()).unwrap();
    for document_first in [true, false] {
        let settings = NewRoom::default();
        let room = client.create_room(&server.access_token("alice"), &settings).await.unwrap();
        let token = room.invite_token.clone().unwrap();
        let link = format!("{}/join/{}#{token}", server.url(), room.room_id);
        let media = &["audio", "video"];
        let entry = Entry { server: server.url(), room, media, codec: None, relay_only: false };
        let url = site.url("rebuilding");
        let visit = async || Page::enter(Tab::Chromium(browser.open(&url).await), &entry).await;
        let (document, page);
        if document_first {
            document = visit().await;
            page = Visitor::open(&browser, &link).await;
            page.join("Bob").await;
        } else {
            page = Visitor::open(&browser, &link).await;
            page.join("Bob").await;
            document = visit().await;
        }
        page.until_media_flows(1).await;
        let report = document.report().await;
        let id = report.present.iter().next().unwrap().parse().unwrap();
        document.until_media_flows(&[id]).await;
        page.click("#screen").await;
        page.until_shown(".screens .tile").await;
        document.until_media_flows(&[id]).await;
        document.until_shown(id, &["audio", "video"]).await;
        page.until_media_flows(1).await;
        page.assert_no_faults().await;
        page.close().await;
        document.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_in_words_and_may_be_mended() {
    let (server, browser) = stage().await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let Invitation { room, password, .. } = &invitation;
    let wrong = if password == "000000" { "111111" } else { "000000" };

    let guest = Visitor::open(&browser, &format!("{}/join/{room}", server.url())).await;
    guest.until_shown("#join").await;
    guest.fill(".lobby form", &["Bob", wrong]).await;
    guest.click("#join").await;
    guest.until_shown(".lobby .problem").await;
    assert!(guest.text(".lobby .problem").await.starts_with("The password is wrong"));
    guest.fill(".lobby form", &["Bob", password]).await;
    guest.click("#join").await;
    guest.until_shown(".call").await;
    guest.until_media_flows(1).await;

    // A void invitation asks for the password instead.
    let void = Visitor::open(&browser, &format!("{}/join/{room}#void", server.url())).await;
    void.until_shown("#join").await;
    void.click("#join").await;
    void.until_shown(".lobby .problem").await;
    assert!(void.text(".lobby .problem").await.starts_with("The invitation is no longer valid"));
    void.fill(".lobby form", &["Carol", password]).await;
    void.click("#join").await;
    void.until_people(3).await;

    let unknown = Visitor::open(&browser, &format!("{}/join/222222#void", server.url())).await;
    unknown.until_shown("#join").await;
    unknown.click("#join").await;
    unknown.until_shown(".lobby .problem").await;
    assert!(unknown.text(".lobby .problem").await.starts_with("There is no such room"));
    for page in [&creator, &guest, &void, &unknown] {
        page.assert_no_faults().await;
    }
}

/// A server with the page, as during development.
async fn stage() -> (TestServer, Chromium) {
    let builder = Server::builder(Secret::random()).page(RoomsPage::SignsIn);
    let builder = builder.origins(Origins::default().and_loopback());
    let server = testing::start_with(builder.limits(Limits::generous()).unwrap()).await.unwrap();
    (server, Chromium::take().await)
}

/// A program that sends sound and pictures.
async fn join(server: &TestServer, invitation: &Invitation) -> Witness {
    join_with(server, invitation, talker()).await
}

async fn join_with(
    server: &TestServer,
    Invitation { room, password, .. }: &Invitation,
    options: Options,
) -> Witness {
    let client = Client::new(&server.url()).unwrap();
    Witness::new(client.join(room, password, "a program", options).await.unwrap())
}
