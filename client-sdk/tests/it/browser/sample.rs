//! The samples of the API document, as they stand in both languages.

use std::fs;

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::routing::get;
use client_sdk::{MediaKind, ParticipantId};

use super::chromium::Chromium;
use super::flow::until_program_receives;
use super::picture::receive_picture;
use super::site::Site;
use super::stage::Stage;
use super::visitor::Visitor;
use crate::common::talker;

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_of_both_documents_and_a_program_see_each_other_share_resume_and_leave() {
    let stage = Stage::set().await;
    let site = samples(&stage.server.url()).await;
    let room = stage.room().await;
    let entry = stage.entry(&room);
    let english = stage.visit(&site.url("api"), &entry).await;
    let mut program = stage.guest(&room, talker()).await;
    let chinese = stage.visit(&site.url("api.zh"), &entry).await;

    let ids = [english.id(), program.id(), chinese.id()];
    let others = |own| ids.into_iter().filter(|id| *id != own).collect::<Vec<ParticipantId>>();
    for page in [&english, &chinese] {
        page.until_media_flows(&others(page.id())).await;
        until_program_receives(&mut program, page.id()).await;
    }

    // A second track of pictures, beside the camera's.
    let _camera = program.tracks.remove(&(english.id(), MediaKind::Video));
    english.share_screen(SCREEN).await;
    program.until("screen", |seen| seen.has_media(english.id())).await;
    receive_picture(&mut program, english.id(), SCREEN).await;

    // What it hears of the other from now on comes by a second socket.
    chinese.lose_socket().await;
    english.leave().await;
    english.until("end", |report| report.is_closed && report.present.is_empty()).await;
    let left = english.id().to_string();
    chinese.until("departure", |report| !report.present.contains(&left)).await;
    program.until("departure", |seen| !seen.present.contains(&english.id())).await;
    chinese.until_media_flows(&[program.id()]).await;
    until_program_receives(&mut program, chinese.id()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ten_lines_of_both_documents_call_a_program() {
    let stage = Stage::set().await;
    let browser = Chromium::take().await;
    let room = stage.room().await;
    let mut program = stage.guest(&room, talker()).await;
    for document in DOCUMENTS {
        let [lines, _] = scripts(document);
        let lines = in_place(&lines, "'https://rooms.example.com'", &stage.server.url());
        let lines = in_place(&lines, "'ABC234'", &room.room_id);
        let lines = in_place(&lines, "'123456'", &room.password);
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>{document}</title><body>\
             <script type=\"importmap\">{{\"imports\":{{\"rooms-client\":\"/web/rooms-client.js\"}}}}</script>\
             <script type=\"module\">{lines}</script>"
        );
        let router = Router::new().route("/lines.html", get(Html(page))).route(
            "/web/{*file}",
            get(async |Path(file): Path<String>| {
                let web = format!("{}/../signal-server/web", env!("CARGO_MANIFEST_DIR"));
                ([(CONTENT_TYPE, "text/javascript")], fs::read(format!("{web}/{file}")).unwrap())
            }),
        );
        let site = Site::open_with(router).await;
        let page = Visitor::open(&browser, &site.url("lines")).await;
        page.until_media_flows(1).await;
        page.until("document.querySelector('video').videoWidth > 0").await;
        program.until("page", |seen| !seen.present.is_empty()).await;
        let id = *program.present.iter().next().unwrap();
        until_program_receives(&mut program, id).await;
        page.close().await;
        program.until("departure", |seen| seen.present.is_empty()).await;
    }
    program.participant.leave().await;
}

/// A site with a page for each document, which has the sample and nothing but a witness beside it.
async fn samples(server: &str) -> Site {
    let pages = DOCUMENTS.map(|document| (document, page(document, server)));
    let router = pages.into_iter().fold(Router::new(), |router, (document, page)| {
        router.route(&format!("/{document}.html"), get(Html(page)))
    });
    Site::open_with(router).await
}

fn page(document: &str, server: &str) -> String {
    let [_, sample] = scripts(document);
    let sample = in_place(&sample, "'https://rooms.example.com'", server);
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{document}</title><body>\
         <script>{sample}</script><script type=\"module\" src=\"sample.js\"></script>"
    )
}

/// The ten lines, and the sample without a library.
fn scripts(document: &str) -> [String; 2] {
    let path = format!("{}/../docs/{document}.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```js\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let blocks: Vec<String> = blocks.map(str::to_owned).collect();
    blocks.try_into().unwrap_or_else(|_| panic!("{document} has not two samples"))
}

/// The script with that text in the place of the one that the document shows.
fn in_place(script: &str, shown: &str, text: &str) -> String {
    assert_eq!(script.matches(shown).count(), 1, "{shown} is not there once");
    script.replace(shown, &format!("'{text}'"))
}

const DOCUMENTS: [&str; 2] = ["api", "api.zh"];
const SCREEN: (u16, u16) = (640, 360);
