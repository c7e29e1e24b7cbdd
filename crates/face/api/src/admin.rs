//! Bodies of the operator's socket: `POST /admin/keys`, `POST /admin/keys/{id}/certificate`. The body of
//! `POST /admin/policy` is the canonical governance documents themselves.

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::id::KeyId;
use chancery_core::port::custodian::KeySpec;

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyWish {
    /// Its name.
    #[schema(value_type = String)]
    pub id: KeyId,
    /// Algorithm and size.
    #[schema(value_type = String)]
    pub algorithm: KeyAlgorithm,
    /// The one family of bytes that it will sign.
    #[schema(value_type = String)]
    pub family: Family,
    /// Its environment.
    #[schema(value_type = String)]
    pub environment: Environment,
    /// Who answers for it.
    pub owner: String,
    /// What it is for, in words.
    pub purpose: String,
}

impl From<KeyWish> for KeySpec {
    fn from(wish: KeyWish) -> Self {
        let KeyWish { id, algorithm, family, environment, owner, purpose } = wish;
        Self { id, algorithm, family, environment, owner, purpose }
    }
}

/// A long-lived certificate for a key of family `cms` or `notary`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateWish {
    /// Common name.
    pub common_name: String,
    /// Country, two capital letters; needed for family `notary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// State or province; needed for family `notary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where the authority's revocation list is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl: Option<String>,
    /// Life in days, at most 460.
    pub days: u32,
}

/// An issued certificate with its issuers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct CertificateChain {
    /// PEM, leaf first.
    pub pem: String,
}
