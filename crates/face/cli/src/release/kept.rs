//! A file that was signed before, by the very key that would sign it now, stays as it is: a release that failed half-way is
//! signed by the same command again.

use std::collections::BTreeMap;

use chancery_api::profile::Profile;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::verdict::{Outcome, Signer};
use chancery_format::sigstore::bundle::{Bundle, Content, MAX_BUNDLE};
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::verify::Context;

use super::directory::Item;
use crate::evidence::{self, Judged};
use crate::failure::Failure;
use crate::sign::finish::Judge;
use crate::trust::read_bounded;

/// Looks whether a file carries a signature that would be made again.
pub(crate) fn is_kept(
    item: &Item,
    format: FormatName,
    family: Family,
    (profile, judge): (&Profile, &mut Judge<'_>),
) -> Result<bool, Failure> {
    let key = profile.formats.get(&format).and_then(|rule| rule.families.get(&family));
    let Some(key) = key.map(|key| key.key.clone()) else { return Ok(false) };
    let beside = item.beside.first().map(|(_, place)| place.as_path());
    match format {
        FormatName::Sigstore => {
            let signature = evidence::beside(&item.place, chancery_format::sigstore::attach::SUFFIX);
            if beside != Some(signature.as_path()) || !is_of(family, &read_bounded(&signature, MAX_BUNDLE)?) {
                return Ok(false);
            }
            let pin = judge.pin(&key)?;
            let judging = |policy: &VerificationPolicy| {
                evidence::judge(
                    &item.place,
                    Some(&signature),
                    &Context { trust: &judge.trust, policy, at: judge.at },
                )
            };
            // Whom the certificate names is taken from it, and then demanded: the key decides.
            let mut policy = VerificationPolicy::exactly(judge.trust.environment, format, "-", "-");
            let Signer { issuer: Some(issuer), identity: Some(identity), .. } =
                judging(&policy)?.verdict.signer
            else {
                return Ok(false);
            };
            policy = VerificationPolicy::exactly(judge.trust.environment, format, &issuer, &identity);
            policy.key = Some(pin);
            Ok(holds(&judging(&policy)?))
        }
        FormatName::Pe => {
            let mut policy = VerificationPolicy::exactly(judge.trust.environment, format, "-", "-");
            (policy.issuer, policy.identity, policy.claims) = (None, None, BTreeMap::new());
            policy.key = Some(judge.pin(&key)?);
            let context = Context { trust: &judge.trust, policy: &policy, at: judge.at };
            Ok(holds(&evidence::judge_embedded(&item.place, &context)?))
        }
        FormatName::Fulcio | FormatName::Notary | FormatName::Oci => Ok(false),
    }
}

fn holds(judged: &Judged) -> bool {
    judged.verdict.outcome() == Outcome::Verified
}

/// A bundle over the file itself does not stand for one with provenance, nor the other way round.
fn is_of(family: Family, bundle: &[u8]) -> bool {
    Bundle::parse(bundle).is_ok_and(|bundle| match bundle.content {
        Content::Message { .. } => family == Family::Message,
        Content::Dsse(_) => family == Family::ProvenanceDsse,
    })
}
