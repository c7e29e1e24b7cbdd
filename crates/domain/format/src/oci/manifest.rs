//! Manifests and indexes (OCI image specification 1.1, and Docker's schema 2, which has the same shape).
//!
//! ```json
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",
//!  "manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:229c…","size":418,
//!                "platform":{"architecture":"amd64","os":"linux"}}]}
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
//!  "config":{"mediaType":"…","digest":"sha256:…","size":2},"layers":[…],"subject":{…},"artifactType":"…"}
//! ```
//! The bytes are signed as they are, whatever they say; they are read to find children and referrers. Members that this
//! reader does not know are left alone, but what it reads has one reading: the media type inside is the one outside, and
//! nothing is both index and image (CVE-2021-41190).

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::port::registry::MAX_MANIFEST;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reference::parse_digest;

/// Media type of an image manifest.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's image manifest.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Every media type that is read, as a client asks for them.
pub const READABLE: [&str; 4] = [IMAGE, INDEX, DOCKER_IMAGE, DOCKER_INDEX];
/// Most descriptors in one manifest.
pub const MAX_DESCRIPTORS: usize = 1024;
/// Longest media type in bytes (RFC 6838 §4.2: 127 on each side of the slash).
pub const MAX_MEDIA_TYPE: usize = 255;

/// Bytes that are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Both `manifests` and `layers` or `config`, or neither.
    #[error("it is both an index and an image, or neither")]
    Ambiguous,
    /// A digest of another algorithm or spelling.
    #[error("a descriptor's digest is not sha256 in lower case")]
    Digest,
    /// Not the JSON of a manifest.
    #[error("not the JSON of a manifest: {0}")]
    Json(String),
    /// A media type that is not one, not one that is read, or another than the one under which it was given.
    #[error("media type `{0}` is not the one of this manifest")]
    MediaType(String),
    /// Too many bytes or descriptors.
    #[error("it is larger than 4 MiB, or has more than 1024 descriptors")]
    Size,
    /// Another `schemaVersion` than 2.
    #[error("schema version is not 2")]
    Version,
}

/// What a descriptor points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// SHA-256 of the content.
    pub digest: Sha256,
    /// Size of the content in bytes.
    pub size: u64,
    /// Artifact type of the manifest that it points at, where it says one.
    pub artifact_type: Option<String>,
    /// `linux/arm64/v8`, where it says one.
    pub platform: Option<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Points at other manifests.
    Index {
        /// In their order.
        manifests: Vec<Descriptor>,
    },
    /// Points at content.
    Image {
        /// Its configuration.
        config: Box<Descriptor>,
        /// Its layers, in order.
        layers: Vec<Descriptor>,
        /// What it refers to.
        subject: Option<Box<Descriptor>>,
        /// What it is, where it says so.
        artifact_type: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<WireDescriptor>,
    layers: Option<Vec<WireDescriptor>>,
    manifests: Option<Vec<WireDescriptor>>,
    subject: Option<WireDescriptor>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireDescriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Value>,
}

impl WireDescriptor {
    pub(super) fn of(media_type: &str, content: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", Sha256::of(content)),
            size: u64::try_from(content.len()).unwrap_or(u64::MAX),
            artifact_type: None,
            annotations: None,
            platform: None,
        }
    }
    fn read(self) -> Result<Descriptor, InvalidManifest> {
        check_media_type(&self.media_type)?;
        Ok(Descriptor {
            digest: parse_digest(&self.digest).map_err(|_| InvalidManifest::Digest)?,
            media_type: self.media_type,
            size: self.size,
            artifact_type: self.artifact_type,
            platform: self.platform.as_ref().and_then(platform),
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

/// Reads a manifest that was given under a media type.
pub fn parse(bytes: &[u8], media_type: &str) -> Result<Parsed, InvalidManifest> {
    if bytes.len() > MAX_MANIFEST {
        return Err(InvalidManifest::Size);
    }
    let wire: Wire = serde_json::from_slice(bytes).map_err(json_error)?;
    if wire.schema_version != 2 {
        return Err(InvalidManifest::Version);
    }
    let other = |found: &str| InvalidManifest::MediaType(found.chars().take(80).collect());
    if let Some(found) = wire.media_type.as_deref().filter(|found| *found != media_type) {
        return Err(other(found));
    }
    let is_index = match media_type {
        INDEX | DOCKER_INDEX => true,
        IMAGE | DOCKER_IMAGE => false,
        _ => return Err(other(media_type)),
    };
    match (is_index, wire.manifests, wire.config, wire.layers) {
        (true, Some(manifests), None, None) => Ok(Parsed::Index { manifests: descriptors(manifests)? }),
        (false, None, Some(config), layers) => Ok(Parsed::Image {
            config: Box::new(config.read()?),
            layers: descriptors(layers.unwrap_or_default())?,
            subject: wire.subject.map(WireDescriptor::read).transpose()?.map(Box::new),
            artifact_type: wire.artifact_type,
        }),
        _ => Err(InvalidManifest::Ambiguous),
    }
}

/// Whether a text is a media type: printable, one slash, of bounded length.
pub fn check_media_type(text: &str) -> Result<(), InvalidManifest> {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let fits = text.len() <= MAX_MEDIA_TYPE
        && text.split_once('/').is_some_and(|(kind, name)| token(kind) && token(name));
    if fits {
        Ok(())
    } else {
        Err(InvalidManifest::MediaType(text.chars().filter(|c| !c.is_control()).take(80).collect()))
    }
}

pub(super) fn json_error(error: serde_json::Error) -> InvalidManifest {
    InvalidManifest::Json(error.to_string().chars().filter(|c| !c.is_control()).take(120).collect())
}

fn descriptors(wire: Vec<WireDescriptor>) -> Result<Vec<Descriptor>, InvalidManifest> {
    if wire.len() > MAX_DESCRIPTORS {
        return Err(InvalidManifest::Size);
    }
    wire.into_iter().map(WireDescriptor::read).collect()
}

/// `os/architecture/variant`, as far as they are there.
fn platform(value: &Value) -> Option<String> {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let mut text = format!("{}/{}", part("os")?, part("architecture")?);
    if let Some(variant) = part("variant") {
        text.push('/');
        text.push_str(variant);
    }
    Some(text.chars().filter(|c| !c.is_control()).take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> Value {
        serde_json::json!({"mediaType": IMAGE, "digest": format!("sha256:{}", Sha256::of(b"x")), "size": 1})
    }

    #[test]
    fn reads_images_and_indexes() {
        let mut child = descriptor();
        child["platform"] = serde_json::json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]});
        let Ok(Parsed::Index { manifests }) = parse(index.to_string().as_bytes(), INDEX) else { panic!() };
        assert_eq!(manifests[0].platform.as_deref(), Some("linux/arm64/v8"));
        let image = serde_json::json!({"schemaVersion": 2, "config": descriptor(), "layers": [descriptor()],
            "subject": descriptor(), "artifactType": "application/x"});
        for media_type in [IMAGE, DOCKER_IMAGE] {
            let parsed = parse(image.to_string().as_bytes(), media_type).unwrap();
            let Parsed::Image { layers, subject, .. } = parsed else { panic!() };
            assert_eq!((layers.len(), subject.is_some()), (1, true));
        }
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        let both =
            serde_json::json!({"schemaVersion": 2, "manifests": [], "config": descriptor(), "layers": []});
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
        let mut upper = descriptor();
        upper["digest"] = Value::String(format!("SHA256:{}", Sha256::of(b"x")));
        let upper = serde_json::json!({"schemaVersion": 2, "config": upper});
        let one = serde_json::json!({"schemaVersion": 1, "config": descriptor()});
        let many =
            serde_json::json!({"schemaVersion": 2, "manifests": vec![descriptor(); MAX_DESCRIPTORS + 1]});
        let cases = [
            (both.to_string(), INDEX),
            (both.to_string(), IMAGE),
            (index.to_string(), IMAGE),
            (index.to_string(), "text/plain"),
            (upper.to_string(), IMAGE),
            (one.to_string(), IMAGE),
            (many.to_string(), INDEX),
            ("{\"schemaVersion\":2,\"schemaVersion\":2,\"manifests\":[]}".into(), INDEX),
            ("[2]".into(), INDEX),
            (String::new(), INDEX),
        ];
        for (text, media_type) in cases {
            assert!(parse(text.as_bytes(), media_type).is_err(), "{text:.80}");
        }
        assert!(parse(&vec![b' '; MAX_MANIFEST + 1], IMAGE).is_err());
    }

    #[test]
    fn media_types_are_bounded() {
        for good in [IMAGE, INDEX, "application/vnd.cncf.helm.config.v1+json", "a/b"] {
            assert_eq!(check_media_type(good), Ok(()), "{good}");
        }
        for bad in ["", "a", "a/", "/b", "a/b c", "a/b\n", "a/b/c", &format!("a/{}", "b".repeat(254))] {
            assert!(check_media_type(bad).is_err(), "{bad}");
        }
    }
}
