//! `chancery sign`: files are hashed here, asked for in one request, verified, and written whole or not at all; images are
//! pinned, asked for, verified, and signed beside themselves in their registry; a directory becomes a release.

mod image;
mod release;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chancery_api::profile::Profile;
use chancery_api::signed::SignedResult;
use chancery_core::format::FormatName;
use chancery_core::id::{ProfileName, RequestId, StatementId};
use chancery_core::request::MAX_STATEMENTS;
use serde_json::{Map, Value, json};

use super::Context;
use crate::arguments::Mode;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader::Progress;
use crate::file::selection;
use crate::image::named::{self, Named};
use crate::sign::ask;
use crate::sign::brought::{self, Asked};
use crate::sign::finish::{self, Judge};
use crate::sign::image::Attaching;
use crate::sign::patient::{self, Waiting};
use crate::sign::prepare::{self, Prepared, Signed, Wish};
use crate::terminal::{Shape, printable};
use crate::trust::{self, Voucher};

/// What to sign, and how.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Files, or patterns such as `dist/*.exe`; or images: `registry.example/app:tag`, `…/app@sha256:…`.
    #[arg(required_unless_present = "release", value_name = "FILE|IMAGE")]
    files: Vec<PathBuf>,
    /// A directory: every file in it is signed in its own format, and listed in release.json, which is signed last.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["files", "output", "detached", "format", "only_index", "attach"]
    )]
    release: Option<PathBuf>,
    /// What the release must consist of; without it release.toml in the directory, where there is one.
    #[arg(long, value_name = "FILE", requires = "release")]
    declare: Option<PathBuf>,
    /// The profile to sign under.
    #[arg(long, env = "CHANCERY_PROFILE", hide_env_values = true, value_name = "NAME")]
    profile: String,
    /// Directory for results; otherwise beside the file, or into it.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A Sigstore bundle beside the file, whatever the file is.
    #[arg(long, conflicts_with = "format")]
    detached: bool,
    /// A Sigstore bundle over the file itself, without provenance.
    #[arg(long, conflicts_with = "format")]
    message: bool,
    /// Name the format: notary, pe or sigstore of files; notary or oci of images.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Sign an index alone, not the manifests that it names.
    #[arg(long)]
    only_index: bool,
    /// Who puts signatures into the registry: the service, or this command with your own credentials.
    #[arg(long, value_name = "WHO", default_value = "server")]
    attach: Attaching,
    /// Replace signatures that are there.
    #[arg(long)]
    replace: bool,
    /// Show the decision and what would be signed; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long to wait.
    #[command(flatten)]
    waiting: Waiting,
    /// A format option, such as `program_name=Acme`.
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
    /// An attestation that the profile demands: a Sigstore bundle. Once for each.
    #[arg(long, value_name = "FILE")]
    attestation: Vec<PathBuf>,
    /// Whom to trust when the results are verified.
    #[command(flatten)]
    trust: trust::Source,
}

/// How each file ended, in the order in which it was named.
type Ends = BTreeMap<usize, Result<Value, Failure>>;

/// What signing needs besides the files.
struct Work<'a> {
    server: &'a Server,
    profile: Profile,
    judge: Judge<'a>,
    patience: Duration,
    attestations: Vec<String>,
}

/// What is to be shown.
struct Told {
    ends: Ends,
    mode: Mode,
    voucher: Option<Voucher>,
}

/// What is to be done with files, whichever command says so.
pub(crate) struct Job<'a> {
    /// Files and patterns.
    pub(crate) files: &'a [PathBuf],
    /// The profile's name.
    pub(crate) profile: &'a str,
    /// How they are to be signed.
    pub(crate) wish: Wish,
    /// Whether anything is changed.
    pub(crate) mode: Mode,
    /// How long is waited for people, other builders, hold periods.
    pub(crate) patience: Duration,
    /// Attestations that the profile may demand.
    pub(crate) attestations: Vec<String>,
    /// Whom to trust when results are verified.
    pub(crate) trust: &'a trust::Source,
}

/// Signs every file; the worst outcome is the command's.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    if let Some(directory) = &args.release {
        return release::run(args, directory, context);
    }
    let name =
        ProfileName::parse(&args.profile).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    if let Named::Images(images) = named::sort(&args.files)? {
        return image::run(args, (&name, &images), context);
    }
    let wish = wish(args, context)?;
    let patience = args.waiting.patience();
    let mode = Mode::of(&args.dry_run);
    let attestations = brought::read(&args.attestation)?;
    let (files, profile, trust) = (&args.files, &args.profile, &args.trust);
    carry_out(&Job { files, profile, wish, mode, patience, attestations, trust }, context)
}

/// Prepares, asks for and finishes every file.
pub(crate) fn carry_out(job: &Job<'_>, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let Job { wish, mode, patience, attestations, .. } = job;
    let name =
        ProfileName::parse(job.profile).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let files = selection::files(job.files)?;
    if let Some(directory) = &wish.output {
        std::fs::create_dir_all(directory).map_err(|error| Failure::file("write", directory, &error))?;
    }
    let server = context.server()?;
    let profile = ask::profile(&server, &name)?;
    let mut ends = Ends::new();
    let mut prepared = Vec::new();
    for (at, path) in files.iter().enumerate() {
        match prepare::prepare(path, wish, &profile) {
            Ok(one) => prepared.push((at, one)),
            Err(failure) => drop(ends.insert(at, Err(failure))),
        }
    }
    let mut voucher = None;
    if *mode == Mode::Rehearsal {
        rehearse((&server, attestations), &profile, &prepared, (context, &mut ends));
    } else if !prepared.is_empty() {
        let trusted = trust::load(job.trust, trust::Reach::Online, context)?;
        let judge = Judge::new(trusted.snapshot, context.host.now(), &server, wish.signed);
        let patience = *patience;
        let attestations = attestations.clone();
        let mut work = Work { server: &server, profile, judge, patience, attestations };
        sign_all(&mut work, &prepared, context, &mut ends);
        voucher = Some(trusted.voucher);
    }
    Ok(show(&files, Told { ends, mode: *mode, voucher }, context))
}

fn wish(args: &Args, context: &Context<'_, '_>) -> Result<Wish, Failure> {
    let named = args.format.as_deref().map(|name| {
        let known: Vec<&str> = FormatName::ALL.iter().map(|format| format.name()).collect();
        FormatName::from_name(name).ok_or_else(|| {
            Failure::new(Code::Usage, format!("no format `{name}`")).because(name, known.join(", "))
        })
    });
    let mut options = options(&args.options)?;
    if args.message {
        options.insert("family".into(), json!("message"));
    }
    let detached = (args.detached || args.message).then_some(FormatName::Sigstore);
    Ok(Wish {
        format: named.transpose()?.or(detached),
        options,
        signed: if args.replace { Signed::Replace } else { Signed::Refuse },
        output: args.output.clone(),
        suffix: None,
        progress: if context.terminal.shows_progress() { Progress::Shown } else { Progress::Hidden },
    })
}

/// `NAME=VALUE`, each.
fn options(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut options = Map::new();
    for option in given {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            Failure::new(Code::Usage, format!("`{option}` is not an option")).because(option, "NAME=VALUE")
        })?;
        let value = match value {
            "true" => json!(true),
            "false" => json!(false),
            text => json!(text),
        };
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}

/// Requests of at most 1,000 distinct statements each; files with the same statement share a result.
fn requests(prepared: &[(usize, Prepared)]) -> Vec<BTreeMap<StatementId, Vec<&(usize, Prepared)>>> {
    let mut all: BTreeMap<StatementId, Vec<&(usize, Prepared)>> = BTreeMap::new();
    for one in prepared {
        all.entry(one.1.id).or_default().push(one);
    }
    let mut requests = Vec::new();
    let mut rest = all.into_iter().peekable();
    while rest.peek().is_some() {
        requests.push(rest.by_ref().take(MAX_STATEMENTS).collect());
    }
    requests
}

fn sign_all(
    work: &mut Work<'_>,
    prepared: &[(usize, Prepared)],
    context: &mut Context<'_, '_>,
    ends: &mut Ends,
) {
    for group in requests(prepared) {
        let statements =
            group.values().filter_map(|files| files.first().map(|(_, one)| one.statement.clone()));
        let signed = ask::request(&work.profile, statements.collect()).and_then(|request| {
            let asked = Asked { request: &request, attestations: &work.attestations };
            let signed = patient::sign(
                (work.server, &work.profile),
                (&asked, Attaching::Client),
                work.patience,
                context,
            )?;
            Ok((request.id(), signed.results))
        });
        for (at, one) in group.values().flatten() {
            let end = match &signed {
                Ok((request, results)) => finish_one(one, *request, results, &mut work.judge),
                Err(failure) => Err(failure.clone()),
            };
            ends.insert(*at, end);
        }
    }
}

fn finish_one(
    prepared: &Prepared,
    request: RequestId,
    results: &[SignedResult],
    judge: &mut Judge<'_>,
) -> Result<Value, Failure> {
    let result = results.iter().find(|result| result.statement == prepared.id).ok_or_else(|| {
        Failure::new(Code::Answer, format!("the service gave no result for `{}`", prepared.input.display()))
    })?;
    finish::finish(prepared, request, result, judge)?;
    Ok(json!({
        "input": prepared.input.display().to_string(),
        "format": result.format.name(),
        "depth": result.depth.name(),
        "output": prepared.output.display().to_string(),
        "digest": prepared.statement.artifact.digest.to_string(),
        "certificate_identity": result.certificate_identity,
        "certificate_oidc_issuer": result.certificate_oidc_issuer,
        "ledger": result.ledger,
        "timestamp": result.timestamp,
        "request_id": request.to_string(),
    }))
}

fn rehearse(
    (server, attestations): (&Server, &[String]),
    profile: &Profile,
    prepared: &[(usize, Prepared)],
    (context, ends): (&Context<'_, '_>, &mut Ends),
) {
    for group in requests(prepared) {
        let statements =
            group.values().filter_map(|files| files.first().map(|(_, one)| one.statement.clone()));
        let rehearsed = ask::request(profile, statements.collect()).and_then(|request| {
            ask::rehearse(server, context.host, profile, &Asked { request: &request, attestations })
        });
        for (at, one) in group.values().flatten() {
            let found = rehearsed.clone().and_then(|rehearsal| {
                let statement = rehearsal.statements.into_iter().find(|found| found.statement == one.id);
                let statement = statement
                    .ok_or_else(|| Failure::new(Code::Answer, "the service rehearsed something else"))?;
                Ok(json!({
                    "input": one.input.display().to_string(),
                    "request_id": rehearsal.request_id,
                    "policy": rehearsal.policy,
                    "rehearsal": statement,
                    "statement": one.statement,
                }))
            });
            ends.insert(*at, found);
        }
    }
}

/// Shows what became of each file and answers with the worst.
fn show(files: &[PathBuf], told: Told, context: &mut Context<'_, '_>) -> Exit {
    let Told { ends, mode, .. } = &told;
    let exits: Vec<Exit> =
        ends.values().map(|end| end.as_ref().map_or_else(|failure| failure.exit, |_| Exit::Ok)).collect();
    let worst = Exit::worst(exits);
    if context.terminal.shape() == Shape::Json {
        context.terminal.json(&document(files, &told));
        return worst;
    }
    // One refusal of a request over many files is told once.
    let mut seen: Vec<&Failure> = Vec::new();
    for (at, end) in ends {
        let name = files.get(*at).map(|path| path.display().to_string()).unwrap_or_default();
        match end {
            Ok(result) if *mode == Mode::Rehearsal => {
                context.terminal.result(&rehearsed_lines(&name, result))
            }
            Ok(result) => context.terminal.result(&lines(&name, result)),
            Err(failure) if seen.contains(&failure) => {
                context.terminal.complain(&format!("✗ {}  {} as above\n", printable(&name), failure.code));
            }
            Err(failure) => {
                if files.len() > 1 {
                    context.terminal.complain(&format!("✗ {}\n", printable(&name)));
                }
                context.terminal.failure(failure);
                seen.push(failure);
            }
        }
    }
    if worst == Exit::Ok && *mode == Mode::Real {
        let first = files.first().map(PathBuf::as_path).unwrap_or(Path::new("FILE"));
        context
            .terminal
            .message(&format!("Verify anywhere:  chancery verify --policy NAME {}\n", first.display()));
    }
    worst
}

/// All well: results alone, and a word about `trust.json` where nothing vouches for it. Otherwise what failed stands beside them; a single failure is the document.
fn document(files: &[PathBuf], told: &Told) -> Value {
    let Told { ends, mode, voucher } = told;
    let schema = match mode {
        Mode::Real => "chancery.sign/1",
        Mode::Rehearsal => "chancery.sign-rehearsal/1",
    };
    let results: Vec<&Value> = ends.values().filter_map(|end| end.as_ref().ok()).collect();
    let mut errors = Vec::new();
    for (at, end) in ends {
        if let Err(failure) = end {
            if files.len() == 1 {
                return failure.json();
            }
            let input = files.get(*at).map(|path| path.display().to_string());
            errors.push(json!({"input": input, "error": failure.json()}));
        }
    }
    let mut document = json!({"schema": schema, "results": results});
    if let Some(members) = document.as_object_mut() {
        let doubtful = voucher.as_ref().filter(|voucher| voucher.note().is_some());
        members.extend(doubtful.map(|voucher| ("trust".to_owned(), voucher.json())));
        members.extend((!errors.is_empty()).then(|| ("errors".to_owned(), json!(errors))));
    }
    document
}

fn lines(name: &str, result: &Value) -> String {
    let text =
        |pointer: &str| result.pointer(pointer).and_then(Value::as_str).map(printable).unwrap_or_default();
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let mut out = format!("✓ {}  signed as {}", printable(name), text("/format"));
    if !text("/timestamp").is_empty() {
        out.push_str(&format!(", timestamp {}", text("/timestamp")));
    }
    out.push_str(&format!("\n  sha256    {}\n", text("/digest")));
    if !text("/certificate_identity").is_empty() {
        out.push_str(&format!("  identity  {}\n", text("/certificate_identity")));
        out.push_str(&format!("  issuer    {}\n", text("/certificate_oidc_issuer")));
    }
    out.push_str(&format!(
        "  ledger    {} entry {}, proof checked\n",
        text("/ledger/origin"),
        number("/ledger/index")
    ));
    out.push_str(&format!("  output    {}\n", text("/output")));
    out
}

fn rehearsed_lines(name: &str, result: &Value) -> String {
    let text =
        |pointer: &str| result.pointer(pointer).and_then(Value::as_str).map(printable).unwrap_or_default();
    let mut out = format!("✓ {}  would be signed with key {}\n", printable(name), text("/rehearsal/key"));
    out.push_str(&format!("  policy    {}\n  request   {}\n", text("/policy"), text("/request_id")));
    let trace = result.pointer("/rehearsal/trace").and_then(Value::as_array);
    for line in trace.into_iter().flatten() {
        let member = |name: &str| line.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
        let mark = if line.get("ok") == Some(&json!(true)) { "✓" } else { "✗" };
        out.push_str(&format!("  {mark} {} {} {}\n", member("rule"), member("attribute"), member("actual")));
    }
    out.push_str(&format!("  bytes     {}\n", text("/rehearsal/to_be_signed")));
    out
}
