//! Joins a room and takes part until there is a reason to leave.

use std::fs;

use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::args::JoinArgs;
use super::echo;
use super::failure::Failure;
use super::files::{Files, Inbox};
use super::film::Film;
use super::others::Others;
use super::output::Output;
use super::reporter::Reporter;
use super::stop::Stop;
use super::target::{self, Key, Target};
use crate::client::Client;
use crate::event::Event;
use crate::media::{MediaError, Playback, Source};
use crate::options::Options;
use crate::outgoing::SharePlace;
use crate::participant::Participant;
use crate::recorder::Recorder;
use crate::session::{CloseReason, ConnectionState};
use crate::slot::Slot;

pub(super) async fn join(args: JoinArgs, output: Output) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let target = Target::read(&args.link)?;
    let (client, server) = args.server.client(target.server.as_deref())?;
    let playback = if args.exit_after_play { Playback::once() } else { Playback::looped() };
    let mut film = Film::of(&args.play, args.frame_rate, &playback).await?;
    if args.exit_after_play {
        // It begins when the first participant is connected.
        playback.pause();
    }
    if args.clip {
        film = Film { audio: Some(Source::Clip), video: Some(Source::Clip) };
    }
    let mut left_to_play = Vec::new();
    let mut options = target::options(args.bind, &server).relay_only(args.relay_only);
    if let Some(audio) = film.audio {
        options = options.audio(audio);
        left_to_play.push(Slot::Audio);
    }
    if let Some(video) = film.video {
        options = options.video(video);
        left_to_play.push(Slot::Video);
    }
    let shared = match &args.share {
        Some(file) => {
            let playback = Playback::looped();
            let film = Film::of(std::slice::from_ref(file), args.frame_rate, &playback).await?;
            if film.video.is_none() {
                return Err(Failure::failed(format!("{} has no pictures", file.display())));
            }
            Some(film)
        }
        None => None,
    };
    let recorder = args.record.as_ref().map(Recorder::new).transpose();
    let recorder = recorder.map_err(|error| Failure::failed(format!("cannot record: {error}")))?;
    if let Some(directory) = &args.receive {
        fs::create_dir_all(directory).map_err(|error| {
            Failure::failed(format!("cannot receive into {}: {error}", directory.display()))
        })?;
    }
    let password = args.password.read()?;
    let participant = tokio::select! {
        entered = enter(&client, target, password, &args.name, options) => entered?,
        () = stop.requested() => return Ok(()),
    };
    if let Some(shared) = shared
        && let Err(error) = share(&participant, shared).await
    {
        participant.leave().await;
        return Err(Failure::failed(error.to_string()));
    }
    let reporter = Reporter::new(output, participant.clone());
    let inbox = args
        .receive
        .map(|directory| Inbox::new(directory, args.receive_limit.saturating_mul(1 << 20)));
    let id = participant.id();
    let json = json!({"id": id.as_str(), "server": server.as_str()});
    reporter.tell("entered", &format!("in the room as {id}"), json);
    let mut stay = Stay {
        files: Files::new(args.send, inbox, reporter.clone()),
        participant,
        reporter,
        recorder,
        playback: args.exit_after_play.then_some(playback),
        left_to_play,
        echoes: args.echo,
        exits_when_alone: args.exit_when_alone,
        others: Others::new(Instant::now()),
    };
    let ended = tokio::select! {
        ended = stay.take_part() => ended,
        () = stop.requested() => Ok(()),
    };
    stay.leave().await?;
    ended
}

async fn share(participant: &Participant, shared: Film) -> Result<(), MediaError> {
    if let Some(video) = &shared.video {
        participant.share(video, SharePlace::InsteadOfVideo).await?;
    }
    if let Some(audio) = &shared.audio {
        participant.publish(Slot::ScreenAudio, audio).await?;
    }
    Ok(())
}

async fn enter(
    client: &Client,
    target: Target,
    password: Option<String>,
    name: &str,
    options: Options,
) -> Result<Participant, Failure> {
    let room = &target.room;
    Ok(match (target.key, password) {
        (Some(Key::Invite(invite)), _) => client.join_by_invite(&invite, name, options).await?,
        (Some(Key::WsToken(token)), _) => client.enter(room, &token, Vec::new(), options).await?,
        (None, Some(password)) => client.join(room, &password, name, options).await?,
        (None, None) => {
            return Err(Failure::usage(
                "the link has no invite, so the password is needed: set ROOM_BOT_PASSWORD, or give \
                 --password-file FILE",
            ));
        }
    })
}

/// A participant in its room, and what it does there.
struct Stay {
    participant: Participant,
    reporter: Reporter,
    recorder: Option<Recorder>,
    files: Files,
    /// The playback of files that play once.
    playback: Option<Playback>,
    /// The slots that have not played to their end.
    left_to_play: Vec<Slot>,
    echoes: bool,
    exits_when_alone: bool,
    others: Others,
}

impl Stay {
    /// Takes part until there is a reason to leave.
    async fn take_part(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.next_event().await {
            self.reporter.event(&event);
            self.others.learn(&event, Instant::now());
            match event {
                Event::Closed(reason) => return over(&reason),
                Event::ConnectionState { state: ConnectionState::Connected, .. } => {
                    if let Some(playback) = self.playback.take() {
                        playback.resume();
                    }
                }
                Event::Data { participant, data } if self.echoes => {
                    echo::answer(&self.participant, participant, &data).await;
                }
                Event::DataChannelOpen { participant } => {
                    self.files.send(&self.participant, participant);
                }
                Event::DataChannel(channel) => {
                    if let Some(channel) = self.files.receive(channel)
                        && self.echoes
                    {
                        tokio::spawn(echo::answer_all(channel));
                    }
                }
                Event::Ended { slot } => {
                    self.left_to_play.retain(|left| *left != slot);
                    if self.left_to_play.is_empty() {
                        return Ok(());
                    }
                }
                Event::Track(track) => {
                    let refused = self.recorder.as_mut().map(|recorder| recorder.record(track));
                    if let Some(Err(track)) = refused {
                        eprintln!("warning: {track:?} is not recorded: its codec is unknown");
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits for the next event; `None` after the last, or once everybody else has left if that is
    /// a reason to leave.
    async fn next_event(&mut self) -> Option<Event> {
        let left_at = self.others.left_at().filter(|_| self.exits_when_alone);
        tokio::select! {
            biased;
            event = self.participant.next_event() => event,
            () = sleep_until(left_at.unwrap_or_else(Instant::now)), if left_at.is_some() => None,
        }
    }

    async fn leave(self) -> Result<(), Failure> {
        self.participant.leave().await;
        let Some(recorder) = self.recorder else { return Ok(()) };
        let recordings = recorder.finish().await;
        for recording in recordings.map_err(|error| Failure::failed(error.to_string()))? {
            let path = recording.path.display().to_string();
            let text = format!("{} is in {path}", recording.participant);
            let json = json!({"participant": recording.participant.as_str(), "path": path});
            self.reporter.tell("recorded", &text, json);
        }
        Ok(())
    }
}

/// The exit code for the end of the room.
fn over(reason: &CloseReason) -> Result<(), Failure> {
    match reason {
        CloseReason::Left | CloseReason::RoomClosed { .. } | CloseReason::RoomExpired { .. } => {
            Ok(())
        }
        CloseReason::Kicked { reason } => Err(Failure::removed(format!("removed: {reason}"))),
        CloseReason::Replaced => {
            Err(Failure::removed("another connection with the same token has taken the seat"))
        }
        CloseReason::Refused { code } => {
            Err(Failure::failed(format!("the server closed the connection with code {code}")))
        }
        CloseReason::SignalingLost { reason } => {
            Err(Failure::failed(format!("lost the server: {reason}")))
        }
    }
}
