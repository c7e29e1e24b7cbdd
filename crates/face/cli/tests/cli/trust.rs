//! Who signs the trust documents of these tests.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_ledger::note::{KeyName, NoteSignature};
use chancery_ledger::vkey::{KeyKind, VerifierKey};
use chancery_testkit::keys::TestKey;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json;

use crate::world;

pub(crate) struct TrustSigner(TestKey);

impl TrustSigner {
    pub(crate) fn new() -> Self {
        Self(TestKey::generate(KeyAlgorithm::Ed25519))
    }
    pub(crate) fn vkey(&self) -> VerifierKey {
        let name = KeyName::parse("trust.sign.example").unwrap();
        VerifierKey::new(name, KeyKind::Ledger, world::public_bytes(&self.0))
    }
    pub(crate) fn seal(&self, snapshot: &TrustSnapshot) -> String {
        let bytes = self.0.sign(trust_json::to_be_signed(snapshot).unwrap().as_bytes());
        let vkey = self.vkey();
        let line = NoteSignature { name: vkey.name().clone(), key_id: vkey.id(), bytes }.line();
        trust_json::seal(snapshot, vec![line]).unwrap()
    }
}
