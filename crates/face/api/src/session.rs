//! `POST /v1/sessions`: a token with a fixed audience, exchanged for the key of a session.
//!
//! The proof travels in a header, here and with every request of the session, so that bodies stay what is hashed:
//! ```text
//! Chancery-Possession: BASE64(public key).BASE64(signature)
//! ```

use chancery_core::digest::Sha256;

/// Name of the header that carries a proof of possession.
pub const HEADER: &str = "chancery-possession";

/// A session that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Session {
    /// SHA-256 of its public key.
    #[schema(value_type = String)]
    pub key: Sha256,
    /// When the token ends, and the session with it; RFC 3339.
    pub expires_at: String,
}
