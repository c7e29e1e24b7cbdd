//! `chancery verify`: judges files and images against an expected signer. Without one there is no success.
//!
//! Neither the HTTP client nor a random number is touched unless trust has to be fetched.

mod release;

use std::path::{Path, PathBuf};

use chancery_core::format::FormatName;
use chancery_core::time::Time;
use chancery_core::verdict::{Outcome, Reason, Verdict};
use chancery_format::oci::reference::Reference;
use chancery_format::oci::statement::Subject as Manifest;
use chancery_verify::notary;
use chancery_verify::policy::VerificationPolicy;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::verify::{self, Evidence};
use serde_json::{Value, json};

use super::Context;
use crate::catalogue::Code;
use crate::evidence::{self, Judged};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::selection;
use crate::foreign::{self, Subject};
use crate::image::judge::{self, Shown};
use crate::image::named::{self, Named};
use crate::image::visit::{Visitor, Walk};
use crate::report::{self, About};
use crate::terminal::Shape;
use crate::trust::{self, Reach, Trusted, Voucher};

/// What to verify, and against what.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Files, or patterns such as `dist/*.exe`; with --bundle also the digest of a file that is elsewhere: sha256:229c…;
    /// or images: `registry.example/app:tag`, `…/app@sha256:…`.
    #[arg(required_unless_present = "release", value_name = "FILE|IMAGE")]
    files: Vec<PathBuf>,
    /// A directory with release.json: its signature, that exactly its files are there, and each file's own signature.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "bundle", "recursive", "explain"])]
    release: Option<PathBuf>,
    /// What the release must be and consist of, whatever its manifest says: a release.toml.
    #[arg(long, value_name = "FILE", requires = "release")]
    declare: Option<PathBuf>,
    /// Refuse also what the signer of the release knew of: programs without a signature in archives, what cannot be read.
    #[arg(long, requires = "release")]
    strict: bool,
    /// Name of a verification policy in the trust document: who must have signed.
    #[arg(long, env = "CHANCERY_POLICY", hide_env_values = true, value_name = "NAME")]
    policy: Option<String>,
    /// Whom to trust.
    #[command(flatten)]
    trust: trust::Source,
    /// Never use the network.
    #[arg(long)]
    offline: bool,
    /// Signature file; without it FILE.sigstore.json, or the signature inside the file.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Judge every manifest that an index names, too.
    #[arg(long)]
    recursive: bool,
    /// Say what each check asks, and what became of it.
    #[arg(long)]
    explain: bool,
    /// Judge as of a moment: 2026-11-20T21:47:03Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// What another Sigstore made.
    #[command(flatten)]
    foreign: foreign::Flags,
}

/// What every file is judged against.
struct Expected<'a> {
    against: Against<'a>,
    voucher: Voucher,
    at: Time,
    reach: Reach,
}

/// A policy of our own trust, or flags and somebody's trusted root.
enum Against<'a> {
    Policy { name: &'a str, policy: Box<VerificationPolicy>, trust: Box<TrustSnapshot> },
    Root(Box<foreign::Against>),
}

impl Expected<'_> {
    fn about<'a>(&'a self, name: &'a str) -> About<'a> {
        let policy = match &self.against {
            Against::Policy { name, .. } => Some(*name),
            Against::Root(_) => None,
        };
        About { name, policy, reach: self.reach, voucher: &self.voucher }
    }

    fn judge(&self, word: &Path, bundle: Option<&Path>) -> Result<Judged, Failure> {
        let subject = Subject::of(word);
        match &self.against {
            Against::Policy { policy, trust, .. } => {
                let context = verify::Context { trust, policy, at: self.at };
                match subject {
                    Subject::File(path) => evidence::judge(path, bundle, &context),
                    Subject::Digest(digest) => {
                        evidence::judge_digest(digest, foreign::named(bundle)?, &context)
                    }
                }
            }
            Against::Root(root) => root.judge(&subject, bundle, self.at),
        }
    }
}

/// Verifies every file; the worst outcome is the command's.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let expected = expected(args, context)?;
    if let Some(directory) = &args.release {
        return release::run(args, directory, &expected, context);
    }
    if let Named::Images(images) = named::sort(&args.files)? {
        let judged = images_judged(args, &images, &expected, context)?;
        return Ok(told(judged, args, &expected, context));
    }
    let files = selection::files(&args.files)?;
    if args.bundle.is_some() && files.len() > 1 {
        return Err(Failure::new(Code::Usage, "--bundle belongs to one file")
            .because(format!("{} files", files.len()), "1"));
    }
    let judging = |path: &PathBuf| expected.judge(path, args.bundle.as_deref());
    let judged = files.iter().map(|path| (path.display().to_string(), judging(path))).collect();
    Ok(told(judged, args, &expected, context))
}

/// What was judged, by name.
type All = Vec<(String, Result<Judged, Failure>)>;

/// Judges images, and with `--recursive` everything that they name: what is missing, exchanged or unsigned is named.
fn images_judged(
    args: &Args,
    images: &[(String, Reference)],
    expected: &Expected<'_>,
    context: &Context<'_, '_>,
) -> Result<All, Failure> {
    if args.offline || args.bundle.is_some() {
        return Err(Failure::new(Code::Usage, "an image is looked up in its registry")
            .because("--offline or --bundle", "neither"));
    }
    let judging = |subject: &Manifest, shown: Shown<'_>| beside(subject, shown, expected);
    let visitor = Visitor::new(context)?;
    let walk = if args.recursive { Walk::Whole } else { Walk::Only };
    let mut judged = All::new();
    for (named, reference) in images {
        match visitor.walk(reference, walk) {
            Ok(nodes) => {
                judged
                    .extend(nodes.iter().map(|node| (node.shown(), judge::judge(node, &visitor, &judging))));
            }
            Err(error) => judged.push((named.clone(), Err(judge::root(named, &error)))),
        }
    }
    Ok(judged)
}

/// One signature beside an image. Envelopes are judged only where the policy takes them: beside what it demands, somebody
/// else's say nothing.
fn beside(subject: &Manifest, shown: Shown<'_>, expected: &Expected<'_>) -> Option<Verdict> {
    let artifact = subject.digest;
    match (&expected.against, shown) {
        (Against::Policy { policy, trust, .. }, Shown::Bundle(bundle)) => {
            let judging = verify::Context { trust, policy, at: expected.at };
            Some(verify::verify(&Evidence::Image { artifact, bundle }, &judging))
        }
        (Against::Policy { policy, trust, .. }, Shown::Envelope(envelope)) => {
            policy.formats.contains(&FormatName::Notary).then(|| {
                let (size, media_type) = (subject.size, Some(subject.media_type.as_str()));
                let named = notary::Named { artifact, size, media_type };
                let judging = verify::Context { trust, policy, at: expected.at };
                verify::verify(&Evidence::Notary { named, envelope }, &judging)
            })
        }
        (Against::Root(root), Shown::Bundle(bundle)) => Some(root.judge_image(artifact, bundle, expected.at)),
        (Against::Root(_), Shown::Envelope(_)) => None,
    }
}

/// Tells all verdicts; the worst is the command's.
fn told(judged: All, args: &Args, expected: &Expected<'_>, context: &mut Context<'_, '_>) -> Exit {
    let mut exits = Vec::new();
    let mut documents: Vec<Value> = Vec::new();
    for (name, judged) in judged {
        match judged {
            Ok(judged) => {
                exits.push(Exit::of_outcome(judged.verdict.outcome()));
                documents.push(show(&judged, expected.about(&name), args, context));
            }
            Err(failure) => {
                exits.push(failure.exit);
                documents.push(failure.json());
                if context.terminal.shape() == Shape::Text {
                    context.terminal.failure(&failure);
                }
            }
        }
    }
    let worst = Exit::worst(exits);
    if context.terminal.shape() == Shape::Json {
        let document = match documents.as_slice() {
            [one] => one.clone(),
            all => json!({"schema": report::SCHEMA_MANY, "exit_code": worst.code(), "results": all}),
        };
        context.terminal.json(&document);
    }
    worst
}

fn expected<'a>(args: &'a Args, context: &mut Context<'_, '_>) -> Result<Expected<'a>, Failure> {
    let at = trust::moment(args.at.as_deref(), context.host.now())?;
    if let Some(root) = args.foreign.against(context.host)? {
        // A default of the environment is no wish; what is named beside a trusted root would be ignored (T7).
        if args.policy.is_some() && args.policy != std::env::var("CHANCERY_POLICY").ok() {
            return Err(Failure::new(Code::Usage, "--policy belongs to a trust document")
                .hint("leave out --policy, or leave out --trusted-root"));
        }
        let voucher = Voucher::Root(root.place.clone());
        let against = Against::Root(Box::new(root));
        return Ok(Expected { against, voucher, at, reach: Reach::Offline });
    }
    let reach = if args.offline { Reach::Offline } else { Reach::Online };
    let Some(name) = args.policy.as_deref() else {
        return Err(no_expectation(
            "give --policy NAME, a policy of the trust document; `chancery inspect` shows without judging",
        ));
    };
    let Trusted { snapshot, voucher } = trust::load(&args.trust, reach, context)?;
    let policy = Box::new(trust::policy(&snapshot, name)?.clone());
    Ok(Expected { against: Against::Policy { name, policy, trust: Box::new(snapshot) }, voucher, at, reach })
}

/// Verifying without an expected signer is an error, never a success.
pub(crate) fn no_expectation(hint: &str) -> Failure {
    let reason = Reason::NoExpectation;
    let mut failure = Failure::new(Code::Usage, "no expected signer is named").hint(hint);
    failure.code = reason.code().to_owned();
    failure.exit = Exit::of_outcome(reason.outcome());
    failure
}

fn show(judged: &Judged, about: About<'_>, args: &Args, context: &mut Context<'_, '_>) -> Value {
    if context.terminal.shape() == Shape::Text {
        if judged.verdict.outcome() == Outcome::Verified {
            context.terminal.result(&report::accepted(judged, about));
        } else {
            context.terminal.complain(&report::rejected(judged, about));
        }
        if args.explain {
            context.terminal.result(&report::explained(&judged.verdict));
        }
    }
    report::json(judged, about)
}
