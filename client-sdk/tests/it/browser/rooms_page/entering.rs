//! What may go wrong before a call.

use crate::browser::visitor::{Invitation, Visitor};
use client_sdk::{Client, NewRoom};
use signal_server::Language;

use super::{stage, stage_with};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_full_room_says_so_and_lets_somebody_in_when_another_has_left() {
    let (server, browser) = stage().await;
    let client = Client::new(&server.url()).unwrap();
    // One seat is the creator's.
    let settings = NewRoom { max_participants: Some(2), ..NewRoom::default() };
    let room = client.create_room(&server.access_token("alice"), &settings).await.unwrap();
    let link = format!("{}/join/{}#{}", server.url(), room.room_id, room.invite_token.unwrap());
    let first = Visitor::open(&browser, &link).await;
    first.join("Bob").await;
    let second = Visitor::open(&browser, &link).await;
    second.until_shown("#join").await;
    second.click("#join").await;
    second.until_shown(".lobby .problem").await;
    assert!(second.text(".lobby .problem").await.starts_with("The room is full."));
    first.click("#leave").await;
    first.until_shown(".ended").await;
    second.join("Carol").await;
    for page in [&first, &second] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_long_name_creates_a_room_with_one_click() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    let name = "A".repeat(32);
    page.create(&name).await;
    assert_eq!(page.text(".tile .name").await, format!("{name} (You)"));
    page.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_words_its_refusals_in_the_language_of_the_page() {
    let (server, browser) = stage_with(|builder| builder.language(Language::Zh)).await;
    let page = Visitor::open_in("fr", &browser, &server.url()).await;
    page.until_shown("#create").await;
    page.click("details summary").await;
    page.fill("form", &["Alice", &"A".repeat(33)]).await;
    page.click("#create").await;
    page.until_shown("form .problem").await;
    let problem = page.text("form .problem").await;
    assert!(problem.starts_with("The form has an error: invalid argument"), "{problem}");
    page.assert_no_faults().await;
}
