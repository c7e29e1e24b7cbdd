//! What `inspect` shows of a bundle that another Sigstore made. Everything in it is a claim.

use std::path::Path;

use chancery_core::time::Time;
use chancery_format::sigstore::foreign::{Content, Entry, ForeignBundle, Material};
use serde_json::{Value, json};

use super::inspect::{certificate, statement};

/// The bundle as a document.
pub(super) fn shown(bundle: &ForeignBundle, path: &Path) -> Value {
    let content = match &bundle.content {
        Content::Message { digest: Some((algorithm, digest)), .. } => {
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"kind": "message", algorithm.name(): hex})
        }
        Content::Message { digest: None, .. } => json!({"kind": "message"}),
        Content::Dsse { payload, payload_type, .. } => statement(payload_type, payload),
    };
    let (certificates, hint) = match &bundle.material {
        Material::Certificates(all) => (all.iter().map(|der| certificate(der)).collect(), None),
        Material::PublicKey { hint } => (Vec::new(), Some(hint)),
    };
    json!({
        "format": "sigstore",
        "file": path.display().to_string(),
        "version": bundle.version.name(),
        "content": content,
        "certificates": certificates,
        "public_key_hint": hint,
        "log_entries": bundle.entries.iter().map(entry).collect::<Vec<_>>(),
        "timestamps": bundle.timestamps.len(),
    })
}

fn entry(entry: &Entry) -> Value {
    let claimed = entry.integrated_time.and_then(|seconds| i64::try_from(seconds).ok());
    let origin = entry.proof.as_ref().and_then(|proof| proof.checkpoint.as_ref()?.lines().next());
    json!({
        "kind": format!("{} {}", entry.kind.0, entry.kind.1),
        "log_id": entry.log_id.to_string(),
        "index": entry.log_index,
        "origin": origin,
        "size": entry.proof.as_ref().map(|proof| proof.size),
        "promised": entry.promise.is_some(),
        "claimed_time": claimed.map(|seconds| Time::from_seconds(seconds).to_string()),
    })
}
