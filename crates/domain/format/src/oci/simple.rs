//! Simple signing: the older shape of an image signature, the only one that skopeo, podman and bootc read.
//!
//! ```json
//! {"critical":{"identity":{"docker-reference":"registry.example/acme/app"},
//!              "image":{"docker-manifest-digest":"sha256:229c…"},
//!              "type":"cosign container image signature"},"optional":null}
//! ```
//! The payload is a layer of the manifest that tag `sha256-<hex>.sig` names; the signature is an annotation of that layer
//! (cosign's signature specification; `containers/image`, `sigstoreSigned`). The reference names the repository without
//! tag: by default readers compare it with the repository that they pull from.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chancery_core::digest::Sha256;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::manifest::{self, IMAGE, InvalidManifest, MAX_DESCRIPTORS, Parsed, WireDescriptor, json_error};
use super::reference::{Repository, parse_digest};

/// What the payload says it is.
pub const TYPE: &str = "cosign container image signature";
/// Media type of the layer that holds the payload.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Largest payload in bytes.
pub const MAX_PAYLOAD: usize = 4096;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    critical: Critical,
    optional: Option<Value>,
}
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// The payload for a manifest in a repository: the same bytes for the same two.
#[must_use]
pub fn payload(repository: &Repository, digest: Sha256) -> Vec<u8> {
    let payload = Payload {
        critical: Critical {
            identity: Identity { docker_reference: repository.to_string() },
            image: Image { docker_manifest_digest: format!("sha256:{digest}") },
            kind: TYPE.to_owned(),
        },
        optional: None,
    };
    // INVARIANT: structs of text always serialise.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// Reads a payload: repository and digest that it is about.
pub fn parse(payload: &[u8]) -> Result<(Repository, Sha256), InvalidManifest> {
    if payload.len() > MAX_PAYLOAD {
        return Err(InvalidManifest::Size);
    }
    let read: Payload = serde_json::from_slice(payload).map_err(json_error)?;
    let repository = Repository::parse(&read.critical.identity.docker_reference)
        .map_err(|error| InvalidManifest::Json(error.to_string()))?;
    let digest =
        parse_digest(&read.critical.image.docker_manifest_digest).map_err(|_| InvalidManifest::Digest)?;
    // Another spelling of the same would be another reading of what was signed.
    if read.critical.kind != TYPE || self::payload(&repository, digest) != payload {
        return Err(InvalidManifest::Json("not a simple signing payload".to_owned()));
    }
    Ok((repository, digest))
}

/// A signature with its payload, as the service answers it: base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The signed payload.
    #[serde(with = "chancery_core::order::base64_bytes")]
    pub payload: Vec<u8>,
    /// The signature over it, DER.
    #[serde(with = "chancery_core::order::base64_bytes")]
    pub signature: Vec<u8>,
    /// RFC 3161 response over the signature, DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Stamp>,
}

/// A timestamp, base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(#[serde(with = "chancery_core::order::base64_bytes")] pub Vec<u8>);

impl Signature {
    /// Reads the service's answer.
    pub fn parse_json(json: &[u8]) -> Result<Self, InvalidManifest> {
        serde_json::from_slice(json).map_err(json_error)
    }
}

/// The image configuration that goes with a manifest of such layers: clients read its list of layers.
#[must_use]
pub fn config(layers: &[Sha256]) -> Vec<u8> {
    let ids: Vec<String> = layers.iter().map(|digest| format!("sha256:{digest}")).collect();
    json!({"architecture": "", "config": {}, "os": "", "rootfs": {"diff_ids": ids, "type": "layers"}})
        .to_string()
        .into_bytes()
}

/// A manifest to put under the tag, with its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration that it points at.
    pub config: Vec<u8>,
}

/// Adds a signature to the manifest under the tag, or to a new one. `None` when it is there already. Layers that others
/// put there stay as they are.
pub fn add(
    manifest: Option<(&[u8], &str)>,
    signature: &Signature,
) -> Result<Option<Tagged>, InvalidManifest> {
    let mut layers: Vec<Value> = match manifest {
        Some((bytes, media_type)) => existing(bytes, media_type)?,
        None => Vec::new(),
    };
    let layer = layer(signature);
    if layers.iter().any(|known| is_same(known, &layer)) {
        return Ok(None);
    }
    layers.push(layer);
    if layers.len() > MAX_DESCRIPTORS {
        return Err(InvalidManifest::Size);
    }
    let digest =
        |layer: &Value| layer.get("digest").and_then(Value::as_str).and_then(|text| parse_digest(text).ok());
    let ids: Vec<Sha256> = layers.iter().filter_map(digest).collect();
    let config = config(&ids);
    let document = Map::from_iter([
        ("schemaVersion".to_owned(), json!(2)),
        ("mediaType".to_owned(), json!(IMAGE)),
        ("config".to_owned(), json!(WireDescriptor::of(CONFIG, &config))),
        ("layers".to_owned(), Value::Array(layers)),
    ]);
    let manifest = serde_json::to_vec(&document).map_err(json_error)?;
    Ok(Some(Tagged { manifest, config }))
}

/// Whether a manifest holds the signature.
#[must_use]
pub fn holds(bytes: &[u8], media_type: &str, signature: &Signature) -> bool {
    let layer = layer(signature);
    existing(bytes, media_type).is_ok_and(|layers| layers.iter().any(|known| is_same(known, &layer)))
}

fn is_same(known: &Value, layer: &Value) -> bool {
    let of = |value: &Value| value.get("annotations").and_then(|all| all.get(SIGNATURE)).cloned();
    known.get("digest") == layer.get("digest") && of(known) == of(layer)
}

fn existing(bytes: &[u8], media_type: &str) -> Result<Vec<Value>, InvalidManifest> {
    let Parsed::Image { .. } = manifest::parse(bytes, media_type)? else {
        return Err(InvalidManifest::Ambiguous);
    };
    let mut document: Map<String, Value> = serde_json::from_slice(bytes).map_err(json_error)?;
    match document.remove("layers") {
        Some(Value::Array(layers)) => Ok(layers),
        Some(_) | None => Err(InvalidManifest::Ambiguous),
    }
}

fn layer(signature: &Signature) -> Value {
    let mut descriptor = WireDescriptor::of(MEDIA_TYPE, &signature.payload);
    let mut annotations =
        std::collections::BTreeMap::from([(SIGNATURE.to_owned(), STANDARD.encode(&signature.signature))]);
    if let Some(Stamp(response)) = &signature.timestamp {
        let value = json!({"SignedRFC3161Timestamp": STANDARD.encode(response)});
        annotations.insert(TIMESTAMP.to_owned(), value.to_string());
    }
    descriptor.annotations = Some(annotations);
    // INVARIANT: structs of text and numbers always serialise.
    serde_json::to_value(descriptor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Repository {
        Repository::parse("r.example/acme/app").unwrap()
    }
    fn signature(text: &str) -> Signature {
        let payload = payload(&repository(), Sha256::of(b"manifest"));
        Signature { payload, signature: text.as_bytes().to_vec(), timestamp: None }
    }

    #[test]
    fn the_payload_is_the_one_of_the_specification() {
        let payload = payload(&repository(), Sha256::of(b"x"));
        let expected = format!(
            "{{\"critical\":{{\"identity\":{{\"docker-reference\":\"r.example/acme/app\"}},\"image\":\
             {{\"docker-manifest-digest\":\"sha256:{}\"}},\"type\":\"cosign container image signature\"}},\"optional\":null}}",
            Sha256::of(b"x")
        );
        assert_eq!(String::from_utf8(payload.clone()).unwrap(), expected);
        assert_eq!(parse(&payload), Ok((repository(), Sha256::of(b"x"))));
        for at in 0..payload.len() {
            let mut other = payload.clone();
            other[at] ^= 1;
            assert_ne!(parse(&other), Ok((repository(), Sha256::of(b"x"))), "byte {at}");
            assert!(parse(&payload[..at]).is_err(), "cut at {at}");
        }
        assert!(parse(&[payload, b" ".to_vec()].concat()).is_err());
    }

    #[test]
    fn signatures_of_others_stay() {
        let first = add(None, &signature("one")).unwrap().unwrap();
        assert!(
            holds(&first.manifest, IMAGE, &signature("one"))
                && !holds(&first.manifest, IMAGE, &signature("two"))
        );
        assert_eq!(add(Some((&first.manifest, IMAGE)), &signature("one")), Ok(None));
        let mut foreign: Value = serde_json::from_slice(&first.manifest).unwrap();
        foreign["layers"][0]["annotations"]["dev.sigstore.cosign/certificate"] = "PEM".into();
        let both = add(Some((foreign.to_string().as_bytes(), IMAGE)), &signature("two")).unwrap().unwrap();
        let read: Value = serde_json::from_slice(&both.manifest).unwrap();
        assert_eq!(read["layers"][0], foreign["layers"][0]);
        assert!(
            holds(&both.manifest, IMAGE, &signature("one"))
                && holds(&both.manifest, IMAGE, &signature("two"))
        );
        assert_eq!(read["config"]["digest"], format!("sha256:{}", Sha256::of(&both.config)));
    }
}
