//! `GET /readyz?verbose` and `GET /admin/health`.

use chancery_core::message;

/// Every dependency with its state.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// Whether everything is as it should be.
    pub ok: bool,
    /// One line per thing that was looked at.
    pub report: Vec<ReportLine>,
}

/// One line of a health report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ReportLine {
    /// What was looked at: `keyguard`, `policy`, `ledger`.
    pub item: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// In words.
    pub detail: String,
}

impl From<message::ReportLine> for ReportLine {
    fn from(line: message::ReportLine) -> Self {
        let message::ReportLine { item, ok, detail } = line;
        Self { item, ok, detail }
    }
}

impl Health {
    /// A report; it is well when every line is.
    #[must_use]
    pub fn new(report: Vec<ReportLine>) -> Self {
        Self { ok: report.iter().all(|line| line.ok), report }
    }
}
