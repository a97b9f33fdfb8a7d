//! The browsers that show pages.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::chromium::{self, Chromium};
use super::firefox::{self, Firefox};
use crate::common::PATIENCE;

pub(crate) enum Browser {
    Chromium(Chromium),
    Firefox(Firefox),
}

/// A tab with a page.
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

    /// Waits until an expression is true. A page that is being replaced cannot answer.
    pub(crate) async fn until(&self, condition: &str) {
        until(condition, async |expression| self.evaluate(expression).await).await;
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

/// Waits until a page evaluates an expression as true.
pub(super) async fn until(condition: &str, evaluate: impl AsyncFn(&str) -> Result<Value, String>) {
    let condition = format!("Boolean({condition})");
    let waiting = async {
        while evaluate(&condition).await != Ok(Value::Bool(true)) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(PATIENCE, waiting).await.is_err() {
        let shown = evaluate("document.body.innerText").await;
        panic!("{condition} does not come about on a page that shows {shown:?}");
    }
}
