//! TLS 1.3 between gateway and keyguard on two hosts: each proves who it is to the other, by certificates of nobody's
//! but their own authority.
//!
//! Files are read anew for every connection, so renewed certificates need no restart: connections are few. Sessions are
//! never resumed, so a certificate that expired or was unpinned opens no further connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_x509::certificate::Certificate;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MutualError {
    /// Certificate and key do not fit each other, or are not usable.
    #[error("`{path}` and its key cannot be used")]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Error,
    },
    /// A file that cannot be read, or does not hold what it should.
    #[error("`{path}` cannot be used")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// An authority's certificate that cannot be one.
    #[error("`{path}` holds no usable authority")]
    Authority {
        /// The file.
        path: PathBuf,
    },
    /// Nobody could ever connect.
    #[error("neither an authority nor a key of gateways is named")]
    Nobody,
    /// The provider lacks TLS 1.3.
    #[error("tls 1.3 cannot be used")]
    Version(#[source] Error),
}

/// How one side proves who it is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// PEM file with the chain, leaf first.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), MutualError> {
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unusable(&self.key))?;
        Ok((chain, key))
    }
    fn refused(&self) -> impl FnOnce(Error) -> MutualError {
        let path = self.certificate.clone();
        |source| MutualError::Certificate { path, source }
    }
}

/// The gateway's side.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The gateway's own certificate.
    pub identity: Identity,
    /// PEM file with the authorities of the keyguard's certificate; no other is believed.
    pub ca: PathBuf,
}

impl Caller {
    /// Reads the files.
    pub fn connector(&self) -> Result<TlsConnector, MutualError> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&[&TLS13]).map_err(MutualError::Version)?;
        let builder = builder.with_root_certificates(authorities(&self.ca)?);
        let (chain, key) = self.identity.read()?;
        let mut config = builder.with_client_auth_cert(chain, key).map_err(self.identity.refused())?;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// The keyguard's side. A gateway must satisfy whatever is named; at least one must be.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The keyguard's own certificate.
    pub identity: Identity,
    /// PEM file with the authorities of gateways' certificates.
    pub client_ca: Option<PathBuf>,
    /// SHA-256 of the SubjectPublicKeyInfo of each gateway that may connect; empty: any that the authorities vouch for.
    pub client_keys: Vec<Sha256>,
}

impl Listener {
    /// Reads the files.
    pub fn acceptor(&self) -> Result<TlsAcceptor, MutualError> {
        let provider = provider();
        let verifier = self.verifier(&provider)?;
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&TLS13]).map_err(MutualError::Version)?;
        let (chain, key) = self.identity.read()?;
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(self.identity.refused())?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, MutualError> {
        let by_authority = match &self.client_ca {
            None => None,
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
                Some(builder.build().map_err(|_| MutualError::Authority { path: path.clone() })?)
            }
        };
        match (by_authority, self.client_keys.as_slice()) {
            (None, []) => Err(MutualError::Nobody),
            (Some(verifier), []) => Ok(verifier),
            (by_authority, keys) => Ok(Arc::new(Pinned {
                keys: keys.to_vec(),
                by_authority,
                algorithms: provider.signature_verification_algorithms,
            })),
        }
    }
}

/// Gateways by their keys, whoever certified them; and by their authority, where one is named too.
#[derive(Debug)]
struct Pinned {
    keys: Vec<Sha256>,
    by_authority: Option<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let refuse = |error| Err(Error::InvalidCertificate(error));
        let Ok(certificate) = Certificate::parse(end_entity) else {
            return refuse(CertificateError::BadEncoding);
        };
        if !self.keys.contains(&Sha256::of(certificate.spki())) {
            return refuse(CertificateError::ApplicationVerificationFailure);
        }
        let Ok(seconds) = i64::try_from(now.as_secs()) else {
            return refuse(CertificateError::Expired);
        };
        let (now_here, validity) = (Time::from_seconds(seconds), certificate.validity());
        if now_here < validity.not_before() {
            return refuse(CertificateError::NotValidYet);
        }
        if !validity.contains(now_here) {
            return refuse(CertificateError::Expired);
        }
        match &self.by_authority {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Ok(ClientCertVerified::assertion()),
        }
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only tls 1.3 is spoken here".to_owned()))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn authorities(path: &Path) -> Result<RootCertStore, MutualError> {
    let unusable = || MutualError::Authority { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| unusable())?;
    }
    if roots.is_empty() { Err(unusable()) } else { Ok(roots) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MutualError> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    found.map_err(unusable(path))
}

fn unusable(path: &Path) -> impl FnOnce(rustls::pki_types::pem::Error) -> MutualError {
    let path = path.to_owned();
    |source| MutualError::File { path, source }
}
