//! `generate-signature`: notation built header and payload, and wants the signature alone.
//!
//! ```text
//! {"contractVersion":"1.0","keyId":"acme-release","keySpec":"EC-256","hashAlgorithm":"SHA-256","payload":"ZXlK…"}
//! → {"keyId":"acme-release","signature":"Zx7q…","signingAlgorithm":"ECDSA-SHA-256","certificateChain":["MIIB…","MIIB…","MIIB…"]}
//! ```
//! notation writes the signing time, so every call is another request: profiles with approvals want the other plugin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_format::notary::requested::Requested;
use serde_json::{Value, json};

use super::desk::{Desk, answer};
use super::notation::{Asked, invalid, key_spec, obtain};
use crate::failure::Failure;
use crate::host::Host;

/// Answers with the signature over exactly the bytes that were given.
pub(super) fn signature(asked: &Asked, host: &dyn Host) -> Result<Value, Failure> {
    let signed = STANDARD.decode(&asked.payload).map_err(|error| invalid(&error))?;
    let requested = Requested::parse(&signed).map_err(|error| invalid(&error))?;
    if requested.rebuilt().map_err(|error| invalid(&error))? != signed {
        return Err(invalid(&"the bytes are not as notation 1.x writes them, so they cannot be rebuilt"));
    }
    let (spec, hash) = key_spec(&Desk::open(host)?.profile(&asked.key_id)?)?;
    if (asked.key_spec.as_str(), asked.hash_algorithm.as_str()) != (spec, hash) {
        return Err(invalid(&"key specification and digest are not those of the profile's key")
            .because(format!("{} {}", asked.key_spec, asked.hash_algorithm), format!("{spec} {hash}")));
    }
    let (_, envelope) = obtain(&asked.key_id, &requested.target, &requested.body(), host)?;
    if envelope.signed != signed {
        return Err(answer(&"the signature is over other bytes than were given"));
    }
    let chain: Vec<String> = envelope.certificates.iter().map(|der| STANDARD.encode(der)).collect();
    Ok(json!({
        "keyId": asked.key_id,
        "signature": STANDARD.encode(&envelope.signature),
        "signingAlgorithm": format!("ECDSA-{hash}"),
        "certificateChain": chain,
    }))
}
