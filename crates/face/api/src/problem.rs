//! `application/problem+json` (RFC 9457): every answer that is no success.

use chancery_core::decision;

/// Media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem with its stable code. Members that say nothing are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Problem {
    /// `urn:chancery:problem:CH4012`.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// What the code means, always the same for a code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The stable code: `CH4012`.
    pub code: String,
    /// What was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub actual: String,
    /// What was expected.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// What a pending request waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What policy evaluated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TraceLine>,
    /// Id of this exchange, as in the `x-request-id` header and the service's log.
    pub request_id: String,
}

/// One matcher of one rule, with what it saw and what it wanted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct TraceLine {
    /// The rule.
    pub rule: String,
    /// The attribute that was compared.
    pub attribute: String,
    /// What the caller had; empty when absent.
    pub actual: String,
    /// What the rule wanted.
    pub expected: String,
    /// Whether they matched.
    pub ok: bool,
}

/// One thing that a pending request waits for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Missing {
    /// People have to approve.
    Approvals {
        /// Distinct people whose approval is valid.
        have: u32,
        /// How many are needed.
        need: u32,
        /// Every reason for the number.
        why: Vec<String>,
    },
    /// Independent builders have to submit the same request.
    Builders {
        /// Builders that did.
        have: u32,
        /// How many are needed.
        need: u32,
    },
    /// The hold period is not over.
    Hold {
        /// When it is, RFC 3339.
        until: String,
    },
}

impl From<decision::Missing> for Missing {
    fn from(missing: decision::Missing) -> Self {
        match missing {
            decision::Missing::Approvals { have, need, why } => Self::Approvals { have, need, why },
            decision::Missing::Builders { have, need } => Self::Builders { have, need },
            decision::Missing::Hold { until } => Self::Hold { until: until.to_string() },
        }
    }
}

impl From<decision::TraceLine> for TraceLine {
    fn from(line: decision::TraceLine) -> Self {
        let decision::TraceLine { rule, attribute, actual, expected, ok } = line;
        Self { rule, attribute, actual, expected, ok }
    }
}
