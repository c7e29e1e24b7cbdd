//! `GET /v1/audience`: what a job must name in its token when it knows nothing else of the service.

/// The service's name in audiences.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Audience {
    /// Host in audiences: `chancery:<audience_host>`, and `chancery:<audience_host>:sha256:<request id>`.
    pub audience_host: String,
}
