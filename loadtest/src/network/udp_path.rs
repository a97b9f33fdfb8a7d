//! A UDP path to one address that loses, delays, reorders and throttles datagrams, and can be cut.
//! The tests of client-sdk use it too.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::sleep;

/// The impairment of datagrams in one direction; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Impairment {
    /// The share that is lost, from 0 to 1.
    pub(crate) loss: f64,
    /// The minimum delay of a datagram.
    pub(crate) delay: Duration,
    /// The maximum additional delay, drawn for each datagram, so that close ones overtake each
    /// other.
    pub(crate) jitter: Duration,
    /// The bandwidth of each sender in bits a second. Datagrams that would wait for longer than
    /// [`QUEUE`] are lost.
    pub(crate) bandwidth: Option<u64>,
}

/// A path, until it is dropped.
pub(crate) struct Path {
    near: SocketAddr,
    counters: Arc<Counters>,
    carrying: AbortHandle,
}

/// The numbers of datagrams by what happened to them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    pub(crate) carried: u64,
    /// Those of a cut left out.
    pub(crate) lost: u64,
    /// Datagrams on a path that was cut.
    pub(crate) cut: u64,
    /// How many arrived after one that had set out later.
    pub(crate) overtaken: u64,
}

#[derive(Default)]
struct Counters {
    is_cut: AtomicBool,
    carried: AtomicU64,
    lost: AtomicU64,
    cut: AtomicU64,
    overtaken: AtomicU64,
}

/// One direction of the path of one sender.
#[derive(Clone)]
struct Flow {
    impairment: Impairment,
    counters: Arc<Counters>,
    set_out: Arc<AtomicU64>,
    /// The last that has arrived, counted as they set out.
    latest: Arc<AtomicU64>,
    /// When everything that is queued for the bandwidth has been sent.
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl Path {
    /// A path of this machine that leads to an address: `there` is what goes towards it, `back`
    /// what comes from it.
    pub(crate) async fn to(
        far: SocketAddr,
        there: Impairment,
        back: Impairment,
    ) -> io::Result<Self> {
        let near = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let (address, counters) = (near.local_addr()?, Arc::new(Counters::default()));
        let carrying = carry(near, far, there, back, Arc::clone(&counters));
        let carrying = tokio::spawn(carrying).abort_handle();
        Ok(Self { near: address, counters, carrying })
    }

    pub(crate) fn port(&self) -> u16 {
        self.near.port()
    }

    /// Cuts the path, or restores it.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.counters.is_cut.store(is_cut, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> Figures {
        let Counters { carried, lost, cut, overtaken, .. } = &*self.counters;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (carried, lost, cut, overtaken) =
            (read(carried), read(lost), read(cut), read(overtaken));
        Figures { carried, lost, cut, overtaken }
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { carried, lost, cut, overtaken } = self;
        write!(f, "{carried} carried, {overtaken} of them overtaken, {lost} lost, {cut} cut")
    }
}

async fn carry(
    near: Arc<UdpSocket>,
    far: SocketAddr,
    there: Impairment,
    back: Impairment,
    counters: Arc<Counters>,
) {
    let mut ends: HashMap<SocketAddr, (Arc<UdpSocket>, Flow)> = HashMap::new();
    // They end with this task.
    let mut ways_back = tokio::task::JoinSet::new();
    let mut buffer = vec![0; MOST_BYTES];
    loop {
        // A sender that has closed its socket makes reading fail once.
        let Ok((length, from)) = near.recv_from(&mut buffer).await else { continue };
        let (end, flow) = match ends.get(&from) {
            Some(known) => known.clone(),
            None if ends.len() == MOST_SENDERS => continue,
            None => {
                let Ok(end) = connect(far).await else { continue };
                let way_back = Flow::new(back, Arc::clone(&counters));
                ways_back.spawn(carry_back(Arc::clone(&end), Arc::clone(&near), from, way_back));
                let new = (end, Flow::new(there, Arc::clone(&counters)));
                ends.insert(from, new.clone());
                new
            }
        };
        let Some(under_way) = flow.take(length) else { continue };
        let datagram = buffer[..length].to_vec();
        tokio::spawn(async move {
            if under_way.await {
                // As on any path, datagrams to an end that is gone are lost silently.
                let _ = end.send(&datagram).await;
            }
        });
    }
}

async fn connect(far: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    let any: SocketAddr = if far.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let end = UdpSocket::bind(any).await?;
    end.connect(far).await?;
    Ok(Arc::new(end))
}

async fn carry_back(end: Arc<UdpSocket>, near: Arc<UdpSocket>, to: SocketAddr, flow: Flow) {
    let mut buffer = vec![0; MOST_BYTES];
    loop {
        let Ok(length) = end.recv(&mut buffer).await else { continue };
        let Some(under_way) = flow.take(length) else { continue };
        let (near, datagram) = (Arc::clone(&near), buffer[..length].to_vec());
        tokio::spawn(async move {
            if under_way.await {
                let _ = near.send_to(&datagram, to).await;
            }
        });
    }
}

impl Flow {
    fn new(impairment: Impairment, counters: Arc<Counters>) -> Self {
        let (set_out, latest, free_at) = (Arc::default(), Arc::default(), Arc::default());
        Self { impairment, counters, set_out, latest, free_at }
    }

    /// Takes a datagram on its way, which ends with whether it arrives; `None` if it is lost at
    /// once.
    fn take(&self, bytes: usize) -> Option<impl Future<Output = bool> + use<>> {
        let Some(queued) = self.queued(bytes).filter(|_| !self.loses()) else {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let Self { impairment, counters, set_out, latest, .. } = self.clone();
        let number = set_out.fetch_add(1, Ordering::Relaxed) + 1;
        Some(async move {
            sleep(queued + impairment.delay + impairment.jitter.mul_f64(rand::random())).await;
            if counters.is_cut.load(Ordering::Relaxed) {
                counters.cut.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            counters.carried.fetch_add(1, Ordering::Relaxed);
            if latest.fetch_max(number, Ordering::Relaxed) > number {
                counters.overtaken.fetch_add(1, Ordering::Relaxed);
            }
            true
        })
    }

    fn loses(&self) -> bool {
        rand::random::<f64>() < self.impairment.loss
    }

    /// How long a datagram waits for those before it and for itself; `None` if it finds no place.
    fn queued(&self, bytes: usize) -> Option<Duration> {
        let Some(bandwidth) = self.impairment.bandwidth else { return Some(Duration::ZERO) };
        let now = Instant::now();
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free_at.map_or(now, |free_at| free_at.max(now));
        if begins - now > QUEUE {
            return None;
        }
        let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / bandwidth.max(1) as f64);
        let through = begins.checked_add(takes)?;
        *free_at = Some(through);
        Some(through - now)
    }
}

/// The queue of a narrow path.
const QUEUE: Duration = Duration::from_millis(300);
/// No datagram is longer.
const MOST_BYTES: usize = 64 * 1024;
/// A participant has one for each connection.
const MOST_SENDERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_narrow_path_takes_time_and_loses_what_exceeds_it() {
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // 1000 bytes take 8 ms.
        let narrow = Impairment { bandwidth: Some(1_000_000), ..Impairment::default() };
        let path = Path::to(far.local_addr().unwrap(), narrow, Impairment::default()).await;
        let path = path.unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let begun = Instant::now();
        for _ in 0..100 {
            sender.send_to(&[0; 1000], ("127.0.0.1", path.port())).await.unwrap();
        }
        let mut buffer = [0; 2000];
        for _ in 0..30 {
            let (_, from) = far.recv_from(&mut buffer).await.unwrap();
            far.send_to(b"back", from).await.unwrap();
        }
        assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
        assert_eq!(sender.recv(&mut buffer).await.unwrap(), 4);
        let figures = path.figures();
        assert!(figures.lost > 0 && figures.cut == 0, "{figures}");
    }

    #[tokio::test]
    async fn what_meets_a_cut_does_not_arrive() {
        let far = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let none = Impairment::default();
        let path = Path::to(far.local_addr().unwrap(), none, none).await.unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        path.cut(true);
        sender.send_to(b"one", ("127.0.0.1", path.port())).await.unwrap();
        while path.figures().cut == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        path.cut(false);
        sender.send_to(b"other", ("127.0.0.1", path.port())).await.unwrap();
        let mut buffer = [0; 10];
        assert_eq!(far.recv(&mut buffer).await.unwrap(), 5);
        assert_eq!(path.figures(), Figures { carried: 1, cut: 1, ..Figures::default() });
    }
}
