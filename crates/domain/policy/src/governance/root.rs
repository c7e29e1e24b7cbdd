//! `root.toml`: the people whose signatures bring governance into force, and how many of them it takes.
//!
//! ```toml
//! schema = "chancery.root/1"
//! kind = "installation"        # or "development"
//! version = 2                  # counts up by one
//! previous = "9f86d081…"       # SHA-256 of the root.toml before; absent in version 1
//! threshold = 2                # people, not keys; at least 2 in an installation
//! [[people]]
//! id = "alice"
//! name = "Alice Example"
//! keys = ["ssh-ed25519 AAAA… laptop", "sk-ssh-ed25519@openssh.com AAAA… token"]
//! ```
//! The document's hash is the SHA-256 of the file as it is; entry 0 of the ledger carries that of version 1.

use chancery_core::digest::Sha256;
use chancery_core::id::PersonId;
use chancery_identity::sshsig::key::SshPublicKey;

use super::person::{self, MAX_PEOPLE, Owners, Person};
use crate::documents::Documents;
use crate::fields::Fields;
use crate::problem::{Problems, Report};

/// Its path among the documents.
pub const FILE: &str = "root.toml";
const SCHEMA: &str = "chancery.root/1";

/// What an installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// One person is enough; nothing that is not for development trusts it.
    Development,
    /// At least two people.
    Installation,
}

/// A root document that was read without errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDocument {
    sha256: Sha256,
    kind: RootKind,
    version: u32,
    previous: Option<Sha256>,
    threshold: usize,
    people: Vec<Person>,
    owners: Owners,
}

impl RootDocument {
    /// Reads the root document of a governance directory; every problem is reported at once.
    pub fn of(documents: &Documents) -> Result<Self, Problems> {
        let mut report = Report::new(FILE);
        let root = match documents.file(FILE) {
            Some(text) => read(&mut report, text),
            None => {
                report.error("", "is missing");
                None
            }
        };
        let problems = Problems::collect(report.into_found());
        root.ok_or(problems)
    }
    /// Reads the file itself.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut report = Report::new(FILE);
        let root = read(&mut report, text);
        let problems = Problems::collect(report.into_found());
        root.ok_or(problems)
    }
    /// SHA-256 of the file.
    #[must_use]
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }
    /// What the installation is for.
    #[must_use]
    pub const fn kind(&self) -> RootKind {
        self.kind
    }
    /// Its version, from 1.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }
    /// SHA-256 of the root document before it.
    #[must_use]
    pub const fn previous(&self) -> Option<Sha256> {
        self.previous
    }
    /// How many people have to sign.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }
    /// Everybody, as (id, name, keys), in the order of the file.
    pub fn people(&self) -> impl Iterator<Item = (&PersonId, &str, &[SshPublicKey])> {
        self.people.iter().map(|person| (&person.id, person.name.as_str(), person.keys.as_slice()))
    }
    /// Whose key it is.
    #[must_use]
    pub fn person_of(&self, key: &SshPublicKey) -> Option<&PersonId> {
        self.owners.of_key(key)
    }
    pub(super) const fn owners(&self) -> &Owners {
        &self.owners
    }
}

/// Whether a file is the placeholder of an installation without root keys: `schema` and `kind`, nothing else.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let schema = table.get("schema").and_then(toml::Value::as_str);
    table.len() == 2 && schema == Some(SCHEMA) && table.get("kind").is_some_and(toml::Value::is_str)
}

/// Reads the file; `None` when the report holds an error.
pub(crate) fn read(report: &mut Report, text: &str) -> Option<RootDocument> {
    let mut fields = Fields::parse(report, text)?;
    if fields.required(report, "schema").is_some_and(|schema| schema != SCHEMA) {
        report.error("schema", "is not `chancery.root/1`");
    }
    let kind = kind(report, &mut fields);
    let version = fields.required_number(report, "version", (1, u32::MAX));
    let previous = previous(report, &mut fields, version);
    let most = u32::try_from(MAX_PEOPLE).unwrap_or(u32::MAX);
    let threshold = fields.required_number(report, "threshold", (1, most));
    let mut people = Vec::new();
    for mut entry in fields.tables(report, "people", MAX_PEOPLE) {
        people.extend(person::read(report, &mut entry));
        entry.finish(report);
    }
    fields.finish(report);
    let owners = Owners::of(report, people.iter());
    let threshold = usize::try_from(threshold?).ok()?;
    check_threshold(report, kind?, threshold, people.len());
    if report.has_errors() {
        return None;
    }
    let sha256 = Sha256::of(text.as_bytes());
    Some(RootDocument { sha256, kind: kind?, version: version?, previous, threshold, people, owners })
}

fn kind(report: &mut Report, fields: &mut Fields) -> Option<RootKind> {
    match fields.required(report, "kind")?.as_str() {
        "development" => Some(RootKind::Development),
        "installation" => Some(RootKind::Installation),
        _ => {
            report.error("kind", "is neither `development` nor `installation`");
            None
        }
    }
}

/// Version 1 has no previous document, every other has one.
fn previous(report: &mut Report, fields: &mut Fields, version: Option<u32>) -> Option<Sha256> {
    let text = fields.text(report, "previous");
    match (version, &text) {
        (Some(1), Some(_)) => report.error("previous", "is named although this is version 1"),
        (Some(2..), None) => report.error("previous", "is missing: name the SHA-256 of the root.toml before"),
        (Some(_) | None, _) => {}
    }
    let parsed = Sha256::parse_hex(&text?);
    parsed.map_err(|error| report.error("previous", error.to_string())).ok()
}

fn check_threshold(report: &mut Report, kind: RootKind, threshold: usize, people: usize) {
    if threshold > people {
        report.error("threshold", format!("is {threshold}, but {people} people are listed"));
    }
    match kind {
        RootKind::Installation if threshold < 2 => {
            report.error("threshold", "is under 2: one person could change every rule");
        }
        RootKind::Installation if threshold == people => {
            report.warning("threshold", "is everybody: one lost key and nothing can be changed any more");
        }
        RootKind::Development | RootKind::Installation => {}
    }
}
