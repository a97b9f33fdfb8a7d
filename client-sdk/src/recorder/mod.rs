//! Records received media into files.

mod bits;
mod ebml;
mod format;
mod ivf;
mod matroska;
mod ogg;
mod participant_file;
mod timeline;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};
use std::{fs, io, thread};

use signal_core::ParticipantId;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use self::ivf::IvfWriter;
pub use self::ogg::OggWriter;
pub use self::participant_file::Recording;
use self::participant_file::{Arrived, NewTrack, ParticipantFile, TrackKey};
use crate::slot::Slot;
use crate::track::{RemoteFrames, RemoteTrack};

/// Records the media of participants as they encoded it: one WebM file with audio and video for
/// each participant, or a Matroska file if it contains H.264.
///
/// The recorder places frames by the sender's clock (RFC 3550 section 6.4.1), so that audio and
/// video stay in sync; lost media leaves a gap. It begins a file one second after the first frame,
/// or six seconds if the sender does not report its clock, and writes it every second, so that it
/// can be played after a crash. A track that begins later starts a new file.
///
/// ```no_run
/// # async fn run(mut bot: client_sdk::Participant) -> Result<(), Box<dyn std::error::Error>> {
/// use client_sdk::{Event, Recorder};
///
/// let mut recorder = Recorder::new("recordings")?;
/// while let Some(event) = bot.next_event().await {
///     if let Event::Track(track) = event {
///         if let Err(track) = recorder.record(track) {
///             eprintln!("unknown codec: {track:?}");
///         }
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
    /// The tasks that receive the tracks. They end when this is dropped.
    tracks: JoinSet<()>,
    files: HashMap<ParticipantId, mpsc::WeakSender<Message>>,
    writers: Vec<(ParticipantId, oneshot::Receiver<Written>)>,
}

/// The result of the thread that writes the files of a participant.
type Written = Result<Vec<Recording>, RecordError>;

/// A recording cannot be written, for example because the disk is full.
#[derive(Debug, Error)]
#[error("cannot record {participant}: {error}")]
#[non_exhaustive]
pub struct RecordError {
    /// The recorded participant.
    pub participant: ParticipantId,
    /// The error of the operating system.
    #[source]
    pub error: io::Error,
}

/// A message to the thread that writes the files of a participant.
enum Message {
    Began(NewTrack),
    Frame(Arrived),
    Ended(TrackKey),
}

impl Recorder {
    /// Creates a recorder that writes into this directory, which is created if it is missing. Files
    /// are named after the ids of their participants, like `p_0abc1234-1.webm`; none is
    /// overwritten.
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

    /// Records a track until it ends. The recorder takes the track, so the application cannot read
    /// it as well. If a file cannot be written, recording of that participant stops, an error is
    /// logged, and [`finish`](Self::finish) returns it.
    ///
    /// # Errors
    ///
    /// Returns the track itself if its codec is unknown.
    ///
    /// # Panics
    ///
    /// Panics if called outside a tokio runtime.
    pub fn record(&mut self, track: RemoteTrack) -> Result<(), RemoteTrack> {
        let name = match (track.slot(), track.source()) {
            (Some(slot @ Slot::Named(_)), _) => slot.name().to_owned(),
            (_, Some(source)) => source.to_string(),
            (_, None) => track.kind().to_string(),
        };
        let Some(codec) = track.codec() else { return Err(track) };
        let participant = track.participant();
        let keyframe_wanted = track.keyframe_wanted();
        let frames = track.into_frames()?;
        self.last_key += 1;
        let key = TrackKey(self.last_key);
        let file = self.file_of(participant);
        let began = self.began.0;
        // Remove the finished tasks.
        while self.tracks.try_join_next().is_some() {}
        let track = NewTrack { key, codec, name, keyframe_wanted };
        self.tracks.spawn(receive(frames, track, file, began));
        Ok(())
    }

    /// Ends all files, and returns them.
    ///
    /// Without this, a file has neither a duration nor an index, but can still be played.
    ///
    /// # Errors
    ///
    /// A file could not be written, now or earlier. All others are ended.
    pub async fn finish(mut self) -> Result<Vec<Recording>, RecordError> {
        self.tracks.shutdown().await;
        let (mut recordings, mut failure) = (Vec::new(), None);
        for (participant, written) in self.writers.drain(..) {
            let panicked =
                || Err(RecordError { participant, error: io::Error::other("no writer") });
            match written.await.unwrap_or_else(|_| panicked()) {
                Ok(written) => recordings.extend(written),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(recordings), Err)
    }

    /// Returns the sender to the thread that writes the files of a participant.
    fn file_of(&mut self, participant: ParticipantId) -> mpsc::Sender<Message> {
        let open = self.files.get(&participant).and_then(mpsc::WeakSender::upgrade);
        open.unwrap_or_else(|| {
            let (sender, messages) = mpsc::channel(MAX_WAITING);
            self.files.insert(participant, sender.downgrade());
            let file = ParticipantFile::new(participant, &self.directory, self.began.1);
            let (tell, written) = oneshot::channel();
            // This is not one of the runtime's threads, whose number is limited, since it lives as
            // long as the tracks. `finish` reports if it cannot be started.
            let writer = thread::Builder::new().name("recorder".to_owned());
            let started = writer.spawn(move || {
                // The receiver may be gone.
                let _ = tell.send(write(participant, file, messages));
            });
            if let Err(error) = started {
                tracing::error!(%participant, %error, "recording cannot begin");
            }
            self.writers.push((participant, written));
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
        // The receiver is gone after an error, which `finish` returns.
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

/// How many frames may wait for the disk, for each participant.
const MAX_WAITING: usize = 256;
