//! Pages that enter a room again, after a reload or when their seat is gone.

use std::time::Duration;

use signal_server::testing::TestServer;
use signal_server::{CreateRoom, DisplayName, Page as RoomsPage, RoomId};

use super::{Call, stage, stage_with};
use crate::browser::visitor::{Invitation, Visitor};
use crate::common::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_again_stays_muted_and_without_a_picture() {
    let (server, browser) = stage().await;
    let Call { creator, guest, .. } = Call::begin(&browser, &server.url()).await;
    guest.click("#microphone").await;
    guest.click("#camera").await;
    for loses_seat in [false, true] {
        let connections = guest.see("visit.connections.length").await;
        if loses_seat {
            guest.see("visit.loseSeat()").await;
            guest.until(&format!("visit.connections.length > {connections}")).await;
        } else {
            guest.reload().await;
        }
        guest.until("visit.connections.at(-1)?.connectionState === 'connected'").await;
        creator.until_people(2).await;
        creator.until_shown(".tile:nth-child(2).faceless:has(.bad)").await;
        let live = "visit.tracks.filter((it) => it.readyState === 'live')";
        guest.until(&format!("{live}.length === 1")).await;
        assert_eq!(guest.see(&format!("{live}[0].kind")).await, "audio");
        assert_eq!(guest.see(&format!("{live}[0].enabled")).await, false);
        // The light of the camera stays dark.
        assert_eq!(guest.see("visit.tracks.some((it) => it.kind === 'video')").await, false);
    }
    // They are not gone.
    guest.click("#microphone").await;
    guest.click("#camera").await;
    creator.until_hidden(".tile:nth-child(2):is(.faceless, :has(.bad))").await;
    creator.until_media_flows(1).await;
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_without_a_token_is_asked_for_one_and_comes_back_into_its_room() {
    let (server, browser) = stage_with(|builder| builder.page(RoomsPage::AsksForToken)).await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = create_with_token(&server, &creator).await;
    for _ in 0..2 {
        creator.reload().await;
        creator.until_shown("#return").await;
        let shown = creator.text(".card").await;
        assert!(shown.starts_with(&format!("Room {}", invitation.room)), "{shown}");
        assert!(shown.contains("The access token is invalid"), "{shown}");
    }
    creator.see("document.querySelector('#return').isOld = true").await;
    creator.fill("form", &["expired"]).await;
    creator.click("#return").await;
    creator
        .until("document.querySelector('#return') && !document.querySelector('#return').isOld")
        .await;
    creator.fill("form", &[&server.access_token("alice")]).await;
    creator.click("#return").await;
    creator.until_shown(".call").await;
    creator.click(".invite").await;
    let Invitation { link, password, .. } = creator.invitation().await;
    assert_eq!((link, password), (invitation.link, invitation.password));
    creator.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_whose_token_expires_in_a_call_manages_the_room_with_another_one() {
    let (server, browser) = stage_with(|builder| builder.page(RoomsPage::AsksForToken)).await;
    let creator = Visitor::open_with(&browser, &server.url(), EXPIRING).await;
    create_with_token(&server, &creator).await;
    creator.see("visit.expire()").await;
    creator.click("#manage").await;
    creator.until_shown(".management .problem").await;
    assert!(creator.text(".management .problem").await.starts_with("The access token is invalid"));
    creator.until_shown("#sign-in").await;
    creator.until_hidden(".sign-in .problem").await;
    creator.fill(".sign-in", &["  "]).await;
    creator.click("#sign-in").await;
    creator.until_shown(".sign-in .problem").await;
    // Tokens of one second that are valid for as long are the same.
    let life = Duration::from_secs(600);
    let renewed = server.server().access_token("alice", None, life).unwrap();
    creator.fill(".sign-in", &[&renewed]).await;
    creator.click("#sign-in").await;
    creator.until_shown("#extend:enabled").await;
    creator.until_hidden("#sign-in").await;
    creator.until_hidden(".management .problem").await;
    creator.click("#rotate").await;
    creator.until_notified("The room has a new password and link.").await;
    creator.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_cannot_enter_again_for_a_while_keeps_its_way_in() {
    let (server, browser) = stage().await;
    let (wire, _) = Wire::to(server.address()).await;
    let call = Call::begin_with(&browser, [&server.url(), &wire.url()], "").await;
    wire.refuse(true);
    call.guest.see("visit.loseSeat()").await;
    call.guest.until_shown(".lobby .problem").await;
    assert!(call.guest.text(".lobby .problem").await.starts_with("The server cannot be reached."));
    wire.refuse(false);
    call.guest.reload().await;
    call.guest.until_shown(".call").await;
    call.creator.until_people(2).await;
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_while_its_page_enters_again_is_out() {
    let (server, browser) = stage().await;
    let url = server.url();
    let Call { creator, guest, .. } = Call::begin_with(&browser, [&url, &url], HOLDING).await;
    let sockets = guest.see("visit.sockets.length").await;
    guest.see("visit.hold()").await;
    guest.see("visit.loseSeat()").await;
    guest.until("visit.isHeld").await;
    guest.click(".waiting button").await;
    guest.until_shown(".ended:not(.waiting)").await;
    guest.see("visit.letGo()").await;
    guest.until(&format!("visit.sockets.length > {sockets}")).await;
    guest.until("visit.sockets.every((it) => it.readyState === WebSocket.CLOSED)").await;
    guest.until("visit.tracks.every((it) => it.readyState === 'ended')").await;
    assert!(guest.text(".ended").await.starts_with("You have left"));
    guest.reload().await;
    guest.until_shown("#join").await;
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_when_the_room_is_over_is_told_so_and_forgets_it() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    for page in [&call.creator, &call.guest] {
        page.see("Object.assign(visit.sockets.at(-1), { onmessage: null, onclose: null })").await;
    }
    let room = call.invitation.room.parse().unwrap();
    server.server().handle().close_room(room).await.unwrap();
    let (closed, unknown) = ("The room is closed.", "There is no such room.");
    for (page, words) in [(&call.creator, closed), (&call.guest, unknown)] {
        page.reload().await;
        page.until_shown(".start > .problem").await;
        assert!(page.text(".start > .problem").await.starts_with(words));
        page.reload().await;
        page.until_shown("#create").await;
        page.until_hidden(".start > .problem").await;
    }
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_invitation_takes_the_place_of_the_one_that_is_remembered() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let room = call.invitation.room.parse().unwrap();
    let renewed = server.server().handle().rotate_password(room).await.unwrap();
    // Without it the page has no way in.
    call.guest.reload().await;
    call.guest.until_shown(".lobby .problem").await;
    assert!(call.guest.text(".lobby .problem").await.starts_with("The invitation is no longer"));
    // It may type the password.
    call.guest.until_shown(".lobby input.code").await;
    call.guest.open_page(&link(&server, &call.invitation.room, &renewed.invite_token)).await;
    call.guest.join("Bob").await;

    let renewed = server.server().handle().rotate_password(room).await.unwrap();
    call.guest.open_page(&link(&server, &call.invitation.room, &renewed.invite_token)).await;
    call.guest.until_shown(".call").await;
    call.creator.until_people(2).await;
    call.until_media_flows().await;

    // An older one does not.
    call.guest.open_page(&call.invitation.link).await;
    call.guest.until_shown(".call").await;
    call.guest.reload().await;
    call.guest.until_shown(".call").await;
    call.creator.until_people(2).await;
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_a_chosen_id_is_entered_by_its_link_by_its_id_and_again() {
    let (server, browser) = stage().await;
    let name = DisplayName::parse("daily").unwrap().unwrap();
    let mut new = CreateRoom::without_creator(name);
    new.id = Some(RoomId::chosen("Team-7.daily").unwrap());
    let created = server.server().handle().create_room(new).await.unwrap();
    let token = created.credentials.invite_token;
    let password = created.credentials.password.unwrap();
    let invited = Visitor::open(&browser, &link(&server, "Team-7.daily", &token)).await;
    invited.join("Bob").await;
    let typing = Visitor::open(&browser, &server.url()).await;
    typing.until_shown("#continue").await;
    typing.fill("form:last-of-type", &["Team-7.daily", &password, "Carol"]).await;
    typing.click("#continue").await;
    typing.join("Carol").await;
    for page in [&invited, &typing] {
        page.until_people(2).await;
        page.until_media_flows(1).await;
        assert_eq!(page.see("location.pathname").await, "/join/Team-7.daily");
    }
    typing.reload().await;
    typing.until_shown(".call").await;
    for page in [&invited, &typing] {
        page.until_people(2).await;
        page.assert_no_faults().await;
    }
}

/// Creates a room with a token that is pasted.
async fn create_with_token(server: &TestServer, creator: &Visitor) -> Invitation {
    creator.until_shown("#create").await;
    creator.fill("form", &["Alice", &server.access_token("alice")]).await;
    creator.click("#create").await;
    creator.invitation().await
}

fn link(server: &TestServer, room: &str, invite_token: &str) -> String {
    format!("{}/join/{room}#{invite_token}", server.url())
}

/// Holds the requests of the page.
const HOLDING: &str = "{
    const { fetch } = window;
    let held;
    visit.hold = () => { held = new Promise((resolve) => { visit.letGo = resolve; }); };
    window.fetch = async (...request) => {
        visit.isHeld = held !== undefined;
        await held;
        return fetch(...request);
    };
}";

/// Has the server refuse the access token that the page has used last, as one that has expired.
const EXPIRING: &str = "{
    const { fetch } = window;
    let used, expired;
    visit.expire = () => { expired = used; };
    window.fetch = (url, options = {}) => {
        const { Authorization: token, ...headers } = options.headers ?? {};
        if (!token) return fetch(url, options);
        used = token;
        const sent = token === expired ? 'Bearer expired' : token;
        return fetch(url, { ...options, headers: { ...headers, Authorization: sent } });
    };
}";
