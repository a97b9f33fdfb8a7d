//! One request and its answer, over a connection of its own.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{Request, Stream};
use crate::error::NetworkFailure;

/// Sends a request and waits for the headers of the answer.
pub(super) async fn exchange(
    stream: Stream,
    request: Request,
) -> Result<Response<Incoming>, NetworkFailure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failure)?;
    // The task ends with the answer, which reports its failures.
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(failure)
}

pub(crate) async fn read_body(answer: Response<Incoming>) -> Result<Bytes, NetworkFailure> {
    let body = Limited::new(answer.into_body(), MAX_BODY).collect().await;
    Ok(body.map_err(NetworkFailure::Broken)?.to_bytes())
}

/// Takes over the connection after an answer that switches protocols, with the bytes that were read
/// beyond it.
pub(crate) async fn switch_protocol(
    answer: Response<Incoming>,
) -> Result<(Stream, Bytes), NetworkFailure> {
    let upgraded = hyper::upgrade::on(answer).await.map_err(failure)?;
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .expect("`exchange` opened the connection over a stream of this type");
    Ok((parts.io.into_inner(), parts.read_buf))
}

fn failure(error: hyper::Error) -> NetworkFailure {
    if error.is_parse() { NetworkFailure::NotHttp(error.into()) } else { broken(error) }
}

pub(super) fn broken(error: impl Error + Send + Sync + 'static) -> NetworkFailure {
    NetworkFailure::Broken(error.into())
}

/// More than a list of two hundred rooms has.
const MAX_BODY: usize = 1024 * 1024;
