//! Raw proofs beside a request, kept so that every decision can be replayed offline.

/// What was shown with a request. The token is a secret until it expires: `Debug` hides it, and logs never see it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The OIDC token, compact JWS, as received.
    pub token: String,
    /// The issuer's JWK set (RFC 7517) as used, so that the check can be repeated after the issuer rotated its keys.
    pub issuer_keys: String,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("token", &"[hidden]").finish_non_exhaustive()
    }
}
