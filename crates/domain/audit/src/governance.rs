//! Policy versions as the ledger names them: each is signed by the people of the root in force, follows the one before,
//! and its documents are those of its hash.

use std::sync::Arc;

use chancery_core::digest::Sha256;
use chancery_core::id::PolicyVersion;
use chancery_identity::issuer::Issuers;
use chancery_identity::issuers_toml;
use chancery_ledger::event::Policy as PolicyEvent;
use chancery_policy::documents::Documents;
use chancery_policy::governance::root::RootDocument;
use chancery_policy::governance::signed::{self, Position, SignatureSet, SignedVersion};
use chancery_policy::policy::Policy;
use chancery_verify::gates::Gates;

use crate::finding::{Code, Finding};
use crate::source::{Evidence, Part, Unreadable, Wanted};

/// Governance that the root's people signed.
#[derive(Debug)]
pub(crate) struct Governance {
    pub(crate) version: PolicyVersion,
    pub(crate) policy: Policy,
    pub(crate) issuers: Issuers,
    pub(crate) gates: Gates,
    signed: SignedVersion,
}

impl Governance {
    /// The root document in force.
    pub(crate) const fn root(&self) -> &RootDocument {
        self.signed.root()
    }
}

/// The version in force and the one before it: an intent may have been decided just before a change.
#[derive(Debug)]
pub(crate) struct Versions {
    ledger: String,
    root: Option<Sha256>,
    named: Option<PolicyVersion>,
    current: Option<Arc<Governance>>,
    previous: Option<Arc<Governance>>,
}

impl Versions {
    /// Nothing is in force in the ledger of this origin yet.
    pub(crate) const fn new(ledger: String) -> Self {
        Self { ledger, root: None, named: None, current: None, previous: None }
    }
    /// Entry 0 names the root document.
    pub(crate) const fn begin(&mut self, root: Sha256) {
        self.root = Some(root);
    }
    /// The version that was named last, if it came into force.
    pub(crate) fn in_force(&self) -> Option<PolicyVersion> {
        let current = self.current.as_ref()?.version;
        self.named.filter(|named| *named == current)
    }
    /// The documents in force.
    pub(crate) fn current(&self) -> Option<&Governance> {
        self.current.as_deref()
    }
    /// The ledger's origin.
    pub(crate) fn ledger(&self) -> &str {
        &self.ledger
    }
    /// The documents of a version, if it is in force or was until just now.
    pub(crate) fn find(&self, version: PolicyVersion) -> Option<Arc<Governance>> {
        let known = [&self.current, &self.previous];
        known.into_iter().flatten().find(|known| known.version == version).cloned()
    }

    /// Takes note of a policy event. One that does not come into force leaves the position as it was: it may be named
    /// anew, and until then nothing is.
    pub(crate) fn record(
        &mut self,
        index: u64,
        event: &PolicyEvent,
        evidence: &dyn Evidence,
    ) -> Result<Option<Finding>, Unreadable> {
        self.named = Some(event.version);
        let fetch = |part, digest| {
            let found = evidence.content(Wanted { part, index, digest })?;
            Ok::<_, Unreadable>(crate::job::Content { digest, found })
        };
        let documents = fetch(Part::Policy, event.version.digest())?;
        let signatures = fetch(Part::PolicySignatures, event.signatures)?;
        let contents = documents
            .bytes(index, "governance documents")
            .and_then(|documents| Ok((documents, signatures.bytes(index, "governance signatures")?)));
        let accepted = contents.and_then(|(documents, signatures)| {
            self.accept(documents, signatures).map_err(|why| Finding::new(index, Code::Policy, why))
        });
        let governance = match accepted {
            Ok(governance) => governance,
            Err(finding) => return Ok(Some(finding)),
        };
        let sequence = governance.signed.header().sequence;
        self.previous = self.current.replace(Arc::new(governance));
        if event.sequence == sequence {
            return Ok(None);
        }
        let finding = Finding::new(index, Code::Policy, "the event names another sequence than was signed");
        Ok(Some(finding.because(event.sequence, sequence)))
    }

    fn accept(&self, documents: &[u8], signatures: &[u8]) -> Result<Governance, String> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|error| error.to_string());
        let documents = Documents::parse(text(documents)?).map_err(|error| error.to_string())?;
        let set = SignatureSet::parse(text(signatures)?).map_err(|error| error.to_string())?;
        let position = match (&self.current, self.root) {
            (Some(current), _) => current.signed.position(),
            (None, Some(root)) => Position::Beginning { root, ledger: &self.ledger },
            (None, None) => return Err("no root document was named before".to_owned()),
        };
        let signed = signed::accept(documents, &set, &position)
            .map_err(|error| format!("it may not come into force: {} {error}", error.code()))?;
        let documents = signed.documents();
        let policy = Policy::load(documents).map_err(|error| error.to_string())?;
        let issuers = documents.file("issuers.toml").unwrap_or_default();
        let issuers = issuers_toml::load(issuers).map_err(|error| error.to_string())?;
        let demanded = policy.profiles().flat_map(|profile| profile.attestations());
        let gates = Gates::load(documents.files(), demanded).map_err(|error| error.to_string())?;
        Ok(Governance { version: documents.version(), policy, issuers, gates, signed })
    }
}
