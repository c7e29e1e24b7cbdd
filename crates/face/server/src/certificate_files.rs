//! The server's certificate in PEM files that somebody renews: read again when they change, kept when the new ones
//! cannot be used. Expiry never stops a release because of a restart that nobody made.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::TlsError;

/// The files are looked at this often at most, at a handshake.
const LOOK: Duration = Duration::from_secs(1);

/// Certificate and key of two files.
#[derive(Debug)]
pub(crate) struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: Mutex<Current>,
}

struct Current {
    pair: Arc<CertifiedKey>,
    /// The files as they were when they were read, or found unusable.
    seen: Option<[Seen; 2]>,
    looked: Instant,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Current({:?})", self.seen)
    }
}

/// Enough to notice that a file was written to or exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    node: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl CertificateFiles {
    /// Reads the files for the first time; now they must be usable.
    pub(crate) fn open(
        certificate: PathBuf,
        key: PathBuf,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let seen = seen(&certificate, &key);
        let pair = Arc::new(read(&certificate, &key, &provider)?);
        let current = Mutex::new(Current { pair, seen, looked: Instant::now() });
        Ok(Self { certificate, key, provider, current })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            // The look comes before the read: what is written in between is noticed at the next one.
            let seen = seen(&self.certificate, &self.key);
            if seen.is_some() && seen != current.seen {
                current.seen = seen;
                self.renew(&mut current);
            }
        }
        Arc::clone(&current.pair)
    }

    fn renew(&self, current: &mut Current) {
        let path = self.certificate.display();
        match read(&self.certificate, &self.key, &self.provider) {
            Ok(pair) => {
                current.pair = Arc::new(pair);
                tracing::info!(%path, "the renewed certificate is served");
            }
            Err(error) => say_unusable(&error),
        }
    }
}

fn say_unusable(error: &TlsError) {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, why, "the new certificate cannot be used; the old one is kept");
}

impl ResolvesServerCert for CertificateFiles {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn seen(certificate: &Path, key: &Path) -> Option<[Seen; 2]> {
    let look = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some(Seen {
            node: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    };
    Some([look(certificate)?, look(key)?])
}

/// Errors also when the key is not the certificate's: files that are exchanged one after the other pass through that.
fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(unreadable(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Certificate)
}
