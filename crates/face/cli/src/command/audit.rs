//! `chancery audit`: everything that was ever signed, checked again from leaves and evidence.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chancery_audit::finding::Finding;
use chancery_audit::pins::Pins;
use chancery_audit::report::{Counts, Report};
use chancery_core::digest::Sha256;
use chancery_ledger::checkpoint::SignedCheckpoint;
use chancery_ledger::merkle::Head;
use chancery_ledger::note::MAX_NOTE;
use chancery_verify::snapshot::TrustSnapshot;
use serde_json::{Value, json};

use super::{Context, ledger};
use crate::audit;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::ArchivePlace;
use crate::terminal::{Shape, printable};
use crate::trust::{self, Reach};

/// Schema of the JSON form.
const SCHEMA: &str = "chancery.audit/1";
/// Findings that people are shown; `--json` has up to 1000.
const SHOWN: usize = 20;
/// Largest root document in bytes.
const MAX_ROOT: usize = 1 << 20;

/// What is audited, and what the auditor brings along.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chancery audit --data-dir /var/lib/chancery --root root.toml
  chancery audit --ledger copy/ledger --evidence copy/evidence --trust trust.json --root root.toml --host sign.example
Exit codes: 0 nothing was found, 11 something does not hold, 75 something could not be read.")]
pub(crate) struct Args {
    /// Data directory of a service, stopped or running; it is only read.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["ledger", "evidence"])]
    data_dir: Option<PathBuf>,
    /// Copy of the ledger, as `chancery ledger export` makes it, or a service's address: then it is copied first.
    #[arg(long, value_name = "DIR|URL", requires = "evidence")]
    ledger: Option<PathBuf>,
    /// Copy of the evidence, as `chancery evidence export` makes it.
    #[arg(long, value_name = "DIR", requires = "ledger")]
    evidence: Option<PathBuf>,
    /// The first root document, as you know it: entry 0 must name its hash.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The service's host in tokens and provenance; with --data-dir, what its configuration says unless given.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// A checkpoint that you saw earlier: the ledger must extend it.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Whom to trust.
    #[command(flatten)]
    trust: trust::Source,
    /// Threads that verify; all processors unless given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Audits and shows the report.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let source = args.trust.or_file(args.data_dir.as_ref().map(|data| data.join("trust.json")));
    let trusted = trust::load(&source, Reach::Offline, context)?;
    let earlier = args.since.as_deref().map(|path| earlier(path, &trusted.snapshot)).transpose()?;
    let root = args.root.as_deref().map(|path| trust::read_bounded(path, MAX_ROOT)).transpose()?;
    let pins = Pins {
        trust: trusted.snapshot.clone(),
        root: root.map(|bytes| Sha256::of(&bytes)),
        host: host(args)?,
        earlier,
    };
    let copied = copied(args, &trusted.snapshot, context)?;
    let place = place(args, copied.as_ref().map(tempfile::TempDir::path))?;
    let archive = context.host.archive(&place)?;
    let begin = Instant::now();
    let shows = context.terminal.shows_progress();
    let report = audit::run(pins, &archive, audit::threads(args.jobs), |done, all| {
        if shows {
            context.terminal.complain(&format!("\r  {done} of {all} entries"));
        }
    })?;
    if shows {
        context.terminal.complain("\r");
    }
    let mut report = report;
    if let Some(note) = trusted.voucher.note() {
        report.trusted.insert(0, note);
    }
    show(&report, begin.elapsed().as_secs_f64(), context);
    Ok(if report.is_clean() { Exit::Ok } else { Exit::Invalid })
}

/// A copy of a served ledger, checked while it is made; it goes when the audit is over.
fn copied(
    args: &Args,
    trust: &TrustSnapshot,
    context: &Context<'_, '_>,
) -> Result<Option<tempfile::TempDir>, Failure> {
    let named = args.ledger.as_deref().and_then(Path::to_str);
    let Some(address) = named.filter(|text| text.starts_with("https://") || text.starts_with("http://"))
    else {
        return Ok(None);
    };
    let failed = |error: std::io::Error| Failure::file("write", Path::new("a temporary directory"), &error);
    let directory = tempfile::tempdir().map_err(failed)?;
    let server = Server::at(address, context.globals, context.host)?;
    ledger::export(&server, directory.path(), trust)?;
    Ok(Some(directory))
}

fn place(args: &Args, copy: Option<&Path>) -> Result<ArchivePlace, Failure> {
    match (&args.data_dir, &args.ledger, &args.evidence) {
        (Some(directory), _, _) => Ok(ArchivePlace::DataDir(directory.clone())),
        (None, Some(ledger), Some(evidence)) => {
            let ledger = copy.map_or_else(|| ledger.clone(), Path::to_owned);
            Ok(ArchivePlace::Copies { ledger, evidence: evidence.clone() })
        }
        (None, _, _) => Err(Failure::new(Code::Usage, "nothing to audit is named")
            .because("neither", "--data-dir DIR, or --ledger DIR with --evidence DIR")
            .hint("chancery audit --data-dir DIR --root root.toml")),
    }
}

/// The host as it was given, or as the configuration of a development service beside its data says.
fn host(args: &Args) -> Result<String, Failure> {
    service_host(args.host.as_deref(), args.data_dir.as_deref())
}

/// The host as it was given, or as the configuration beside the data says.
pub(super) fn service_host(given: Option<&str>, data_dir: Option<&Path>) -> Result<String, Failure> {
    if let Some(host) = given {
        return Ok(host.to_owned());
    }
    let config = data_dir.map(|data| data.join("chancery.toml"));
    let text = config.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("host = \"")?.strip_suffix('"'));
    line.map(str::to_owned).ok_or_else(|| {
        Failure::new(Code::Usage, "the service's host is not known")
            .hint("give --host as tokens name it: `chancery:<host>:sha256:…`")
    })
}

/// An earlier checkpoint counts with the ledger's signature.
fn earlier(path: &Path, trust: &TrustSnapshot) -> Result<Head, Failure> {
    let bytes = trust::read_bounded(path, MAX_NOTE)?;
    let note = String::from_utf8_lossy(&bytes);
    let mut known = trust.roots.ledgers.iter();
    let opened = known.find_map(|ledger| SignedCheckpoint::open(&note, ledger.key()).ok());
    opened.map(|checkpoint| *checkpoint.head()).ok_or_else(|| {
        Failure::new(Code::Trust, format!("`{}` is no checkpoint of a trusted ledger", path.display()))
    })
}

fn show(report: &Report, seconds: f64, context: &mut Context<'_, '_>) {
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&document(report)),
        Shape::Text => {
            let text = text(report, seconds);
            context.terminal.result(&text);
        }
    }
}

fn document(report: &Report) -> Value {
    let one = |finding: &Finding| {
        json!({
            "index": finding.index, "code": finding.code.code(), "what": finding.what,
            "actual": finding.actual, "expected": finding.expected,
        })
    };
    let head = report.head.map(|head| json!({"size": head.size, "root": head.root.to_string()}));
    json!({
        "schema": SCHEMA, "ok": report.is_clean(), "ledger": head, "counts": counts(&report.counts),
        "first": report.first().map(one), "findings": report.findings.iter().map(one).collect::<Vec<_>>(),
        "findings_total": report.total, "trusted": report.trusted,
    })
}

fn counts(counts: &Counts) -> Value {
    json!({
        "entries": counts.entries, "uncosigned": counts.uncosigned, "tiles": counts.tiles,
        "policies": counts.policies, "intents": counts.intents, "results": counts.results,
        "abandoned": counts.abandoned, "stopped": counts.stopped, "witnessed": counts.witnessed, "acts": counts.acts, "open": counts.open, "denied": counts.denied,
        "tokens": counts.tokens, "decisions": counts.decisions, "signatures": counts.signatures,
        "rows": counts.rows,
    })
}

fn text(report: &Report, seconds: f64) -> String {
    let counts = &report.counts;
    let mut out = match report.first() {
        None => format!("✓ {} entries, {} signatures: everything holds\n", counts.entries, counts.signatures),
        Some(first) => format!(
            "✗ {} of {} entries do not hold, the first is entry {}\n",
            distinct(report),
            counts.entries,
            first.index
        ),
    };
    for finding in report.findings.iter().take(SHOWN) {
        out.push_str(&format!("  ✗ {} {}: {}\n", finding.index, finding.code, printable(&finding.what)));
        if !finding.actual.is_empty() || !finding.expected.is_empty() {
            let (actual, expected) = (printable(&finding.actual), printable(&finding.expected));
            out.push_str(&format!("      actual {actual}  expected {expected}\n"));
        }
    }
    let shown = u64::try_from(report.findings.len().min(SHOWN)).unwrap_or(0);
    if report.total > shown {
        out.push_str(&format!("  and {} more; --json has them\n", report.total.saturating_sub(shown)));
    }
    if let Some(head) = report.head {
        out.push_str(&format!("  ledger      size {}, root {}\n", head.size, head.root));
    }
    out.push_str(&format!(
        "  checked     {} tiles, {} policies, {} intents, {} tokens, {} decisions, {} results\n",
        counts.tiles, counts.policies, counts.intents, counts.tokens, counts.decisions, counts.results
    ));
    out.push_str(&format!(
        "  besides     {} denied, {} abandoned ({} of them stopped in time), {} open, {} not cosigned yet\n",
        counts.denied, counts.abandoned, counts.stopped, counts.open, counts.uncosigned
    ));
    out.push_str("  on trust\n");
    report.trusted.iter().for_each(|line| out.push_str(&format!("    {}\n", printable(line))));
    out.push_str(&format!("  {seconds:.1} s\n"));
    out
}

fn distinct(report: &Report) -> usize {
    let indices: std::collections::BTreeSet<u64> =
        report.findings.iter().map(|finding| finding.index).collect();
    indices.len()
}
