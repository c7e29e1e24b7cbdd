//! What an intent was to sign, rebuilt: the planned leaf and the bytes themselves.

use chancery_core::algorithm::PublicKey;
use chancery_core::caller::Caller;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::order::LeafPlan;
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_format::seam::Signer;
use chancery_format::table;
use chancery_x509::certificate::Certificate;
use chancery_x509::profile::identity_leaf::Holder;
use chancery_x509::profile::planned;

use crate::authorities;
use crate::finding::{Code, Finding};
use crate::intent::Open;

/// How far the planned leaf may start from the time of its intent, in seconds.
const MAX_SKEW: i64 = 120;

/// Rebuilds the planned leaf from serial number, start and key of the logged one and the verified claims; answers with
/// the key that it certifies.
pub(crate) fn planned(
    open: &Open,
    issuing: &[Certificate],
    caller: &Caller,
) -> Result<Option<PublicKey>, Finding> {
    let refuse = |what: &str| Finding::new(open.index, Code::Precertificate, what);
    let Some(named) = open.intent.precertificate else { return Ok(None) };
    let Some(tbs) = &open.precertificate else {
        return Err(refuse("the planned certificate is not in the leaf before its intent"));
    };
    let algorithm = open.issuer.as_ref().map(|issuer| issuer.algorithm);
    let algorithm = algorithm.ok_or_else(|| refuse("the key that issues it is not in the ledger"))?;
    let logged = authorities::unsigned(tbs, algorithm).map_err(|error| refuse(&error))?;
    let issuing = issuing.iter().find(|known| known.subject() == logged.issuer());
    let issuing = issuing.ok_or_else(|| refuse("the planned certificate names a foreign issuer"))?;
    let key = logged.key().ok().and_then(|key| key.signing_key());
    let key = key.ok_or_else(|| refuse("the planned certificate is over a key of another kind"))?;
    let plan = LeafPlan {
        serial: logged.serial().as_bytes().to_vec(),
        not_before: logged.validity().not_before(),
        key: open.intent.key.clone(),
    };
    if open.time.seconds_since(plan.not_before).abs() > MAX_SKEW {
        let finding = refuse("the planned certificate does not start at the time of its intent");
        return Err(finding.because(plan.not_before, open.time));
    }
    let is_of_client = open.intent.family == Family::Certificate;
    let holder = if is_of_client { Holder::Client } else { Holder::Custody };
    let rebuilt = planned::precertificate(issuing, &plan, (&key, holder), &caller.claims)
        .map_err(|error| refuse(&format!("no such certificate would be planned: {error}")))?;
    if rebuilt != *tbs || Sha256::of(&rebuilt) != named {
        let finding = refuse("the planned certificate is not the one that the verified claims give");
        return Err(finding.because(Sha256::of(tbs), Sha256::of(&rebuilt)));
    }
    Ok(Some(key))
}

/// Rebuilds the bytes to be signed and compares their hash with the one that the intent names.
pub(crate) fn bytes(open: &Open, statement: &Statement, signer: &Signer<'_>) -> Result<ToBeSigned, Finding> {
    let refuse = |what: String| Finding::new(open.index, Code::Statement, what);
    let rebuilt = table::of(statement.format)
        .and_then(|format| (format.to_be_signed)(statement, signer))
        .map_err(|error| refuse(format!("the statement gives no bytes to sign: {error}")))?;
    let found = match &rebuilt {
        ToBeSigned::Message(bytes) | ToBeSigned::Prehashed(_, bytes) => Sha256::of(bytes),
    };
    if found == open.intent.to_be_signed {
        return Ok(rebuilt);
    }
    let finding = refuse("the intent names other bytes than its statement gives".to_owned());
    Err(finding.because(open.intent.to_be_signed, found))
}
