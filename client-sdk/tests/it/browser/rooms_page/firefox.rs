//! The page in Firefox.

use super::{Call, join, serve};
use crate::browser::firefox::Firefox;
use crate::browser::flow::until_program_receives;
use crate::browser::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_in_firefox_and_a_program_talk() {
    let Some(firefox) = Firefox::take().await else { return };
    let server = serve(|builder| builder).await;
    let creator = Visitor::open_in_firefox(&firefox, &server.url()).await;
    let invitation = creator.create("Alice").await;
    let guest = Visitor::open_in_firefox(&firefox, &invitation.link).await;
    guest.join("Bob").await;
    let call = Call { creator, guest, invitation };
    call.until_media_flows().await;
    let mut program = join(&server, &call.invitation).await;
    program.until("pages", |seen| seen.present.len() == 2).await;
    for page in program.present.clone() {
        until_program_receives(&mut program, page).await;
    }
    for page in [&call.creator, &call.guest] {
        page.until_people(3).await;
        page.until_media_flows(2).await;
    }

    call.creator.click("#screen").await;
    call.guest.until_shown(".screens .tile").await;
    call.guest.until("document.querySelector('.screens video').videoWidth === 640").await;
    call.guest.say("I see it").await;
    call.creator.until_said("I see it").await;
    call.creator.click("#leave").await;
    call.guest.until_shown(".ended").await;
    call.assert_no_faults().await;
}
