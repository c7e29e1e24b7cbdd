//! `chancery inspect`: everything about the signatures of a file, without judging.

use std::path::{Path, PathBuf};

use chancery_core::format::FormatName;
use chancery_format::detached::{self, SUFFIXES};
use chancery_format::notary::envelope::Envelope;
use chancery_format::seam::{Cover, Extracted};
use chancery_format::sigstore::bundle::{Bundle, Content};
use chancery_format::sigstore::foreign::{ForeignBundle, MAX_BUNDLE as MAX_FOREIGN};
use chancery_format::table;
use chancery_x509::certificate::Certificate;
use chancery_x509::cms::parse as cms;
use chancery_x509::extension::AltName;
use chancery_x509::fulcio;
use serde_json::{Value, json};

use super::{Context, inspect_foreign};
use crate::catalogue::Code;
use crate::evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

/// What to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A signed file, or a signature file: a bundle, or an envelope.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Shows it; signatures that do not parse are a failure.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let mut file = reader::open(&args.file)?;
    let digest = reader::digest(&mut file, &args.file)?;
    let name = evidence::base_name(&args.file)?;
    let mut signatures = Vec::new();
    if SUFFIXES.iter().any(|(suffix, _)| name.ends_with(suffix)) {
        signatures.push(detached(&args.file)?);
    } else {
        for (suffix, _) in SUFFIXES {
            let beside = evidence::beside(&args.file, suffix);
            if beside.exists() {
                signatures.push(detached(&beside)?);
            }
        }
    }
    let mut coverage = Value::Null;
    if evidence::detect(&mut file, &args.file)? == FormatName::Pe {
        let format = table::of(FormatName::Pe).map_err(|error| refused(&args.file, &error))?;
        let extracted = (format.extract)(&mut file).map_err(|error| refused(&args.file, &error))?;
        coverage = covered(&extracted);
        for found in &extracted.found {
            signatures.push(embedded(&found.blob, &found.body).map_err(|error| refused(&args.file, &error))?);
        }
    }
    let document = json!({
        "schema": "chancery.inspect/1",
        "judged": false,
        "subject": {"name": name, "sha256": digest.to_string()},
        "coverage": coverage,
        "signatures": signatures,
    });
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&document),
        Shape::Text => {
            let mut text = format!("{}\n  sha256 {digest}\n", printable(&args.file.display().to_string()));
            if signatures.is_empty() {
                text.push_str("  no signature\n");
            }
            for (number, signature) in signatures.iter().enumerate() {
                text.push_str(&format!("signature {}\n", number.saturating_add(1)));
                lines(signature, 1, &mut text);
            }
            if !coverage.is_null() {
                text.push_str("coverage\n");
                lines(&coverage, 1, &mut text);
            }
            text.push_str("not judged: `chancery verify --policy NAME` says whether to trust it\n");
            context.terminal.result(&text);
        }
    }
    Ok(Exit::Ok)
}

fn detached(path: &Path) -> Result<Value, Failure> {
    let bytes = read_bounded(path, MAX_FOREIGN)?;
    match detached::format_of(&path.to_string_lossy(), &bytes) {
        FormatName::Notary => envelope(path, &bytes),
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => bundle(path, &bytes),
    }
}

fn envelope(path: &Path, bytes: &[u8]) -> Result<Value, Failure> {
    let envelope = Envelope::parse(bytes).map_err(|error| refused(path, &error))?;
    let certificates: Vec<Value> = envelope.certificates.iter().map(|der| certificate(der)).collect();
    Ok(json!({
        "format": "notary",
        "file": path.display().to_string(),
        "envelope": envelope.kind.name(),
        "target": envelope.target,
        "algorithm": envelope.header.algorithm.jws(),
        "signing_time": envelope.header.signing_time.to_string(),
        "expiry": envelope.header.expiry.map(|expiry| expiry.to_string()),
        "signing_agent": envelope.agent,
        "certificates": certificates,
        "timestamps": usize::from(envelope.timestamp.is_some()),
    }))
}

fn bundle(path: &Path, bytes: &[u8]) -> Result<Value, Failure> {
    match Bundle::parse(bytes) {
        Ok(bundle) => Ok(own(&bundle, path)),
        // What our own service does not make, another Sigstore may have made.
        Err(error) => match ForeignBundle::parse(bytes) {
            Ok(bundle) => Ok(inspect_foreign::shown(&bundle, path)),
            Err(_) => Err(refused(path, &error)),
        },
    }
}

fn own(bundle: &Bundle, path: &Path) -> Value {
    let content = match &bundle.content {
        Content::Message { digest, .. } => json!({"kind": "message", "sha256": digest.to_string()}),
        Content::Dsse(envelope) => statement(&envelope.payload_type, &envelope.payload),
    };
    json!({
        "format": "sigstore",
        "file": path.display().to_string(),
        "content": content,
        "certificate": certificate(&bundle.certificate),
        "ledger": {
            "origin": bundle.entry.receipt.origin,
            "index": bundle.entry.receipt.index,
            "size": bundle.entry.receipt.size,
            "log_id": bundle.entry.log_id.to_string(),
        },
        "timestamps": bundle.timestamps.len(),
    })
}

/// A signed payload, as a document where it is one.
pub(super) fn statement(payload_type: &str, payload: &[u8]) -> Value {
    let statement: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
    json!({"kind": "dsse", "payload_type": payload_type, "statement": statement})
}

fn embedded(blob: &[u8], body: &Value) -> Result<Value, cms::ParseError> {
    let parsed = cms::parse(blob)?;
    let certificates: Vec<Value> = parsed.certificates.iter().map(|der| certificate(der)).collect();
    Ok(json!({"format": "pe", "bytes": blob.len(), "image": body, "certificates": certificates}))
}

/// What a certificate says.
pub(super) fn certificate(der: &[u8]) -> Value {
    let Ok(parsed) = Certificate::parse(der) else { return json!({"error": "does not parse strictly"}) };
    let claims = fulcio::claims(&parsed).ok().and_then(|claims| serde_json::to_value(claims).ok());
    json!({
        "subject": parsed.subject().to_string(),
        "issuer": parsed.issuer().to_string(),
        "identity": names(&parsed),
        "not_before": parsed.validity().not_before().to_string(),
        "not_after": parsed.validity().not_after().to_string(),
        "sha256": parsed.fingerprint().to_string(),
        "development": parsed.is_dev(),
        "claims": claims.map(without_absent),
    })
}

fn names(certificate: &Certificate) -> Vec<&str> {
    let names = certificate.known().alt_names.iter().filter_map(|name| match name {
        AltName::Uri(text) | AltName::Email(text) => Some(text.as_str()),
        AltName::Other(..) => None,
    });
    names.collect()
}

fn without_absent(claims: Value) -> Value {
    match claims {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            other
        }
    }
}

fn covered(extracted: &Extracted) -> Value {
    let regions = extracted.coverage.regions.iter().map(|region| {
        let (state, what) = match region.cover {
            Cover::Covered => ("covered", ""),
            Cover::Excluded(what) => ("excluded", what),
            Cover::Uncovered(what) => ("uncovered", what),
        };
        json!({"from": region.from, "to": region.to, "state": state, "what": what})
    });
    regions.collect()
}

/// `name value` lines; nested members are indented. The depth is that of our own documents, and bounded all the same.
fn lines(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (format!("[{at}]"), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for (name, value) in members {
        let name = printable(&name);
        match value {
            Value::Null => {}
            Value::String(words) => text.push_str(&format!("{indent}{name} {}\n", printable(words))),
            Value::Bool(_) | Value::Number(_) => text.push_str(&format!("{indent}{name} {value}\n")),
            Value::Array(_) | Value::Object(_) if depth > 12 => text.push_str(&format!("{indent}{name} …\n")),
            Value::Array(_) | Value::Object(_) => {
                text.push_str(&format!("{indent}{name}\n"));
                lines(value, depth.saturating_add(1), text);
            }
        }
    }
}

fn refused(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Artifact, format!("`{}` cannot be inspected: {error}", path.display()))
}
