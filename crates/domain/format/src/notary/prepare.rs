//! One streaming pass over a file, and the options of the format. The file itself is never held.
//!
//! ```toml
//! envelope = "cose"                       # default: "jws"
//! media_type = "application/zip"          # default: "application/octet-stream"
//! expiry_seconds = "31536000"             # default: it does not expire
//! "annotation.build" = "7"                # default: none
//! ```

use std::collections::BTreeMap;
use std::io::Read;

use chancery_core::family::Family;
use serde_json::Value;

use super::envelope::Kind;
use super::statement::{Body, MAX_EXPIRY, is_media_type};
use crate::patch;
use crate::seam::{FormatError, Layout, Options, Prepared, Sample, Sureness};

/// Takes a file only where it is named: a Sigstore bundle is what a file gets otherwise.
#[must_use]
pub const fn detect(_: &Sample<'_>) -> Sureness {
    Sureness::No
}

/// Hashes the artifact.
pub fn prepare(reader: &mut dyn Read, options: &Options<'_>) -> Result<Prepared, FormatError> {
    let body = body(options)?;
    let (digest, size) = patch::digest(reader)?;
    Ok(Prepared { body: body.to_json(), family: Family::Notary, digest, size, layout: Layout::Beside })
}

/// What the options say of a statement. Errors for one that is not known or of the wrong type.
pub fn body(options: &Options<'_>) -> Result<Body, FormatError> {
    let mut body = Body {
        annotations: BTreeMap::new(),
        envelope: Kind::Jws,
        expiry_seconds: None,
        media_type: "application/octet-stream".to_owned(),
        signing_time: None,
    };
    for (name, value) in options.values {
        let shown = || name.chars().take(80).collect::<String>();
        set(&mut body, name, value).map_err(|expected| FormatError::Option { name: shown(), expected })?;
    }
    Body::from_json(&body.to_json())
}

fn set(body: &mut Body, name: &str, value: &Value) -> Result<(), &'static str> {
    let text = value.as_str();
    if let Some(key) = name.strip_prefix("annotation.") {
        body.annotations.insert(key.to_owned(), text.ok_or("expected text")?.to_owned());
        return Ok(());
    }
    match name {
        "envelope" => body.envelope = text.and_then(Kind::from_name).ok_or("expected `jws` or `cose`")?,
        "media_type" => {
            let media_type = text.filter(|text| is_media_type(text)).ok_or("expected `type/subtype`")?;
            media_type.clone_into(&mut body.media_type);
        }
        "expiry_seconds" => {
            let seconds = text.and_then(|text| text.parse().ok()).or_else(|| value.as_u64());
            let seconds = seconds.filter(|seconds| (1..=MAX_EXPIRY).contains(seconds));
            body.expiry_seconds = Some(seconds.ok_or("expected 1 to 316224000 seconds")?);
        }
        _ => return Err("one of `annotation.NAME`, `envelope`, `expiry_seconds`, `media_type`"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::digest::Sha256;
    use serde_json::json;

    fn prepared(values: &Value, bytes: &[u8]) -> Result<Prepared, FormatError> {
        let options = Options { values: values.as_object().unwrap(), key: None };
        prepare(&mut std::io::Cursor::new(bytes), &options)
    }

    #[test]
    fn hashes_in_one_pass_and_knows_its_options() {
        let bytes = vec![7u8; patch::BUFFER + 1];
        let found = prepared(&json!({}), &bytes).unwrap();
        assert_eq!((found.digest, found.size), (Sha256::of(&bytes), bytes.len() as u64));
        assert_eq!(found.body, json!({"envelope": "jws", "media_type": "application/octet-stream"}));
        let all =
            json!({"envelope": "cose", "media_type": "a/b", "expiry_seconds": "60", "annotation.x": "y"});
        let expected =
            json!({"envelope": "cose", "media_type": "a/b", "expiry_seconds": 60, "annotations": {"x": "y"}});
        assert_eq!(prepared(&all, b"x").unwrap().body, expected);
        for bad in [
            json!({"envelope": "pgp"}),
            json!({"envelope": 1}),
            json!({"media_type": "x"}),
            json!({"expiry_seconds": "soon"}),
            json!({"expiry_seconds": 0}),
            json!({"annotation.x": 1}),
            json!({"annotation.io.cncf.notary.x": "y"}),
            json!({"signing_time": "2026-11-20T21:47:03Z"}),
            json!({"family": "notary"}),
        ] {
            assert!(prepared(&bad, b"x").is_err(), "{bad}");
        }
    }
}
