//! Sends the events of rooms to a URL of the operator's, as
//! [Standard Webhooks](https://www.standardwebhooks.com) describes.

#[cfg(feature = "webhooks")]
mod body;
#[cfg(not(feature = "webhooks"))]
mod disabled;
#[cfg(feature = "webhooks")]
mod endpoint;
#[cfg(feature = "webhooks")]
mod event_id;
#[cfg(feature = "webhooks")]
mod event_queue;
#[cfg(feature = "webhooks")]
mod event_type;
#[cfg(feature = "webhooks")]
mod lines;
#[cfg(feature = "webhooks")]
mod outage;
#[cfg(feature = "webhooks")]
mod sender;
#[cfg(feature = "webhooks")]
mod settings;
#[cfg(feature = "webhooks")]
mod signing_key;

#[cfg(not(feature = "webhooks"))]
pub(crate) use self::disabled::{EventQueue, Sender, SenderTask};
#[cfg(feature = "webhooks")]
pub(crate) use self::event_queue::EventQueue;
#[cfg(feature = "webhooks")]
pub use self::event_type::WebhookEvent;
#[cfg(feature = "webhooks")]
pub(crate) use self::sender::{Sender, SenderTask};
#[cfg(feature = "webhooks")]
pub use self::settings::{InvalidWebhooks, Webhooks};
