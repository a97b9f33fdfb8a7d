//! The examples that take part in rooms.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use client_sdk::{
    Client, ConnectionState, Event, NewRoom, Options, OpusOptions, Participant, PcmFormat,
    RemoteTrack, SampleRate, Source,
};
use signal_server::testing;

use crate::program::{PATIENCE, Process, example, interrupt};

#[test]
fn two_participants_hear_and_see_and_greet_each_other() {
    let output = Command::new(example("two_participants")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    for name in ["alice", "bob"] {
        let other = if name == "alice" { "bob" } else { "alice" };
        for expected in [
            format!("{name} got \"hello from {other}\""),
            format!("{name} got Audio"),
            format!("{name} got Video"),
        ] {
            assert!(printed.contains(&expected), "no {expected} in\n{printed}");
        }
    }
}

#[test]
fn the_bot_comes_by_link_or_password_plays_its_clip_and_says_everything_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
        let token = server.access_token("alice");
        for by_link in [true, false] {
            let (room, mut host) =
                client.create(&token, &NewRoom::default(), options.clone()).await.unwrap();
            let arguments = if by_link {
                let invite = room.invite_token.clone().unwrap();
                vec![format!("{}/{}#{invite}", server.url(), room.room_id)]
            } else {
                vec![server.url(), room.room_id.clone(), room.password.clone()]
            };
            let mut bot = Command::new(example("bot"))
                .args(arguments)
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let (mut tracks, mut said) = (0, Vec::new());
            while tracks < 2 || said.len() < 2 {
                match host.next_event().await.unwrap() {
                    Event::DataChannelOpen { participant } => {
                        host.send_data(participant, "marco").await.unwrap();
                    }
                    Event::Data { participant, data } => {
                        // Another bot would echo what it receives; this one does not answer an
                        // echo.
                        host.send_data(participant, [b"echo: ", &*data].concat()).await.unwrap();
                        said.push(String::from_utf8(data.to_vec()).unwrap());
                    }
                    Event::Track(mut track) => {
                        track.recv().await.unwrap();
                        tracks += 1;
                    }
                    _ => {}
                }
            }
            assert_eq!(said, ["hello", "echo: marco"]);
            // The creator's leave closes the room.
            host.leave().await;
            let ended = tokio::task::spawn_blocking(move || bot.wait()).await.unwrap().unwrap();
            assert!(ended.success());
        }
    });
}

#[test]
fn the_bot_is_stopped_by_ctrl_c_whatever_it_is_doing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut entering = Command::new(example("bot"))
        .args([&format!("http://{address}"), "ABC234", "123456"])
        .spawn()
        .unwrap();
    let (mut request, _) = silent.accept().unwrap();
    request.read_exact(&mut [0]).unwrap();
    interrupt(&entering);
    assert!(entering.wait().unwrap().success());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        for _ in 0..3 {
            let mut bot = Command::new(example("bot"))
                .args([&server.url(), &room.room_id, &room.password])
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            // It has to be busy with answers while the signal comes.
            let mut answers = 0;
            loop {
                match host.next_event().await.unwrap() {
                    Event::DataChannelOpen { participant } => {
                        for _ in 0..10 {
                            host.send_data(participant, "marco").await.unwrap();
                        }
                    }
                    Event::Data { participant, .. } => {
                        answers += 1;
                        if answers == 20 {
                            interrupt(&bot);
                        }
                        // The channel closes once the bot has left.
                        let _ = host.send_data(participant, "marco").await;
                    }
                    Event::ParticipantLeft(_) => break,
                    _ => {}
                }
            }
            let ended = tokio::task::spawn_blocking(move || bot.wait()).await.unwrap().unwrap();
            assert!(ended.success());
        }
    });
}

#[test]
fn the_speech_bot_says_back_what_is_said_and_is_quiet_when_somebody_speaks() {
    const FORMAT: PcmFormat = PcmFormat::mono(SampleRate::Hz16000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let (voice, source) = Source::pcm(FORMAT, OpusOptions::speech());
        let options = Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false).audio(source);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let mut bot = Process(
            Command::new(example("speech_bot"))
                .args([&server.url(), &room.room_id, &room.password])
                .env("BOT_BIND", "127.0.0.1")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut lines = bot.lines();
        until(&mut host, |event| {
            matches!(event, Event::ConnectionState { state: ConnectionState::Connected, .. })
        })
        .await;
        // Repeats this until it is heard, since the test does not know when the other side is
        // ready.
        let sentence = tone(440.0, 3.0);
        let track = loop {
            voice.send(&sentence).await.unwrap();
            voice.drained().await.unwrap();
            let answered = until_track(&mut host);
            if let Ok(track) = tokio::time::timeout(Duration::from_secs(5), answered).await {
                break track;
            }
        };
        assert!(lines.next().unwrap().ends_with(" speaks"));
        let mut sound = track.into_pcm(FORMAT).unwrap();
        let (mut at_440, mut at_600) = (0.0, 0.0);
        let (mut interrupts, mut samples) = (false, Vec::new());
        while at_600 < 0.9 {
            let heard = tokio::time::timeout(Duration::from_secs(60), sound.recv()).await;
            samples.extend(heard.expect("nothing is heard").unwrap().samples);
            while samples.len() >= 320 {
                let piece: Vec<f32> = samples.drain(..320).collect();
                at_440 += if amplitude(&piece, 440.0) > 0.2 { 0.02 } else { 0.0 };
                at_600 += if amplitude(&piece, 600.0) > 0.2 { 0.02 } else { 0.0 };
            }
            if at_440 > 0.3 && !interrupts {
                interrupts = true;
                voice.send(&tone(600.0, 3.0)).await.unwrap();
            }
        }
        assert!((0.3..2.5).contains(&at_440), "{at_440} s of what was interrupted");
        host.leave().await;
    });
}

#[test]
fn pictures_of_a_participant_become_images() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = testing::start().await.unwrap();
        let client = Client::new(&server.url()).unwrap();
        let options =
            Options::new().bind_address(Ipv4Addr::LOCALHOST).mdns(false).video(Source::Clip);
        let token = server.access_token("alice");
        let (room, mut host) = client.create(&token, &NewRoom::default(), options).await.unwrap();
        let mut pictures = Command::new(example("pictures"))
            .args([&server.url(), &room.room_id, &room.password])
            .arg(folder.path())
            .env("BOT_BIND", "127.0.0.1")
            .spawn()
            .unwrap();
        until(&mut host, |event| {
            matches!(event, Event::ConnectionState { state: ConnectionState::Connected, .. })
        })
        .await;
        let image = folder.path().join(format!("{}-2.png", host.id()));
        let waiting = async {
            while !image.exists() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("an image");
        host.leave().await;
        let ended = tokio::task::spawn_blocking(move || pictures.wait()).await.unwrap().unwrap();
        assert!(ended.success());
        let image = std::fs::read(image).unwrap();
        let size = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap());
        assert_eq!((&image[1..4], size(16), size(20)), (&b"PNG"[..], 320, 240));
        // This is the test picture and not a plain color.
        assert!(image.len() > 3000, "{} bytes", image.len());
    });
}

/// Waits for a wanted event.
pub async fn until(participant: &mut Participant, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&participant.next_event().await.expect("the event comes before the end")) {}
}

async fn until_track(participant: &mut Participant) -> RemoteTrack {
    loop {
        if let Event::Track(track) = participant.next_event().await.expect("the call goes on") {
            return track;
        }
    }
}

/// A tone at 16 kHz and half of the full volume.
fn tone(pitch: f32, seconds: f32) -> Vec<f32> {
    let at = |n: usize| (std::f32::consts::TAU * pitch * n as f32 / 16_000.0).sin() / 2.0;
    (0..(16_000.0 * seconds) as usize).map(at).collect()
}

fn amplitude(samples: &[f32], pitch: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = std::f32::consts::TAU * pitch * n as f32 / 16_000.0;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
    }
    2.0 * sine.hypot(cosine) / samples.len() as f32
}
