//! Signed metadata: the envelope, and how many of a role's keys really signed.

use std::collections::BTreeSet;

use chancery_core::tuf::Role;
use serde_json::{Value, json};

use super::canonical;
use super::refused::TufRefused;
use super::role::RoleKeys;

/// Most signatures that are looked at.
const MAX_SIGNATURES: usize = 64;

/// Metadata as received: nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    signed: Value,
    canonical: Vec<u8>,
    signatures: Vec<(String, Vec<u8>)>,
}

impl Envelope {
    /// Reads at most `limit` bytes as metadata of a role.
    pub fn parse(role: Role, bytes: &[u8], limit: usize) -> Result<Self, TufRefused> {
        if bytes.len() > limit {
            return Err(TufRefused::Size { role, limit });
        }
        let malformed = |why| TufRefused::Malformed { role, why };
        let mut whole: Value = serde_json::from_slice(bytes).map_err(|_| malformed("not JSON"))?;
        let signed =
            whole.get_mut("signed").map(Value::take).ok_or_else(|| malformed("`signed` is missing"))?;
        if signed.get("_type").and_then(Value::as_str) != Some(role.name()) {
            return Err(malformed("`_type` is another role's"));
        }
        let canonical = canonical::encode(&signed).map_err(|_| malformed("a number is not an integer"))?;
        let listed = whole.get("signatures").and_then(Value::as_array);
        let listed = listed.filter(|listed| listed.len() <= MAX_SIGNATURES);
        let listed = listed.ok_or_else(|| malformed("`signatures` is missing or too long"))?;
        let read = |one: &Value| {
            let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
            // A signature that is no hexadecimal digits cannot hold; some signers leave it empty on purpose.
            Some((text("keyid")?, hex::decode(text("sig")?).unwrap_or_default()))
        };
        let signatures: Option<Vec<_>> = listed.iter().map(read).collect();
        let signatures = signatures.ok_or_else(|| malformed("a signature without `keyid` or `sig`"))?;
        let names: BTreeSet<&String> = signatures.iter().map(|(name, _)| name).collect();
        if names.len() != signatures.len() {
            return Err(malformed("two signatures by one key"));
        }
        Ok(Self { signed, canonical, signatures })
    }
    /// What it says, once a threshold signed it.
    #[must_use]
    pub const fn signed(&self) -> &Value {
        &self.signed
    }
    /// Demands the signatures of enough distinct keys: one key under two names counts once.
    pub fn verify(&self, role: Role, keys: &RoleKeys) -> Result<(), TufRefused> {
        let mut held = BTreeSet::new();
        for (name, signature) in &self.signatures {
            if let Some(key) = keys.find(name)
                && key.verifies(&self.canonical, signature)
            {
                held.insert(key.fingerprint());
            }
        }
        let (actual, expected) = (held.len(), keys.threshold());
        if actual >= expected { Ok(()) } else { Err(TufRefused::Threshold { role, actual, expected }) }
    }
}

/// Puts our signature under what we signed: the same bytes for the same signature.
#[must_use]
pub fn seal(signed: &Value, key: &str, signature: &[u8]) -> String {
    json!({"signatures": [{"keyid": key, "sig": hex::encode(signature)}], "signed": signed}).to_string()
}
