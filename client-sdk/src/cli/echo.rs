//! Sends data back.

use bytes::Bytes;
use signal_core::ParticipantId;

use crate::channel::DataChannel;
use crate::error::SendError;
use crate::participant::Participant;

/// Answers data of the default channel. Answers are not answered, so that two bots do not echo for
/// ever.
pub(super) async fn answer(participant: &Participant, to: ParticipantId, data: &Bytes) {
    if data.starts_with(ECHO) {
        return;
    }
    let sent = participant.send_data(to, [ECHO, data].concat()).await;
    if let Err(error) = sent {
        eprintln!("warning: cannot answer {to}: {error}");
    }
}

/// Echoes the messages of a named channel until the channel is closed.
pub(super) async fn answer_all(mut channel: DataChannel) {
    while let Some(message) = channel.recv().await {
        if message.data.starts_with(ECHO) {
            continue;
        }
        let answer = [ECHO, &message.data].concat();
        let sent = async {
            channel.writable().await?;
            match String::from_utf8(answer) {
                Ok(text) if message.is_text => channel.send_text(&text).await,
                Ok(text) => channel.send(text.into_bytes()).await,
                Err(error) => channel.send(error.into_bytes()).await,
            }
        };
        if let Err(error) = sent.await {
            let (to, label) = (channel.participant(), channel.label().escape_debug());
            eprintln!("warning: cannot answer {to} over \"{label}\": {error}");
            if error == SendError::NoChannel {
                return;
            }
        }
    }
}

const ECHO: &[u8] = b"echo: ";
