//! The success answer of signing. INVARIANT: built only from `Released`, which exists only for what was verified and is
//! in the ledger.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use chancery_api::ledger::LedgerPlace;
use chancery_api::signed::{SCHEMA, Signed, SignedResult};
use chancery_core::receipt::Receipt;
use chancery_core::verdict::Signer;
use chancery_format::detached;
use chancery_gateway::released::{Proof, Released};
use chancery_gateway::sign::Answer;
use chancery_ledger::proof::TlogProof;

use crate::fault::Fault;
use crate::heavy;

/// Answers of more results are written beside the runtime.
const MANY: usize = 16;

/// The answer.
pub(crate) async fn respond(answer: Answer) -> Result<Response, Fault> {
    if answer.results.len() <= MANY {
        return Ok(Json(signed(&answer)).into_response());
    }
    heavy::compute(move || Json(signed(&answer)).into_response()).await
}

fn signed(answer: &Answer) -> Signed {
    Signed {
        schema: SCHEMA.to_owned(),
        request_id: answer.request,
        results: answer.results.iter().map(result).collect(),
    }
}

fn result(released: &Released) -> SignedResult {
    let made = released.made();
    let signer = signer(released.proof());
    SignedResult {
        statement: made.statement_id,
        artifact: made.statement.artifact.name.clone(),
        format: made.statement.format,
        family: made.statement.family,
        depth: made.statement.depth,
        key: made.key.clone(),
        blob: released.blob().to_vec(),
        suffix: detached::suffix(&made.statement).map(str::to_owned),
        certificate_identity: signer.identity.clone(),
        certificate_oidc_issuer: signer.issuer.clone(),
        ledger: place(released.receipt()),
        leaf: released.leaf().to_owned(),
        tlog_proof: TlogProof::from_receipt(released.receipt(), Some(released.leaf().as_bytes())).render(),
        timestamp: released.signed_at().map(|time| time.to_string()),
    }
}

const fn signer(proof: &Proof) -> &Signer {
    match proof {
        Proof::Artifact(artifact) => artifact.signer(),
        Proof::Statement(statement) => &statement.verdict().signer,
    }
}

/// Where a receipt says that its entry is.
pub(crate) fn place(receipt: &Receipt) -> LedgerPlace {
    LedgerPlace { origin: receipt.origin.clone(), index: receipt.index, size: receipt.size }
}
