//! Stores that block on the runtime or panic, as code of an embedder may.

use std::io;

use reqwest::Method;
use serde_json::json;
use signal_server::testing;
use signal_server::{RoomStore, RoomWrite, Secret, StoredRoom};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::panicking_store::PanickingStore;
use crate::common::{Api, PATIENCE, builder};

/// A store that asks a database through the runtime, as drivers for async code do.
struct BlockingOnTheRuntime(Handle);

impl BlockingOnTheRuntime {
    /// What a driver does: it waits for a task of its own.
    fn query(&self) -> io::Result<()> {
        self.0.block_on(async { Ok(tokio::spawn(async {}).await?) })
    }
}

impl RoomStore for BlockingOnTheRuntime {
    type Error = io::Error;

    fn load(&mut self) -> io::Result<Vec<StoredRoom>> {
        self.query()?;
        Ok(Vec::new())
    }

    fn save(&mut self, _: &[RoomWrite]) -> io::Result<()> {
        self.query()
    }
}

#[tokio::test]
async fn a_store_may_block_on_the_runtime() {
    let store = BlockingOnTheRuntime(Handle::current());
    let server = builder().open_store(store, &Secret::new("kept")).await.unwrap();
    let server = testing::serve(server).await.unwrap();
    Api::at(server.address()).room().await;
}

/// A store whose reading panics.
struct Broken;

impl RoomStore for Broken {
    type Error = io::Error;

    fn load(&mut self) -> io::Result<Vec<StoredRoom>> {
        panic!("a bug of the embedder's when reading")
    }

    fn save(&mut self, _: &[RoomWrite]) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
#[should_panic = "a bug of the embedder's when reading"]
async fn a_panic_of_the_store_while_it_is_read_is_not_swallowed() {
    let _ = builder().open_store(Broken, &Secret::new("kept")).await;
}

#[tokio::test]
async fn a_writer_that_panics_twice_has_failed_and_the_server_is_not_ready() {
    let server = builder().open_store(PanickingStore, &Secret::new("kept")).await.unwrap();
    let server = testing::serve(server).await.unwrap();
    let api = Api::at(server.address());
    let ready = async || api.request(Method::GET, "/readyz").send().await.unwrap().status();
    assert_eq!(ready().await, 200);
    assert_eq!(api.create(&json!({})).await.status, 503, "whoever waits is told");
    let failed = timeout(PATIENCE, server.server().failed()).await.expect("it says so");
    assert_eq!(failed, "the thread that saves rooms");
    assert_eq!(ready().await, 503);
}
