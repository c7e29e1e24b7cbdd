//! A signature reaches its artifact: attached to a copy, verified as a whole, then put in its place at once.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chancery_api::key::Key;
use chancery_api::signed::SignedResult;
use chancery_core::algorithm::PublicKey;
use chancery_core::digest::{Hasher, Sha256};
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, RequestId};
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_core::verdict::{Outcome, Verdict};
use chancery_format::notary::envelope::Envelope;
use chancery_format::notary::payload::Target;
use chancery_format::notary::statement::Body;
use chancery_format::oci::simple::Signature;
use chancery_format::patch::Patch;
use chancery_format::seam::{Attachment, FormatError};
use chancery_format::sigstore::bundle::{Bundle, Content};
use chancery_format::sigstore::statement::predicate_type;
use chancery_format::table;
use chancery_verify::notary::Named;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::verify::{self, Context, Evidence};

use super::prepare::{self, Prepared, Signed};
use super::proof;
use crate::catalogue::Code;
use crate::client::Server;
use crate::evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader;
use crate::file::replacement::Replacement;
use crate::file::selection::PROOF_SUFFIX;

/// What a result is judged against.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    /// Whom to trust.
    pub(crate) trust: TrustSnapshot,
    /// Now.
    pub(crate) at: Time,
    /// Where keys are looked up.
    pub(crate) server: &'a Server,
    /// The keys that were looked up.
    keys: BTreeMap<KeyId, PublicKey>,
    /// What is to be made of a file that is there already.
    pub(crate) signed: Signed,
}

impl<'a> Judge<'a> {
    /// Judges by a trust document, as of a moment.
    pub(crate) const fn new(trust: TrustSnapshot, at: Time, server: &'a Server, signed: Signed) -> Self {
        Self { trust, at, server, keys: BTreeMap::new(), signed }
    }
    /// SHA-256 of a key's SubjectPublicKeyInfo, as policies pin it.
    pub(crate) fn pin(&mut self, id: &KeyId) -> Result<Sha256, Failure> {
        Ok(Sha256::of(&self.key(id)?.spki))
    }
    /// Exactly the signer that the service says it was, or exactly its key where a certificate names no job.
    fn policy(&mut self, result: &SignedResult) -> Result<VerificationPolicy, Failure> {
        let text = |found: &Option<String>| found.clone().unwrap_or_default();
        let (issuer, identity) = (text(&result.certificate_oidc_issuer), text(&result.certificate_identity));
        let mut policy =
            VerificationPolicy::exactly(self.trust.environment, result.format, &issuer, &identity);
        match result.format {
            FormatName::Fulcio | FormatName::Sigstore => {}
            FormatName::Oci if result.family.is_sigstore() => {}
            FormatName::Notary | FormatName::Oci | FormatName::Pe => {
                policy.issuer = None;
                policy.identity = None;
                policy.key = Some(self.pin(&result.key)?);
            }
        }
        Ok(policy)
    }
    fn key(&mut self, id: &KeyId) -> Result<PublicKey, Failure> {
        if let Some(known) = self.keys.get(id) {
            return Ok(known.clone());
        }
        let key: Key = self.server.get(&format!("/v1/keys/{id}"))?.json()?;
        let key = PublicKey { algorithm: key.algorithm, spki: key.spki };
        self.keys.insert(id.clone(), key.clone());
        Ok(key)
    }
}

/// Verifies one signature of an image, before it is told where it is.
pub(crate) fn image(
    asked: &Statement,
    (request, result): (RequestId, &SignedResult),
    judge: &mut Judge<'_>,
) -> Result<(), Failure> {
    same_kind(asked, result)?;
    let policy = judge.policy(result)?;
    let artifact = asked.artifact.digest;
    let verdict = if asked.format == FormatName::Notary {
        proof::check_result(result, (request, result.statement), &judge.trust)?;
        let body = Body::parse(asked).map_err(|error| answer(&error))?;
        let named = Named { artifact, size: asked.artifact.size, media_type: Some(&body.media_type) };
        let context = Context { trust: &judge.trust, policy: &policy, at: judge.at };
        verify::verify(&Evidence::Notary { named, envelope: &result.blob }, &context)
    } else if result.family.is_sigstore() {
        let context = Context { trust: &judge.trust, policy: &policy, at: judge.at };
        verify::verify(&Evidence::Image { artifact, bundle: &result.blob }, &context)
    } else {
        // What lies in the registry holds no proof of its own, so the answer's is checked here.
        proof::check_result(result, (request, result.statement), &judge.trust)?;
        let key = judge.key(&result.key)?;
        let signature = Signature::parse_json(&result.blob).map_err(|error| answer(&error))?;
        let context = Context { trust: &judge.trust, policy: &policy, at: judge.at };
        verify::verify(&Evidence::SimpleSigning { artifact, signature: &signature, key: &key }, &context)
    };
    accept(&verdict, Path::new(&asked.artifact.name))
}

fn same_kind(asked: &Statement, result: &SignedResult) -> Result<(), Failure> {
    if (result.format, result.family) == (asked.format, asked.family) {
        return Ok(());
    }
    let said = format!("{} {}", result.format, result.family);
    Err(Failure::new(Code::Answer, "the service signed something else")
        .because(said, format!("{} {}", asked.format, asked.family)))
}

/// Attaches, verifies and writes one result. On an error nothing is left behind.
pub(crate) fn finish(
    prepared: &Prepared,
    request: RequestId,
    result: &SignedResult,
    judge: &mut Judge<'_>,
) -> Result<(), Failure> {
    let asked = &prepared.statement;
    same_kind(asked, result)?;
    let mut policy = judge.policy(result)?;
    policy.predicate = predicate_type(asked);
    let hooks = table::of(asked.format).map_err(|error| answer(&error))?;
    match (hooks.attach)(&prepared.layout, &result.blob).map_err(|error| answer(&error))? {
        Attachment::Beside { bytes, .. } => {
            if asked.format == FormatName::Notary {
                // Its file holds no proof of its own, so the answer's is checked here.
                proof::check_result(result, (request, prepared.id), &judge.trust)?;
            }
            beside(prepared, &bytes, &policy, judge)
        }
        Attachment::Patch(patch) => {
            proof::check_result(result, (request, prepared.id), &judge.trust)?;
            // The proof waits, written, so that only the two renames are left when the image is good.
            let place = evidence::beside(&prepared.output, PROOF_SUFFIX);
            let waiting = Replacement::of(&place, result.tlog_proof.as_bytes())?;
            patched(prepared, &patch, &policy, judge)?;
            waiting.put(Permissions::from_mode(0o644))
        }
    }
}

fn beside(
    prepared: &Prepared,
    bytes: &[u8],
    policy: &VerificationPolicy,
    judge: &Judge<'_>,
) -> Result<(), Failure> {
    let asked = &prepared.statement;
    let artifact = asked.artifact.digest;
    let shown = match asked.format {
        FormatName::Notary => {
            let body = Body::parse(asked).map_err(|error| answer(&error))?;
            check_target(&body.target(asked), bytes)?;
            let named = Named { artifact, size: asked.artifact.size, media_type: None };
            Evidence::Notary { named, envelope: bytes }
        }
        FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
            check_content(asked.family, bytes)?;
            Evidence::Sigstore { artifact, bundle: bytes }
        }
    };
    let context = Context { trust: &judge.trust, policy, at: judge.at };
    accept(&verify::verify(&shown, &context), &prepared.input)?;
    prepared.check_unchanged()?;
    match std::fs::read(&prepared.output) {
        Ok(old) if old == bytes => Ok(()),
        Ok(_) if judge.signed == Signed::Refuse => Err(prepare::already_signed(&prepared.output)),
        Ok(_) | Err(_) => Replacement::whole(&prepared.output, bytes),
    }
}

/// A bundle holds what was asked for: the artifact itself, or a statement about it.
fn check_content(family: Family, bytes: &[u8]) -> Result<(), Failure> {
    let bundle = Bundle::parse(bytes).map_err(|error| answer(&error))?;
    let is_message = match bundle.content {
        Content::Message { .. } => true,
        Content::Dsse(_) => false,
    };
    if is_message == (family == Family::Message) {
        return Ok(());
    }
    Err(answer(&"the bundle's content is of another family"))
}

/// An envelope says of the artifact what was asked for, annotations too.
fn check_target(asked: &Target, bytes: &[u8]) -> Result<(), Failure> {
    let envelope = Envelope::parse(bytes).map_err(|error| answer(&error))?;
    if envelope.target == *asked { Ok(()) } else { Err(answer(&"the envelope names another target")) }
}

fn patched(
    prepared: &Prepared,
    patch: &Patch,
    policy: &VerificationPolicy,
    judge: &Judge<'_>,
) -> Result<(), Failure> {
    let asked = &prepared.statement;
    let (input, output) = (&prepared.input, &prepared.output);
    let mut source = reader::open(input)?;
    let permissions = source.metadata().map_err(|error| Failure::file("read", input, &error))?.permissions();
    let mut replacement = Replacement::new(output)?;
    let mut writer = HashingWriter { file: replacement.file(), hasher: Hasher::default() };
    match patch.copy(&mut source, asked.artifact.digest, &mut writer) {
        Ok(()) => {}
        Err(FormatError::Changed) => return Err(prepare::changed(input)),
        Err(error) => return Err(Failure::file("write", output, &error)),
    }
    let written = writer.hasher.finish();
    let copy = replacement.file().try_clone().map_err(|error| Failure::file("read", output, &error))?;
    let context = Context { trust: &judge.trust, policy, at: judge.at };
    let judged = evidence::image(copy, output, &context)?;
    if judged.digest != written {
        return Err(Failure::file("write", output, &"what was written is not what is there"));
    }
    accept(&judged.verdict, input)?;
    if input != output && judge.signed == Signed::Refuse && output.exists() {
        let old = reader::digest(&mut reader::open(output)?, output)?;
        return if old == written { Ok(()) } else { Err(prepare::already_signed(output)) };
    }
    replacement.put(permissions)
}

fn accept(verdict: &Verdict, path: &Path) -> Result<(), Failure> {
    let outcome = verdict.outcome();
    if outcome == Outcome::Verified {
        return Ok(());
    }
    let reason = verdict.reasons().find(|reason| reason.outcome() == outcome);
    let what =
        format!("the new signature of `{}` is {}; nothing was written", path.display(), outcome.name());
    let mut failure =
        Failure::new(Code::Answer, what).hint("report it: the service must not release such a signature");
    failure.code = reason.map_or_else(|| failure.code.clone(), |reason| reason.code().to_owned());
    failure.exit = Exit::of_outcome(outcome);
    if let Some((actual, expected)) = verdict.checks.iter().find_map(|check| match &check.result {
        chancery_core::verdict::CheckResult::Failed { actual, expected, .. } => Some((actual, expected)),
        chancery_core::verdict::CheckResult::Passed | chancery_core::verdict::CheckResult::NotMade(_) => None,
    }) {
        failure = failure.because(actual.clone(), expected.clone());
    }
    Err(failure)
}

struct HashingWriter<'a> {
    file: &'a mut std::fs::File,
    hasher: Hasher,
}

impl io::Write for HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn answer(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Answer, format!("the service's signature cannot be used: {error}"))
}
