//! Tokio as the runtime of webrtc-rs, with [sockets](Socket) and [timers](super::timer) of this
//! crate.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use super::socket::Socket;
use super::sockets::Sockets;
use crate::turn::StandIn;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for Sockets {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn spawn_reactor(&self, size: usize, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn_reactor(size, future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let local = socket.local_addr()?;
        let udp = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(Socket::new(udp, local, self.clone())))
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(to).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let Some(address) = literal(host) else {
                // webrtc-rs blocks the connection while it waits for this.
                return timeout(RESOLVING, TokioRuntime.resolve_host(host))
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            };
            Ok(StandIn::of(address).map_or_else(|| vec![address], |it| it.addresses().to_vec()))
        })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.timer.sleep(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> BoxFuture<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        TokioRuntime.name()
    }
}

const RESOLVING: Duration = Duration::from_secs(5);

/// An address and a port as webrtc-rs writes them, which leaves out the brackets of IPv6.
fn literal(host: &str) -> Option<SocketAddr> {
    let (ip, port) = host.rsplit_once(':')?;
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    Some(SocketAddr::new(ip.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn addresses_of_either_family_need_no_resolution() {
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(literal("2001:db8::1:3478"), Some((v6, 3478).into()));
        assert_eq!(literal("[2001:db8::1]:3478"), Some((v6, 3478).into()));
        assert_eq!(literal("192.0.2.1:3478"), Some((Ipv4Addr::new(192, 0, 2, 1), 3478).into()));
        assert_eq!(literal("turn.example.com:3478"), None);
    }
}
