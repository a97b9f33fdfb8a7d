//! A server, a site with the pages, and a browser to show them in.

use client_sdk::{Client, CreatedRoom, NewRoom, Options};
use signal_server::testing::{self, TestServer};
use signal_server::{Builder, Origins, Secret, Server};

use super::chromium::Chromium;
use super::page::{Entry, Page};
use super::site::Site;
use super::tab::Browser;
use crate::common::{Witness, talker};

pub(crate) struct Stage {
    pub(crate) server: TestServer,
    site: Site,
    browser: Browser,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::set_with(|builder| builder).await
    }

    pub(crate) async fn set_with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        Self::set_in(Browser::Chromium(Chromium::take().await), settings).await
    }

    pub(crate) async fn set_in(
        browser: Browser,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let builder = Server::builder(Secret::random()).origins(Origins::default().and_loopback());
        let server = testing::start_with(settings(builder)).await.unwrap();
        Self { server, site: Site::open().await, browser }
    }

    /// A room that its creator does not enter.
    pub(crate) async fn room(&self) -> CreatedRoom {
        let token = self.server.access_token("alice");
        self.client().create_room(&token, &NewRoom::default()).await.unwrap()
    }

    /// A participant of this crate.
    pub(crate) async fn guest(&self, room: &CreatedRoom, options: Options) -> Witness {
        let guest = self.client().join(&room.room_id, &room.password, "a program", options).await;
        Witness::new(guest.unwrap())
    }

    /// A page that sends audio and video.
    pub(crate) async fn page(&self, kind: Kind, room: &CreatedRoom) -> Page {
        self.page_with(kind, &self.entry(room)).await
    }

    pub(crate) async fn page_with(&self, kind: Kind, entry: &Entry) -> Page {
        let name = match kind {
            Kind::Keeping => "keeping",
            Kind::Rebuilding => "rebuilding",
        };
        self.visit(&self.site.url(name), entry).await
    }

    /// A page of another site.
    pub(crate) async fn visit(&self, url: &str, entry: &Entry) -> Page {
        Page::enter(self.browser.open(url).await, entry).await
    }

    /// A program that sends audio and video, and a page.
    pub(crate) async fn pair(
        &self,
        kind: Kind,
        page_first: bool,
        entry: &Entry,
    ) -> (Witness, Page) {
        self.pair_with(kind, page_first, entry, talker()).await
    }

    pub(crate) async fn pair_with(
        &self,
        kind: Kind,
        page_first: bool,
        entry: &Entry,
        program: Options,
    ) -> (Witness, Page) {
        if page_first {
            let page = self.page_with(kind, entry).await;
            (self.guest(&entry.room, program).await, page)
        } else {
            let program = self.guest(&entry.room, program).await;
            (program, self.page_with(kind, entry).await)
        }
    }

    pub(crate) fn entry(&self, room: &CreatedRoom) -> Entry {
        let (server, room) = (self.server.url(), room.clone());
        Entry { server, room, media: &["audio", "video"], codec: None, relay_only: false }
    }

    /// Closes a room for everybody in it.
    pub(crate) async fn close(&self, room: &CreatedRoom) {
        let token = self.server.access_token("alice");
        self.client().close_room(&token, &room.room_id).await.unwrap();
    }

    fn client(&self) -> Client {
        Client::new(&self.server.url()).unwrap()
    }
}

/// How a page negotiates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The smaller id offers first, and a connection is kept.
    Keeping,
    /// Newcomers offer, and each offer makes a new connection.
    Rebuilding,
}
