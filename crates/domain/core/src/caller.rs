//! Who asks: an authenticated workload or person.

use crate::claims::Claims;
use crate::digest::Sha256;
use crate::id::{IssuerName, RequestId};
use crate::time::Time;

/// Workload tokens and human tokens are never interchangeable (ASVS 5.0 V9.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallerKind {
    /// A person; may never ask for a release signature.
    Human,
    /// A CI job or service.
    Workload,
}

/// How far the token's audience binds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AudienceBinding {
    /// `chancery:<host>`: good for any request within its life; only where the profile allows it.
    Fixed,
    /// `chancery:<host>:sha256:<request id>`: good for this request alone.
    Request(RequestId),
    /// `sigstore`: what Sigstore clients ask their CI for. Good for a certificate over whatever key its bearer holds, and
    /// for nothing else.
    Sigstore,
    /// A fixed audience, exchanged for a session whose key signed this request: the SHA-256 of the session's public
    /// key. Never in a token; whoever verified the possession says so.
    Session(Sha256),
}

/// An authenticated caller. Built by `domain/identity` from a token whose signature, issuer, audience, age and life
/// were checked; it is plain data here because ledger, policy and certificates all describe callers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Caller {
    /// Which registered issuer vouched.
    pub issuer_name: IssuerName,
    /// Workload or person.
    pub kind: CallerKind,
    /// The normalised claims.
    pub claims: Claims,
    /// How the audience binds the token.
    pub binding: AudienceBinding,
    /// SHA-256 of (`iss`, `jti`), or of the token where it carries no `jti`; single use is enforced on it.
    pub token_use: Sha256,
    /// The token's `iat`.
    pub issued_at: Time,
    /// The token's `exp`.
    pub expires_at: Time,
}
