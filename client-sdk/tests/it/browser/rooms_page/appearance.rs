//! What the page looks like, to people and to those who have it read to them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use client_sdk::Permissions;

use super::{RoomsPage, join_with, permit, serve, stage};
use crate::browser::devtools::Look;
use crate::browser::tries_all;
use crate::browser::visitor::Visitor;
use crate::common::listener;

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_accessible_in_english() {
    visit_every_state("en", [WIDE, NARROW_AND_DARK]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_is_accessible_in_chinese() {
    visit_every_state("zh-CN", [WIDE_AND_DARK, NARROW]).await;
}

/// In the long run alone: it takes about a minute.
async fn visit_every_state(language: &'static str, looks: [(&'static str, Look); 2]) {
    if !tries_all() {
        return;
    }
    let gallery = Gallery::open(language, looks);
    let (server, browser) = stage().await;
    let url = server.url();
    let open = async |url: &str| Visitor::open_in(language, &browser, url).await;

    let without_login = serve(|builder| builder.page(RoomsPage::AsksForToken)).await;
    let returning = open(&without_login.url()).await;
    returning.until_shown("#create").await;
    returning.fill("form", &["Alice", &without_login.access_token("alice")]).await;
    returning.click("#create").await;
    returning.invitation().await;
    returning.reload().await;
    returning.until_shown("#return").await;
    gallery.show(&returning, "return").await;
    returning.close().await;

    let creator = open(&url).await;
    creator.until_shown("#create").await;
    creator.click("details summary").await;
    gallery.show(&creator, "start").await;
    let invitation = creator.create("小明").await;
    gallery.show(&creator, "alone").await;

    let guest = open(&invitation.link).await;
    guest.until_shown(".switches button").await;
    gallery.show(&guest, "lobby").await;
    guest.join("Bob").await;
    creator.until_media_flows(1).await;

    let lost = open(&format!("{url}/join/222222#void")).await;
    lost.until_shown("#join").await;
    lost.click("#join").await;
    lost.until_shown(".problem").await;
    gallery.show(&lost, "problem").await;
    lost.close().await;

    for (button, dialog, shown) in [
        (".invite", "invitation", "dd"),
        ("#settings", "settings", "option"),
        ("#details", "details", "section"),
        ("#manage", "management", "#extend:enabled"),
    ] {
        creator.click(button).await;
        creator.until(&format!("document.querySelector('.{dialog}[open] {shown}')")).await;
        gallery.show(&creator, dialog).await;
        creator.click(&format!(".{dialog} .close")).await;
    }
    permit(&server, &invitation, "Bob", Permissions::ALL).await;
    guest.until_shown("#manage").await;
    guest.click("#manage").await;
    gallery.show(&guest, "moderation").await;
    guest.click(".management .close").await;
    gallery.show(&creator, "call").await;
    guest.say("你好，听得到吗？").await;
    creator.until("document.querySelector('.unread')").await;
    creator.say("Yes, loud and clear.").await;
    gallery.show(&creator, "chat").await;
    creator.click("#chat").await;

    guest.click("#screen").await;
    creator.until_shown(".screens .tile").await;
    gallery.show(&creator, "screen").await;
    guest.click("#screen").await;

    let mut programs = Vec::new();
    for _ in 0..7 {
        programs.push(join_with(&server, &invitation, listener()).await);
    }
    creator.until_people(9).await;
    creator.until_hidden(".state:not([hidden])").await;
    gallery.show(&creator, "many").await;
    drop(programs);
    creator.click("#leave").await;
    creator.until_shown(".ended").await;
    gallery.show(&creator, "ended").await;
    creator.assert_no_faults().await;
}

/// Of people who do not exist, since cameras of tests show none. `docs/page.png` is this picture.
#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_the_readme_is_taken() {
    if !tries_all() {
        return;
    }
    let gallery = Gallery::open("en", [README, README]);
    let (server, browser) = stage().await;
    let open = async |url: &str, person: &str| {
        let camera = format!("{PEOPLE}\nshowPerson('{person}');");
        Visitor::open_with(&browser, url, &camera).await
    };
    let creator = open(&server.url(), "Alice").await;
    let invitation = creator.create("Alice").await;
    let mut guests = Vec::new();
    for (name, people) in [("小红", 2), ("Bob", 3)] {
        let guest = open(&invitation.link, name).await;
        guest.join(name).await;
        creator.until_people(people).await;
        guests.push(guest);
    }
    creator.until_media_flows(2).await;
    guests[0].click("#microphone").await;
    creator.say("The plan is on the shared screen.").await;
    guests[1].say("Thanks! See you on Monday.").await;
    creator.until_said("Thanks! See you on Monday.").await;
    creator.until_shown(".tile:nth-child(2) .bad").await;
    gallery.show(&creator, "readme").await;
}

/// Takes pictures of each state into `target/page`, and has axe-core look for what keeps people
/// from using it.
struct Gallery {
    language: &'static str,
    looks: [(&'static str, Look); 2],
    folder: PathBuf,
    axe: Option<String>,
}

impl Gallery {
    fn open(language: &'static str, looks: [(&'static str, Look); 2]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = root.join("target/page");
        fs::create_dir_all(&folder).unwrap();
        let axe = fs::read_to_string(root.join(".ci/web/node_modules/axe-core/axe.min.js")).ok();
        if axe.is_none() {
            // The harness of the tests keeps what is printed by its macros.
            let missing = b"NOT TESTED: accessibility; npm ci --prefix .ci/web installs axe-core\n";
            io::stderr().write_all(missing).unwrap();
        }
        Self { language, looks, folder, axe }
    }

    async fn show(&self, page: &Visitor, state: &str) {
        for (name, look) in self.looks {
            page.in_chromium().look(look).await;
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            page.until(fits).await;
            page.see(ARRANGED).await;
            // Notices hide what is below them for a while.
            page.until("!document.querySelector('.notice')").await;
            let file = self.folder.join(format!("{state}-{}-{name}.png", self.language));
            fs::write(file, page.in_chromium().picture().await).unwrap();
            if let Some(axe) = &self.axe {
                let found = page.in_chromium().inspect(axe, SERIOUS).await;
                assert_eq!(found, serde_json::json!([]), "{state} {name}");
            }
        }
    }
}

/// The page arranges its pictures in the frame after it has changed its size.
const ARRANGED: &str = "new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))";

/// What axe-core finds that is serious or worse.
const SERIOUS: &str = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`))";

const PEOPLE: &str = include_str!("../pages/people.js");
const README: (&str, Look) = ("wide", Look { width: 1200, height: 720, is_dark: false });
const WIDE: (&str, Look) = ("wide", Look { width: 1280, height: 800, is_dark: false });
const WIDE_AND_DARK: (&str, Look) = ("wide-dark", Look { width: 1280, height: 800, is_dark: true });
const NARROW: (&str, Look) = ("narrow", Look { width: 360, height: 740, is_dark: false });
const NARROW_AND_DARK: (&str, Look) =
    ("narrow-dark", Look { width: 360, height: 740, is_dark: true });
