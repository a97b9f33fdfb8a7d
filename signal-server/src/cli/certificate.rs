//! The files of the server's certificate, and reloading them at SIGHUP.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::{InvalidCertificate, Tls};

/// The files that are given.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CertificateArgs {
    /// PEM file with the certificate of the server, followed by those of its authorities. The
    /// server then speaks HTTPS and secure WebSockets, and reads the file again on SIGHUP
    #[arg(long, env = "SIGNAL_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// PEM file with the private key of that certificate, without a passphrase
    #[arg(long, env = "SIGNAL_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// The files of a certificate and of its private key, and what was last read from them.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFiles {
    chain: PathBuf,
    key: PathBuf,
    tls: Tls,
}

/// The files of a certificate cannot be used.
#[derive(Debug, Error)]
pub(crate) enum CertificateProblem {
    #[error("{setting} {path}: {error}", path = path.display())]
    Unreadable { setting: &'static str, path: PathBuf, error: io::Error },
    #[error("--tls-cert {chain} and --tls-key {key}: {error}", chain = chain.display(), key = key.display())]
    Invalid { chain: PathBuf, key: PathBuf, error: InvalidCertificate },
}

impl CertificateFiles {
    /// Reads the files for the first time, if they are given. Both are, or neither.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the certificate or its key cannot be used.
    pub(crate) fn read(args: CertificateArgs) -> Result<Option<Self>, CertificateProblem> {
        let Some((chain, key)) = args.tls_cert.zip(args.tls_key) else { return Ok(None) };
        match Tls::from_pem(&text(CHAIN, &chain)?, &text(KEY, &key)?) {
            Ok(tls) => Ok(Some(Self { chain, key, tls })),
            Err(error) => Err(CertificateProblem::Invalid { chain, key, error }),
        }
    }

    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Says that the certificate has expired or soon will, if that is so.
    pub(crate) fn warning(&self, now: SystemTime) -> Option<String> {
        let expires_at = self.tls.expires_at()?;
        let chain = self.chain.display();
        match expires_at.duration_since(now) {
            Ok(left) if left > SOON => None,
            Ok(left) => {
                let hours = left.as_secs() / 3600;
                Some(format!(
                    "the certificate in {CHAIN} {chain} expires in {hours} hours; renew it, then \
                     send SIGHUP"
                ))
            }
            Err(_) => Some(format!(
                "the certificate in {CHAIN} {chain} has expired, and clients refuse it; renew it, \
                 then send SIGHUP"
            )),
        }
    }

    /// Reads the files again at each SIGHUP. New connections get the new certificate; if it cannot
    /// be used, they get the one before. Warns of the end of the certificate then, and once a day.
    pub(crate) async fn reload_at(self, mut hangup: Hangup) {
        loop {
            match timeout(DAY, hangup.received()).await {
                Ok(true) => self.clone().reload_and_log().await,
                Ok(false) => return,
                Err(_) => {}
            }
            if let Some(warning) = self.warning(SystemTime::now()) {
                tracing::warn!("{warning}");
            }
        }
    }

    async fn reload_and_log(self) {
        let reloaded = spawn_blocking(move || self.reload()).await;
        match reloaded.expect("reading files and certificates does not panic") {
            Ok(()) => tracing::info!("certificate reloaded; new connections get it"),
            Err(error) => tracing::error!(
                %error,
                "cannot reload the certificate; the previous one stays in use"
            ),
        }
    }

    fn reload(self) -> Result<(), CertificateProblem> {
        let Self { chain, key, tls } = self;
        tls.replace(&text(CHAIN, &chain)?, &text(KEY, &key)?)
            .map_err(|error| CertificateProblem::Invalid { chain, key, error })
    }
}

fn text(setting: &'static str, path: &Path) -> Result<Vec<u8>, CertificateProblem> {
    let unreadable = |error| CertificateProblem::Unreadable { setting, path: path.into(), error };
    fs::read(path).map_err(unreadable)
}

/// SIGHUP, with which operators ask for a reload.
#[derive(Debug)]
pub(crate) struct Hangup(Signal);

impl Hangup {
    /// Takes over the signal: from here on it no longer ends the process.
    ///
    /// # Errors
    ///
    /// The system does not allow it.
    pub(crate) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next signal. Returns `false` if there can be none any more.
    async fn received(&mut self) -> bool {
        self.0.recv().await.is_some()
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Programs renew certificates earlier.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const CHAIN: &str = "--tls-cert";
const KEY: &str = "--tls-key";
