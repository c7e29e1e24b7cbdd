//! Webhooks, as the operator's socket shows them. No URL: its path may be a secret of the receiver.

/// `GET /admin/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Webhooks {
    /// Those of the configuration.
    pub webhooks: Vec<Webhook>,
}

/// One webhook and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// The receiver's host.
    pub host: String,
    /// What it is told about.
    pub events: Vec<String>,
    /// Index of the next entry of the ledger that it is told about; none before the first look.
    pub next: Option<u64>,
    /// Entries that it was not told about yet.
    pub behind: u64,
    /// Notices that were given up.
    pub dead: u64,
    /// Notices that the receiver took since the service started.
    pub delivered: u64,
    /// Attempts that failed since the service started.
    pub failed: u64,
    /// Why the last failed attempt did, and when, RFC 3339.
    pub last_failure: Option<LastFailure>,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct LastFailure {
    /// When, RFC 3339.
    pub at: String,
    /// Why, one line.
    pub why: String,
}

/// Answer to `POST /admin/webhooks/{name}/test`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Tested {
    /// Id of the notice that the receiver took.
    pub notice: String,
}

/// `GET /admin/webhooks/{name}/dead`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct DeadLetters {
    /// Oldest first, at most a hundred.
    pub dead: Vec<DeadLetter>,
}

/// A notice that was given up.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct DeadLetter {
    /// Its number, for `redeliver`.
    pub number: u64,
    /// Its id.
    pub notice: String,
    /// What it tells about.
    pub event: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub why: String,
    /// When it was given up, RFC 3339.
    pub at: String,
    /// The CloudEvents document.
    pub body: String,
}

/// Body of `POST /admin/webhooks/{name}/redeliver`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliverWish {
    /// Which dead letter; all where absent.
    #[serde(default)]
    pub number: Option<u64>,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Redelivered {
    /// Dead letters that were taken now.
    pub delivered: u64,
    /// Dead letters that are left.
    pub left: u64,
}
