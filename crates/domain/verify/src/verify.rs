//! The doors: evidence, trust, policy and a moment become a verdict, or a value that proves an accepted one.

use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::id::StatementId;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, Outcome, Reason, Signer, Verdict};
use chancery_format::seam::{Extracted, FormatError, Parts, Signer as Signing};

use crate::checks::{Failure, Recorder};
use crate::notary::{self, Named};
use crate::policy::VerificationPolicy;
use crate::snapshot::TrustSnapshot;
use crate::{foreign, pe, sigstore, simple};

/// What a verdict depends on besides the evidence.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Whom to trust.
    pub trust: &'a TrustSnapshot,
    /// Who must have signed.
    pub policy: &'a VerificationPolicy,
    /// Now, given by the caller.
    pub at: Time,
}

impl Context<'_> {
    /// Whether a verdict can be reached at all: a current snapshot of the right environment, an expected signer, and a
    /// format that the policy accepts. Answers with the check that fails.
    pub(crate) fn usable(&self, format: FormatName) -> Result<(), (CheckName, Failure)> {
        let untrusted = |actual: &dyn std::fmt::Display, expected: &dyn std::fmt::Display| {
            (CheckName::Chain, Failure::new(Reason::TrustInvalid, actual, expected))
        };
        if self.trust.environment != self.policy.environment {
            return Err(untrusted(&self.trust.environment, &self.policy.environment));
        }
        if !self.trust.is_current(self.at) {
            let actual = format!("a trust snapshot of {} to {}", self.trust.taken_at, self.trust.expires);
            return Err(untrusted(&actual, &self.at));
        }
        if let Some(name) = &self.policy.instance {
            let actual = format!("a policy about instance `{name}`");
            return Err(untrusted(&actual, &"a policy about this one"));
        }
        if !self.policy.names_signer(format) {
            let failure = Failure::new(Reason::NoExpectation, &"no expected signer", &"an expected signer");
            return Err((CheckName::Identity, failure));
        }
        if !self.policy.formats.contains(&format) {
            let accepted: Vec<&str> = self.policy.formats.iter().map(|known| known.name()).collect();
            let failure = Failure::new(Reason::IdentityMismatch, &format, &accepted.join(", "));
            return Err((CheckName::Identity, failure));
        }
        Ok(())
    }
}

/// What is shown for an artifact.
#[derive(Debug, Clone, Copy)]
pub enum Evidence<'a> {
    /// A Notary envelope, and the artifact that it shall be about.
    Notary {
        /// The artifact, as its bytes are used.
        named: Named<'a>,
        /// The envelope, JWS or COSE.
        envelope: &'a [u8],
    },
    /// What `extract` found in a PE image, or why it could not read it.
    Pe {
        /// SHA-256 of the whole image, with its signatures.
        artifact: Sha256,
        /// What was found.
        extracted: Result<&'a Extracted, &'a FormatError>,
    },
    /// A bundle beside the artifact, and the SHA-256 of the artifact's bytes as they are used (T6).
    Sigstore {
        /// SHA-256 of the whole artifact.
        artifact: Sha256,
        /// The bundle's JSON.
        bundle: &'a [u8],
    },
    /// A bundle that refers to an image, and the SHA-256 of the manifest's bytes.
    Image {
        /// SHA-256 of the manifest.
        artifact: Sha256,
        /// The bundle's JSON.
        bundle: &'a [u8],
    },
    /// A simple signing payload with its signature, and the SHA-256 of the manifest's bytes.
    SimpleSigning {
        /// SHA-256 of the manifest.
        artifact: Sha256,
        /// Payload, signature, timestamp.
        signature: &'a chancery_format::oci::simple::Signature,
        /// The key that should have signed; the policy names its hash.
        key: &'a chancery_core::algorithm::PublicKey,
    },
    /// No signature was found; look-ups that failed are not this.
    Unsigned {
        /// SHA-256 of the whole artifact.
        artifact: Sha256,
    },
}

/// A signature over a statement, before it is released.
#[derive(Debug, Clone, Copy)]
pub struct SignedStatement<'a> {
    /// What was to be signed.
    pub statement: &'a Statement,
    /// Who signed, as far as the signed bytes depend on it.
    pub signer: &'a Signing<'a>,
    /// Signature, certificates, timestamp.
    pub parts: &'a Parts<'a>,
}

/// An artifact whose verification was accepted: born only in [`artifact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedArtifact {
    artifact: Sha256,
    verdict: Verdict,
}

impl VerifiedArtifact {
    /// SHA-256 of the artifact's bytes.
    #[must_use]
    pub const fn artifact(&self) -> Sha256 {
        self.artifact
    }
    /// The verdict, which is an accepted one.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }
    /// Who signed.
    #[must_use]
    pub const fn signer(&self) -> &Signer {
        &self.verdict.signer
    }
}

/// A statement whose signature, chain, purpose and time were accepted: born only in [`statement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedStatement {
    statement: StatementId,
    verdict: Verdict,
}

impl VerifiedStatement {
    /// The statement.
    #[must_use]
    pub const fn statement(&self) -> StatementId {
        self.statement
    }
    /// The verdict, which is an accepted one; coverage and ledger are not made yet.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

/// Judges an artifact's signature. Pure: no I/O, no clock, no randomness.
#[must_use]
pub fn verify(evidence: &Evidence<'_>, context: &Context<'_>) -> Verdict {
    let mut verdict = match evidence {
        Evidence::Notary { named, envelope } => notary::envelope(named, envelope, context),
        Evidence::Pe { artifact, extracted } => pe::image(*artifact, *extracted, context),
        Evidence::Sigstore { artifact, bundle } => {
            sigstore::bundle(FormatName::Sigstore, *artifact, bundle, context)
        }
        Evidence::Image { artifact, bundle } => sigstore::bundle(FormatName::Oci, *artifact, bundle, context),
        Evidence::SimpleSigning { artifact, signature, key } => {
            simple::signature(*artifact, signature, key, context)
        }
        Evidence::Unsigned { .. } => unsigned(),
    };
    for name in &context.policy.require {
        if !verdict.required.contains(name) {
            verdict.required.push(*name);
        }
    }
    verdict
}

/// Judges a bundle that another Sigstore made, by a plain trusted root: the public instance's, or anybody's.
#[must_use]
pub fn foreign(artifact: &foreign::Digests, bundle: &[u8], context: &foreign::Context<'_>) -> Verdict {
    foreign::bundle(artifact, bundle, context)
}

/// As [`verify`], with a proof of acceptance; the rejected verdict otherwise.
pub fn artifact(evidence: &Evidence<'_>, context: &Context<'_>) -> Result<VerifiedArtifact, Box<Verdict>> {
    let artifact = match evidence {
        Evidence::Notary { named, .. } => named.artifact,
        Evidence::Pe { artifact, .. }
        | Evidence::Sigstore { artifact, .. }
        | Evidence::Image { artifact, .. }
        | Evidence::SimpleSigning { artifact, .. }
        | Evidence::Unsigned { artifact } => *artifact,
    };
    let verdict = verify(evidence, context);
    match verdict.outcome() {
        Outcome::Verified => Ok(VerifiedArtifact { artifact, verdict }),
        Outcome::Unsigned
        | Outcome::Invalid
        | Outcome::Untrusted
        | Outcome::ExpiredOrRevoked
        | Outcome::Unlogged
        | Outcome::Unsupported
        | Outcome::Temporary => Err(Box::new(verdict)),
    }
}

/// Judges a fresh signature against its statement, before it is logged and released: everything but coverage and
/// ledger must have been checked and passed.
pub fn statement(
    signed: &SignedStatement<'_>,
    context: &Context<'_>,
) -> Result<VerifiedStatement, Box<Verdict>> {
    let verdict = match signed.statement.format {
        FormatName::Notary => notary::statement(signed.statement, signed.signer, signed.parts, context),
        FormatName::Fulcio => {
            sigstore::issued::statement(signed.statement, signed.signer, signed.parts, context)
        }
        FormatName::Oci if signed.statement.family.is_bare() => {
            simple::statement(signed.statement, signed.signer, signed.parts, context)
        }
        FormatName::Oci | FormatName::Sigstore => {
            sigstore::statement(signed.statement, signed.signer, signed.parts, context)
        }
        FormatName::Pe => pe::statement(signed.statement, signed.signer, signed.parts, context),
    };
    match (verdict.outcome(), signed.statement.id()) {
        (Outcome::Verified, Ok(statement)) => Ok(VerifiedStatement { statement, verdict }),
        (
            Outcome::Verified
            | Outcome::Unsigned
            | Outcome::Invalid
            | Outcome::Untrusted
            | Outcome::ExpiredOrRevoked
            | Outcome::Unlogged
            | Outcome::Unsupported
            | Outcome::Temporary,
            _,
        ) => Err(Box::new(verdict)),
    }
}

/// The verdict over an artifact for which there is no signature; look-ups that failed are not this.
#[must_use]
pub fn unsigned() -> Verdict {
    let mut recorder = Recorder::default();
    recorder.fail(CheckName::Signature, Failure::new(Reason::Unsigned, &"no signature", &"a signature"));
    recorder.finish(CheckName::ALL.to_vec(), Signer::default())
}
