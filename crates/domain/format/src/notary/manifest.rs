//! The manifest that refers from an envelope to an image (Notary signature specification, "Storage").
//!
//! ```json
//! {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
//!  "config":{"mediaType":"application/vnd.cncf.notary.signature","digest":"sha256:4413…","size":2},
//!  "layers":[{"mediaType":"application/jose+json","digest":"sha256:…","size":2345}],
//!  "subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:…","size":525},
//!  "annotations":{"io.cncf.notary.x509chain.thumbprint#S256":"[\"9f5f…\"]","org.opencontainers.image.created":"2026-11-20T21:47:03Z"}}
//! ```
//! The type stands in `config`, and `artifactType` is absent: notation 1.3 overlooks the newer form, newer ones read both,
//! and lists of referrers take the one for the other (OCI distribution specification, "Listing Referrers").

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;

use super::envelope::Envelope;
use crate::seam::FormatError;

/// What says that a manifest holds a Notary signature: in its `config`, and as `artifactType` in lists of referrers.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
/// The media type of the manifest itself.
pub const MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The annotation with the SHA-256 of every certificate of the chain.
pub const THUMBPRINT: &str = "io.cncf.notary.x509chain.thumbprint#S256";
const CREATED: &str = "org.opencontainers.image.created";
/// The configuration's bytes, which say nothing.
pub const EMPTY_CONFIG: &[u8] = b"{}";

/// A blob or manifest, by what it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// `sha256:` and lower-case hexadecimal.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
}

impl Descriptor {
    /// Names bytes.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", Sha256::of(bytes)),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: Descriptor,
    layers: [Descriptor; 1],
    subject: Descriptor,
    annotations: BTreeMap<&'a str, String>,
}

/// A manifest, with what a list of referrers says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// What it says of itself, and lists of referrers repeat.
    pub annotations: BTreeMap<String, String>,
}

/// Makes the manifest that attaches an envelope to the artifact that it names: pure, so that the same envelope always
/// gives the same manifest. Beside it, a registry needs the blobs `{}` and the envelope.
///
/// Errors when the envelope does not parse.
pub fn referrer(envelope: &[u8]) -> Result<Referrer, FormatError> {
    let parsed = Envelope::parse(envelope)?;
    let prints: Vec<String> = parsed.certificates.iter().map(|der| Sha256::of(der).to_string()).collect();
    let prints = serde_json::to_string(&prints).map_err(|error| FormatError::Parts(error.to_string()))?;
    let created = parsed.header.signing_time.to_string();
    let annotations = BTreeMap::from([(THUMBPRINT, prints), (CREATED, created)]);
    let target = parsed.target;
    let manifest = Manifest {
        schema_version: 2,
        media_type: MEDIA_TYPE,
        config: Descriptor::of(ARTIFACT_TYPE, EMPTY_CONFIG),
        layers: [Descriptor::of(parsed.kind.media_type(), envelope)],
        subject: Descriptor { media_type: target.media_type, digest: target.digest, size: target.size },
        annotations: annotations.clone(),
    };
    let manifest = serde_json::to_vec(&manifest).map_err(|error| FormatError::Parts(error.to_string()))?;
    let annotations = annotations.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Referrer { manifest, annotations })
}
