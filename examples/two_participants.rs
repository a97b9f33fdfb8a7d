//! Two participants in one process meet in a room, send each other audio, video and a greeting, and
//! leave.
//!
//! Run it with `cargo run -p examples --example two_participants`.

use std::error::Error;
use std::net::Ipv4Addr;

use client_sdk::{Client, Event, NewRoom, Options, Participant, Source};
use signal_server::testing;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = testing::start().await?;
    let client = Client::new(&server.url())?;
    // Both are on this machine; on a real network keep the default address.
    let options =
        Options::new().audio(Source::Clip).video(Source::Clip).bind_address(Ipv4Addr::LOCALHOST);

    let token = server.access_token("alice");
    let (room, alice) = client.create(&token, &NewRoom::default(), options.clone()).await?;
    println!("alice created room {} with password {}", room.room_id, room.password);
    let bob = client.join(&room.room_id, &room.password, "bob", options).await?;
    let (alice, bob) = tokio::join!(talk("alice", alice), talk("bob", bob));
    bob?.leave().await;
    alice?.leave().await;
    Ok(())
}

/// Greets the other participant and returns once a greeting, audio and video have arrived.
async fn talk(name: &str, mut participant: Participant) -> Result<Participant, Box<dyn Error>> {
    let (mut greeted, mut tracks) = (false, 0);
    while !greeted || tracks < 2 {
        match participant.next_event().await.ok_or("the room is over")? {
            Event::DataChannelOpen { participant: other } => {
                participant.send_data(other, format!("hello from {name}")).await?;
            }
            Event::Data { data, .. } => {
                println!("{name} got {:?}", String::from_utf8_lossy(&data));
                greeted = true;
            }
            Event::Track(mut track) => {
                let packet = track.recv().await.ok_or("the track ended")?;
                println!(
                    "{name} got {:?}: a first packet of {} bytes",
                    track.kind(),
                    packet.payload.len()
                );
                tracks += 1;
            }
            other => println!("{name} saw {other:?}"),
        }
    }
    Ok(participant)
}
