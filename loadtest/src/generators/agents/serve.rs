//! An agent: carries out the requests of a coordinator.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncBufRead, BufReader, copy, sink};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, sleep, timeout};

use super::protocol::{
    Answer, HEARTBEAT, LinkError, Order, Request, SILENCE, receive, send, unix_us,
};
use crate::generators::this_process;
use crate::interrupt::Interrupt;
use crate::run::Criteria;
use crate::target::Target;

/// Serves one coordinator after the other, until it is interrupted.
pub(crate) async fn serve(listen: SocketAddr, interrupt: &Interrupt) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening at {}", listener.local_addr()?);
    while !interrupt.is_interrupted() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = interrupt.wait() => break,
        };
        let (stream, coordinator) = match accepted {
            Ok(accepted) => accepted,
            // The process may, for example, be out of open files for a while.
            Err(error) => {
                eprintln!("cannot accept a coordinator: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        eprintln!("{coordinator} is the coordinator");
        match converse(stream, interrupt).await {
            Ok(()) | Err(LinkError::Closed) => eprintln!("{coordinator} is gone"),
            Err(error) => eprintln!("{coordinator}: {error}"),
        }
    }
    Ok(())
}

async fn converse(stream: TcpStream, interrupt: &Interrupt) -> Result<(), LinkError> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        // A silent coordinator must not keep others waiting.
        let request = tokio::select! {
            request = receive(&mut reader, SILENCE) => request?,
            () = interrupt.wait() => return Ok(()),
        };
        match request {
            Request::Clock => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                send(&mut writer, &Answer::Clock { unix_us: unix_us(), version }).await?;
            }
            // There is no run yet.
            Request::Alive | Request::Stop => {}
            Request::Run(order) => {
                let answer = run(&order, &mut reader, &mut writer, interrupt).await;
                let sent = timeout(DELIVERY, send(&mut writer, &answer)).await;
                sent.map_err(|_| LinkError::Silent)??;
                // With unread messages, the connection would break before the answer has arrived.
                let _ = timeout(SILENCE, copy(&mut reader, &mut sink())).await;
                return Ok(());
            }
        }
    }
}

/// Carries out a part of a run, until it ends, its coordinator stops it or is gone, or this agent
/// is interrupted.
async fn run(
    order: &Order,
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    interrupt: &Interrupt,
) -> Answer {
    let (interrupter, interrupted) = Interrupt::pair();
    let mut running = pin!(carry_out(order, &interrupted));
    let mut stopping = pin!(stop_wanted(reader));
    let mut heartbeat = interval(HEARTBEAT);
    loop {
        tokio::select! {
            answer = &mut running => return answer,
            () = &mut stopping, if !interrupted.is_interrupted() => interrupter.interrupt(),
            () = interrupt.wait(), if !interrupted.is_interrupted() => interrupter.interrupt(),
            _ = heartbeat.tick() => if send(writer, &Answer::Alive).await.is_err() {
                interrupter.interrupt();
            },
        }
    }
}

/// Waits until the coordinator stops the run, or is gone.
async fn stop_wanted(reader: &mut (impl AsyncBufRead + Unpin)) {
    while let Ok(Request::Alive) = receive(reader, SILENCE).await {}
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
    tokio::select! {
        () = sleep(Duration::from_micros(order.start_unix_us.saturating_sub(unix_us()))) => {}
        () = interrupt.wait() => {}
    }
    match this_process::measure(&order.scenario, target, &criteria, interrupt).await {
        Ok(report) => Answer::Report(Box::new(report)),
        Err(error) => failed(error.to_string(), error.is_too_large()),
    }
}

/// A report has megabytes, and a coordinator may be suspended.
const DELIVERY: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(200);
