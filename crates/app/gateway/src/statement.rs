//! Step 4: statements are parsed strictly, and the bytes that they come to are rebuilt here as the keyguard will.

use chancery_core::algorithm::PublicKey;
use chancery_core::attested::Attested;
use chancery_core::caller::Caller;
use chancery_core::digest::Sha256;
use chancery_core::id::StatementId;
use chancery_core::port::custodian::KeyDescription;
use chancery_core::refusal::{Refusal, RefusalCode};
use chancery_core::statement::Statement;
use chancery_core::warrant::ToBeSigned;
use chancery_format::seam::Signer;
use chancery_format::table;
use chancery_policy::profile::Profile;
use chancery_x509::profile::identity_leaf::Holder;

use crate::facade;
use crate::failure::Failure;
use crate::gateway::Gateway;

/// One statement with everything that its signature depends on, owned, so that it can be worked on concurrently.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its id.
    pub id: StatementId,
    /// The statement.
    pub statement: Statement,
    /// The key that will sign.
    pub key: KeyDescription,
    /// The bytes that will be signed.
    pub to_be_signed: ToBeSigned,
    /// The key of a Sigstore client, where a certificate over it is asked for.
    pub wished: Option<PublicKey>,
    /// What was found for each attestation that the profile demands.
    pub attested: Attested,
}

impl Prepared {
    /// The key that an identity leaf is over, and who holds it.
    #[must_use]
    pub fn certified(&self) -> (&PublicKey, Holder) {
        match &self.wished {
            Some(key) => (key, Holder::Client),
            None => (&self.key.public_key, Holder::Custody),
        }
    }
    /// SHA-256 that names the signed bytes in the intent: of the message, or the digest itself where only that is
    /// signed.
    #[must_use]
    pub fn to_be_signed_digest(&self) -> Sha256 {
        digest_of(&self.to_be_signed)
    }
}

/// SHA-256 of what is signed; a digest that is signed as such is hashed once more, so that no digest algorithm matters.
#[must_use]
pub fn digest_of(to_be_signed: &ToBeSigned) -> Sha256 {
    match to_be_signed {
        ToBeSigned::Message(bytes) | ToBeSigned::Prehashed(_, bytes) => Sha256::of(bytes),
    }
}

/// Prepares one statement under a profile for a caller.
pub fn prepare(
    gateway: &Gateway,
    profile: &Profile,
    caller: &Caller,
    (id, statement): (StatementId, &Statement),
) -> Result<Prepared, Failure> {
    let wished = facade::certificate::wished(gateway, profile, statement)?;
    let key_id = profile.key(statement.family).ok_or_else(|| {
        let what = format!("profile `{}` has no key for family `{}`", profile.name(), statement.family);
        Refusal::new(RefusalCode::KeyUnusable, what)
    })?;
    let key = gateway.key(key_id).ok_or_else(|| {
        let what = format!("key `{key_id}` of profile `{}` does not exist", profile.name());
        Refusal::new(RefusalCode::KeyUnusable, what).hint("an operator creates it: chancery key create")
    })?;
    if key.environment != profile.environment() {
        let what = format!("key `{key_id}` belongs to another environment");
        let refusal = Refusal::new(RefusalCode::KeyUnusable, what);
        return Err(refusal.because(key.environment.name(), profile.environment().name()).into());
    }
    let signer = Signer {
        public_key: &key.public_key,
        caller,
        profile: profile.name(),
        builder: &gateway.parts.builder,
    };
    let to_be_signed = table::of(statement.format)
        .and_then(|format| (format.to_be_signed)(statement, &signer))
        .map_err(|error| Refusal::new(RefusalCode::StatementInvalid, error.to_string()))?;
    let attested = Attested::default();
    Ok(Prepared { id, statement: statement.clone(), key, to_be_signed, wished, attested })
}
