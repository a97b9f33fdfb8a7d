//! The browsers that show pages.

use serde_json::Value;

use super::chromium::{self, Chromium};
use super::firefox::{self, Firefox};

pub(crate) enum Browser {
    Chromium(Chromium),
    Firefox(Firefox),
}

/// A tab with a page that has a `call`.
pub(crate) enum Tab {
    Chromium(chromium::Tab),
    Firefox(firefox::Tab),
}

impl Browser {
    /// Opens a page in a tab of its own and waits until it has loaded.
    pub(crate) async fn open(&self, url: &str) -> Tab {
        match self {
            Self::Chromium(chromium) => Tab::Chromium(chromium.open(url).await),
            Self::Firefox(firefox) => Tab::Firefox(firefox.open(url).await),
        }
    }
}

impl Tab {
    /// The value of a JavaScript expression, awaited if it is a promise.
    ///
    /// # Errors
    ///
    /// It throws.
    pub(crate) async fn evaluate(&self, expression: &str) -> Result<Value, String> {
        match self {
            Self::Chromium(tab) => tab.evaluate(expression).await,
            Self::Firefox(tab) => tab.evaluate(expression).await,
        }
    }

    pub(crate) async fn reload(&self) {
        match self {
            Self::Chromium(tab) => tab.reload().await,
            Self::Firefox(tab) => tab.reload().await,
        }
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Chromium(tab) => tab.close().await,
            Self::Firefox(tab) => tab.close().await,
        }
    }
}
