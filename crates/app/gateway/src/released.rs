//! What leaves the service: a signature that was verified and whose result is in the ledger.
//!
//! INVARIANT: [`Released`] can only be built from a [`Proof`] (a statement or artifact that the verifier accepted) and
//! a [`Receipt`]; the success response accepts nothing else.

use chancery_core::algorithm::PublicKey;
use chancery_core::caller::Caller;
use chancery_core::digest::Sha256;
use chancery_core::id::{KeyId, ProfileName, RequestId, StatementId};
use chancery_core::message::Der;
use chancery_core::order::base64_bytes;
use chancery_core::receipt::Receipt;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::Verdict;
use chancery_format::seam::{LedgerProof, Parts, Signer};
use chancery_format::sigstore::statement::predicate_type;
use chancery_format::table;
use chancery_ledger::hashedrekord::HashedRekord;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::verify::{self, Context, SignedStatement, VerifiedArtifact, VerifiedStatement};

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::intent::internal;

/// What the verifier accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The bytes were here.
    Artifact(VerifiedArtifact),
    /// Only the statement was here: digest and coverage are the client's to check.
    Statement(VerifiedStatement),
}

/// A signature with all its parts, as it is kept for the next time the same wish comes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The request.
    pub request: RequestId,
    /// The statement's id.
    pub statement_id: StatementId,
    /// The statement.
    pub statement: Statement,
    /// The profile.
    pub profile: ProfileName,
    /// Who asked.
    pub caller: Caller,
    /// The key's name.
    pub key: KeyId,
    /// The key.
    pub public_key: PublicKey,
    /// The signature.
    #[serde(with = "base64_bytes")]
    pub signature: Vec<u8>,
    /// Certificates, signer first.
    pub chain: Vec<Der>,
    /// RFC 3161 token, where there is one.
    pub token: Option<Der>,
    /// When the keyguard signed.
    pub at: Time,
    /// The hashedrekord entry, for Sigstore formats.
    pub entry: Option<String>,
}

/// Under which windows of its authorities a signature is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Windows {
    AsListed,
    WithoutEnds,
}

/// A released signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    made: Made,
    proof: Proof,
    receipt: Receipt,
    leaf: String,
    blob: Vec<u8>,
}

impl Made {
    /// The signature blob's parts.
    fn with_parts<T>(&self, ledger: Option<LedgerProof<'_>>, work: impl FnOnce(&Parts<'_>) -> T) -> T {
        let certificates: Vec<Vec<u8>> = self.chain.iter().map(|der| der.0.clone()).collect();
        let timestamp = self.token.as_ref().map(|token| token.0.as_slice());
        work(&Parts { signature: &self.signature, certificates: &certificates, timestamp, ledger })
    }
    fn signer<'a>(&'a self, builder: &'a str) -> Signer<'a> {
        Signer { public_key: &self.public_key, caller: &self.caller, profile: &self.profile, builder }
    }

    /// Step 9: signature, chain, purpose and time against the statement.
    pub fn verify(&self, gateway: &Gateway) -> Result<VerifiedStatement, Failure> {
        self.verify_with(gateway, Windows::AsListed)?.map_err(|verdict| self.rejected(&verdict))
    }

    /// The same for what was released before; `None` where nothing is wrong but that people have distrusted since who
    /// certified or stamped it: then the same wish is signed anew.
    pub fn verify_again(&self, gateway: &Gateway) -> Result<Option<VerifiedStatement>, Failure> {
        match self.verify_with(gateway, Windows::AsListed)? {
            Ok(verified) => Ok(Some(verified)),
            Err(_) if self.verify_with(gateway, Windows::WithoutEnds)?.is_ok() => Ok(None),
            Err(verdict) => Err(self.rejected(&verdict)),
        }
    }

    fn rejected(&self, verdict: &Verdict) -> Failure {
        let why: Vec<String> = verdict.reasons().map(|reason| reason.code().to_owned()).collect();
        tracing::error!(request = %self.request, reasons = why.join(" "), ?verdict, "own signature was rejected");
        Failure::Internal(format!("own signature was rejected: {}", why.join(" ")))
    }

    fn verify_with(
        &self,
        gateway: &Gateway,
        windows: Windows,
    ) -> Result<Result<VerifiedStatement, Box<Verdict>>, Failure> {
        let now = gateway.parts.clock.now();
        let mut snapshot = gateway.trust()?.now(now, std::collections::BTreeMap::new());
        if windows == Windows::WithoutEnds {
            snapshot.roots = snapshot.roots.without_ends();
        }
        let policy = self.own_policy(snapshot.environment);
        let context = Context { trust: &snapshot, policy: &policy, at: now };
        let signer = self.signer(&gateway.parts.builder);
        Ok(self.with_parts(None, |parts| {
            let signed = SignedStatement { statement: &self.statement, signer: &signer, parts };
            verify::statement(&signed, &context)
        }))
    }

    /// Exactly the signer that this signature should have.
    fn own_policy(&self, environment: chancery_core::environment::Environment) -> VerificationPolicy {
        let identity = self.caller.claims.build_signer_uri.as_deref().unwrap_or_default();
        let format = self.statement.format;
        let mut policy =
            VerificationPolicy::exactly(environment, format, &self.caller.claims.issuer, identity);
        policy.predicate = predicate_type(&self.statement);
        if !self.statement.family.has_identity_leaf() {
            policy.issuer = None;
            policy.identity = None;
            policy.key = Some(Sha256::of(&self.public_key.spki));
        }
        policy
    }

    /// The hashedrekord leaf of a Sigstore signature; `None` for native formats.
    pub fn hashedrekord(&self, signed_digest: &Sha256) -> Result<Option<String>, Failure> {
        if !self.statement.family.is_sigstore() {
            return Ok(None);
        }
        let leaf = self.chain.first().ok_or_else(|| internal("a signature without its leaf"))?;
        let digest = signed_digest.as_bytes().to_vec();
        let record =
            HashedRekord::new(self.public_key.algorithm, digest, self.signature.clone(), leaf.0.clone());
        Ok(Some(record.map_err(internal)?.encode().map_err(internal)?))
    }

    /// Steps 11 to 13: the blob with its proof. The receipt is that of the hashedrekord entry for Sigstore formats, of
    /// the result event for native ones; `leaf` is that entry.
    pub fn release(
        self,
        gateway: &Gateway,
        proof: Proof,
        (leaf, receipt): (String, Receipt),
    ) -> Result<Released, Failure> {
        let log_id = gateway.trust()?.log_id(&receipt)?;
        let entry = LedgerProof { entry: leaf.as_bytes(), receipt: &receipt, log_id: log_id.as_bytes() };
        let ledger = self.entry.is_some().then_some(entry);
        let signer = self.signer(&gateway.parts.builder);
        let format = table::of(self.statement.format).map_err(internal)?;
        let blob = self.with_parts(ledger, |parts| (format.assemble)(&self.statement, &signer, parts));
        let blob = blob.map_err(internal)?;
        Ok(Released { made: self, proof, receipt, leaf, blob })
    }
}

impl Released {
    /// The signature's parts.
    #[must_use]
    pub const fn made(&self) -> &Made {
        &self.made
    }
    /// What the verifier accepted.
    #[must_use]
    pub const fn proof(&self) -> &Proof {
        &self.proof
    }
    /// Proof that it is in the ledger.
    #[must_use]
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }
    /// The ledger entry that the receipt proves.
    #[must_use]
    pub fn leaf(&self) -> &str {
        &self.leaf
    }
    /// The signature blob: a bundle's JSON, CMS DER.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }
    /// The trusted time of the signature.
    #[must_use]
    pub fn signed_at(&self) -> Option<Time> {
        match &self.proof {
            Proof::Artifact(artifact) => artifact.signer().signed_at,
            Proof::Statement(statement) => statement.verdict().signer.signed_at,
        }
    }
}
