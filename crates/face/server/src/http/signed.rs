//! The success answer of signing. INVARIANT: built only from `Released`, which exists only for what was verified and is
//! in the ledger.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use chancery_api::ledger::LedgerPlace;
use chancery_api::signed::{Attached, SCHEMA, Signed, SignedResult};
use chancery_core::id::StatementId;
use chancery_core::port::registry::RegistryError;
use chancery_core::receipt::Receipt;
use chancery_core::verdict::Signer;
use chancery_format::detached;
use chancery_gateway::attach;
use chancery_gateway::released::{Proof, Released};
use chancery_gateway::sign::Answer;
use chancery_ledger::proof::TlogProof;

use crate::fault::Fault;
use crate::heavy;

/// Answers of more results are written beside the runtime.
const MANY: usize = 16;

/// The answer.
pub(crate) async fn respond(answer: Answer, places: Places) -> Result<Response, Fault> {
    if answer.results.len() <= MANY {
        return Ok(Json(signed(&answer, &places)).into_response());
    }
    heavy::compute(move || Json(signed(&answer, &places)).into_response()).await
}

/// Where signatures of images lie now.
pub(crate) type Places = BTreeMap<StatementId, attach::Attached>;

fn signed(answer: &Answer, places: &Places) -> Signed {
    Signed {
        schema: SCHEMA.to_owned(),
        request_id: answer.request,
        results: answer.results.iter().map(|released| result(released, places)).collect(),
    }
}

fn result(released: &Released, places: &Places) -> SignedResult {
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
        attached: places.get(&made.statement_id).map(attached),
    }
}

fn attached(outcome: &attach::Attached) -> Attached {
    let failed = |state: &str, why: &RegistryError| Attached {
        state: state.to_owned(),
        manifest: None,
        tag: None,
        why: Some(why.to_string()),
    };
    match outcome {
        Ok(place) => Attached {
            state: "attached".to_owned(),
            manifest: Some(place.manifest.clone()),
            tag: place.tag.clone(),
            why: None,
        },
        Err(error @ RegistryError::Unavailable(_)) => failed("temporary", error),
        Err(error) => failed("refused", error),
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
