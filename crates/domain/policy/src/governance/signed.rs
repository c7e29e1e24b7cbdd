//! A version that may come into force: documents, header, and the signatures of enough people of the root document.

use std::collections::BTreeSet;

use chancery_core::canonical;
use chancery_core::digest::Sha256;
use chancery_core::id::{PersonId, PolicyVersion};
use chancery_identity::sshsig::GOVERNANCE;
use chancery_identity::sshsig::signature::SshSignature;

use super::header::Header;
use super::refused::GovernanceRefused;
use super::root::RootDocument;
use crate::documents::Documents;

/// Most signatures over one version.
pub const MAX_SIGNATURES: usize = 64;

/// What people signed, and their signatures, as they travel and are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureSet {
    header: String,
    signatures: Vec<String>,
}

impl SignatureSet {
    /// Takes a header's text and armoured signatures over it; the order of signatures means nothing.
    pub fn new(header: String, mut signatures: Vec<String>) -> Result<Self, GovernanceRefused> {
        if signatures.len() > MAX_SIGNATURES {
            return Err(GovernanceRefused::Malformed("more than 64 signatures"));
        }
        signatures.sort();
        signatures.dedup();
        Ok(Self { header, signatures })
    }
    /// Reads the canonical form, strictly.
    pub fn parse(text: &str) -> Result<Self, GovernanceRefused> {
        let malformed = || GovernanceRefused::Malformed("signatures are not canonical json");
        let (header, signatures): (String, Vec<String>) = canonical::decode(text).map_err(|_| malformed())?;
        let set = Self::new(header, signatures)?;
        if set.canonical()? == text { Ok(set) } else { Err(malformed()) }
    }
    /// As it travels and is kept: `["<header>",["-----BEGIN SSH SIGNATURE-----…"]]`.
    pub fn canonical(&self) -> Result<String, GovernanceRefused> {
        let value = (&self.header, &self.signatures);
        canonical::encode(&value).map_err(|_| GovernanceRefused::Malformed("it has no canonical form"))
    }
    /// SHA-256 of the canonical form: what the ledger's policy event names.
    pub fn sha256(&self) -> Result<Sha256, GovernanceRefused> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }
    /// The bytes that were signed.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }
    /// The armoured signatures, sorted.
    #[must_use]
    pub fn signatures(&self) -> &[String] {
        &self.signatures
    }
}

/// What is there before a version comes into force.
#[derive(Debug)]
pub enum Position<'a> {
    /// Nothing but the hash of the first root document, which entry 0 of the ledger carries.
    Beginning {
        /// SHA-256 of the first `root.toml`.
        root: Sha256,
        /// The ledger's origin.
        ledger: &'a str,
    },
    /// A version.
    InForce {
        /// What was signed about it.
        header: &'a Header,
        /// The root document in force.
        root: &'a RootDocument,
    },
}

/// A version that follows the one before and that enough people signed. Born in [`accept`].
#[derive(Debug, Clone)]
pub struct SignedVersion {
    documents: Documents,
    header: Header,
    root: RootDocument,
    signers: BTreeSet<PersonId>,
    signatures: Sha256,
}

impl SignedVersion {
    /// The documents.
    #[must_use]
    pub const fn documents(&self) -> &Documents {
        &self.documents
    }
    /// The place that the next version has to follow.
    #[must_use]
    pub const fn position(&self) -> Position<'_> {
        Position::InForce { header: &self.header, root: &self.root }
    }
    /// What was signed.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }
    /// The root document among them: who may sign the next version.
    #[must_use]
    pub const fn root(&self) -> &RootDocument {
        &self.root
    }
    /// The people of the root in force who signed it.
    #[must_use]
    pub const fn signers(&self) -> &BTreeSet<PersonId> {
        &self.signers
    }
    /// SHA-256 of the signature set.
    #[must_use]
    pub const fn signatures(&self) -> Sha256 {
        self.signatures
    }
}

/// Decides whether documents may come into force at a position. A changed root document must follow the old one and be
/// signed by the threshold of both; every signature must be true and somebody's.
pub fn accept(
    documents: Documents,
    set: &SignatureSet,
    position: &Position<'_>,
) -> Result<SignedVersion, GovernanceRefused> {
    let header = Header::parse(&set.header)?;
    follows(&header, &documents, position)?;
    let new = RootDocument::of(&documents).map_err(GovernanceRefused::RootDocument)?;
    let old = match position {
        Position::Beginning { root, .. } if new.sha256() == *root => None,
        Position::Beginning { root, .. } => {
            return Err(GovernanceRefused::Root { actual: new.sha256(), expected: *root });
        }
        Position::InForce { root, .. } if root.sha256() == new.sha256() => None,
        Position::InForce { root, .. } => Some(*root),
    };
    if let Some(old) = old {
        succeeds(old, &new)?;
    }
    let signers = signers(set, old.unwrap_or(&new), &new)?;
    let signatures = set.sha256()?;
    Ok(SignedVersion { documents, header, root: new, signers, signatures })
}

/// Takes up a version that was accepted before and kept where nobody else writes. Its place is not checked again; that
/// the documents are those that the root's people signed is.
pub fn recall(documents: Documents, set: &SignatureSet) -> Result<SignedVersion, GovernanceRefused> {
    let header = Header::parse(&set.header)?;
    if header.version != documents.version() {
        let (signed, actual) = (header.version, documents.version());
        return Err(GovernanceRefused::Documents { signed, actual });
    }
    let root = RootDocument::of(&documents).map_err(GovernanceRefused::RootDocument)?;
    let signers = signers(set, &root, &root)?;
    let signatures = set.sha256()?;
    Ok(SignedVersion { documents, header, root, signers, signatures })
}

fn follows(header: &Header, documents: &Documents, position: &Position<'_>) -> Result<(), GovernanceRefused> {
    let (ledger, current, previous) = place(position);
    if header.ledger != ledger {
        let (actual, expected) = (header.ledger.clone(), ledger.to_owned());
        return Err(GovernanceRefused::OtherLedger { actual, expected });
    }
    if header.sequence <= current {
        return Err(GovernanceRefused::RolledBack { actual: header.sequence, current });
    }
    let expected = current.saturating_add(1);
    if header.sequence != expected {
        return Err(GovernanceRefused::Skipped { actual: header.sequence, expected });
    }
    if header.previous != previous {
        return Err(GovernanceRefused::Previous { actual: header.previous, expected: previous });
    }
    if header.version != documents.version() {
        let (signed, actual) = (header.version, documents.version());
        return Err(GovernanceRefused::Documents { signed, actual });
    }
    Ok(())
}

/// Ledger, number and version in force.
fn place<'a>(position: &Position<'a>) -> (&'a str, u64, Option<PolicyVersion>) {
    match position {
        Position::Beginning { ledger, .. } => (ledger, 0, None),
        Position::InForce { header, .. } => (&header.ledger, header.sequence, Some(header.version)),
    }
}

fn succeeds(old: &RootDocument, new: &RootDocument) -> Result<(), GovernanceRefused> {
    let is_next = Some(new.version()) == old.version().checked_add(1);
    if !is_next || new.previous() != Some(old.sha256()) || new.kind() != old.kind() {
        return Err(GovernanceRefused::Root { actual: new.sha256(), expected: old.sha256() });
    }
    match old.owners().contradiction(new.owners()) {
        Some((old, new)) => Err(GovernanceRefused::RootContradiction { old: old.clone(), new: new.clone() }),
        None => Ok(()),
    }
}

/// The old root's people who signed. Counts people, whatever number of keys each signed with, in both documents.
fn signers(
    set: &SignatureSet,
    old: &RootDocument,
    new: &RootDocument,
) -> Result<BTreeSet<PersonId>, GovernanceRefused> {
    let (mut of_old, mut of_new) = (BTreeSet::new(), BTreeSet::new());
    for (index, text) in set.signatures.iter().enumerate() {
        let refuse = |why| GovernanceRefused::Signature { number: index.saturating_add(1), why };
        let signature = SshSignature::parse_armoured(text).map_err(refuse)?;
        let verified =
            signature.verify(signature.key(), GOVERNANCE, set.header.as_bytes()).map_err(refuse)?;
        let (before, after) = (old.person_of(verified.key()), new.person_of(verified.key()));
        if before.is_none() && after.is_none() {
            return Err(GovernanceRefused::Outsider(verified.key().fingerprint()));
        }
        of_old.extend(before.cloned());
        of_new.extend(after.cloned());
    }
    for (people, root) in [(&of_old, old), (&of_new, new)] {
        if people.len() < root.threshold() {
            let (actual, expected) = (people.len(), root.threshold());
            return Err(GovernanceRefused::TooFewPeople { actual, expected });
        }
    }
    Ok(of_old)
}
