//! The JSON of any trusted root (proto3 JSON): plain structs without meaning, unknown members refused, `null` for an
//! absent member.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) media_type: String,
    pub(super) tlogs: Option<Vec<Log>>,
    pub(super) certificate_authorities: Option<Vec<Authority>>,
    pub(super) ctlogs: Option<Vec<Log>>,
    pub(super) timestamp_authorities: Option<Vec<Authority>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Log {
    pub(super) base_url: Option<String>,
    pub(super) hash_algorithm: String,
    pub(super) public_key: PublicKey,
    pub(super) log_id: Option<LogId>,
    pub(super) checkpoint_key_id: Option<LogId>,
    #[serde(rename = "operator")]
    pub(super) _operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PublicKey {
    pub(super) raw_bytes: String,
    #[serde(rename = "keyDetails")]
    pub(super) _key_details: String,
    pub(super) valid_for: Option<Validity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Authority {
    pub(super) subject: Option<Subject>,
    pub(super) uri: Option<String>,
    pub(super) cert_chain: Chain,
    pub(super) valid_for: Option<Validity>,
    #[serde(rename = "operator")]
    pub(super) _operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Subject {
    pub(super) organization: Option<String>,
    pub(super) common_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    pub(super) certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Raw {
    pub(super) raw_bytes: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validity {
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
}
