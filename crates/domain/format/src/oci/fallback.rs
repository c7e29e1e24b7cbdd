//! The index that stands in for the referrers API: tag `sha256-<hex>` (distribution specification, "Referrers Tag Schema").
//!
//! ```json
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",
//!  "manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:…","size":812,
//!                "artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json","annotations":{…}}]}
//! ```
//! Others write into it too. What they wrote stays as it is, member by member; only new entries are added, each once.

use serde_json::{Map, Value, json};

use super::manifest::{
    self, IMAGE, INDEX, InvalidManifest, MAX_DESCRIPTORS, Parsed, WireDescriptor, json_error,
};
use super::referrer::Referrer;

/// Adds referrers to an index, or to a new one. `None` when they are in it already.
pub fn add(index: Option<&[u8]>, referrers: &[Referrer]) -> Result<Option<Vec<u8>>, InvalidManifest> {
    let mut document = match index {
        Some(bytes) => existing(bytes)?,
        None => Map::from_iter([
            ("schemaVersion".to_owned(), json!(2)),
            ("mediaType".to_owned(), json!(INDEX)),
            ("manifests".to_owned(), json!([])),
        ]),
    };
    let Some(Value::Array(manifests)) = document.get_mut("manifests") else {
        return Err(InvalidManifest::Ambiguous);
    };
    let before = manifests.len();
    for referrer in referrers {
        let entry = entry(referrer);
        let digest = entry.get("digest").cloned();
        if !manifests.iter().any(|known| known.get("digest").cloned() == digest) {
            manifests.push(entry);
        }
    }
    if manifests.len() > MAX_DESCRIPTORS {
        return Err(InvalidManifest::Size);
    }
    if manifests.len() == before {
        return Ok(None);
    }
    serde_json::to_vec(&document).map(Some).map_err(json_error)
}

/// Whether an index lists all of them.
#[must_use]
pub fn lists(index: &[u8], referrers: &[Referrer]) -> bool {
    let Ok(Parsed::Index { manifests }) = manifest::parse(index, INDEX) else { return false };
    referrers.iter().all(|referrer| manifests.iter().any(|known| known.digest == referrer.digest()))
}

fn existing(bytes: &[u8]) -> Result<Map<String, Value>, InvalidManifest> {
    let Parsed::Index { .. } = manifest::parse(bytes, INDEX)? else { return Err(InvalidManifest::Ambiguous) };
    serde_json::from_slice(bytes).map_err(json_error)
}

fn entry(referrer: &Referrer) -> Value {
    let mut descriptor = WireDescriptor::of(IMAGE, &referrer.manifest);
    descriptor.artifact_type = Some(referrer.artifact_type.to_owned());
    descriptor.annotations = Some(referrer.annotations.clone());
    // INVARIANT: structs of text and numbers always serialise.
    serde_json::to_value(descriptor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigstore::bundle::MEDIA_TYPE;
    use std::collections::BTreeMap;

    fn referrer(text: &str) -> Referrer {
        let annotations = BTreeMap::from([("a".to_owned(), text.to_owned())]);
        Referrer { artifact_type: MEDIA_TYPE, manifest: text.as_bytes().to_vec(), annotations }
    }

    #[test]
    fn what_is_there_stays_and_nothing_is_listed_twice() {
        let (one, two) = (referrer("one"), referrer("two"));
        let first = add(None, std::slice::from_ref(&one)).unwrap().unwrap();
        assert!(lists(&first, std::slice::from_ref(&one)) && !lists(&first, std::slice::from_ref(&two)));
        assert_eq!(add(Some(&first), std::slice::from_ref(&one)), Ok(None));
        // An entry as another client writes it, with members that are not ours.
        let mut foreign: Value = serde_json::from_slice(&first).unwrap();
        foreign["annotations"] = json!({"kept": "yes"});
        foreign["manifests"][0]["artifactType"] = "application/vnd.oci.empty.v1+json".into();
        foreign["manifests"][0]["x-unknown"] = json!([1]);
        let both = add(Some(foreign.to_string().as_bytes()), &[one.clone(), two.clone()]).unwrap().unwrap();
        let read: Value = serde_json::from_slice(&both).unwrap();
        assert_eq!(read["manifests"][0], foreign["manifests"][0]);
        assert_eq!(read["annotations"], foreign["annotations"]);
        assert_eq!(read["manifests"][1]["artifactType"], MEDIA_TYPE);
        assert_eq!(read["manifests"][1]["annotations"]["a"], "two");
        assert!(lists(&both, &[one, two]));
    }

    #[test]
    fn a_tag_that_holds_something_else_is_not_overwritten() {
        for text in
            ["", "{}", "{\"schemaVersion\":2,\"manifests\":{}}", "{\"schemaVersion\":2,\"layers\":[]}"]
        {
            assert!(add(Some(text.as_bytes()), &[referrer("x")]).is_err(), "{text}");
        }
    }
}
