//! A root of one person whose key is the same in every test, and what that person signs.

use chancery_core::digest::Sha256;
use chancery_identity::sshsig::GOVERNANCE;
use chancery_identity::sshsig::secret::SecretKey;
use chancery_policy::documents::Documents;
use chancery_policy::governance::header::Header;
use chancery_policy::governance::root;
use chancery_policy::governance::signed::{SignatureSet, SignedVersion};

/// The key of the one person in `testdata/governance/dev/root.toml`.
///
/// # Panics
/// When the provider fails.
#[must_use]
#[expect(clippy::expect_used, reason = "test fixture")]
pub fn root_key() -> SecretKey {
    SecretKey::from_seed([0x52; 32]).expect("ed25519")
}

/// SHA-256 of the root document.
#[must_use]
pub fn root_hash(documents: &Documents) -> Sha256 {
    Sha256::of(documents.file(root::FILE).unwrap_or_default().as_bytes())
}

/// Signs documents as the first version in a ledger.
#[must_use]
pub fn sign_first(documents: &Documents, ledger: &str) -> SignatureSet {
    signed(&Header { ledger: ledger.to_owned(), previous: None, sequence: 1, version: documents.version() })
}

/// Signs documents as the version after one.
#[must_use]
pub fn sign_next(documents: &Documents, current: &SignedVersion) -> SignatureSet {
    let header = current.header();
    signed(&Header {
        ledger: header.ledger.clone(),
        previous: Some(header.version),
        sequence: header.sequence.saturating_add(1),
        version: documents.version(),
    })
}

#[expect(clippy::expect_used, reason = "test fixture")]
fn signed(header: &Header) -> SignatureSet {
    let text = header.canonical().expect("header");
    let signature = root_key().sign(GOVERNANCE, text.as_bytes());
    SignatureSet::new(text, vec![signature]).expect("one signature")
}
