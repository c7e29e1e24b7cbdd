//! Single entries of the ledger with their proof, and search.

use axum::Json;
use axum::extract::{Path, RawQuery};
use chancery_api::code::Code;
use chancery_api::ledger::{LedgerEntry, LedgerSearch};
use chancery_api::problem::Problem;
use chancery_core::digest::Sha256;
use chancery_core::port::ledger_reader::Query;
use chancery_gateway::failure::Failure;
use chancery_ledger::proof::TlogProof;

use super::{Shared, signed};
use crate::fault::Fault;
use crate::query;

/// Most indices in an answer.
const MOST: u32 = 100;

/// An entry and the proof that it is in the ledger.
#[utoipa::path(get, path = "/v1/ledger/entries/{index}", tag = "ledger", params(("index" = u64, Path)),
    responses(
        (status = 200, description = "The entry", body = LedgerEntry),
        (status = 404, description = "Not there yet", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn entry(service: Shared, Path(index): Path<String>) -> Result<Json<LedgerEntry>, Fault> {
    let index = parse_index(&index)?;
    let gone = || Fault::new(Code::Unknown, "the ledger has no such entry yet");
    let ledger = &service.gateway.parts().ledger;
    if index >= ledger.size() {
        return Err(gone());
    }
    let leaf = ledger.leaf(index).await.map_err(Failure::from)?.ok_or_else(gone)?;
    let receipt = ledger.receipt(index).await.map_err(Failure::from)?.ok_or_else(gone)?;
    let tlog_proof = TlogProof::from_receipt(&receipt, Some(leaf.as_bytes())).render();
    Ok(Json(LedgerEntry { index, leaf, tlog_proof, ledger: signed::place(&receipt) }))
}

/// Entries about an artifact, a request or a statement; exactly one of them is named.
#[utoipa::path(get, path = "/v1/ledger/search", tag = "ledger",
    params(
        ("artifact" = Option<String>, Query, description = "SHA-256 of the artifact, hexadecimal"),
        ("request" = Option<String>, Query, description = "Id of the request"),
        ("statement" = Option<String>, Query, description = "Id of the statement"),
    ),
    responses(
        (status = 200, description = "Newest first, at most 100", body = LedgerSearch),
        (status = 400, description = "Not exactly one digest", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn search(service: Shared, RawQuery(text): RawQuery) -> Result<Json<LedgerSearch>, Fault> {
    let query = parse_query(text.as_deref())?;
    let indices = service.gateway.parts().ledger.search(query, MOST).await.map_err(Failure::from)?;
    Ok(Json(LedgerSearch { indices }))
}

/// One spelling of a number: decimal, no sign, no leading zero.
fn parse_index(text: &str) -> Result<u64, Fault> {
    let parsed = text.parse::<u64>().ok().filter(|index| index.to_string() == text);
    parsed.ok_or_else(|| Fault::new(Code::Malformed, "the index is not a decimal number"))
}

fn parse_query(text: Option<&str>) -> Result<Query, Fault> {
    let pairs = query::read(text, &["artifact", "request", "statement"])?;
    let [(name, value)] = pairs.as_slice() else {
        let fault = Fault::new(Code::Malformed, "search for one thing at a time");
        return Err(
            fault.because(format!("{} parameters", pairs.len()), "one of artifact, request, statement")
        );
    };
    let digest = Sha256::parse_hex(value.strip_prefix("sha256:").unwrap_or(value));
    let digest = digest.map_err(|error| Fault::new(Code::Malformed, format!("`{name}`: {error}")))?;
    Ok(match name.as_str() {
        "artifact" => Query::Artifact(digest),
        "request" => Query::Request(digest),
        _ => Query::Statement(digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_searches_have_one_spelling() {
        assert_eq!(parse_index("0").unwrap(), 0);
        assert_eq!(parse_index("18446744073709551615").unwrap(), u64::MAX);
        for bad in ["", "-1", "+1", "01", "1.0", "0x1", "18446744073709551616", " 1"] {
            assert!(parse_index(bad).is_err(), "{bad}");
        }
        let digest = "ab".repeat(32);
        assert!(matches!(parse_query(Some(&format!("artifact=sha256:{digest}"))), Ok(Query::Artifact(_))));
        assert!(matches!(parse_query(Some(&format!("statement={digest}"))), Ok(Query::Statement(_))));
        for bad in ["", "artifact=", "artifact=zz", &format!("artifact={digest}&request={digest}")] {
            assert!(parse_query(Some(bad)).is_err(), "{bad}");
        }
        assert!(parse_query(Some(&format!("artifact={}", digest.to_uppercase()))).is_err());
    }
}
