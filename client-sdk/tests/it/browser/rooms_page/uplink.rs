//! What a page sends at most, and what it tells of its connections.

use super::{Call, join_with, stage};
use crate::browser::visitor::Visitor;
use crate::common::{Witness, listener};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_keeps_to_its_uplink_and_says_so_from_nine_people_on() {
    let (server, browser) = stage().await;
    let page = Visitor::open(&browser, &server.url()).await;
    let invitation = page.create("Alice").await;
    let mut guests: Vec<Witness> = Vec::new();
    for count in 1..=8 {
        guests.push(join_with(&server, &invitation, listener()).await);
        page.until_people(count + 1).await;
        let is_connected = format!(
            "visit.connections.filter((it) => it.connectionState === 'connected').length === {count}"
        );
        page.until(&is_connected).await;
        page.until("visit.uplink() > 2000000 && visit.uplink() <= 2500000").await;
        let is_crowded = page.see("document.querySelector('.crowd').checkVisibility()").await;
        assert_eq!(is_crowded, count == 8);
    }
    // Whoever has less sends sound alone to so many.
    page.click("#settings").await;
    page.choose("#choose-uplink", 0).await;
    page.until("visit.uplink() === 8 * 40000").await;
    for guest in guests.drain(1..) {
        guest.participant.leave().await;
    }
    page.until_people(2).await;
    page.until("visit.uplink() > 400000 && visit.uplink() <= 500000").await;
    page.until_hidden(".crowd").await;
    page.assert_no_faults().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_the_measures_of_its_connections() {
    let (server, browser) = stage().await;
    let call = Call::begin(&browser, &server.url()).await;
    for page in [&call.creator, &call.guest] {
        page.until_shown(".tile:nth-child(2) .mark[title=Direct]").await;
        page.until_shown(".tile:nth-child(2).speaking").await;
        page.click("#details").await;
        page.until_shown(".details section").await;
        let shown = r"(() => {
            const texts = [...document.querySelectorAll('.details dd')].map((it) => it.innerText);
            const [path, trip, received, sent, loss, codecs, size] = texts;
            return path === 'Direct' && /^\d+ ms$/.test(trip) && parseInt(received) > 100 &&
                parseInt(sent) > 100 && loss === '0.0 %' && codecs.includes('opus') &&
                codecs.includes('VP') && size === '640 × 360';
        })()";
        page.until(shown).await;
    }
    call.assert_no_faults().await;
}
