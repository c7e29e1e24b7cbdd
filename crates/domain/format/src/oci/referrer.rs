//! The manifest by which a signature refers to its subject: of a bundle exactly as cosign 3 and the Sigstore client
//! specification have it, of an envelope as notation has it ([`crate::notary::manifest`]).
//!
//! ```json
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
//!  "artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json",
//!  "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136f…","size":2},
//!  "layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":"sha256:…","size":5120}],
//!  "subject":{"mediaType":"…","digest":"sha256:229c…","size":418},
//!  "annotations":{"dev.sigstore.bundle.content":"dsse-envelope","dev.sigstore.bundle.predicateType":"…","dev.chancery.signature":"sha256:…",
//!                 "org.opencontainers.image.created":"2026-11-21T09:00:00Z"}}
//! ```

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::port::registry::{Attach, Referring};
use serde::Serialize;

use super::manifest::{self, IMAGE, InvalidManifest, Parsed, WireDescriptor};
use crate::notary::envelope::{Kind, MAX_ENVELOPE};
use crate::notary::manifest::ARTIFACT_TYPE;
use crate::sigstore::bundle::{MAX_BUNDLE, MEDIA_TYPE};

/// The bytes of a configuration that says nothing.
pub const EMPTY: &[u8] = b"{}";

/// Media type of a configuration that says nothing, not even what the manifest is.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const CONTENT: &str = "dev.sigstore.bundle.content";
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// Names the signature in the bundle: SHA-256 of its bytes, so that a list tells which ones are there.
pub const SIGNATURE: &str = "dev.chancery.signature";

/// When a signature was made.
pub const CREATED: &str = "org.opencontainers.image.created";

/// One blob about one subject: all that a manifest that refers says. Where no artifact type is named, the configuration's
/// media type stands for it (OCI distribution specification, "Listing Referrers").
#[derive(Debug, Clone)]
pub struct Refers<'a> {
    /// The artifact type, where it is named.
    pub artifact_type: Option<&'static str>,
    /// Media type of the configuration, which is empty.
    pub config_type: &'static str,
    /// Media type and bytes of the one layer.
    pub layer: (&'static str, &'a [u8]),
    /// Media type, digest and size of the subject.
    pub subject: (&'a str, Sha256, u64),
    /// What the manifest says besides, and lists of referrers repeat.
    pub annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'static str>,
    config: WireDescriptor,
    layers: [WireDescriptor; 1],
    subject: WireDescriptor,
    annotations: BTreeMap<&'static str, String>,
}

/// A referrer that can be put into a registry: bytes of its manifest, and the entry of an index that lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// What an index that lists it says it is.
    pub artifact_type: &'static str,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// Its annotations; an index that lists it repeats them.
    pub annotations: BTreeMap<String, String>,
}

impl Referrer {
    /// The manifest for a bundle.
    #[must_use]
    pub fn of_bundle(attach: &Attach, json: &[u8], predicate_type: &str, signature: Sha256) -> Self {
        let annotations = BTreeMap::from([
            (CONTENT, "dsse-envelope".to_owned()),
            (PREDICATE_TYPE, predicate_type.to_owned()),
            (CREATED, attach.created.to_string()),
            (SIGNATURE, format!("sha256:{signature}")),
        ]);
        Self::of(Refers {
            artifact_type: Some(MEDIA_TYPE),
            config_type: EMPTY_TYPE,
            layer: (MEDIA_TYPE, json),
            subject: (&attach.media_type, attach.subject, attach.size),
            annotations,
        })
    }
    /// The manifest that says this: the same bytes for the same.
    #[must_use]
    pub fn of(refers: Refers<'_>) -> Self {
        let (media_type, subject, size) = refers.subject;
        let wire = Wire {
            schema_version: 2,
            media_type: IMAGE,
            artifact_type: refers.artifact_type,
            config: WireDescriptor::of(refers.config_type, EMPTY),
            layers: [WireDescriptor::of(refers.layer.0, refers.layer.1)],
            subject: WireDescriptor {
                digest: format!("sha256:{subject}"),
                size,
                ..WireDescriptor::of(media_type, &[])
            },
            annotations: refers.annotations,
        };
        // INVARIANT: structs of text and numbers always serialise.
        let manifest = serde_json::to_vec(&wire).unwrap_or_default();
        let annotations =
            wire.annotations.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let artifact_type = refers.artifact_type.unwrap_or(refers.config_type);
        Self { artifact_type, manifest, annotations }
    }
    /// SHA-256 of the manifest.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.manifest)
    }
}

/// What a referrer's manifest says it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// One bundle, in the blob of this digest.
    Bundle(Sha256),
    /// One Notary envelope, in the blob of this digest.
    Envelope(Sha256),
    /// Something else, or nothing that can be read.
    Other(Referring),
}

/// Reads the manifest of something that is listed as a referrer of `subject`. Which kind it is follows from its one layer,
/// never from what a list says of it: lists that other clients write are wrong about it.
#[must_use]
pub fn open(bytes: &[u8], media_type: &str, subject: Sha256) -> Holds {
    let unusable = |why: String| Holds::Other(Referring::Unusable(why));
    let (config, layers, found, artifact_type) = match manifest::parse(bytes, media_type) {
        Ok(Parsed::Image { config, layers, subject, artifact_type }) => {
            (config, layers, subject, artifact_type)
        }
        Ok(Parsed::Index { .. }) => return Holds::Other(Referring::Other(media_type.to_owned())),
        Err(error) => return unusable(error.to_string()),
    };
    if found.is_none_or(|found| found.digest != subject) {
        return unusable(InvalidManifest::Digest.to_string().replace("a descriptor's", "the subject's"));
    }
    let named = artifact_type.unwrap_or(config.media_type);
    match layers.as_slice() {
        [layer] if named == ARTIFACT_TYPE && Kind::from_media_type(&layer.media_type).is_some() => {
            let fits = usize::try_from(layer.size).is_ok_and(|size| size <= MAX_ENVELOPE);
            if fits {
                Holds::Envelope(layer.digest)
            } else {
                unusable("the envelope is larger than 1 MiB".to_owned())
            }
        }
        [layer] if layer.media_type == MEDIA_TYPE => {
            let fits = usize::try_from(layer.size).is_ok_and(|size| size <= MAX_BUNDLE);
            if fits {
                Holds::Bundle(layer.digest)
            } else {
                unusable("the bundle is larger than 1 MiB".to_owned())
            }
        }
        layers if layers.iter().any(|layer| layer.media_type == MEDIA_TYPE) => {
            unusable("a bundle among other layers".to_owned())
        }
        _ => Holds::Other(Referring::Other(named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chancery_core::time::Time;

    fn attach() -> Attach {
        Attach {
            repository: "r.example/app".into(),
            subject: Sha256::of(b"subject"),
            size: 418,
            media_type: IMAGE.into(),
            signatures: Vec::new(),
            created: Time::from_seconds(0),
        }
    }

    #[test]
    fn has_the_shape_that_cosign_writes() {
        let referrer = Referrer::of_bundle(
            &attach(),
            b"bundle",
            "https://sigstore.dev/cosign/sign/v1",
            Sha256::of(b"sig"),
        );
        let value: serde_json::Value = serde_json::from_slice(&referrer.manifest).unwrap();
        assert_eq!(
            value["config"]["digest"],
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        assert_eq!(value["config"]["size"], 2);
        assert_eq!(value["artifactType"], value["layers"][0]["mediaType"]);
        assert_eq!(value["subject"]["size"], 418);
        assert_eq!(value["annotations"][CONTENT], "dsse-envelope");
        assert_eq!(value["annotations"][CREATED], "1970-01-01T00:00:00Z");
        assert_eq!(open(&referrer.manifest, IMAGE, attach().subject), Holds::Bundle(Sha256::of(b"bundle")));
    }

    fn layer_of(media_type: &str) -> serde_json::Value {
        serde_json::to_value(WireDescriptor::of(media_type, b"x")).unwrap()
    }

    #[test]
    fn another_subject_or_a_second_layer_is_no_bundle_of_this_one() {
        let referrer = Referrer::of_bundle(&attach(), b"bundle", "p", Sha256::of(b"sig"));
        let other = open(&referrer.manifest, IMAGE, Sha256::of(b"another"));
        assert!(matches!(other, Holds::Other(Referring::Unusable(_))), "{other:?}");
        let mut value: serde_json::Value = serde_json::from_slice(&referrer.manifest).unwrap();
        let layer = value["layers"][0].clone();
        value["layers"].as_array_mut().unwrap().push(layer);
        let two = open(value.to_string().as_bytes(), IMAGE, attach().subject);
        assert!(matches!(two, Holds::Other(Referring::Unusable(_))), "{two:?}");
        let mut envelope = value.clone();
        envelope["layers"] = serde_json::json!([layer_of("application/jose+json")]);
        let opened = |value: &serde_json::Value| open(value.to_string().as_bytes(), IMAGE, attach().subject);
        assert!(matches!(opened(&envelope), Holds::Other(Referring::Other(_))), "a JWS of something else");
        envelope["artifactType"] = ARTIFACT_TYPE.into();
        assert_eq!(opened(&envelope), Holds::Envelope(Sha256::of(b"x")));
        envelope["layers"][0]["size"] = ((1 << 20) + 1).into();
        assert!(matches!(opened(&envelope), Holds::Other(Referring::Unusable(_))));
        value["layers"] = serde_json::json!([]);
        value["artifactType"] = "application/vnd.cncf.notary.signature".into();
        let notary = open(value.to_string().as_bytes(), IMAGE, attach().subject);
        assert_eq!(notary, Holds::Other(Referring::Other("application/vnd.cncf.notary.signature".into())));
    }
}
