//! An image with its signatures in an OCI layout, so that notation needs no registry.

use std::path::Path;

use chancery_core::digest::Sha256;
use chancery_format::notary::manifest::{ARTIFACT_TYPE, referrer};
use chancery_format::oci::manifest::IMAGE as MEDIA_TYPE;
use chancery_format::oci::referrer::EMPTY as EMPTY_CONFIG;
use serde_json::{Value, json};

use crate::maker::MANIFEST;

/// Writes the layout anew: the image, and the envelopes that refer to it.
pub(crate) fn write(directory: &Path, envelopes: &[&[u8]]) {
    let blobs = directory.join("blobs/sha256");
    drop(std::fs::remove_dir_all(directory));
    std::fs::create_dir_all(&blobs).unwrap();
    let keep = |bytes: &[u8]| std::fs::write(blobs.join(Sha256::of(bytes).to_string()), bytes).unwrap();
    let named = |bytes: &[u8]| -> Value {
        json!({"mediaType": MEDIA_TYPE, "digest": format!("sha256:{}", Sha256::of(bytes)), "size": bytes.len()})
    };
    keep(EMPTY_CONFIG);
    keep(MANIFEST);
    let mut manifests = vec![named(MANIFEST)];
    for envelope in envelopes {
        let made = referrer(envelope).unwrap();
        keep(envelope);
        keep(&made.manifest);
        manifests.push(named(&made.manifest));
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    std::fs::write(directory.join("index.json"), index.to_string()).unwrap();
    std::fs::write(directory.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
}

/// The envelopes that somebody else put into the layout.
pub(crate) fn envelopes(directory: &Path) -> Vec<Vec<u8>> {
    let read = |digest: &str| {
        let name = digest.strip_prefix("sha256:").unwrap();
        std::fs::read(directory.join("blobs/sha256").join(name)).unwrap()
    };
    let index: Value = serde_json::from_slice(&std::fs::read(directory.join("index.json")).unwrap()).unwrap();
    let manifests = index["manifests"].as_array().unwrap().iter();
    let manifests = manifests.map(|one| read(one["digest"].as_str().unwrap()));
    let parsed = manifests.map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
    let signatures = parsed.filter(|one| one["config"]["mediaType"] == ARTIFACT_TYPE);
    signatures.map(|one| read(one["layers"][0]["digest"].as_str().unwrap())).collect()
}
