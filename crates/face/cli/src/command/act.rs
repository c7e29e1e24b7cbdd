//! `chancery act show|sign|submit`: an act on its way from person to person, as a file.

use std::path::{Path, PathBuf};

use chancery_api::act::{ActDone, SignedAct as Wire};
use chancery_core::digest::Sha256;
use chancery_identity::sshsig::ACT;
use chancery_policy::act::document::{Act, Deed, SignedAct};
use chancery_policy::act::refused::ActRefused;
use serde_json::{Value, json};

use super::Context;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::host::BackupReport;
use crate::ssh;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

const MAX_FILE: usize = 1 << 20;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Show an act and how many signed it.
    Show {
        /// The act's file.
        file: PathBuf,
    },
    /// Sign an act that others wrote, after reading it.
    #[command(after_help = "Example:\n  chancery act sign unfreeze.act --key ~/.ssh/id_ed25519")]
    Sign {
        /// The act's file; the signature is added to it.
        file: PathBuf,
        /// Who signs.
        #[command(flatten)]
        key: ssh::Key,
    },
    /// Write the act that lets a restored ledger go on: the root's threshold signs, no service is asked.
    #[command(
        after_help = "Example:\n  chancery act reanchor --backup /backup/2026-11-21 --gap 'everything after 04:00' \
        --reason 'disk lost' --key ~/.ssh/id_ed25519 --out reanchor.act"
    )]
    Reanchor(Reanchor),
    /// Send an act that enough people signed.
    Submit {
        /// The act's file.
        file: PathBuf,
    },
}

/// Where a restored ledger goes on.
#[derive(Debug, clap::Args)]
pub(crate) struct Reanchor {
    /// The backup; verified, and its ledger is the one that goes on.
    #[arg(long, value_name = "DIR")]
    backup: PathBuf,
    /// What was lost, in words; nothing unless given.
    #[arg(long)]
    gap: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who signs first.
    #[command(flatten)]
    key: ssh::Key,
    /// Where the act is written, for others to sign.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Show { file } => tell(&read(file)?, None, context),
        Verb::Sign { file, key } => {
            let signed = sign(&read(file)?, key.named()?)?;
            write(file, &signed)?;
            tell(&signed, None, context)
        }
        Verb::Reanchor(args) => reanchor(args, context),
        Verb::Submit { file } => {
            let signed = read(file)?;
            let done = submit(&context.server()?, &signed)?;
            tell(&signed, Some(&done), context)
        }
    }
}

fn reanchor(args: &Reanchor, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let report = context.host.backup_verify(&args.backup)?;
    let root = Sha256::parse_hex(&report.root).map_err(|error| Failure::error(error.to_string()))?;
    let (gap, reason) = (args.gap.clone(), args.reason.clone());
    let deed = Deed::Reanchor { size: report.size, root, gap, reason };
    let signed = write_new(deed, report.origin, &args.key, context)?;
    write(&args.out, &signed)?;
    tell(&signed, None, context)
}

/// Reads a re-anchor and checks that it is about a backup.
pub(super) fn about(path: &Path, backup: &BackupReport) -> Result<String, Failure> {
    let signed = read(path)?;
    let act = Act::parse(signed.document()).map_err(|error| refused(&error))?;
    let found = match &act.deed {
        Deed::Reanchor { size, root, .. } => format!("{} size {size} root {root}", act.ledger),
        Deed::Exception(_)
        | Deed::Freeze { .. }
        | Deed::Review { .. }
        | Deed::Trust { .. }
        | Deed::Unfreeze { .. } => act.deed.name().to_owned(),
    };
    let expected = format!("{} size {} root {}", backup.origin, backup.size, backup.root);
    if found != expected {
        return Err(Failure::new(Code::Usage, "the act is not about this backup").because(found, expected));
    }
    signed.canonical().map_err(|error| refused(&error))
}

/// Writes and signs an act; read back as everybody else will read it, so that nothing is signed that nobody takes.
fn write_new(
    deed: Deed,
    ledger: String,
    key: &ssh::Key,
    context: &Context<'_, '_>,
) -> Result<SignedAct, Failure> {
    let nonce = context.host.nonce().iter().map(|byte| format!("{byte:02x}")).collect();
    let act = Act { deed, at: context.host.now(), ledger, nonce };
    let document = act.canonical().map_err(|error| refused(&error))?;
    let unsigned = SignedAct::new(document, Vec::new()).map_err(|error| refused(&error))?;
    Act::parse(unsigned.document()).map_err(|error| refused(&error))?;
    sign(&unsigned, key.named()?)
}

fn refused(error: &ActRefused) -> Failure {
    Failure::new(Code::Usage, format!("{} {error}", error.code()))
}

fn read(file: &Path) -> Result<SignedAct, Failure> {
    let text = String::from_utf8(read_bounded(file, MAX_FILE)?);
    let text = text.map_err(|_| Failure::new(Code::Usage, "the act is not text"))?;
    SignedAct::parse(text.trim_end()).map_err(|error| refused(&error))
}

fn write(file: &Path, signed: &SignedAct) -> Result<(), Failure> {
    let text = signed.canonical().map_err(|error| refused(&error))?;
    Replacement::whole(file, format!("{text}\n").as_bytes())
}

/// Adds a signature.
fn sign(signed: &SignedAct, key: &Path) -> Result<SignedAct, Failure> {
    let signature = ssh::sign(key, ACT, signed.document().as_bytes())?;
    let signatures = [signed.signatures(), &[signature]].concat();
    SignedAct::new(signed.document().to_owned(), signatures).map_err(|error| refused(&error))
}

fn submit(server: &Server, signed: &SignedAct) -> Result<ActDone, Failure> {
    let wire = Wire { document: signed.document().to_owned(), signatures: signed.signatures().to_vec() };
    server.post("/v1/acts", json!(wire).to_string(), None)?.json()
}

/// Where an act goes that was just written.
#[derive(Debug, clap::Args)]
pub(crate) struct Way {
    /// Who signs first.
    #[command(flatten)]
    key: ssh::Key,
    /// Write it to a file for others to sign; without it the act is sent at once.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes an act, signs it, and sends it or hands it on.
pub(crate) fn begin(deed: Deed, way: &Way, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let server = context.server()?;
    let ledger: chancery_api::policy::PolicyInForce = server.get("/v1/policy")?.json()?;
    let signed = write_new(deed, ledger.ledger, &way.key, context)?;
    match &way.out {
        Some(file) => {
            write(file, &signed)?;
            tell(&signed, None, context)?;
            let next = format!(
                "others sign it: chancery act sign {0} --key SSH_KEY; then: chancery act submit {0}\n",
                file.display()
            );
            context.terminal.message(&next);
            Ok(Exit::Ok)
        }
        None => {
            let done = submit(&server, &signed)?;
            tell(&signed, Some(&done), context)
        }
    }
}

fn tell(signed: &SignedAct, done: Option<&ActDone>, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let act = Act::parse(signed.document()).map_err(|error| refused(&error))?;
    let count = signed.signatures().len();
    match context.terminal.shape() {
        Shape::Json => {
            let document: Value = serde_json::from_str(signed.document()).unwrap_or(Value::Null);
            context.terminal.json(&json!({
                "schema": "chancery.act-told/1", "act": signed.id(), "document": document,
                "signatures": count, "index": done.map(|done| done.index),
            }));
        }
        Shape::Text => {
            let mut text = match done {
                Some(done) => format!("✓ {} done, entry {}\n", act.deed.name(), done.index),
                None => format!("{}, {count} signatures\n", act.deed.name()),
            };
            text.push_str(&format!("  name    {}\n  ledger  {}\n", signed.id(), printable(&act.ledger)));
            text.push_str(&words(&act.deed));
            context.terminal.result(&text);
        }
    }
    Ok(Exit::Ok)
}

fn words(deed: &Deed) -> String {
    let line = |name: &str, value: &str| format!("  {name:<7} {}\n", printable(value));
    match deed {
        Deed::Exception(exception) => {
            let waives: Vec<String> =
                exception.waives.iter().map(|waive| format!("{waive:?}").to_lowercase()).collect();
            [
                line("profile", exception.profile.as_str()),
                line("waives", &waives.join(", ")),
                line("count", &exception.count.to_string()),
                line("until", &exception.until.to_string()),
                line("owner", exception.owner.as_str()),
                line("ticket", &exception.ticket),
                line("review", &exception.review.to_string()),
                line("reason", &exception.reason),
            ]
            .concat()
        }
        Deed::Freeze { scope, from, until, reason } => {
            let scope = serde_json::to_string(scope).unwrap_or_default();
            let end = |time: &Option<chancery_core::time::Time>| {
                time.map(|time| time.to_string()).unwrap_or_default()
            };
            [
                line("scope", &scope),
                line("from", &end(from)),
                line("until", &end(until)),
                line("reason", reason),
            ]
            .concat()
        }
        Deed::Reanchor { size, root, gap, reason } => [
            line("size", &size.to_string()),
            line("root", &root.to_string()),
            line("gap", gap.as_deref().unwrap_or("none")),
            line("reason", reason),
        ]
        .concat(),
        Deed::Review { exception, finding } => {
            [line("of", &exception.to_string()), line("finding", finding)].concat()
        }
        Deed::Trust { list, reason } => {
            let window = |one: &chancery_core::instance::Instance| {
                let end = one.end.map_or_else(|| "no end".to_owned(), |end| end.to_string());
                line(one.kind.name(), &format!("{} from {} to {end}", one.id, one.start))
            };
            let instances: String = list.instances.iter().map(window).collect();
            [instances, line("url", &list.url), line("reason", reason)].concat()
        }
        Deed::Unfreeze { freeze, reason } => {
            [line("lifts", &freeze.to_string()), line("reason", reason)].concat()
        }
    }
}
