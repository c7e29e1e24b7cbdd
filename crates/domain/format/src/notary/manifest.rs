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
use crate::oci::referrer::{CREATED, Referrer, Refers};
use crate::seam::FormatError;

/// What says that a manifest holds a Notary signature: in its `config`, and as `artifactType` in lists of referrers.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
/// The annotation with the SHA-256 of every certificate of the chain.
pub const THUMBPRINT: &str = "io.cncf.notary.x509chain.thumbprint#S256";

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
    let target = &parsed.target;
    Ok(Referrer::of(Refers {
        artifact_type: None,
        config_type: ARTIFACT_TYPE,
        layer: (parsed.kind.media_type(), envelope),
        subject: (&target.media_type, target.sha256()?, target.size),
        annotations,
    }))
}
