//! The server's TLS: 1.3 and 1.2 with the one cryptographic provider, HTTP/2 and HTTP/1.1 by ALPN.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::certificate_files::CertificateFiles;
use crate::dev_certificate::DevCertificate;

/// Where the server's certificate comes from.
#[derive(Debug)]
pub enum Tls {
    /// Made for this start of a development server.
    Dev(DevCertificate),
    /// PEM files; read again when they change.
    Files {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key: PKCS#8, PKCS#1 or SEC 1.
        key: PathBuf,
    },
    /// No TLS, because someone on this machine ends it. Only on loopback: tokens are bearer tokens.
    Plain,
}

/// TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Certificate and key do not fit each other, or neither is usable.
    #[error("certificate and key cannot be used")]
    Certificate(#[source] rustls::Error),
    /// Without TLS on an address that others can reach.
    #[error("`{0}` is not a loopback address, so it needs tls")]
    NotLoopback(SocketAddr),
    /// A file that cannot be read, or holds no certificate or key.
    #[error("`{path}` cannot be used")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
}

impl Tls {
    /// The acceptor; none for plain connections.
    pub(crate) fn acceptor(self, listening: SocketAddr) -> Result<Option<TlsAcceptor>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Certificate)?;
        let builder = builder.with_no_client_auth();
        let mut config = match self {
            Self::Plain if listening.ip().is_loopback() => return Ok(None),
            Self::Plain => return Err(TlsError::NotLoopback(listening)),
            Self::Dev(certificate) => {
                let (chain, key) = certificate.into_rustls();
                builder.with_single_cert(chain, key).map_err(TlsError::Certificate)?
            }
            Self::Files { certificate, key } => {
                let files = CertificateFiles::open(certificate, key, provider)?;
                builder.with_cert_resolver(Arc::new(files))
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }
}
