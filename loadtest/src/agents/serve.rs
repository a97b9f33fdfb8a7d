//! An agent: carries out what a coordinator asks for.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::protocol::{Answer, LinkError, Order, Request, receive, send, unix_us};
use crate::generator;
use crate::interrupt::Interrupt;
use crate::run::Criteria;
use crate::target::Target;

/// Serves one coordinator after the other.
pub(crate) async fn serve(listen: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening at {}", listener.local_addr()?);
    loop {
        let (stream, coordinator) = listener.accept().await?;
        eprintln!("{coordinator} coordinates");
        match converse(stream).await {
            Ok(()) | Err(LinkError::Closed) => eprintln!("{coordinator} has gone"),
            Err(error) => eprintln!("{coordinator}: {error}"),
        }
    }
}

async fn converse(stream: TcpStream) -> Result<(), LinkError> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        // Whoever says nothing keeps others from their turn.
        let Ok(request) = timeout(PATIENCE, receive(&mut reader)).await else { return Ok(()) };
        let order = match request? {
            Request::Clock => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                send(&mut writer, &Answer::Clock { unix_us: unix_us(), version }).await?;
                continue;
            }
            // The run has ended already.
            Request::Stop => continue,
            Request::Run(order) => order,
        };
        let (interrupter, interrupt) = Interrupt::pair();
        let mut running = pin!(carry_out(&order, &interrupt));
        let answer = {
            let mut next = pin!(receive::<Request>(&mut reader));
            tokio::select! {
                answer = &mut running => answer,
                // It wants the run to end, or has gone.
                _ = &mut next => {
                    interrupter.interrupt();
                    running.await
                }
            }
        };
        send(&mut writer, &answer).await?;
        return Ok(());
    }
}

async fn carry_out(order: &Order, interrupt: &Interrupt) -> Answer {
    let failed = |reason: String, is_too_large| Answer::Failed { reason, is_too_large };
    let target = match Target::remote(&order.server) {
        Ok(target) => target,
        Err(error) => return failed(error.to_string(), false),
    };
    let objectives = match order.objectives.as_deref().map(str::parse).transpose() {
        Ok(objectives) => objectives.unwrap_or_default(),
        Err(error) => return failed(format!("{error}"), false),
    };
    let criteria = Criteria { objectives, bounds: order.bounds };
    sleep(Duration::from_micros(order.start_unix_us.saturating_sub(unix_us()))).await;
    match generator::measure(&order.scenario, target, &criteria, interrupt).await {
        Ok(report) => Answer::Report(Box::new(report)),
        Err(error) => failed(error.to_string(), error.is_too_large()),
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
