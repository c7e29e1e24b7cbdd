//! The identity leaf that an order plans: gateway and keyguard come to the same bytes, or nothing is signed.

use chancery_core::algorithm::PublicKey;
use chancery_core::claims::Claims;
use chancery_core::order::LeafPlan;

use crate::certificate::Certificate;
use crate::profile::draft::{Issuance, Issuer, ProfileError};
use crate::profile::identity_leaf::{self, Holder};
use crate::serial::Serial;

/// Why a plan comes to no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The claims do not say which workflow it was (`build_signer_uri`): there is no identity to certify.
    #[error("claims name no build signer")]
    Identity,
    /// The profile refuses.
    #[error("{0}")]
    Profile(#[source] ProfileError),
    /// The serial number is not 1 to 20 octets of a positive number.
    #[error("serial number is not acceptable")]
    Serial,
    /// The validity is out of range.
    #[error("validity is not acceptable")]
    Validity,
}

/// The TBSCertificate without SCT list of the leaf that certifies `key` for `claims`, issued by `issuing`.
pub fn precertificate(
    issuing: &Certificate,
    plan: &LeafPlan,
    (key, holder): (&PublicKey, Holder),
    claims: &Claims,
) -> Result<Vec<u8>, PlanError> {
    let identity = claims.build_signer_uri.as_deref().ok_or(PlanError::Identity)?;
    let issuer = Issuer::of(issuing).map_err(PlanError::Profile)?;
    let serial = Serial::new(&plan.serial).map_err(|_| PlanError::Serial)?;
    let validity = identity_leaf::validity(plan.not_before).map_err(|_| PlanError::Validity)?;
    let issuance = Issuance { issuer: &issuer, serial: &serial, validity, key };
    identity_leaf::precertificate_tbs(&issuance, identity, claims, holder).map_err(PlanError::Profile)
}
