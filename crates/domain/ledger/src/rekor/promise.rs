//! The promise of Rekor v1 to include an entry (“signed entry timestamp”): what the log signed.
//!
//! ```json
//! {"body":"eyJh…","integratedTime":1689177396,"logID":"c0d23d6ad406973f…","logIndex":27246492}
//! ```
//! Canonical JSON (RFC 8785); `body` is the entry in base64. The signature is by the log's key over these bytes. Only it
//! vouches for `integratedTime`, and only it covers this index, which counts over all trees that the log ever had.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::canonical::{self, NotCanonical};
use chancery_core::digest::Sha256;

/// What is promised.
#[derive(Debug, Clone, Copy)]
pub struct Promise<'a> {
    /// The entry, byte for byte.
    pub body: &'a [u8],
    /// When the log took it, seconds since 1970.
    pub integrated_time: u64,
    /// Which log.
    pub log_id: &'a Sha256,
    /// The entry's index over all trees of the log.
    pub log_index: u64,
}

#[derive(serde::Serialize)]
struct Text {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: u64,
    #[serde(rename = "logID")]
    log_id: String,
    #[serde(rename = "logIndex")]
    log_index: u64,
}

impl Promise<'_> {
    /// The bytes that the log signed. Errors when a number is larger than 2^53 - 1.
    pub fn to_be_signed(&self) -> Result<String, NotCanonical> {
        canonical::encode(&Text {
            body: STANDARD.encode(self.body),
            integrated_time: self.integrated_time,
            log_id: self.log_id.to_string(),
            log_index: self.log_index,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_canonical() {
        let promise = Promise {
            body: b"{}",
            integrated_time: 1_689_177_396,
            log_id: &Sha256::from_bytes([0xab; 32]),
            log_index: 27_246_492,
        };
        let expected = format!(
            "{{\"body\":\"e30=\",\"integratedTime\":1689177396,\"logID\":\"{}\",\"logIndex\":27246492}}",
            "ab".repeat(32)
        );
        assert_eq!(promise.to_be_signed().unwrap(), expected);
        assert!(Promise { log_index: u64::MAX, ..promise }.to_be_signed().is_err());
    }
}
