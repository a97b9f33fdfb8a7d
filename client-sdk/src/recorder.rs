//! Writes what others send into files.

mod bits;
mod ebml;
mod format;
mod matroska;
mod participant_file;
mod timeline;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};
use std::{fs, io};

use signal_core::ParticipantId;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

pub use self::participant_file::Recording;
use self::participant_file::{Arrived, NewTrack, ParticipantFile, TrackKey};
use crate::track::{RemoteFrames, RemoteTrack};

/// Records what participants send, as they encoded it: for each of them a WebM file with sound and
/// pictures, or a Matroska file if there is H.264 among them.
///
/// Frames lie in a file where the clock of their sender puts them (RFC 3550 section 6.4.1), so that
/// sound and pictures fit each other however they arrived; what was lost or not sent is a gap. A
/// file is begun when its tracks have been heard for a second, or six if the sender does not tell
/// its clock, and is written every second, so that it can be played after a crash. A track that
/// begins later begins another file.
///
/// ```no_run
/// # async fn run(mut bot: client_sdk::Participant) -> Result<(), Box<dyn std::error::Error>> {
/// use client_sdk::{Event, Recorder};
///
/// let mut recorder = Recorder::new("recordings")?;
/// while let Some(event) = bot.next_event().await {
///     if let Event::Track(track) = event {
///         recorder.record(track).ok();
///     }
/// }
/// for recording in recorder.finish().await? {
///     println!("{} is in {}", recording.participant, recording.path.display());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    directory: PathBuf,
    began: (Instant, SystemTime),
    last_key: u64,
    /// What receives the tracks. They end when this is dropped.
    tracks: JoinSet<()>,
    files: HashMap<ParticipantId, mpsc::WeakSender<Message>>,
    writers: Vec<JoinHandle<Result<Vec<Recording>, RecordError>>>,
}

/// A file cannot be written; the fault of the machine it is written on.
#[derive(Debug, Error)]
#[error("cannot record {participant}: {error}")]
pub struct RecordError {
    /// Whose recording it is.
    pub participant: ParticipantId,
    /// The error of the operating system.
    #[source]
    pub error: io::Error,
}

/// What the thread that writes the files of a participant is told.
enum Message {
    Began(NewTrack),
    Frame(Arrived),
    Ended(TrackKey),
}

impl Recorder {
    /// A recorder that writes into this directory, which is created if it is missing. Files are
    /// named after the ids of their participants, like `p_0abc1234-1.webm`; none is overwritten.
    ///
    /// # Errors
    ///
    /// The directory cannot be created.
    pub fn new(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        fs::create_dir_all(&directory)?;
        Ok(Self {
            directory,
            began: (Instant::now(), SystemTime::now()),
            last_key: 0,
            tracks: JoinSet::new(),
            files: HashMap::new(),
            writers: Vec::new(),
        })
    }

    /// Records a track until it ends.
    ///
    /// # Errors
    ///
    /// The track itself, if its codec is unknown.
    ///
    /// # Panics
    ///
    /// When it is called outside a tokio runtime.
    pub fn record(&mut self, track: RemoteTrack) -> Result<(), RemoteTrack> {
        let source = track.source().map(|source| source.to_string());
        let name = source.unwrap_or_else(|| track.kind().to_string());
        let Some(codec) = track.codec() else { return Err(track) };
        let participant = track.participant();
        let keyframe_wanted = track.keyframe_wanted();
        let frames = track.into_frames()?;
        self.last_key += 1;
        let key = TrackKey(self.last_key);
        let file = self.file_of(participant);
        let began = self.began.0;
        // Tracks that have ended are done with.
        while self.tracks.try_join_next().is_some() {}
        let track = NewTrack { key, codec, name, keyframe_wanted };
        self.tracks.spawn(receive(frames, track, file, began));
        Ok(())
    }

    /// Ends all files, and returns those that were written.
    ///
    /// Without this, a file has neither its duration nor an index, and can be played all the same.
    ///
    /// # Errors
    ///
    /// A file could not be written, for the first time now or earlier. All others are ended.
    pub async fn finish(mut self) -> Result<Vec<Recording>, RecordError> {
        self.tracks.shutdown().await;
        let (mut recordings, mut failure) = (Vec::new(), None);
        for writer in self.writers.drain(..) {
            match writer.await {
                Ok(Ok(written)) => recordings.extend(written),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                // The thread panicked, or the runtime is shutting down.
                Err(_) => {}
            }
        }
        failure.map_or(Ok(recordings), Err)
    }

    /// What takes the frames for the files of a participant.
    fn file_of(&mut self, participant: ParticipantId) -> mpsc::Sender<Message> {
        let open = self.files.get(&participant).and_then(mpsc::WeakSender::upgrade);
        open.unwrap_or_else(|| {
            let (sender, messages) = mpsc::channel(MAX_WAITING);
            self.files.insert(participant, sender.downgrade());
            let file = ParticipantFile::new(participant, &self.directory, self.began.1);
            self.writers.push(spawn_blocking(move || write(participant, file, messages)));
            sender
        })
    }
}

async fn receive(
    mut frames: RemoteFrames,
    track: NewTrack,
    file: mpsc::Sender<Message>,
    began: Instant,
) {
    let key = track.key;
    if file.send(Message::Began(track)).await.is_err() {
        return;
    }
    while let Some(frame) = frames.recv().await {
        let arrived = Arrived { key, frame, at: began.elapsed() };
        // Nobody takes it after an error, which `finish` returns.
        if file.send(Message::Frame(arrived)).await.is_err() {
            return;
        }
    }
    let _ = file.send(Message::Ended(key)).await;
}

/// Writes the files of a participant until all its tracks have ended.
fn write(
    participant: ParticipantId,
    mut file: ParticipantFile,
    mut messages: mpsc::Receiver<Message>,
) -> Result<Vec<Recording>, RecordError> {
    let mut handle = |message| match message {
        Message::Began(track) => {
            file.add(track);
            Ok(())
        }
        Message::Frame(arrived) => file.push(arrived),
        Message::Ended(key) => {
            file.remove(key);
            Ok(())
        }
    };
    let mut written = Ok(());
    while let (Ok(()), Some(message)) = (&written, messages.blocking_recv()) {
        written = handle(message);
    }
    let written = written.and_then(|()| file.finish());
    written.map_err(|error| {
        tracing::error!(%participant, %error, "recording has ended");
        RecordError { participant, error }
    })
}

/// Frames that may wait for the disk, for each participant.
const MAX_WAITING: usize = 256;
