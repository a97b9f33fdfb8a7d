//! Both sides offer at once. The server refuses one of the offers, and media flows afterwards in
//! either case.

use super::flow::until_media_flows;
use super::page::{Entry, Page};
use super::stage::{Kind, Stage};
use crate::common::wire::Wire;
use crate::common::{Witness, talker};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_keeps_its_connection_and_a_program_survive_offers_at_once() {
    page_and_program_collide(Kind::Keeping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_rebuilds_its_connection_and_a_program_survive_offers_at_once() {
    page_and_program_collide(Kind::Rebuilding).await;
}

async fn page_and_program_collide(kind: Kind) {
    let stage = Stage::set().await;
    let room = stage.room().await;
    let (near_page, _) = Wire::to(stage.server.address()).await;
    let (near_program, client) = Wire::to(stage.server.address()).await;
    let program = client.join(&room.room_id, &room.password, "a program", talker()).await.unwrap();
    let mut program = Witness::new(program);
    let page =
        stage.page_with(kind, &Entry { server: near_page.url(), ..stage.entry(&room) }).await;
    until_media_flows(&mut program, &page).await;
    for page_loses in [true, false, true, false] {
        let collision = if page_loses {
            Collision::prepare(&near_program, &near_page)
        } else {
            Collision::prepare(&near_page, &near_program)
        };
        let before = page.peer(program.id()).await;
        program.participant.restart_ice(page.id()).await;
        page.restart(program.id()).await;
        collision.happen().await;
        page.until_restarted(program.id(), &before).await;
        until_media_flows(&mut program, &page).await;
    }
    assert_eq!(page.report().await.refusals, ["offer_conflict"; 2]);
    assert_eq!(near_program.conflicts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_either_kind_survive_offers_at_once() {
    for kind in [Kind::Keeping, Kind::Rebuilding] {
        let stage = Stage::set().await;
        let room = stage.room().await;
        let (near_winner, _) = Wire::to(stage.server.address()).await;
        let (near_loser, _) = Wire::to(stage.server.address()).await;
        let entry = |wire: &Wire| Entry { server: wire.url(), ..stage.entry(&room) };
        let winner = stage.page_with(kind, &entry(&near_winner)).await;
        let loser = stage.page_with(kind, &entry(&near_loser)).await;
        until_pages_talk(&winner, &loser).await;
        let before = winner.peer(loser.id()).await;
        let collision = Collision::prepare(&near_winner, &near_loser);
        winner.restart(loser.id()).await;
        loser.restart(winner.id()).await;
        collision.happen().await;
        winner.until_restarted(loser.id(), &before).await;
        until_pages_talk(&winner, &loser).await;
        assert_eq!(loser.report().await.refusals, ["offer_conflict"]);
    }
}

async fn until_pages_talk(a: &Page, b: &Page) {
    a.until_media_flows(&[b.id()]).await;
    b.until_media_flows(&[a.id()]).await;
}

/// Two offers, each made before its sender knows of the other one. The server gets the winner's
/// first.
pub(super) struct Collision<'a> {
    winner: &'a Wire,
    loser: &'a Wire,
    offers_to_loser: usize,
    conflicts: usize,
}

impl<'a> Collision<'a> {
    /// Holds back messages of both sides, which should offer now.
    pub(super) fn prepare(winner: &'a Wire, loser: &'a Wire) -> Self {
        winner.hold();
        loser.hold();
        Self { winner, loser, offers_to_loser: loser.offers(), conflicts: loser.conflicts() }
    }

    pub(super) async fn happen(self) {
        self.loser.until_held(1).await;
        self.winner.let_go(1).await;
        self.loser.until_offer(self.offers_to_loser).await;
        self.loser.let_go(1).await;
        self.loser.until_conflict(self.conflicts).await;
    }
}
