//! What a listener speaks below HTTP.

#[cfg(feature = "tls")]
use super::tls::Tls;
#[cfg(feature = "tls")]
use crate::metrics::Metrics;

/// Plain TCP, or TLS over it.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls {
        tls: Tls,
        /// Where failed handshakes are counted.
        metrics: Metrics,
    },
}
