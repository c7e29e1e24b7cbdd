//! What a verification said: named checks, closed reasons, stable codes.

use crate::time::Time;

/// The checks, each reported separately. A check that was not made is not a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckName {
    /// The container parses strictly.
    Structure,
    /// Every byte or entry is covered, or excluded by the specification.
    Coverage,
    /// The artifact's digest is the signed one.
    Digest,
    /// The signature is right.
    Signature,
    /// The signer's certificate leads to a trusted root.
    Chain,
    /// Key usage and extended key usage fit.
    Purpose,
    /// A trusted time exists and lies where it must.
    Timestamp,
    /// Nothing in use is revoked.
    Revocation,
    /// The signer is the expected one.
    Identity,
    /// The signature is in the ledger, bound to this artifact.
    Ledger,
}

impl CheckName {
    /// All checks, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Structure,
        Self::Coverage,
        Self::Digest,
        Self::Signature,
        Self::Chain,
        Self::Purpose,
        Self::Timestamp,
        Self::Revocation,
        Self::Identity,
        Self::Ledger,
    ];
    /// The stable id in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Coverage => "coverage",
            Self::Digest => "digest",
            Self::Signature => "signature",
            Self::Chain => "chain",
            Self::Purpose => "purpose",
            Self::Timestamp => "timestamp",
            Self::Revocation => "revocation",
            Self::Identity => "identity",
            Self::Ledger => "ledger",
        }
    }
}

/// Why something was rejected. Codes CH6xxx are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// There is no signature.
    Unsigned,
    /// The container or bundle does not parse strictly.
    Malformed,
    /// Bytes or entries outside the signature that the specification does not exclude.
    NotCovered,
    /// The artifact is not what was signed.
    DigestMismatch,
    /// The signature is wrong.
    SignatureWrong,
    /// The signer's certificate does not lead to a trusted root.
    ChainUntrusted,
    /// The certificate is for another purpose.
    PurposeWrong,
    /// The certificate was not valid at the trusted time, or there is no trusted time.
    Expired,
    /// The timestamp is missing or wrong.
    TimestampInvalid,
    /// Revoked.
    Revoked,
    /// Valid, but not the expected signer.
    IdentityMismatch,
    /// No expected signer was named.
    NoExpectation,
    /// No ledger proof, or one that does not prove this.
    NotLogged,
    /// The format or algorithm cannot be verified here.
    Unsupported,
    /// The trust snapshot itself is not signed by its key, expired, rolled back, or for another environment.
    TrustInvalid,
    /// Something that was needed could not be read now.
    Unavailable,
}

/// The outcome classes, each with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 0
    Verified,
    /// 10
    Unsigned,
    /// 11
    Invalid,
    /// 12
    Untrusted,
    /// 13
    ExpiredOrRevoked,
    /// 14
    Unlogged,
    /// 15
    Unsupported,
    /// 75
    Temporary,
}

impl Outcome {
    /// The process exit code.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Unsigned => 10,
            Self::Invalid => 11,
            Self::Untrusted => 12,
            Self::ExpiredOrRevoked => 13,
            Self::Unlogged => 14,
            Self::Unsupported => 15,
            Self::Temporary => 75,
        }
    }
    /// The stable name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unsigned => "unsigned",
            Self::Invalid => "invalid",
            Self::Untrusted => "untrusted",
            Self::ExpiredOrRevoked => "expired-or-revoked",
            Self::Unlogged => "unlogged",
            Self::Unsupported => "unsupported",
            Self::Temporary => "temporary",
        }
    }
}

impl Reason {
    /// Every reason with its meaning in one line, for the reference page and `chancery help CODE`.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Unsigned, "there is no signature"),
        (Self::Malformed, "the file or the signature does not parse strictly"),
        (Self::NotCovered, "there are bytes that no signature covers and no specification excludes"),
        (Self::DigestMismatch, "the artifact is not what was signed"),
        (Self::SignatureWrong, "the signature is wrong"),
        (Self::ChainUntrusted, "the signer's certificate does not lead to a trusted root"),
        (Self::PurposeWrong, "the certificate is for another purpose"),
        (Self::Expired, "the certificate was not valid at the trusted time"),
        (Self::TimestampInvalid, "the timestamp is missing or wrong"),
        (Self::Revoked, "the signature, certificate or key is revoked"),
        (Self::IdentityMismatch, "valid, but not by the expected signer"),
        (Self::NoExpectation, "no expected signer was named, so nothing can be accepted"),
        (Self::NotLogged, "the ledger proof is missing or does not prove this signature"),
        (Self::Unsupported, "this format or algorithm cannot be verified here"),
        (
            Self::TrustInvalid,
            "the trust snapshot is not signed by its key, expired, rolled back or of another environment",
        ),
        (Self::Unavailable, "something that was needed could not be read now"),
    ];
    /// The frozen code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "CH6001",
            Self::Malformed => "CH6002",
            Self::NotCovered => "CH6003",
            Self::DigestMismatch => "CH6004",
            Self::SignatureWrong => "CH6005",
            Self::ChainUntrusted => "CH6006",
            Self::PurposeWrong => "CH6007",
            Self::Expired => "CH6008",
            Self::TimestampInvalid => "CH6009",
            Self::Revoked => "CH6010",
            Self::IdentityMismatch => "CH6011",
            Self::NoExpectation => "CH6012",
            Self::NotLogged => "CH6013",
            Self::Unsupported => "CH6014",
            Self::TrustInvalid => "CH6015",
            Self::Unavailable => "CH6016",
        }
    }
    /// The outcome class.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Unsigned => Outcome::Unsigned,
            Self::Malformed | Self::NotCovered | Self::DigestMismatch | Self::SignatureWrong => {
                Outcome::Invalid
            }
            Self::ChainUntrusted
            | Self::PurposeWrong
            | Self::IdentityMismatch
            | Self::NoExpectation
            | Self::TrustInvalid => Outcome::Untrusted,
            Self::Expired | Self::TimestampInvalid | Self::Revoked => Outcome::ExpiredOrRevoked,
            Self::NotLogged => Outcome::Unlogged,
            Self::Unsupported => Outcome::Unsupported,
            Self::Unavailable => Outcome::Temporary,
        }
    }
}

/// What became of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResult {
    /// Made, and it held.
    Passed,
    /// Made, and it did not hold.
    Failed {
        /// Why.
        reason: Reason,
        /// What was found.
        actual: String,
        /// What was expected.
        expected: String,
    },
    /// Not made, and why: an earlier failure, or the verification policy does not ask for it.
    NotMade(&'static str),
}

/// One check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub name: CheckName,
    /// What became of it.
    pub result: CheckResult,
}

/// Who signed, as far as the verification found out; shown also on failure, labelled by the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    /// The certificate's SAN URI.
    pub identity: Option<String>,
    /// The OIDC issuer in the certificate.
    pub issuer: Option<String>,
    /// Subject name of the certificate, RFC 4514.
    pub subject: Option<String>,
    /// The trusted time of the signature.
    pub signed_at: Option<Time>,
    /// Index of its ledger entry.
    pub ledger_index: Option<u64>,
    /// Type of what the signed statement says; absent where the artifact itself is signed.
    pub predicate: Option<String>,
}

/// The outcome of a verification: every check, in order. Accepted only when no check failed and the checks that the
/// verification policy demands were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// All ten checks in the order of [`CheckName::ALL`].
    pub checks: Vec<Check>,
    /// The checks that must have been made and passed: what the format can have and the verification policy demands.
    pub required: Vec<CheckName>,
    /// Who signed.
    pub signer: Signer,
}

impl Verdict {
    /// The outcome: the worst failed check decides, in the order invalid, untrusted, unlogged, expired, unsigned,
    /// unsupported, temporary.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        const WORST_FIRST: [Outcome; 7] = [
            Outcome::Invalid,
            Outcome::Untrusted,
            Outcome::Unlogged,
            Outcome::ExpiredOrRevoked,
            Outcome::Unsigned,
            Outcome::Unsupported,
            Outcome::Temporary,
        ];
        let found: Vec<Outcome> = self.reasons().map(Reason::outcome).collect();
        match WORST_FIRST.into_iter().find(|outcome| found.contains(outcome)) {
            Some(outcome) => outcome,
            None if self.all_required_passed() => Outcome::Verified,
            // INVARIANT: a check that was not made is not a pass, so an empty verdict is never a success.
            None => Outcome::Invalid,
        }
    }
    fn all_required_passed(&self) -> bool {
        let passed =
            |name: &CheckName| self.checks.iter().any(|c| c.name == *name && c.result == CheckResult::Passed);
        !self.required.is_empty() && self.required.iter().all(passed)
    }
    /// Every reason for which it was rejected.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> + '_ {
        self.checks.iter().filter_map(|check| match &check.result {
            CheckResult::Failed { reason, .. } => Some(*reason),
            CheckResult::Passed | CheckResult::NotMade(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_checked_is_nothing_verified() {
        let empty = Verdict { checks: vec![], required: vec![], signer: Signer::default() };
        assert_eq!(empty.outcome(), Outcome::Invalid);
        let not_made = Check { name: CheckName::Digest, result: CheckResult::NotMade("stopped") };
        let verdict =
            Verdict { checks: vec![not_made], required: vec![CheckName::Digest], signer: Signer::default() };
        assert_eq!(verdict.outcome(), Outcome::Invalid);
        let passed = Check { name: CheckName::Digest, result: CheckResult::Passed };
        let verdict =
            Verdict { checks: vec![passed], required: vec![CheckName::Digest], signer: Signer::default() };
        assert_eq!(verdict.outcome(), Outcome::Verified);
    }
}
