//! The page that signal-server serves, in Chromium, with its policy in force.

mod appearance;
mod calls;
mod chatting;
mod clipboard;
mod devices;
mod entering;
mod firefox;
mod moderation;
mod negotiation;
mod outages;
mod program;
mod proxy;
mod relay;
mod returning;
mod screens;
mod sleeping;
mod uplink;

use client_sdk::{Client, Options, Permissions};
use signal_server::testing::{self, TestServer};
use signal_server::{Builder, Limits, Origins, Page as RoomsPage, Secret, Server};

use super::chromium::Chromium;
use super::visitor::{Invitation, Visitor};
use crate::common::{Witness, talker};

/// A server with the page, as during development.
async fn stage() -> (TestServer, Chromium) {
    stage_with(|builder| builder).await
}

async fn stage_with(settings: impl FnOnce(Builder) -> Builder) -> (TestServer, Chromium) {
    (serve(settings).await, Chromium::take().await)
}

async fn serve(settings: impl FnOnce(Builder) -> Builder) -> TestServer {
    let builder = settings(Server::builder(Secret::random()).page(RoomsPage::SignsIn));
    let builder = builder.origins(Origins::default().and_loopback());
    testing::start_with(builder.limits(Limits::generous()).unwrap()).await.unwrap()
}

/// Two pages that see and hear each other.
struct Call {
    /// Alice, who has created the room.
    creator: Visitor,
    /// Bob, who has opened its link.
    guest: Visitor,
    invitation: Invitation,
}

impl Call {
    /// Begins one over the server at that address.
    async fn begin(browser: &Chromium, url: &str) -> Self {
        Self::begin_with(browser, [url, url], "").await
    }

    /// Begins one whose pages have these addresses, the creator's first, and a script that changes
    /// what they find in their browsers.
    async fn begin_with(
        browser: &Chromium,
        [near_creator, near_guest]: [&str; 2],
        script: &str,
    ) -> Self {
        let creator = Visitor::open_with(browser, near_creator, script).await;
        let invitation = creator.create("Alice").await;
        let link = invitation.link.replace(near_creator, near_guest);
        let guest = Visitor::open_with(browser, &link, script).await;
        guest.join("Bob").await;
        let call = Self { creator, guest, invitation };
        call.until_media_flows().await;
        call
    }

    /// Waits until each page gets sound and pictures of the other that it had not yet.
    async fn until_media_flows(&self) {
        self.creator.until_media_flows(1).await;
        self.guest.until_media_flows(1).await;
    }

    async fn assert_no_faults(&self) {
        self.creator.assert_no_faults().await;
        self.guest.assert_no_faults().await;
    }
}

/// Changes what the participant of that name may do.
async fn permit(
    server: &TestServer,
    invitation: &Invitation,
    name: &str,
    permissions: Permissions,
) {
    let handle = server.server().handle();
    let room = invitation.room.parse().unwrap();
    let participants = handle.room(room).unwrap().participants;
    let named = participants.iter().find(|seated| seated.name.as_str() == name).unwrap();
    handle.set_permissions(room, named.id, permissions).await.unwrap();
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
