//! The files of one participant.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use signal_core::ParticipantId;
use tokio::sync::Notify;

use super::format::{self, Format};
use super::matroska::{Matroska, TrackEntry};
use super::timeline::{Timeline, is_believed, ticks};
use crate::media::Codec;
use crate::track::RemoteFrame;

/// A file that a [`Recorder`](super::Recorder) has written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// The recorded participant.
    pub participant: ParticipantId,
    /// The file: WebM, or Matroska if it contains H.264.
    pub path: PathBuf,
    /// When its first frame arrived, by the clock of this machine.
    pub began: SystemTime,
}

/// Identifies a track among those of a recorder.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct TrackKey(pub(super) u64);

/// A track that begins.
#[derive(Clone, Debug)]
pub(super) struct NewTrack {
    pub(super) key: TrackKey,
    pub(super) codec: Codec,
    pub(super) name: String,
    /// Notified when a keyframe is needed.
    pub(super) keyframe_wanted: Arc<Notify>,
}

/// A frame and when it arrived, counted from the beginning of the recorder.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) key: TrackKey,
    pub(super) frame: RemoteFrame,
    pub(super) at: Duration,
}

/// Writes the media of one participant into one file, until there is a track that the header of the
/// file does not contain. Then another file follows.
pub(super) struct ParticipantFile {
    participant: ParticipantId,
    directory: PathBuf,
    /// When the recorder began, from which arrival times are counted.
    began: SystemTime,
    tracks: Vec<NewTrack>,
    /// The tracks that have ended while frames of them wait.
    ended: Vec<TrackKey>,
    state: State,
    recordings: Vec<Recording>,
    /// The number of the next file.
    number: u32,
}

enum State {
    /// The frames that have arrived while the tracks and the sender's clock are not known yet.
    Gathering(Vec<Arrived>),
    Writing(Writing),
}

struct Writing {
    file: Matroska<BufWriter<File>>,
    tracks: Vec<(NewTrack, Timeline)>,
    /// When the first frame of the file arrived.
    began: Duration,
}

impl ParticipantFile {
    pub(super) fn new(participant: ParticipantId, directory: &Path, began: SystemTime) -> Self {
        Self {
            participant,
            directory: directory.to_owned(),
            began,
            tracks: Vec::new(),
            ended: Vec::new(),
            state: State::Gathering(Vec::new()),
            recordings: Vec::new(),
            number: 1,
        }
    }

    /// Adds a track.
    pub(super) fn add(&mut self, track: NewTrack) {
        self.tracks.push(track);
    }

    /// Removes a track that has ended. The file continues with the others.
    pub(super) fn remove(&mut self, key: TrackKey) {
        self.ended.push(key);
        self.forget_ended();
    }

    fn forget_ended(&mut self) {
        let waiting = match &self.state {
            State::Gathering(waiting) => waiting.as_slice(),
            State::Writing(_) => &[],
        };
        self.ended.retain(|key| {
            let is_waiting = waiting.iter().any(|arrived| arrived.key == *key);
            if !is_waiting {
                self.tracks.retain(|track| track.key != *key);
            }
            is_waiting
        });
    }

    pub(super) fn push(&mut self, arrived: Arrived) -> io::Result<()> {
        if let State::Writing(writing) = &mut self.state {
            if let Some(index) = writing.index_of(arrived.key) {
                return writing.push(index, &arrived);
            }
            // The header does not contain this track. Another file begins once there is a frame
            // that a decoder can start with.
            let track = self.tracks.iter().find(|track| track.key == arrived.key);
            let Some(track) = track else { return Ok(()) };
            let is_start =
                arrived.frame.is_key && Format::of(track.codec, &arrived.frame.data).is_some();
            if !is_start {
                track.keyframe_wanted.notify_one();
                return Ok(());
            }
            // The pictures of the next file begin with a keyframe.
            self.finish_file()?;
            self.tracks.iter().for_each(|track| track.keyframe_wanted.notify_one());
        }
        let State::Gathering(waiting) = &mut self.state else { return Ok(()) };
        waiting.push(arrived);
        if self.has_gathered() { self.open() } else { Ok(()) }
    }

    /// Ends the file, and returns everything that was written.
    pub(super) fn finish(mut self) -> io::Result<Vec<Recording>> {
        if matches!(&self.state, State::Gathering(waiting) if !waiting.is_empty()) {
            self.open()?;
        }
        self.finish_file()?;
        Ok(self.recordings)
    }

    fn finish_file(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Gathering(Vec::new())) {
            State::Writing(writing) => writing.file.finish(),
            State::Gathering(_) => Ok(()),
        }
    }

    /// Whether the format and the clock of every track are known, or the wait was long enough.
    fn has_gathered(&self) -> bool {
        let State::Gathering(waiting) = &self.state else { return false };
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else { return false };
        let waited = last.at.saturating_sub(first.at);
        let is_known = |track: &NewTrack| {
            let mut frames = waiting.iter().filter(|arrived| arrived.key == track.key);
            frames.clone().any(|arrived| arrived.frame.wall_clock.is_some())
                && frames.any(|arrived| arrived.frame.is_key)
        };
        waited >= MOST_GATHERED
            || waiting.len() >= MOST_FRAMES
            || waiting.iter().map(|arrived| arrived.frame.data.len()).sum::<usize>() >= MOST_BYTES
            || waited >= LEAST_GATHERED && self.tracks.iter().all(is_known)
    }

    /// Opens a file for the tracks whose format is known, and writes the gathered frames.
    fn open(&mut self) -> io::Result<()> {
        let State::Gathering(waiting) = &mut self.state else { return Ok(()) };
        let mut waiting = std::mem::take(waiting);
        let Some(began) = waiting.first().map(|first| first.at) else { return Ok(()) };
        let mut tracks = Vec::new();
        for track in &self.tracks {
            let mut frames = waiting.iter().filter(|arrived| arrived.key == track.key);
            let described = frames.find_map(|arrived| Format::of(track.codec, &arrived.frame.data));
            if let Some(format) = described {
                let kind = track.codec.kind();
                tracks.push((track.clone(), TrackEntry { name: track.name.clone(), kind, format }));
            }
        }
        // Pictures before the first keyframe cannot be decoded.
        let mut starts = Vec::new();
        waiting.retain(|arrived| {
            let is_started = starts.contains(&arrived.key);
            if !is_started && arrived.frame.is_key {
                starts.push(arrived.key);
            }
            is_started || arrived.frame.is_key
        });
        tracks.retain(|(track, _)| starts.contains(&track.key));
        if tracks.is_empty() {
            self.forget_ended();
            return Ok(());
        }
        let zero = zero(&waiting, &self.tracks);
        let lines = tracks.iter().filter_map(|(track, _)| {
            let first = waiting.iter().find(|arrived| arrived.key == track.key)?;
            let line = timeline(track.codec, first, &waiting, zero, began);
            Some((track.clone(), line))
        });
        let lines = lines.collect();
        let entries: Vec<TrackEntry> = tracks.into_iter().map(|(_, entry)| entry).collect();
        let is_webm = self.tracks.iter().all(|track| format::is_webm(track.codec));
        let date = self.began + began;
        let (file, path) = self.create(is_webm)?;
        let file = Matroska::create(BufWriter::new(file), is_webm, &entries, date)?;
        self.recordings.push(Recording { participant: self.participant, path, began: date });
        let mut writing = Writing { file, tracks: lines, began };
        for arrived in &waiting {
            if let Some(index) = writing.index_of(arrived.key) {
                writing.push(index, arrived)?;
            }
        }
        self.state = State::Writing(writing);
        self.forget_ended();
        Ok(())
    }

    /// Creates the next file of the participant, with the first free number.
    fn create(&mut self, is_webm: bool) -> io::Result<(File, PathBuf)> {
        let extension = if is_webm { "webm" } else { "mkv" };
        loop {
            let name = format!("{}-{}.{extension}", self.participant, self.number);
            let path = self.directory.join(name);
            self.number += 1;
            match File::create_new(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Writing {
    fn index_of(&self, key: TrackKey) -> Option<usize> {
        self.tracks.iter().position(|(track, _)| track.key == key)
    }

    fn push(&mut self, index: usize, arrived: &Arrived) -> io::Result<()> {
        let Some((track, line)) = self.tracks.get_mut(index) else { return Ok(()) };
        let Arrived { frame, at, .. } = arrived;
        let at = line.place(frame.timestamp, wall_clock(frame), at.saturating_sub(self.began));
        let data = format::stored(track.codec, &frame.data).into_owned();
        self.file.push(index, track.codec.kind(), at, frame.duration, frame.is_key, data)
    }
}

/// The sender's time at the beginning of the file, which is that of the earliest first frame. A
/// track with another clock than the first track is ignored.
fn zero(waiting: &[Arrived], tracks: &[NewTrack]) -> Option<i128> {
    let times = tracks.iter().filter_map(|track| {
        let first = waiting.iter().find(|arrived| arrived.key == track.key)?;
        Some((time_of_first(track.codec, first, waiting)?, first.at.as_nanos() as i128))
    });
    let times: Vec<(i128, i128)> = times.collect();
    let (time, arrival) = *times.first()?;
    let alike = times.iter().filter(|(other, at)| is_believed(other - at, time - arrival));
    alike.map(|(time, _)| *time).min()
}

/// The capture time of the first frame of a track by its sender's clock, which may have become
/// known only later.
fn time_of_first(codec: Codec, first: &Arrived, waiting: &[Arrived]) -> Option<i128> {
    let (time, timestamp) = waiting
        .iter()
        .filter(|arrived| arrived.key == first.key)
        .find_map(|arrived| Some((wall_clock(&arrived.frame)?, arrived.frame.timestamp)))?;
    Some(time - ticks(timestamp, first.frame.timestamp, codec.kind().clock_rate()))
}

/// The timeline of a track, from its first frame on. Without a clock, the arrival time determines
/// where the track begins.
fn timeline(
    codec: Codec,
    first: &Arrived,
    waiting: &[Arrived],
    zero: Option<i128>,
    began: Duration,
) -> Timeline {
    let arrival = first.at.saturating_sub(began);
    let rate = codec.kind().clock_rate();
    let arrived = arrival.as_nanos() as i128;
    let (zero, at) = match (time_of_first(codec, first, waiting), zero) {
        (Some(time), Some(zero)) if is_believed(time - zero, arrived) => (Some(zero), time - zero),
        // This track has another clock.
        (Some(time), Some(_)) => (Some(time - arrived), arrived),
        (None, _) | (Some(_), None) => (zero, arrived),
    };
    Timeline::new(rate, zero, first.frame.timestamp, arrival, at)
}

fn wall_clock(frame: &RemoteFrame) -> Option<i128> {
    let since_1970 = frame.wall_clock?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since_1970.as_nanos() as i128)
}

/// The sound and pictures of a participant rarely begin at the same moment.
const LEAST_GATHERED: Duration = Duration::from_secs(1);
/// Browsers report their clock within five seconds.
const MOST_GATHERED: Duration = Duration::from_secs(6);
/// Some seconds of sound and pictures.
const MOST_FRAMES: usize = 2000;
const MOST_BYTES: usize = 32 * 1024 * 1024;
