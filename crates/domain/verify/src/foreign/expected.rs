//! Who must have signed something of another Sigstore, and the artifact as its digests.

use aws_lc_rs::digest::Context;
use chancery_core::digest::{DigestAlgorithm, Hasher, Sha256};
use chancery_core::format::FormatName;
use chancery_format::sigstore::foreign::{Content, ForeignBundle};
use chancery_format::sigstore::foreign_statement;
use chancery_x509::key::VerifyingKey;

use crate::policy::VerificationPolicy;

/// Who must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a short-lived certificate.
    Identity {
        /// The OIDC issuer, exact.
        issuer: String,
        /// The one subject alternative name, exact: a URI or an e-mail address.
        identity: String,
    },
    /// Whoever holds this key.
    Key(VerifyingKey),
    /// Whoever a verification policy names by issuer, identity and claims.
    Named(Box<VerificationPolicy>),
}

/// What is expected of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Who must have signed.
    pub signer: Signer,
    /// What is judged, `sigstore` for files and `oci` for images: which statements count where no predicate is named.
    pub format: FormatName,
    /// The predicate type of an in-toto statement; absent accepts SLSA provenance v1, plain messages over files, and for
    /// images cosign's `https://sigstore.dev/cosign/sign/v1`.
    pub predicate: Option<String>,
    /// How many different logs must hold the signature; at least 1.
    pub logs: usize,
    /// How many different sources must say when it was made, time stamping authorities and logs together; at least 1.
    pub times: usize,
}

impl Expected {
    /// One log, one source of time, SLSA provenance or a plain message.
    #[must_use]
    pub const fn of(signer: Signer) -> Self {
        Self { signer, format: FormatName::Sigstore, predicate: None, logs: 1, times: 1 }
    }
}

/// An artifact, as far as the caller hashed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    sha256: Sha256,
    sha384: Option<Vec<u8>>,
    sha512: Option<Vec<u8>>,
    /// A commit in the place of an artifact.
    commit: Option<String>,
}

impl Digests {
    /// A commit: nothing but a statement about `gitCommit` names it.
    #[must_use]
    pub fn of_commit(commit: &str) -> Self {
        // No digest of a file is this one's: whoever compares looks at the commit first.
        Self { commit: Some(commit.to_owned()), ..Self::only(Sha256::of(commit.as_bytes())) }
    }
    /// The commit, where it is none of a file.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }
    /// Only its SHA-256 is known.
    #[must_use]
    pub const fn only(sha256: Sha256) -> Self {
        Self { sha256, sha384: None, sha512: None, commit: None }
    }
    /// All digests of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hash = |algorithm: DigestAlgorithm| Some(algorithm.hash(bytes));
        Self {
            sha256: Sha256::of(bytes),
            sha384: hash(DigestAlgorithm::Sha384),
            sha512: hash(DigestAlgorithm::Sha512),
            commit: None,
        }
    }
    /// The same artifact with a further digest; one of another size than its algorithm's is left out.
    #[must_use]
    pub fn with(mut self, algorithm: DigestAlgorithm, digest: Vec<u8>) -> Self {
        let digest = Some(digest).filter(|digest| digest.len() == algorithm.size());
        match algorithm {
            DigestAlgorithm::Sha256 => {}
            DigestAlgorithm::Sha384 => self.sha384 = digest,
            DigestAlgorithm::Sha512 => self.sha512 = digest,
        }
        self
    }
    /// SHA-256 of the whole artifact.
    #[must_use]
    pub const fn sha256(&self) -> Sha256 {
        self.sha256
    }
    /// The digest of an algorithm, where it is known.
    #[must_use]
    pub fn get(&self, algorithm: DigestAlgorithm) -> Option<&[u8]> {
        match algorithm {
            DigestAlgorithm::Sha256 => Some(self.sha256.as_bytes()),
            DigestAlgorithm::Sha384 => self.sha384.as_deref(),
            DigestAlgorithm::Sha512 => self.sha512.as_deref(),
        }
    }
}

/// Takes the digests of an artifact in one pass.
pub struct Hashing {
    sha256: Hasher,
    others: Vec<(DigestAlgorithm, Context)>,
}

impl Hashing {
    /// SHA-256, and what the bundle names besides it; one that cannot be read names nothing.
    #[must_use]
    pub fn for_bundle(bundle: &[u8]) -> Self {
        let named = ForeignBundle::parse(bundle).map(|bundle| named(&bundle.content)).unwrap_or_default();
        let others = [DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
        let others = others.into_iter().filter(|algorithm| named.contains(algorithm));
        Self {
            sha256: Hasher::default(),
            others: others.map(|algorithm| (algorithm, Context::new(algorithm.provider()))).collect(),
        }
    }
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        for (_, context) in &mut self.others {
            context.update(bytes);
        }
    }
    /// Ends the stream.
    #[must_use]
    pub fn finish(self) -> Digests {
        let mut digests = Digests::only(self.sha256.finish());
        for (algorithm, context) in self.others {
            digests = digests.with(algorithm, context.finish().as_ref().to_vec());
        }
        digests
    }
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others = self.others.iter().map(|(algorithm, _)| algorithm.name());
        f.debug_list().entries(std::iter::once("sha256").chain(others)).finish()
    }
}

fn named(content: &Content) -> Vec<DigestAlgorithm> {
    match content {
        Content::Message { digest, .. } => digest.iter().map(|(algorithm, _)| *algorithm).collect(),
        Content::Dsse { payload, .. } => {
            let subjects = foreign_statement::parse(payload).map(|read| read.subjects).unwrap_or_default();
            subjects.into_iter().flatten().map(|(algorithm, _)| algorithm).collect()
        }
    }
}
