//! The sample of the API document, as it stands in both languages.

use std::fs;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use client_sdk::{MediaKind, ParticipantId};

use super::flow::until_program_receives;
use super::picture::receive_picture;
use super::site::Site;
use super::stage::Stage;
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

/// A site with a page for each document, which has the sample and nothing but a witness beside it.
async fn samples(server: &str) -> Site {
    let pages = ["api", "api.zh"].map(|document| (document, page(document, server)));
    let router = pages.into_iter().fold(Router::new(), |router, (document, page)| {
        router.route(&format!("/{document}.html"), get(Html(page)))
    });
    Site::open_with(router).await
}

fn page(document: &str, server: &str) -> String {
    let path = format!("{}/../docs/{document}.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let mut blocks = text.split("```js\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    let (Some(sample), None) = (blocks.next(), blocks.next()) else {
        panic!("{document} has no one sample")
    };
    let placeholder = "'https://rooms.example.com'";
    assert_eq!(sample.matches(placeholder).count(), 1, "{document} names its server once");
    let sample = sample.replace(placeholder, &format!("'{server}'"));
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{document}</title><body>\
         <script>{sample}</script><script type=\"module\" src=\"sample.js\"></script>"
    )
}

const SCREEN: (u16, u16) = (640, 360);
