//! A UDP path to one address that loses, delays, reorders and breaks off.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::time::sleep;

#[derive(Clone, Copy)]
pub struct Impairment {
    /// The share that is lost of what goes towards the address, from 0 to 1. What comes back is not lost, so that whatever
    /// goes from one participant to another through the address meets it once.
    pub loss: f64,
    /// What each datagram takes at least, in either direction.
    pub delay: Duration,
    /// What it takes beyond that at most, each for itself: those close to each other overtake each other.
    pub jitter: Duration,
}

pub struct Path {
    near: SocketAddr,
    figures: Arc<Figures>,
}

#[derive(Default)]
struct Figures {
    is_cut: AtomicBool,
    carried: AtomicU64,
    lost: AtomicU64,
    cut: AtomicU64,
    overtaken: AtomicU64,
}

/// What goes one way for one participant.
#[derive(Clone)]
struct Flow {
    impairment: Impairment,
    figures: Arc<Figures>,
    set_out: Arc<AtomicU64>,
    /// The last that has arrived, counted as they set out.
    latest: Arc<AtomicU64>,
}

impl Path {
    pub async fn to(far: SocketAddr, impairment: Impairment) -> Self {
        let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let figures = Arc::new(Figures::default());
        let path = Self { near: near.local_addr().unwrap(), figures: Arc::clone(&figures) };
        tokio::spawn(carry(near, far, impairment, figures));
        path
    }

    pub fn port(&self) -> u16 {
        self.near.port()
    }

    /// Lets nothing through, or everything again that the path does not lose.
    pub fn cut(&self, is_cut: bool) {
        self.figures.is_cut.store(is_cut, Ordering::Relaxed);
    }

    /// How many datagrams were lost, those of a cut left out.
    pub fn lost(&self) -> u64 {
        self.figures.lost.load(Ordering::Relaxed)
    }

    /// How many arrived after one that had set out later.
    pub fn overtaken(&self) -> u64 {
        self.figures.overtaken.load(Ordering::Relaxed)
    }

    /// What has become of the datagrams, for people.
    pub fn report(&self) -> String {
        let Figures { carried, lost, cut, overtaken, .. } = &*self.figures;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (carried, lost, cut, overtaken) =
            (read(carried), read(lost), read(cut), read(overtaken));
        format!("{carried} carried, {overtaken} of them overtaken, {lost} lost, {cut} cut")
    }
}

async fn carry(
    near: Arc<UdpSocket>,
    far: SocketAddr,
    impairment: Impairment,
    figures: Arc<Figures>,
) {
    let mut ends: HashMap<SocketAddr, (Arc<UdpSocket>, Flow)> = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // A participant that has closed its socket makes reading fail once.
        let Ok((length, from)) = near.recv_from(&mut buffer).await else { continue };
        let (end, flow) = match ends.get(&from) {
            Some(known) => known.clone(),
            None => {
                let end = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                end.connect(far).await.unwrap();
                let back = Flow::new(impairment, figures.clone());
                tokio::spawn(carry_back(end.clone(), near.clone(), from, back));
                let new = (end, Flow::new(impairment, figures.clone()));
                ends.insert(from, new.clone());
                new
            }
        };
        if rand::random::<f64>() < impairment.loss {
            figures.lost.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let datagram = Bytes::copy_from_slice(&buffer[..length]);
        let under_way = flow.take();
        tokio::spawn(async move {
            if under_way.await {
                // As on any path, nobody is told if the other end is gone.
                let _ = end.send(&datagram).await;
            }
        });
    }
}

async fn carry_back(end: Arc<UdpSocket>, near: Arc<UdpSocket>, to: SocketAddr, flow: Flow) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length) = end.recv(&mut buffer).await else { continue };
        let (near, datagram) = (near.clone(), Bytes::copy_from_slice(&buffer[..length]));
        let under_way = flow.take();
        tokio::spawn(async move {
            if under_way.await {
                let _ = near.send_to(&datagram, to).await;
            }
        });
    }
}

impl Flow {
    fn new(impairment: Impairment, figures: Arc<Figures>) -> Self {
        Self { impairment, figures, set_out: Arc::default(), latest: Arc::default() }
    }

    /// Takes a datagram on its way; it ends with whether the datagram arrives.
    fn take(&self) -> impl Future<Output = bool> + use<> {
        let Self { impairment, figures, set_out, latest } = self.clone();
        let number = set_out.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            sleep(impairment.delay + impairment.jitter.mul_f64(rand::random())).await;
            if figures.is_cut.load(Ordering::Relaxed) {
                figures.cut.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            figures.carried.fetch_add(1, Ordering::Relaxed);
            if latest.fetch_max(number, Ordering::Relaxed) > number {
                figures.overtaken.fetch_add(1, Ordering::Relaxed);
            }
            true
        }
    }
}
