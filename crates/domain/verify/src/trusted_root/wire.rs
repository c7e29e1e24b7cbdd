//! The JSON of a trusted root: plain structs without meaning, unknown members refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use serde::{Deserialize, Serialize};

use super::{InvalidRoot, short};
use crate::window::Window;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) media_type: String,
    #[serde(default)]
    pub(super) tlogs: Vec<Log>,
    #[serde(default)]
    pub(super) certificate_authorities: Vec<Authority>,
    #[serde(default)]
    pub(super) ctlogs: Vec<Log>,
    #[serde(default)]
    pub(super) timestamp_authorities: Vec<Authority>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Log {
    pub(super) base_url: String,
    pub(super) hash_algorithm: String,
    pub(super) public_key: PublicKey,
    pub(super) log_id: LogId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PublicKey {
    pub(super) raw_bytes: String,
    pub(super) key_details: String,
    pub(super) valid_for: Validity,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Authority {
    pub(super) subject: Subject,
    pub(super) uri: String,
    pub(super) cert_chain: Chain,
    pub(super) valid_for: Validity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Subject {
    pub(super) organization: String,
    pub(super) common_name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    pub(super) certificates: Vec<Raw>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Raw {
    pub(super) raw_bytes: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validity {
    pub(super) start: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<String>,
}

const SHA2_256: &str = "SHA2_256";

impl Log {
    pub(super) fn of(
        base_url: &str,
        (spki, details): (&[u8], &str),
        log_id: &Sha256,
        window: Window,
    ) -> Self {
        Self {
            base_url: base_url.to_owned(),
            hash_algorithm: SHA2_256.into(),
            public_key: PublicKey {
                raw_bytes: STANDARD.encode(spki),
                key_details: details.to_owned(),
                valid_for: Validity::of(window),
            },
            log_id: LogId { key_id: STANDARD.encode(log_id.as_bytes()) },
            operator: None,
        }
    }
    /// What is stated beside the key must agree with it.
    pub(super) fn check(&self, log_id: &Sha256) -> Result<(), InvalidRoot> {
        if self.hash_algorithm != SHA2_256 {
            return Err(InvalidRoot::Field("hashAlgorithm"));
        }
        if self.log_id.key_id != STANDARD.encode(log_id.as_bytes()) {
            return Err(InvalidRoot::LogId(short(&self.base_url)));
        }
        Ok(())
    }
}

impl Validity {
    pub(super) fn of(window: Window) -> Self {
        Self { start: window.start().to_string(), end: window.end().map(|end| end.to_string()) }
    }
    pub(super) fn window(&self) -> Result<Window, InvalidRoot> {
        let moment = |text: &String| Time::parse_rfc3339(text).ok_or(InvalidRoot::Field("validFor"));
        let end = self.end.as_ref().map(moment).transpose()?;
        Window::new(moment(&self.start)?, end).ok_or(InvalidRoot::Field("validFor"))
    }
}
