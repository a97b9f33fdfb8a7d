//! The default data channel, which carries data without a named channel.

use std::sync::Arc;

use rtc::shared::error::Error;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::channels::NAMED;
use super::event::{ConnectionEvent, EventSender};
use crate::channel::{ChannelWriter, DataChannel as Handle, DataMessage, MailboxSender};

/// The label of the channel that the side that offers creates.
pub(super) const LABEL: &str = "data";
/// Each side may have created one. Further ones count as named channels, whose number is limited.
const MAX_DEFAULT: u8 = 2;

/// Whether a channel of the other side is a default one: one with the default label, or the first
/// channel of a page, which may have any label. `known` default channels exist already.
///
/// Named channels of this crate have the protocol `named`.
pub(super) async fn is_default(channel: &dyn DataChannel, known: u8) -> Result<bool, Error> {
    let is_named = channel.protocol().await? == NAMED;
    Ok(!is_named && (known == 0 || (known < MAX_DEFAULT && channel.label().await? == LABEL)))
}

/// Passes on messages until the channel closes.
pub(super) async fn receive(channel: Arc<dyn DataChannel>, events: EventSender) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => {
                let writer = ChannelWriter::new(&channel);
                events.send(ConnectionEvent::DefaultChannelOpen(writer)).await;
            }
            DataChannelEvent::OnMessage(message) if events.takes_data() => {
                let data = message.data.freeze();
                // The other side has to wait until the application takes the waiting data.
                let share = events.data_budget.take(&data).await;
                events.send(ConnectionEvent::Data { data, share }).await;
            }
            DataChannelEvent::OnClose => return,
            _ => {}
        }
    }
}

/// Hands the channel to the application, and feeds it until it closes.
pub(super) async fn hand_over(channel: Arc<dyn DataChannel>, events: EventSender) {
    let mut mailbox = None;
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => mailbox = opened(&channel, &events).await,
            DataChannelEvent::OnMessage(message) if events.takes_data() => {
                let message =
                    DataMessage { data: message.data.freeze(), is_text: message.is_string };
                if let Some(mailbox) = &mailbox {
                    // The application may have dropped the receiver; the channel stays open for
                    // sending.
                    let _ = mailbox.push(message).await;
                }
            }
            DataChannelEvent::OnClose => return,
            _ => {}
        }
    }
}

async fn opened(channel: &Arc<dyn DataChannel>, events: &EventSender) -> Option<MailboxSender> {
    let (label, ordered) = (channel.label().await.ok()?, channel.ordered().await.ok()?);
    let writer = ChannelWriter::new(channel);
    events.send(ConnectionEvent::DefaultChannelOpen(writer.clone())).await;
    let (handle, mailbox) = Handle::new(events.peer, label, ordered, writer);
    events.send(ConnectionEvent::DataChannel(handle)).await;
    Some(mailbox)
}
