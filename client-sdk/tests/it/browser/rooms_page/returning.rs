//! Pages that enter a room again, after a reload or when their seat is gone.

use super::{Call, stage};

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
