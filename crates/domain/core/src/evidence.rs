//! Raw proofs beside a request, kept so that every decision can be replayed offline.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What was shown with a request. The token is a secret until it expires: `Debug` hides it, and logs never see it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The OIDC token, compact JWS, as received.
    pub token: String,
    /// The issuer's JWK set (RFC 7517) as used, so that the check can be repeated after the issuer rotated its keys.
    pub issuer_keys: String,
    /// What people signed, where the profile demands it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approved>,
    /// The session key's signature over the request, where the token was exchanged for a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possession: Option<Possession>,
    /// Attestations that came with the request: Sigstore bundles, JSON as received. Sizes: [`crate::attested`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<String>,
}

/// That whoever asks holds the private key of a session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Possession {
    /// The session's public key: a point of P-256, uncompressed.
    #[serde(with = "crate::order::base64_bytes")]
    pub key: Vec<u8>,
    /// Its signature, DER.
    #[serde(with = "crate::order::base64_bytes")]
    pub signature: Vec<u8>,
}

impl Possession {
    /// As one line of text: both parts in base64, a dot between them.
    #[must_use]
    pub fn header(&self) -> String {
        format!("{}.{}", STANDARD.encode(&self.key), STANDARD.encode(&self.signature))
    }
    /// Reads [`Possession::header`], strictly; `None` for anything else, or more than 256 bytes.
    #[must_use]
    pub fn parse_header(text: &str) -> Option<Self> {
        let (key, signature) = text.split_once('.').filter(|_| text.len() <= 256)?;
        Some(Self { key: STANDARD.decode(key).ok()?, signature: STANDARD.decode(signature).ok()? })
    }
}

/// Approvals of a request, as people signed them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// The document, canonical JSON: the bytes that every signature covers.
    pub document: String,
    /// Armoured SSH signatures over it, sorted.
    pub signatures: Vec<String>,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("token", &"[hidden]").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_without_attestations_is_the_same_bytes_as_before_there_were_any() {
        let old = "{\"token\":\"t\",\"issuer_keys\":\"k\"}";
        let mut read: Evidence = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        read.attestations.push("{}".to_owned());
        assert!(serde_json::to_string(&read).unwrap().ends_with(",\"attestations\":[\"{}\"]}"));
    }

    #[test]
    fn a_proof_has_one_spelling() {
        let proof = Possession { key: vec![4, 1, 2], signature: vec![0xff; 7] };
        assert_eq!(Possession::parse_header(&proof.header()), Some(proof.clone()));
        for bad in ["", ".", "BAEC", "BAEC./////////", "BA EC./////////w==", &"A".repeat(300)] {
            assert!(Possession::parse_header(bad).is_none_or(|read| read.key.is_empty()), "{bad}");
        }
    }
}
