//! Keys of TUF metadata: P-256 and P-384 as PEM or bare point, Ed25519 as hexadecimal digits.
//!
//! ```json
//! {"keytype":"ecdsa","scheme":"ecdsa-sha2-nistp256","keyval":{"public":"-----BEGIN PUBLIC KEY-----\n…"}}
//! ```
//! Older Sigstore roots say `"keytype":"ecdsa-sha2-nistp256"` and give the point as 130 hexadecimal digits. A key of another
//! scheme is kept and never counts.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::{DigestAlgorithm, Sha256};
use chancery_ledger::vkey::ED25519_SPKI;
use chancery_x509::certificate::write_pem;
use chancery_x509::key::VerifyingKey;
use chancery_x509::signature::SignatureScheme;
use serde_json::{Value, json};

use super::canonical;

const P256: &str = "ecdsa-sha2-nistp256";
/// SubjectPublicKeyInfo of a P-256 key is this and the point (RFC 5480 §2).
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key that a role may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TufKey {
    key: VerifyingKey,
    scheme: SignatureScheme,
}

impl TufKey {
    /// Reads a key; `Ok(None)` where its scheme is not known here, so that it cannot count.
    pub fn parse(value: &Value) -> Result<Option<Self>, &'static str> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (Some(kind), Some(scheme)) = (text("keytype"), text("scheme")) else {
            return Err("key without type or scheme");
        };
        let public = value.pointer("/keyval/public").and_then(Value::as_str);
        let public = public.ok_or("key without its public half")?;
        let (scheme, spki) = match (kind, scheme) {
            ("ecdsa" | "ecdsa-sha2-nistp256", P256) => {
                (SignatureScheme::Ecdsa(DigestAlgorithm::Sha256), pem_or_hex(public, &P256_SPKI)?)
            }
            ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => {
                (SignatureScheme::Ecdsa(DigestAlgorithm::Sha384), pem(public)?)
            }
            ("ed25519", "ed25519") => (SignatureScheme::Ed25519, pem_or_hex(public, &ED25519_SPKI)?),
            _other => return Ok(None),
        };
        let key = VerifyingKey::parse(&spki).map_err(|_| "public half cannot be read")?;
        Ok(Some(Self { key, scheme }))
    }
    /// Whether a signature over these bytes holds.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(self.scheme, message, signature).is_ok()
    }
    /// What tells keys apart, whatever they are called.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256 {
        self.key.fingerprint()
    }
}

/// One of our keys as it stands in a root, with its name: SHA-256 of the canonical form.
pub fn own(spki: &[u8]) -> (String, Value) {
    let public = write_pem("PUBLIC KEY", spki);
    let key = json!({"keytype": "ecdsa", "keyval": {"public": public}, "scheme": P256});
    // INVARIANT: text always has a canonical form.
    let id = Sha256::of(&canonical::encode(&key).unwrap_or_default());
    (id.to_string(), key)
}

fn pem_or_hex(text: &str, prefix: &[u8]) -> Result<Vec<u8>, &'static str> {
    if text.starts_with("-----BEGIN") {
        return pem(text);
    }
    let bits = hex::decode(text).map_err(|_| "public half is neither PEM nor hexadecimal digits")?;
    Ok([prefix, &bits].concat())
}

/// The one PEM block of a public key: SubjectPublicKeyInfo, DER.
pub(crate) fn pem(text: &str) -> Result<Vec<u8>, &'static str> {
    let body = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let body = body.and_then(|body| body.strip_suffix("-----END PUBLIC KEY-----"));
    let body = body.ok_or("public half is not one PEM block of a public key")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| "public half is not base64")
}
