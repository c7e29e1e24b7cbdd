//! The ledger proof of a native signature, checked before it is written: it is about exactly our statement.

use chancery_api::signed::SignedResult;
use chancery_core::id::{RequestId, StatementId};
use chancery_ledger::event::{Body, Event};
use chancery_ledger::proof::TlogProof;
use chancery_verify::snapshot::TrustSnapshot;

use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;

/// A proof that holds, at the checkpoint that it names.
#[derive(Debug)]
pub(crate) struct Proven {
    /// The ledger.
    pub(crate) origin: String,
    /// The entry.
    pub(crate) index: u64,
    /// Size of the checkpoint.
    pub(crate) size: u64,
}

/// Checks a proof over a leaf with the ledgers of a trust snapshot.
pub(crate) fn check(text: &str, leaf: &str, trust: &TrustSnapshot) -> Result<Proven, Failure> {
    let proof = TlogProof::parse(text).map_err(|error| unlogged(&error))?;
    if proof.extra.as_ref().is_some_and(|extra| extra != leaf.as_bytes()) {
        return Err(unlogged(&"the proof is of another entry"));
    }
    let receipt = proof.receipt(leaf.as_bytes()).map_err(|error| unlogged(&error))?;
    trust.included(&receipt, leaf.as_bytes()).map_err(|error| unlogged(&error))?;
    Ok(Proven { origin: receipt.origin, index: receipt.index, size: receipt.size })
}

/// Checks that a result's proof is about a statement of a request.
pub(crate) fn check_result(
    result: &SignedResult,
    (request, statement): (RequestId, StatementId),
    trust: &TrustSnapshot,
) -> Result<(), Failure> {
    check(&result.tlog_proof, &result.leaf, trust)?;
    let event = Event::decode(&result.leaf).map_err(|error| unlogged(&error))?;
    let Body::Result(outcome) = event.body else { return Err(unlogged(&"the entry is no result")) };
    if outcome.request == request && outcome.statement == statement && outcome.format == result.format {
        Ok(())
    } else {
        Err(unlogged(&"the entry is about another statement"))
    }
}

fn unlogged(error: &dyn std::fmt::Display) -> Failure {
    let reason = chancery_core::verdict::Reason::NotLogged;
    let mut failure = Failure::new(Code::Answer, format!("the ledger proof does not hold: {error}"));
    failure.code = reason.code().to_owned();
    failure.exit = Exit::Unlogged;
    failure.hint("report it: a signature outside the ledger is an alarm".to_owned())
}
