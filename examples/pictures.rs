//! Saves an image per second of every participant who sends video. It is decoded by ffmpeg, which
//! understands VP8, VP9 and AV1.
//!
//! ```sh
//! cargo run -p examples --example pictures -- https://rooms.example.com ABC234 123456 images
//! ```

use std::env;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use client_sdk::{Client, Event, IvfWriter, MediaKind, Options, RemoteTrack, TrackSource};
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [server, room, password, folder] = &arguments[..] else {
        return Err("usage: pictures <server> <room id> <password> <folder>".into());
    };
    std::fs::create_dir_all(folder)?;
    let mut options = Options::new();
    // Keeps its media on this machine.
    if let Ok(address) = env::var("BOT_BIND") {
        options = options.bind_address(address.parse::<IpAddr>()?);
    }
    let mut bot = Client::new(server)?.join(room, password, "pictures", options).await?;
    let mut painters = JoinSet::new();
    while let Some(event) = bot.next_event().await {
        match event {
            Event::Track(track) if track.kind() == MediaKind::Video => {
                let folder = PathBuf::from(folder);
                painters.spawn(paint(track, folder));
            }
            _ => {}
        }
    }
    painters.join_all().await;
    Ok(())
}

async fn paint(track: RemoteTrack, folder: PathBuf) {
    let who = track.participant();
    // Writing into a pipe blocks, which the runtime's own threads must not do.
    let handle = Handle::current();
    let painted = spawn_blocking(move || decode(track, &folder, &handle)).await;
    if let Err(error) = painted.unwrap_or_else(|panicked| Err(panicked.into())) {
        eprintln!("pictures: of {who}: {error}");
    }
}

/// Writes a track into the pipe of a decoder until it ends.
fn decode(track: RemoteTrack, folder: &Path, runtime: &Handle) -> io::Result<()> {
    let image = image(folder, &track);
    let unknown = |_| io::Error::other("the codec is not known");
    let mut frames = track.into_frames().map_err(unknown)?;
    let Some(codec) = frames.track().codec() else { return Ok(()) };
    let mut decoder = Command::new("ffmpeg")
        .args(["-v", "error", "-probesize", "32", "-f", "ivf", "-i", "-", "-vf", "fps=1", "-y"])
        .arg(image)
        .stdin(Stdio::piped())
        .spawn()?;
    let pipe = decoder.stdin.take().ok_or_else(|| io::Error::other("ffmpeg has no pipe"))?;
    let mut file = IvfWriter::new(pipe, codec)?;
    let mut written = Ok(());
    while written.is_ok()
        && let Some(frame) = runtime.block_on(frames.recv())
    {
        written = file.write(&frame);
    }
    // The decoder ends with its pipe.
    let finished = file.finish().map(drop);
    decoder.wait()?;
    written.and(finished)
}

/// The name of the images, in which ffmpeg puts a number.
fn image(folder: &Path, track: &RemoteTrack) -> PathBuf {
    let who = track.participant();
    let what = if track.source() == Some(TrackSource::Screen) { "-screen" } else { "" };
    folder.join(format!("{who}{what}-%d.png"))
}
