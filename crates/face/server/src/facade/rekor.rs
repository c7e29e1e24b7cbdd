//! Rekor v2: `POST /api/v2/log/entries`. Its read side is the ledger's own, under another path.
//!
//! ```json
//! {"hashedRekordRequestV002":{"digest":"…","signature":{"content":"MEUC…",
//!   "verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","x509Certificate":{"rawBytes":"MIIC…"}}}}}
//! 201 {"logIndex":"9","logId":{"keyId":"…"},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},
//!      "integratedTime":"0","inclusionProof":{…,"checkpoint":{"envelope":"…"}},"canonicalizedBody":"…"}
//! ```

use std::sync::Arc;

use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::response::Response;
use chancery_api::code::Code;
use chancery_api::problem::Problem;
use chancery_format::sigstore::bundle::TlogEntry;
use chancery_gateway::facade::entry::{Wanted, entry};
use chancery_ledger::hashedrekord::key_details;
use chancery_x509::certificate::Certificate;
use serde::Deserialize;
use tracing::Instrument as _;

use super::{bytes, json, on, receive};
use crate::fault::Fault;
use crate::http::{Shared, tile};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    hashed_rekord_request_v002: HashedRekord,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedRekord {
    digest: String,
    signature: Signature,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    content: String,
    verifier: Verifier,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Verifier {
    key_details: String,
    x509_certificate: Option<RawBytes>,
    public_key: Option<RawBytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBytes {
    raw_bytes: String,
}

/// Takes an entry for a signature under a live certificate of this service: Rekor's own protocol.
#[utoipa::path(post, path = "/api/v2/log/entries", tag = "sigstore",
    request_body(content = String, content_type = "application/json", description = "Rekor v2's CreateEntryRequest: hashedrekord 0.0.2"),
    responses(
        (status = 201, description = "Rekor's TransparencyLogEntry, under a cosigned checkpoint", body = String, content_type = "application/json"),
        (status = 400, description = "Not such a request", body = Problem, content_type = "application/json"),
        (status = 403, description = "Not under a live certificate of this service", body = Problem, content_type = "application/json"),
        (status = 404, description = "No profile has `[facade]`", body = Problem, content_type = "application/json"),
        (status = 422, description = "The signature is wrong", body = Problem, content_type = "application/json"),
        (status = 429, description = "Too many entries for one certificate", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn post(service: Shared, request: Request) -> Result<Response, Fault> {
    on(&service)?;
    let received = receive(&service, request).await?;
    let wanted = wanted(received.json()?)?;
    let gateway = Arc::clone(&service.gateway);
    let work = async move { entry(&gateway, &wanted).await };
    let taken = tokio::spawn(work.in_current_span()).await;
    let taken = taken.map_err(|error| Fault::internal(&format!("entry task: {error}")))??;
    let entry = TlogEntry::new(taken.log_id, taken.body.into_bytes(), taken.receipt);
    let entry = entry.map_err(|error| Fault::internal(&error.to_string()))?;
    json(StatusCode::CREATED, &entry.to_value())
}

fn wanted(wire: Wire) -> Result<Wanted, Fault> {
    let malformed = |what: &str| Fault::new(Code::Malformed, what);
    let HashedRekord { digest, signature: Signature { content, verifier } } = wire.hashed_rekord_request_v002;
    let certificate = match (verifier.x509_certificate, verifier.public_key) {
        (Some(certificate), None) => bytes("x509Certificate.rawBytes", &certificate.raw_bytes)?,
        (None, Some(key)) => {
            let size = key.raw_bytes.len();
            return Err(malformed("entries are taken for certificates of this service, never for bare keys")
                .because(format!("a public key of {size} characters"), "`x509Certificate`"));
        }
        (None, None) | (Some(_), Some(_)) => return Err(malformed("expected one `x509Certificate`")),
    };
    let leaf = Certificate::parse(&certificate).map_err(|error| {
        malformed("`x509Certificate` cannot be read").because(error.to_string(), "a certificate, DER")
    })?;
    let key = leaf.key().ok().and_then(|key| key.signing_key());
    let details = key.and_then(|key| key_details(key.algorithm).ok());
    if details != Some(verifier.key_details.as_str()) {
        let expected = details.unwrap_or("a key that Rekor v2 knows");
        return Err(malformed("`keyDetails` is not the scheme of the certificate's key")
            .because(verifier.key_details, expected));
    }
    let (digest, signature) = (bytes("digest", &digest)?, bytes("signature.content", &content)?);
    Ok(Wanted { digest, signature, certificate })
}

/// The latest cosigned checkpoint, as under `/ledger`.
#[utoipa::path(get, path = "/api/v2/checkpoint", tag = "sigstore",
    responses(
        (status = 200, description = "A signed note (C2SP tlog-checkpoint)", body = String, content_type = "text/plain"),
        (status = 404, description = "No profile has `[facade]`", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn checkpoint(service: Shared) -> Result<Response, Fault> {
    on(&service)?;
    tile::checkpoint(service).await
}

/// A tile of hashes or a bundle of entries, as under `/ledger`.
#[utoipa::path(get, path = "/api/v2/tile/{path}", tag = "sigstore",
    params(("path" = String, Path, description = "`0/x001/234`, `entries/005.p/17`")),
    responses(
        (status = 200, description = "The tile", body = String, content_type = "application/octet-stream"),
        (status = 404, description = "No such tile, or no profile has `[facade]`", body = Problem, content_type = "application/json"),
    ))]
pub(crate) async fn tile(service: Shared, path: Path<String>) -> Result<Response, Fault> {
    on(&service)?;
    tile::get(service, path).await
}
