//! `GET /v1/profiles/{name}`: what a client needs to know before it has a token.

use std::collections::BTreeMap;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::depth::Depth;
use chancery_core::environment::Environment;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, PolicyVersion, ProfileName};

/// The public side of a profile: nothing about who may use it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Profile {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ProfileName,
    /// Where its signatures count.
    #[schema(value_type = String)]
    pub environment: Environment,
    /// How tightly a token must be bound: `request`, `session` or `fixed`.
    pub binding: String,
    /// Host in audiences: `chancery:<audience_host>:sha256:<request id>`.
    pub audience_host: String,
    /// What it says of each format that it allows.
    #[schema(value_type = BTreeMap<String, ProfileFormat>)]
    pub formats: BTreeMap<FormatName, ProfileFormat>,
    /// What it vouches for, where it is a verifier's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouch: Option<ProfileVouch>,
}

/// What a verifier's profile says of artifacts that meet what it demands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProfileVouch {
    /// `verifier.id` of its summaries.
    pub verifier: String,
    /// What is verified.
    pub levels: Vec<String>,
    /// The governance in force, SHA-256.
    #[schema(value_type = String)]
    pub policy: PolicyVersion,
}

/// One format of a profile.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProfileFormat {
    /// The least depth.
    #[schema(value_type = String)]
    pub depth: Depth,
    /// The families that may be asked for, with their keys.
    #[schema(value_type = BTreeMap<String, ProfileKey>)]
    pub families: BTreeMap<Family, ProfileKey>,
}

/// The key of a family.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProfileKey {
    /// Its name.
    #[schema(value_type = String)]
    pub key: KeyId,
    /// Its algorithm; absent while the key does not exist.
    #[schema(value_type = Option<String>)]
    pub algorithm: Option<KeyAlgorithm>,
}
