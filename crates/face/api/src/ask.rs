//! `POST /v1/sign` with attestations: the request beside what its profile demands. Without them the body is the request itself.
//!
//! ```json
//! {"attestations":["{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",…}"],"request":"{\"profile\":…}",
//!  "schema":"chancery.ask/1"}
//! ```

/// Schema of [`Attested`].
pub const SCHEMA: &str = "chancery.ask/1";
/// Media type of [`Attested`].
pub const MEDIA_TYPE: &str = "application/vnd.chancery.ask+json";

/// A request with the attestations that it brings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// `chancery.ask/1`.
    pub schema: String,
    /// The canonical request (RFC 8785), `chancery.request/1`, as text: its SHA-256 is the request's id.
    pub request: String,
    /// Sigstore bundles as text, at most 16 of 1 MiB together.
    pub attestations: Vec<String>,
}
