//! Pages that enter a room again, after a reload or when their seat is gone.

use signal_server::testing::TestServer;
use signal_server::{CreateRoom, DisplayName, RoomId};

use super::{Call, stage};
use crate::browser::visitor::Visitor;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_again_stays_muted_and_without_a_picture() {
    let (server, browser) = stage().await;
    let Call { creator, guest, .. } = Call::begin(&browser, &server.url()).await;
    guest.click("#microphone").await;
    guest.click("#camera").await;
    for loses_seat in [false, true] {
        let connections = guest.see("visit.connections.length").await;
        if loses_seat {
            guest.see("visit.loseSeat()").await;
            guest.until(&format!("visit.connections.length > {connections}")).await;
        } else {
            guest.reload().await;
        }
        guest.until("visit.connections.at(-1)?.connectionState === 'connected'").await;
        creator.until_people(2).await;
        creator.until_shown(".tile:nth-child(2).faceless:has(.bad)").await;
        let live = "visit.tracks.filter((it) => it.readyState === 'live')";
        guest.until(&format!("{live}.length === 1")).await;
        assert_eq!(guest.see(&format!("{live}[0].kind")).await, "audio");
        assert_eq!(guest.see(&format!("{live}[0].enabled")).await, false);
        // The light of the camera stays dark.
        assert_eq!(guest.see("visit.tracks.some((it) => it.kind === 'video')").await, false);
    }
    // They are not gone.
    guest.click("#microphone").await;
    guest.click("#camera").await;
    creator.until_hidden(".tile:nth-child(2):is(.faceless, :has(.bad))").await;
    creator.until_media_flows(1).await;
    for page in [&creator, &guest] {
        page.assert_no_faults().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_with_a_chosen_id_is_entered_by_its_link_by_its_id_and_again() {
    let (server, browser) = stage().await;
    let name = DisplayName::parse("daily").unwrap().unwrap();
    let mut new = CreateRoom::without_creator(name);
    new.id = Some(RoomId::chosen("Team-7.daily").unwrap());
    let created = server.server().handle().create_room(new).await.unwrap();
    let token = created.credentials.invite_token;
    let password = created.credentials.password.unwrap();
    let invited = Visitor::open(&browser, &link(&server, "Team-7.daily", &token)).await;
    invited.join("Bob").await;
    let typing = Visitor::open(&browser, &server.url()).await;
    typing.until_shown("#continue").await;
    typing.fill("form:last-of-type", &["Team-7.daily", &password, "Carol"]).await;
    typing.click("#continue").await;
    typing.join("Carol").await;
    for page in [&invited, &typing] {
        page.until_people(2).await;
        page.until_media_flows(1).await;
        assert_eq!(page.see("location.pathname").await, "/join/Team-7.daily");
    }
    typing.reload().await;
    typing.until_shown(".call").await;
    for page in [&invited, &typing] {
        page.until_people(2).await;
        page.assert_no_faults().await;
    }
}

fn link(server: &TestServer, room: &str, invite_token: &str) -> String {
    format!("{}/join/{room}#{invite_token}", server.url())
}
