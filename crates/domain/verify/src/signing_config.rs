//! Sigstore's `signing_config.v0.2.json`: where clients that sign are sent.
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",
//!  "caUrls":[{"url":"https://sign.example","majorApiVersion":1,"validFor":{"start":"…"},"operator":"sign.example"}],
//!  "oidcUrls":[],"rekorTlogUrls":[{"url":"https://sign.example","majorApiVersion":2,…}],"rekorTlogConfig":{"selector":"ANY"},
//!  "tsaUrls":[{"url":"https://sign.example/v1/timestamp","majorApiVersion":1,…}],"tsaConfig":{"selector":"ANY"}}
//! ```
//! The certificate authority has major version 1 although its path is `/api/v2/signingCert`. No address of a login page is
//! given: jobs bring their own tokens.

use chancery_core::instance::TrustList;
use serde::Serialize;

/// The media type that all clients read.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

/// Whether signatures are to be recorded in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// As cosign does where nobody says otherwise.
    WithLog,
    /// Certificate and timestamp only.
    WithoutLog,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    media_type: &'static str,
    ca_urls: Vec<Service<'a>>,
    oidc_urls: Vec<Service<'a>>,
    rekor_tlog_urls: Vec<Service<'a>>,
    rekor_tlog_config: Selection,
    tsa_urls: Vec<Service<'a>>,
    tsa_config: Selection,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Service<'a> {
    url: String,
    major_api_version: u32,
    valid_for: Since,
    operator: &'a str,
}

#[derive(Serialize)]
struct Since {
    start: String,
}

#[derive(Serialize)]
struct Selection {
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'static str>,
}

/// Writes the document: the same bytes for the same list.
#[must_use]
pub fn to_json(list: &TrustList, recording: Recording) -> String {
    let operator = list.url.strip_prefix("https://").unwrap_or(&list.url);
    let operator = operator.split(':').next().unwrap_or(operator);
    let start = list.instances.iter().map(|one| one.start).min();
    let start = start.map(|start| start.to_string()).unwrap_or_default();
    let service = |path: &str, major_api_version| Service {
        url: format!("{}{path}", list.url),
        major_api_version,
        valid_for: Since { start: start.clone() },
        operator,
    };
    let any = || Selection { selector: Some("ANY") };
    let (rekor_tlog_urls, rekor_tlog_config) = match recording {
        Recording::WithLog => (vec![service("", 2)], any()),
        Recording::WithoutLog => (Vec::new(), Selection { selector: None }),
    };
    let document = Document {
        media_type: MEDIA_TYPE,
        ca_urls: vec![service("", 1)],
        oidc_urls: Vec::new(),
        rekor_tlog_urls,
        rekor_tlog_config,
        tsa_urls: vec![service("/v1/timestamp", 1)],
        tsa_config: any(),
    };
    // INVARIANT: structs of text always serialise.
    serde_json::to_string(&document).unwrap_or_default()
}
