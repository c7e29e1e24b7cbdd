//! The configuration file. Every field is here; unknown ones are load errors; secrets come from files, never from here.

use std::path::{Path, PathBuf};

use crate::keyguard_config::Remote;
use crate::registry::{self, RegistrySection};
use crate::webhook;

/// The whole file, `chancery.toml`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Host name by which callers and audiences know this service: `sign.example`.
    pub(crate) host: String,
    /// Organisation in the names of the built-in authorities.
    pub(crate) organisation: String,
    /// Address to listen on: `127.0.0.1:8443`.
    pub(crate) listen: std::net::SocketAddr,
    /// Where everything is kept; relative paths are relative to this file.
    pub(crate) data_dir: PathBuf,
    /// Governance documents for the first start; afterwards `chancery policy apply`.
    pub(crate) governance_dir: PathBuf,
    /// Development authorities, built-in issuer, loopback only.
    #[serde(default)]
    pub(crate) dev: bool,
    /// The ledger.
    pub(crate) ledger: LedgerSection,
    /// Server certificate; absent only with `dev`, which makes its own.
    pub(crate) tls: Option<TlsSection>,
    /// Key backends.
    pub(crate) keyguard: KeyguardSection,
    /// Remote time stamping authorities that profiles may name.
    #[serde(default)]
    pub(crate) tsa: Vec<TsaSection>,
    /// Container registries that the service itself may reach.
    #[serde(default)]
    pub(crate) registries: Vec<RegistrySection>,
    /// Receivers of notices.
    #[serde(default)]
    pub(crate) webhooks: Vec<WebhookSection>,
}

/// `[ledger]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSection {
    /// Origin: a bare host name with its year, `log2026.sign.example`.
    pub(crate) origin: String,
    /// Bytes of disk that are never used for entries; intake stops there. 256 MiB unless given.
    pub(crate) reserve: Option<u64>,
    /// `false` gives every append its own commit, for comparison only.
    #[serde(default = "yes")]
    pub(crate) group_commit: bool,
}

const fn yes() -> bool {
    true
}

/// `[tls]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// PEM file with the certificate chain, leaf first.
    pub(crate) certificate: PathBuf,
    /// PEM file with the private key.
    pub(crate) key: PathBuf,
}

/// `[keyguard]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyguardSection {
    /// File with the passphrase of the software keys (at least 16 bytes, mode 0600).
    pub(crate) passphrase_file: Option<PathBuf>,
    /// File with the key-encryption key itself: a systemd credential.
    pub(crate) credential_file: Option<PathBuf>,
    /// Threads that sign; the number of processors unless given.
    pub(crate) threads: Option<usize>,
    /// PKCS#11 tokens.
    #[serde(default)]
    pub(crate) pkcs11: Vec<Pkcs11Section>,
    /// PEM file with the authorities of issuers inside the company, beside those that the machine trusts.
    pub(crate) issuer_ca: Option<PathBuf>,
    /// Name of the backend for new artifact keys: `software` or a token's name.
    #[serde(default = "software")]
    pub(crate) artifact_keys: String,
    /// The keyguard on another host, `host:port`; then the other fields are in that host's own file.
    pub(crate) address: Option<String>,
    /// PEM file with the authorities of that keyguard's certificate; no other is believed.
    pub(crate) ca: Option<PathBuf>,
    /// PEM file with the certificate chain by which the gateway proves who it is.
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub(crate) key: Option<PathBuf>,
}

fn software() -> String {
    "software".to_owned()
}

impl KeyguardSection {
    /// Makes its paths relative to a directory.
    pub(crate) fn anchor(&mut self, base: &Path) {
        let anchor = |path: &mut PathBuf| anchor(base, path);
        let Self { passphrase_file, credential_file, issuer_ca, ca, certificate, key, .. } = self;
        let optional = [passphrase_file, credential_file, issuer_ca, ca, certificate, key];
        optional.into_iter().flatten().for_each(anchor);
        self.pkcs11.iter_mut().for_each(|token| anchor(&mut token.pin_file));
    }
    /// Whether the keyguard runs on another host.
    pub(crate) const fn names_another_host(&self) -> bool {
        self.address.is_some() || self.ca.is_some() || self.certificate.is_some() || self.key.is_some()
    }
    /// Whether anything is said that only the keyguard's own host needs.
    fn has_custody(&self) -> bool {
        let files = [&self.passphrase_file, &self.credential_file, &self.issuer_ca];
        files.into_iter().any(Option::is_some) || !self.pkcs11.is_empty() || self.threads.is_some()
    }
    /// What is wrong with the key backends.
    pub(crate) fn custody_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match (&self.passphrase_file, &self.credential_file) {
            (None, None) => {
                problems.push("`[keyguard]` needs `passphrase_file` or `credential_file`".to_owned())
            }
            (Some(_), Some(_)) => {
                problems.push("`[keyguard]` has both `passphrase_file` and `credential_file`".to_owned());
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let backend = &self.artifact_keys;
        if backend != "software" && !self.pkcs11.iter().any(|token| &token.name == backend) {
            problems.push(format!("`keyguard.artifact_keys` names no backend: `{backend}`"));
        }
        problems
    }
}

/// `[[keyguard.pkcs11]]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pkcs11Section {
    /// Name of the backend.
    pub(crate) name: String,
    /// The module, a shared library.
    pub(crate) module: PathBuf,
    /// Label of the token.
    pub(crate) token: String,
    /// File with the user PIN, mode 0600.
    pub(crate) pin_file: PathBuf,
    /// Environment variables that the module needs: `SOFTHSM2_CONF`.
    #[serde(default)]
    pub(crate) environment: std::collections::BTreeMap<String, String>,
    /// Whether the module reaches its HSM over the network.
    #[serde(default)]
    pub(crate) network: bool,
}

/// `[[tsa]]`
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TsaSection {
    /// Name in profiles.
    pub(crate) name: String,
    /// Address of the authority.
    pub(crate) url: String,
    /// PEM file with its chain: its own certificate first, the root last.
    pub(crate) chain: PathBuf,
}

/// `[[webhooks]]`
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSection {
    /// Name in commands and metrics: lower-case letters, digits, hyphens.
    pub(crate) name: String,
    /// Where notices go: `https`, or `http` to this machine.
    pub(crate) url: String,
    /// What it is told about; `["*"]` for everything.
    pub(crate) events: Vec<String>,
    /// File with the secret, mode 0600.
    pub(crate) secret_file: PathBuf,
    /// PEM file with the certificates that the receiver's must lead to; those of the machine unless given.
    pub(crate) ca: Option<PathBuf>,
    /// How often a notice is tried; 10 unless given.
    pub(crate) attempts: Option<u32>,
}

/// Without the URL: its path may be the receiver's secret.
impl std::fmt::Debug for WebhookSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSection").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Syntax, unknown field, wrong type.
    #[error("`{path}`: {what}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What and where.
        what: String,
    },
    /// Fields that contradict each other; one a line.
    #[error("`{path}`: {}", problems.join("; "))]
    Contradiction {
        /// Which file.
        path: PathBuf,
        /// All problems.
        problems: Vec<String>,
    },
}

impl Config {
    /// Reads and checks a file; every contradiction is reported at once.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = read(path)?;
        let base = path.parent().unwrap_or_else(|| Path::new("."));
        config.anchor(base);
        let problems = config.problems();
        if problems.is_empty() {
            return Ok(config);
        }
        Err(ConfigError::Contradiction { path: path.to_owned(), problems })
    }

    fn anchor(&mut self, base: &Path) {
        let anchor = |path: &mut PathBuf| anchor(base, path);
        anchor(&mut self.data_dir);
        anchor(&mut self.governance_dir);
        self.keyguard.anchor(base);
        if let Some(tls) = &mut self.tls {
            anchor(&mut tls.certificate);
            anchor(&mut tls.key);
        }
        self.tsa.iter_mut().for_each(|tsa| anchor(&mut tsa.chain));
        for registry in &mut self.registries {
            registry.docker_config.iter_mut().chain(&mut registry.ca).for_each(anchor);
        }
        for webhook in &mut self.webhooks {
            anchor(&mut webhook.secret_file);
            webhook.ca.iter_mut().for_each(anchor);
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.dev && !self.listen.ip().is_loopback() {
            problems.push(format!("`listen` is {}, but `dev` serves loopback only", self.listen));
        }
        if !self.dev && self.tls.is_none() {
            problems.push("`[tls]` is missing: give certificate and key".to_owned());
        }
        match Remote::of(&self.keyguard) {
            Ok(None) => problems.extend(self.keyguard.custody_problems()),
            Ok(Some(_)) if self.keyguard.has_custody() => problems.push(
                "`[keyguard]` names another host, so keys and their files are in that host's own file"
                    .to_owned(),
            ),
            Ok(Some(_)) => {}
            Err(problem) => problems.push(problem),
        }
        problems.extend(registry::problems(&self.registries));
        problems.extend(webhook::problems(&self.webhooks));
        problems
    }

    /// The signatures that bring the first governance into force.
    #[must_use]
    pub(crate) fn governance_signatures(&self) -> PathBuf {
        self.governance_dir.with_extension("signatures")
    }
    /// Where the gateway keeps state and ledger.
    #[must_use]
    pub(crate) fn gateway_dir(&self) -> PathBuf {
        self.data_dir.join("gateway")
    }
    /// The operator's door.
    #[must_use]
    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.data_dir.join("admin.sock")
    }
    /// This service as a URI.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.host)
    }
}

/// Reads a file of any shape.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| ConfigError::Syntax { path: path.to_owned(), what: said(&text, &error) })
}

/// Makes a path relative to a directory; through its components, so that `.` is not shown to people.
pub(crate) fn anchor(base: &Path, path: &mut PathBuf) {
    *path = base.join(&path).components().collect();
}

/// Where a syntax error is and what it is, without a word of the file: what stands in the wrong place may be a secret,
/// and this goes into logs. Names of fields are ours, so they stay; values do not.
fn said(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.chars().rev().take_while(|c| *c != '\n').count().saturating_add(1);
    let message = error.message().lines().next().unwrap_or_default();
    let names_a_field =
        ["unknown field", "missing field", "duplicate"].iter().any(|start| message.starts_with(start));
    let what = if names_a_field { message.to_owned() } else { without_values(message) };
    format!("line {line}, column {column}: {what}")
}

/// Serde quotes what it found before `, expected`; what it expected is ours.
fn without_values(message: &str) -> String {
    let (found, expected) = message.split_once(", expected").map_or((message, None), |(a, b)| (a, Some(b)));
    let quote = |c: char| c == '"' || c == '`';
    let found = match (found.find(quote), found.rfind(quote)) {
        (Some(from), Some(to)) if from < to => {
            let (head, tail) = (found.get(..from).unwrap_or_default(), found.get(to..).unwrap_or_default());
            format!("{}{}", head.trim_end(), tail.trim_start_matches(quote))
        }
        _ => found.to_owned(),
    };
    expected.map_or(found.clone(), |expected| format!("{found}, expected{expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where_and_never_what_stands_there() {
        let cases = [
            ("host = \"h\"\nlisten = \"hunter2-listen\"", "line 2, column 10: "),
            ("dev = \"hunter2\"", "line 1, column 7: invalid type: string, expected a boolean"),
            ("host = \"h\"\n  hunter2 hunter2", "line 2, column "),
            ("host = hunter2", "line 1, column "),
            ("-----BEGIN hunter2 KEY-----", "line 1, column "),
            ("[keyguard]\nthreads = \"hunter2 `x` \\\"y\\\"\"", "line 2, column 11: invalid type: string"),
            ("\"hunter2", "line 1, column "),
        ];
        for (text, start) in cases {
            let error = toml::from_str::<Config>(text).unwrap_err();
            let said = said(text, &error);
            assert!(said.starts_with(start), "{text}: {said}");
            assert!(!said.contains("hunter2") && !said.contains('\n'), "{text}: {said}");
        }
        let text = "host = \"h\"\npassphrase = \"hunter2\"\n";
        let said = said(text, &toml::from_str::<Config>(text).unwrap_err());
        assert!(said.starts_with("line 2, column 1: unknown field `passphrase`, expected"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
