//! Copying where a page is not secure, and so has no clipboard.

use axum::http::HeaderValue;
use client_sdk::{Client, NewRoom};
use signal_server::{Origins, Page, Secret, Server};
use tokio::net::TcpListener;

use crate::browser::chromium::Chromium;
use crate::browser::visitor::Visitor;
use crate::common::{Witness, talker};

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_copied_and_others_are_heard_on_a_page_that_is_not_secure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = format!("http://rooms.test:{}", address.port());
    let origins = Origins::listed([HeaderValue::from_str(&site).unwrap()]);
    let builder = Server::builder(Secret::random()).page(Page::SignsIn).origins(origins);
    let server = builder.build();
    let token = server.access_token("alice", None, std::time::Duration::from_secs(3600)).unwrap();
    let serving = tokio::spawn(async move {
        server.serve(listener, std::future::pending()).await;
    });
    let client = Client::new(&format!("http://{address}")).unwrap();
    let (room, program) = client.create(&token, &NewRoom::default(), talker()).await.unwrap();
    let _program = Witness::new(program);

    let browser = Chromium::take().await;
    let link = format!("{site}/join/{}#{}", room.room_id, room.invite_token.unwrap());
    let page = Visitor::open(&browser, &link).await;
    page.until_shown("#join").await;
    assert_eq!(page.see("[isSecureContext, typeof navigator.clipboard]").await[0], false);
    page.join("Bob").await;
    page.until_media_flows(1).await;
    page.click(".invite").await;
    page.until_shown(".invitation[open]").await;
    page.in_chromium()
        .evaluate_as_click("document.querySelector('.invitation dd button').click()")
        .await;
    page.until_notified("Copied").await;
    page.click(".invitation .close").await;
    page.click("#chat").await;
    page.in_chromium().paste().await;
    page.until(&format!("document.querySelector('.chat input').value === '{link}'")).await;
    page.assert_no_faults().await;
    serving.abort();
}
