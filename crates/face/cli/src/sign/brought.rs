//! What a request brings along: attestations that its profile may demand.

use std::path::PathBuf;

use chancery_api::ask;
use chancery_core::attested::{MAX_ATTESTATION_BYTES, check_size};
use chancery_core::request::Request;

use crate::catalogue::Code;
use crate::client::Body;
use crate::failure::Failure;
use crate::trust::read_bounded;

/// A request with what it brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The request.
    pub(crate) request: &'a Request,
    /// Sigstore bundles, JSON.
    pub(crate) attestations: &'a [String],
}

impl<'a> Asked<'a> {
    /// A request that brings nothing.
    pub(crate) const fn alone(request: &'a Request) -> Self {
        Self { request, attestations: &[] }
    }
    /// What is sent: the request itself, or a document that holds it beside the attestations.
    pub(crate) fn body(&self) -> Result<Body, Failure> {
        let request = self.request.canonical().to_owned();
        if self.attestations.is_empty() {
            return Ok(Body::json(request));
        }
        let attestations = self.attestations.to_vec();
        let whole = ask::Attested { schema: ask::SCHEMA.to_owned(), request, attestations };
        let text = serde_json::to_string(&whole);
        let text = text.map_err(|error| Failure::new(Code::Unexpected, error.to_string()))?;
        Ok(Body { media: ask::MEDIA_TYPE, text })
    }
}

/// Reads the bundles, each a file of its own.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let read = |path: &PathBuf| {
        let text = String::from_utf8(read_bounded(path, MAX_ATTESTATION_BYTES)?);
        text.map_err(|_| {
            Failure::new(Code::Artifact, format!("`{}` is no attestation: not UTF-8", path.display()))
        })
    };
    let bundles: Vec<String> = paths.iter().map(read).collect::<Result<_, _>>()?;
    check_size(&bundles).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    Ok(bundles)
}
