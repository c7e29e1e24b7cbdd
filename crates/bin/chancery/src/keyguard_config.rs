//! The configuration of a keyguard on a host of its own, `keyguard.toml`, and what a keyguard needs to know wherever it
//! runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_link::mutual::{Caller, Identity, Listener};

use crate::config::{self, Config, ConfigError, KeyguardSection, TsaSection};

/// The whole file.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyguardConfig {
    /// Host name by which callers and audiences know the service, as in the gateway's file: `sign.example`.
    pub(crate) host: String,
    /// Address on which the gateway is awaited: `0.0.0.0:8444`.
    pub(crate) listen: SocketAddr,
    /// Where keys and memory are kept; relative paths are relative to this file.
    data_dir: PathBuf,
    /// SHA-256 of the first `root.toml`: another is not pinned. Without it the first gateway that connects names it.
    root_sha256: Option<String>,
    /// The keyguard's certificate, and which gateways it hears.
    tls: ListenerSection,
    /// Key backends.
    keyguard: KeyguardSection,
    /// Remote time stamping authorities that a trust snapshot may name.
    #[serde(default)]
    tsa: Vec<TsaSection>,
}

/// `[tls]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerSection {
    /// PEM file with the keyguard's certificate chain, leaf first.
    certificate: PathBuf,
    /// PEM file with its private key.
    key: PathBuf,
    /// PEM file with the authorities of gateways' certificates.
    client_ca: Option<PathBuf>,
    /// SHA-256 of the SubjectPublicKeyInfo of each gateway that may connect.
    #[serde(default)]
    client_spki_sha256: Vec<String>,
}

impl KeyguardConfig {
    /// Reads and checks a file; every contradiction is reported at once.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = config::read(path)?;
        config.anchor(path.parent().unwrap_or_else(|| Path::new(".")));
        let problems = config.problems();
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError::Contradiction { path: path.to_owned(), problems })
    }

    fn anchor(&mut self, base: &Path) {
        let anchor = |path: &mut PathBuf| config::anchor(base, path);
        anchor(&mut self.data_dir);
        anchor(&mut self.tls.certificate);
        anchor(&mut self.tls.key);
        self.tls.client_ca.iter_mut().for_each(anchor);
        self.keyguard.anchor(base);
        self.tsa.iter_mut().for_each(|tsa| config::anchor(base, &mut tsa.chain));
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = self.keyguard.custody_problems();
        if self.keyguard.names_another_host() {
            problems.push("`[keyguard]` names another host; this is the keyguard's own file".to_owned());
        }
        if self.tls.client_ca.is_none() && self.tls.client_spki_sha256.is_empty() {
            problems.push("`[tls]` needs `client_ca` or `client_spki_sha256`: who may connect".to_owned());
        }
        let digests = self.tls.client_spki_sha256.iter().chain(&self.root_sha256);
        let wrong = digests.filter(|text| Sha256::parse_hex(text).is_err());
        problems.extend(wrong.map(|text| format!("`{text}` is not 64 lower-case hexadecimal digits")));
        problems
    }

    /// Who is heard, and how the keyguard proves who it is.
    pub(crate) fn listener(&self) -> Listener {
        let ListenerSection { certificate, key, client_ca, client_spki_sha256 } = self.tls.clone();
        let client_keys = client_spki_sha256.iter().filter_map(|text| Sha256::parse_hex(text).ok()).collect();
        Listener { identity: Identity { certificate, key }, client_ca, client_keys }
    }
}

/// What a keyguard needs to know, beside a gateway or on a host of its own.
#[derive(Debug, Clone)]
pub(crate) struct Custody {
    /// Host name by which callers and audiences know the service.
    pub(crate) host: String,
    /// Key backends.
    pub(crate) keyguard: KeyguardSection,
    /// Remote time stamping authorities that a trust snapshot may name.
    pub(crate) tsa: Vec<TsaSection>,
    /// The first root document; another is not pinned.
    pub(crate) root: Option<Sha256>,
    data_dir: PathBuf,
}

impl Custody {
    /// Where the keys are; only the keyguard may read there.
    #[must_use]
    pub(crate) fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("keyguard").join("keys")
    }
    /// Where the memory is.
    #[must_use]
    pub(crate) fn memory_dir(&self) -> PathBuf {
        self.data_dir.join("keyguard").join("memory")
    }
    /// This service as a URI.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.host)
    }
}

impl From<Config> for Custody {
    fn from(config: Config) -> Self {
        let Config { host, data_dir, keyguard, tsa, .. } = config;
        Self { host, keyguard, tsa, root: None, data_dir }
    }
}

impl From<KeyguardConfig> for Custody {
    fn from(config: KeyguardConfig) -> Self {
        let KeyguardConfig { host, data_dir, root_sha256, keyguard, tsa, .. } = config;
        let root = root_sha256.and_then(|text| Sha256::parse_hex(&text).ok());
        Self { host, keyguard, tsa, root, data_dir }
    }
}

/// A keyguard on another host, as a gateway's file names it.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// Host name or address; it must stand in the keyguard's certificate.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// How the gateway proves who it is, and whom it believes.
    pub(crate) caller: Caller,
}

impl Remote {
    /// From `[keyguard]`; nothing when the keyguard runs beside the gateway. Errors say what is missing.
    pub(crate) fn of(section: &KeyguardSection) -> Result<Option<Self>, String> {
        let KeyguardSection { address, ca, certificate, key, .. } = section;
        let (address, ca, certificate, key) = match (address, ca, certificate, key) {
            (None, None, None, None) => return Ok(None),
            (Some(address), Some(ca), Some(certificate), Some(key)) => (address, ca, certificate, key),
            _ => {
                let needs = "a keyguard on another host needs all of `address`, `ca`, `certificate`, `key`";
                return Err(format!("`[keyguard]`: {needs}"));
            }
        };
        let refuse = || format!("`keyguard.address` is `{address}`; expected `host:port`");
        let (host, port) = address.rsplit_once(':').ok_or_else(refuse)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(refuse)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(refuse());
        }
        let identity = Identity { certificate: certificate.clone(), key: key.clone() };
        Ok(Some(Self { host, port, caller: Caller { identity, ca: ca.clone() } }))
    }
}
