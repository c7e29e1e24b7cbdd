//! `POST /v1/sign`: what a caller gets when everything was signed, verified and logged.

use chancery_core::depth::Depth;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, RequestId, StatementId};
use chancery_core::order::base64_bytes;

use crate::ledger::LedgerPlace;

/// Schema of [`Signed`].
pub const SCHEMA: &str = "chancery.signed/1";

/// All signatures of a request, in the order of its statements.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Signed {
    /// `chancery.signed/1`.
    pub schema: String,
    /// SHA-256 of the canonical request.
    #[schema(value_type = String)]
    pub request_id: RequestId,
    /// One per statement.
    pub results: Vec<SignedResult>,
}

/// One signature with its proof.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SignedResult {
    /// The statement's id, SHA-256.
    #[schema(value_type = String)]
    pub statement: StatementId,
    /// The artifact's name as the statement gives it.
    pub artifact: String,
    /// The native format.
    #[schema(value_type = String)]
    pub format: FormatName,
    /// The family of signed bytes.
    #[schema(value_type = String)]
    pub family: Family,
    /// How much of the artifact the service saw.
    #[schema(value_type = String)]
    pub depth: Depth,
    /// The key's name.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// The signature blob, base64: a bundle's JSON, CMS DER.
    #[serde(with = "base64_bytes")]
    #[schema(value_type = String, format = Byte)]
    pub blob: Vec<u8>,
    /// What a detached signature's file name ends with: `.sigstore.json`; absent where the signature goes into the
    /// artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Whom the certificate names; absent for keys without an identity.
    pub certificate_identity: Option<String>,
    /// The OIDC issuer that the certificate names.
    pub certificate_oidc_issuer: Option<String>,
    /// Where it is in the ledger.
    pub ledger: LedgerPlace,
    /// The ledger entry, text.
    pub leaf: String,
    /// C2SP tlog-proof of that entry.
    pub tlog_proof: String,
    /// The trusted time of the signature, RFC 3339; absent without a timestamp.
    pub timestamp: Option<String>,
    /// What became of it in its registry; absent where nothing was to be attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<Attached>,
}

/// A signature in a registry. The signature stands whatever became of this: the same request attaches it again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Attached {
    /// `attached`, `refused`, or `temporary` where trying again may help.
    pub state: String,
    /// Digest of the manifest that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The tag under which it is found; absent where the registry lists what refers to a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
