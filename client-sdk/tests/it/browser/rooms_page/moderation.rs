//! What the creator of a room does in it: bans, removes, locks, extends and closes. And what the
//! host permits.

use client_sdk::{Client, CloseReason, Options, Permissions};
use serde_json::json;
use signal_server::testing::TestServer;
use signal_server::{
    Admit, HostMessage, JoinDecision, JoinRequest, MintToken, Payload, Topic, async_trait,
};

use super::{Call, join, permit, stage, stage_with};
use crate::browser::chromium::Chromium;
use crate::browser::visitor::{Invitation, Visitor};
use crate::common::wire::{Network, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_removed_may_come_back_and_whoever_is_banned_needs_a_new_invitation() {
    let (server, browser) = stage().await;
    let Call { creator, guest, invitation } = Call::begin(&browser, &server.url()).await;
    creator.click("#manage").await;
    creator.until_shown(".people .ban").await;
    // The ban is offered first.
    assert_eq!(creator.text(".people li button").await, "Ban");
    creator.click(".people .remove").await;
    guest.until_shown(".ended").await;
    assert!(guest.text(".ended").await.starts_with("You were removed from the room."));
    creator.until_people(1).await;

    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.join("Bob").await;
    creator.until_people(2).await;
    creator.until_shown(".people .ban").await;
    creator.click(".people .ban").await;
    guest.until_shown(".ended").await;
    creator.until_notified("Bob was banned.").await;
    let guest = Visitor::open(&browser, &invitation.link).await;
    guest.until_shown("#join").await;
    guest.click("#join").await;
    guest.until_shown(".lobby .problem").await;
    assert!(guest.text(".lobby .problem").await.starts_with("The invitation is no longer valid"));

    creator.click(".management .close").await;
    creator.click(".invite").await;
    let renewed = creator.invitation().await;
    assert_ne!(renewed.password, invitation.password);
    let notices = creator.see("visit.notices.join()").await;
    assert!(!notices.as_str().unwrap().contains("Somebody else"), "{notices}");
    let third = Visitor::open(&browser, &renewed.link).await;
    third.join("Carol").await;
    creator.until_people(2).await;
    creator.until_media_flows(1).await;

    // The creator still knows it after a reload.
    creator.reload().await;
    creator.until_shown(".call").await;
    creator.click(".invite").await;
    let Invitation { link, password, .. } = creator.invitation().await;
    assert_eq!((link, password), (renewed.link, renewed.password));
    for page in [&creator, &guest, &third] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_who_bans_a_user_with_several_seats_does_not_blame_others() {
    let (server, browser) = stage_with(|builder| builder.admit(OneUser)).await;
    let creator = Visitor::open(&browser, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let mut seats = [join(&server, &invitation).await, join(&server, &invitation).await];
    creator.until_people(3).await;
    creator.click("#manage").await;
    creator.click(".people .ban").await;
    for seat in &mut seats {
        seat.until("the ban", |seen| seen.closed.is_some()).await;
    }
    creator.until_notified("a program was banned.").await;
    creator.until_people(1).await;
    creator.click(".management .close").await;
    creator.click(".invite").await;
    creator.until_hidden(".invitation .problem").await;
    let notices = creator.see("visit.notices.join()").await;
    assert!(!notices.as_str().unwrap().contains("Somebody else"), "{notices}");
    creator.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_publish_is_told_and_sends_nothing_until_it_may_again() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let mut silent = Permissions::default();
    silent.publish = false;

    permit(&server, &call.invitation, "Bob", silent).await;
    call.guest.until_notified("You may not send sound or pictures for now.").await;
    call.guest.until("Object.keys(visit.sent()).length === 0").await;
    permit(&server, &call.invitation, "Bob", Permissions::default()).await;
    call.guest.until_notified("You may send sound and pictures again.").await;
    call.until_media_flows().await;
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_send_messages_cannot_write_until_it_may_again() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, invitation } = &call;
    let mut silent = Permissions::default();
    silent.message = false;
    permit(&server, invitation, "Bob", silent).await;
    guest.click("#chat").await;
    guest.until_shown(".chat input:disabled").await;
    let hint = guest.see("document.querySelector('.chat input').placeholder").await;
    assert_eq!(hint, "You may not write for now");
    guest.say("not sent").await;
    permit(&server, invitation, "Bob", Permissions::default()).await;
    guest.until_shown(".chat input:enabled").await;
    guest.say("sent").await;
    creator.until_said("sent").await;
    for page in [creator, guest] {
        assert_eq!(page.see("document.querySelectorAll('.messages li').length").await, 1);
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creator_locks_extends_and_closes_the_room_and_changes_its_password() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, invitation } = &call;
    let client = Client::new(&server.url()).unwrap();
    let newcomer = Visitor::open_with(&browser, &invitation.link, SLOW_CLOCK).await;
    newcomer.until_shown("#join").await;

    creator.click("#manage").await;
    creator.until("!document.querySelector('#lock').disabled").await;
    creator.click("#lock").await;
    guest.until("document.querySelector('.count').textContent.includes('Locked')").await;
    newcomer.click("#join").await;
    newcomer.until_shown(".lobby .problem").await;
    assert!(newcomer.text(".lobby .problem").await.starts_with("The host has locked the room."));
    assert_eq!(creator.text("#lock").await, "Unlock");
    creator.click("#lock").await;
    guest.until("!document.querySelector('.count').textContent.includes('Locked')").await;
    newcomer.join("Carol").await;

    creator.until(&left("2 hours|1 h 5. min")).await;
    let before = creator.text(".management").await;
    creator.click("#extend").await;
    creator
        .until(&format!("document.querySelector('.management').innerText !== {}", json!(before)))
        .await;

    for page in [creator, guest, &newcomer] {
        page.until(&left("2 h (30|2.) min")).await;
    }

    let wrong = if invitation.password == "000000" { "111111" } else { "000000" };
    for _ in 0..5 {
        let refused = client.join(&invitation.room, wrong, "a guesser", Options::new()).await;
        refused.unwrap_err();
    }
    creator.click(".management .close").await;
    creator.click("#manage").await;
    creator.until_shown("#restore").await;
    creator.click("#restore").await;
    creator.until_hidden("#restore").await;
    assert!(creator.text(".management").await.contains("20 password attempts are left."));

    creator.click("#rotate").await;
    creator.until_notified("The room has a new password and link.").await;
    creator.click(".management .close").await;
    creator.click(".invite").await;
    let renewed = creator.invitation().await;
    assert_ne!(renewed.password, invitation.password);
    client.join(&renewed.room, &invitation.password, "late", Options::new()).await.unwrap_err();
    call.creator.until_media_flows(2).await;

    creator.click("#close-room").await;
    for page in [creator, guest, &newcomer] {
        page.until_shown(".ended").await;
        assert!(page.text(".ended").await.starts_with("The host has ended the call."));
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_removes_bans_locks_and_closes_for_as_long_as_it_is_permitted() {
    let (server, browser) = stage_with(|builder| builder.admit(ModeratedByBob)).await;
    let call = Call::begin(&browser, &server.url()).await;
    let Call { creator, guest, invitation } = &call;
    guest.click("#manage").await;
    // Nobody removes the creator, and what needs its login is not there.
    guest.until("document.querySelector('.people').innerText === 'Alice\\nHost'").await;
    let of_creator = "document.querySelector('.management :is(#rotate, #restore, #extend)')";
    assert_eq!(guest.see(of_creator).await, json!(null));
    for (is_locked, label) in [(true, "Unlock"), (false, "Lock")] {
        guest.click("#lock").await;
        let count = "document.querySelector('.count').textContent";
        creator.until(&format!("{count}.includes('Locked') === {is_locked}")).await;
        guest.until(&format!("document.querySelector('#lock').innerText === '{label}'")).await;
    }

    let mut program = join(&server, invitation).await;
    guest.until_shown(".people .ban").await;
    // The ban is offered first.
    assert_eq!(guest.text(".people button").await, "Ban");
    guest.click(".people .remove").await;
    program.until("the kick", |seen| seen.closed.is_some()).await;
    guest.until_notified("a program was removed.").await;
    let mut program = join(&server, invitation).await;
    guest.until_shown(".people .ban").await;
    guest.click(".people .ban").await;
    program.until("the ban", |seen| seen.closed.is_some()).await;
    assert!(matches!(program.closed, Some(CloseReason::Kicked { .. })), "{:?}", program.closed);
    guest.until_notified("a program was banned. Nobody can join until the host").await;
    let client = Client::new(&server.url()).unwrap();
    let Invitation { room, password, .. } = invitation;
    client.join(room, password, "late", Options::new()).await.unwrap_err();
    // The creator does not know whether it was a ban, also after a reload.
    creator.until_notified("Somebody else has removed a program.").await;
    creator.reload().await;
    creator.until_shown(".call").await;
    creator.click(".invite").await;
    creator.until_shown(".invitation .problem").await;
    creator.click(".invitation .close").await;
    creator.click("#manage").await;
    creator.click("#rotate").await;
    creator.until_notified("The room has a new password and link.").await;
    creator.click(".invite").await;
    creator.until_hidden(".invitation .problem").await;
    let renewed = creator.invitation().await;
    let program = join(&server, &renewed).await;
    guest.until_shown(".people .ban").await;

    permit(&server, invitation, "Bob", Permissions::default()).await;
    guest.until_notified("You may no longer manage the room.").await;
    guest.until_hidden(".management").await;
    guest.until_hidden("#manage").await;
    permit(&server, invitation, "Bob", Permissions::ALL).await;
    guest.until_notified("You may manage the room now.").await;
    guest.until_shown("#manage").await;
    guest.click("#close-room").await;
    for page in [creator, guest] {
        page.until_shown(".ended").await;
        let words = "A moderator or the operator has closed the room.";
        assert!(page.text(".ended").await.starts_with(words));
    }
    drop(program);
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_who_bans_somebody_who_has_just_left_is_told_so() {
    let moderated = Moderated::begin().await;
    let Moderated { server, wire, call, .. } = &moderated;
    let Call { guest, invitation, .. } = call;
    let program = join(server, invitation).await;
    guest.until_shown(".people .ban").await;
    wire.hold();
    guest.click(".people .ban").await;
    program.participant.leave().await;
    guest.until_hidden(".people .ban").await;
    wire.let_go(1).await;
    guest.until_shown(".management .problem").await;
    let problem = guest.text(".management .problem").await;
    assert_eq!(problem, "This person is no longer in the room.");
    let notices = guest.see("visit.notices.join()").await;
    assert!(!notices.as_str().unwrap().contains("banned"), "{notices}");
    // The password is still good.
    drop(join(server, invitation).await);
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_over_the_rate_is_told_so() {
    let moderated = Moderated::begin().await;
    let Moderated { server, call, .. } = &moderated;
    let Call { guest, invitation, .. } = call;
    let program = join(server, invitation).await;
    guest.until_shown(".people .ban").await;
    let ban_after_pings = "(() => {
        const socket = visit.sockets.at(-1);
        for (let sent = 0; sent < 500; sent += 1) socket.send('{\"type\":\"ping\"}');
        document.querySelector('.people .ban').click();
    })()";
    guest.see(ban_after_pings).await;
    guest.until_shown(".management .problem").await;
    assert!(guest.text(".management .problem").await.starts_with("Too many attempts."));
    // The password is still good.
    drop((program, join(server, invitation).await));
    call.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_without_an_answer_is_told_so() {
    let moderated = Moderated::begin().await;
    let Moderated { wire, call: Call { creator, guest, .. }, .. } = &moderated;
    wire.hold();
    guest.click("#lock").await;
    guest.until_shown(".management .problem").await;
    assert!(guest.text(".management .problem").await.starts_with(UNANSWERED));
    wire.let_go(1).await;
    for page in [creator, guest] {
        page.until("document.querySelector('.count').textContent.includes('Locked')").await;
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moderator_whose_message_was_lost_with_the_socket_is_told_so() {
    let moderated = Moderated::begin().await;
    let Moderated { server, wire, call, .. } = &moderated;
    let Call { guest, invitation, .. } = call;
    wire.refuse(true);
    wire.network(Network::Forgets);
    guest.click("#lock").await;
    guest.see("visit.loseSocket()").await;
    guest.until_shown(".warning").await;
    // More than the server keeps for it.
    for _ in 0..300 {
        let (topic, data) = (Topic::new("news").unwrap(), Payload::new("more").unwrap());
        let room = invitation.room.parse().unwrap();
        server.server().handle().send(room, HostMessage::to_room(topic, data)).unwrap();
    }
    wire.network(Network::Carries);
    wire.refuse(false);
    guest.until_hidden(".warning").await;
    // At once, and not only when it has waited for long enough.
    assert!(guest.text(".management .problem").await.starts_with(UNANSWERED));
    assert_eq!(guest.text("#lock").await, "Lock");
    call.assert_no_faults().await;
}

/// A call that Bob moderates, who reaches the server by a wire and has opened the dialog.
struct Moderated {
    server: TestServer,
    wire: Wire,
    call: Call,
    _browser: Chromium,
}

impl Moderated {
    async fn begin() -> Self {
        let (server, browser) = stage_with(|builder| builder.admit(ModeratedByBob)).await;
        let (wire, _) = Wire::to(server.address()).await;
        let call = Call::begin_with(&browser, [&server.url(), &wire.url()], "").await;
        call.guest.click("#manage").await;
        Self { server, wire, call, _browser: browser }
    }
}

/// An application in which whoever is called Bob moderates.
struct ModeratedByBob;

/// All guests are seats of one user.
struct OneUser;

#[async_trait]
impl Admit for OneUser {
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
        let mut token = MintToken::new(request.name.clone());
        token.identity.user = Some("a-user".parse().unwrap());
        JoinDecision::AskPassword(token)
    }
}

#[async_trait]
impl Admit for ModeratedByBob {
    async fn admit(&self, request: JoinRequest<'_>) -> JoinDecision {
        let mut token = MintToken::new(request.name.clone());
        token.permissions.moderate = request.name.as_str() == "Bob";
        JoinDecision::AskPassword(token)
    }
}

/// Whether a page says that the room has so much time left, as a regular expression.
fn left(time: &str) -> String {
    format!("/^({time}) left$/.test(document.querySelector('.left').innerText)")
}

/// The clock of a machine that is a day behind.
const SLOW_CLOCK: &str = "const { now } = Date; Date.now = () => now() - 24 * 3600 * 1000;";

/// What the dialog says of a message of which it cannot know whether it took effect.
const UNANSWERED: &str = "The server has not answered.";
