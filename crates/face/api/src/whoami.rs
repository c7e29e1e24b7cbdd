//! `GET /v1/whoami`: who the service takes a token's bearer for.

use std::collections::BTreeMap;

use chancery_core::caller::CallerKind;
use chancery_core::id::{IssuerName, ProfileName};

use crate::problem::TraceLine;

/// A caller as the service sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Whoami {
    /// The registered issuer that vouched.
    #[schema(value_type = String)]
    pub issuer: IssuerName,
    /// `workload` or `human`.
    #[schema(value_type = String)]
    pub kind: CallerKind,
    /// `request` when the token's audience binds it to a request, else `fixed`.
    pub binding: String,
    /// The normalised claims.
    pub claims: BTreeMap<String, String>,
    /// Profiles of which some grant names this caller; whether it may sign depends on the request.
    #[schema(value_type = Vec<String>)]
    pub profiles: Vec<ProfileName>,
    /// Profiles of which none does, with the reason.
    pub refused: Vec<RefusedProfile>,
    /// When the token was issued, RFC 3339.
    pub issued_at: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
}

/// A profile that the caller may not use.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct RefusedProfile {
    /// The profile.
    #[schema(value_type = String)]
    pub profile: ProfileName,
    /// The refusal's stable code.
    pub code: String,
    /// What was refused.
    pub what: String,
    /// What to do; may be empty.
    pub hint: String,
    /// What policy evaluated.
    pub trace: Vec<TraceLine>,
}
