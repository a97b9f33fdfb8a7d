//! A server in this process, and the requests of its operators.

use std::future::IntoFuture;

use reqwest::Method;
use serde_json::Value;
use signal_server::{AdminKey, Secret};
use tokio::net::TcpListener;

use super::{Answer, Api, answer, builder};

pub const ADMIN_KEY: &str = "admin-key-of-the-tests-0123456789abcdef";

/// A server whose rooms can be managed.
pub struct Managed {
    pub api: Api,
    /// Its address for operators.
    pub operators: Api,
}

impl Managed {
    pub async fn start() -> Self {
        let key = AdminKey::new(Secret::new(ADMIN_KEY)).unwrap();
        let api = Api::start_with(builder().admin_key(key)).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operators = Api::at(listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, api.server().admin_router()).into_future());
        Self { api, operators }
    }

    /// A request with the key.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.operators.request(method, path).bearer_auth(ADMIN_KEY);
        answer(if let Some(body) = body { request.json(&body) } else { request }).await
    }
}
