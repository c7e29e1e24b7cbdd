//! `chancery ledger search|prove|checkpoint|export`: what the service says is checked against trust before it is shown.

use std::path::{Path, PathBuf};

use chancery_api::ledger::{LedgerEntry, LedgerSearch};
use chancery_core::digest::Sha256;
use chancery_core::verdict::Reason;
use chancery_ledger::merkle::Head;
use chancery_ledger::note::MAX_NOTE;
use chancery_ledger::receipt::CosignedCheckpoint;
use chancery_verify::snapshot::TrustSnapshot;
use serde_json::{Value, json};

use super::Context;
use crate::catalogue::Code;
use crate::client::Server;
use crate::exit::Exit;
use crate::export;
use crate::failure::Failure;
use crate::file::{reader, replacement::Replacement};
use crate::sign::proof;
use crate::terminal::{Shape, printable};
use crate::trust::{self, Reach, Voucher};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Find entries about a file, an artifact's digest, a request or a statement.
    Search(Search),
    /// Fetch an entry and check that it is in the ledger.
    Prove {
        /// Index of the entry.
        index: u64,
        /// Write the proof to a file.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Whom to trust.
        #[command(flatten)]
        trust: trust::Source,
    },
    /// Copy the whole ledger into a directory, every entry checked against the checkpoint.
    Export(Export),
    /// Show the latest checkpoint, its signatures checked.
    Checkpoint {
        /// Whom to trust.
        #[command(flatten)]
        trust: trust::Source,
    },
}

/// Where a copy goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// Directory for checkpoint, tiles and entries (C2SP tlog-tiles); a copy that is there is brought up to date.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Whom to trust.
    #[command(flatten)]
    trust: trust::Source,
}

/// What to look for.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Search {
    /// A file, unsigned as it was when it was signed.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// SHA-256 of an artifact.
    #[arg(long, value_name = "SHA256")]
    artifact: Option<String>,
    /// Id of a request.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Id of a statement.
    #[arg(long, value_name = "ID")]
    statement: Option<String>,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let server = context.server()?;
    let (value, text) = match verb {
        Verb::Search(wanted) => search(&server, wanted)?,
        Verb::Prove { index, output, trust } => {
            let trust = trust::load(trust, Reach::Online, context)?;
            vouched(&trust.voucher, prove(&server, *index, output.as_ref(), &trust.snapshot)?)
        }
        Verb::Checkpoint { trust } => {
            let trust = trust::load(trust, Reach::Online, context)?;
            vouched(&trust.voucher, checkpoint(&server, &trust.snapshot)?)
        }
        Verb::Export(wanted) => {
            let trust = trust::load(&wanted.trust, Reach::Online, context)?;
            vouched(&trust.voucher, export(&server, &wanted.output, &trust.snapshot)?)
        }
    };
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&value),
        Shape::Text => context.terminal.result(&text),
    }
    Ok(Exit::Ok)
}

/// Says in the JSON form who vouches for the keys that it was checked with.
fn vouched(voucher: &Voucher, (mut value, text): (Value, String)) -> (Value, String) {
    if let Some(members) = value.as_object_mut() {
        members.insert("trust".into(), voucher.json());
    }
    (value, text)
}

fn search(server: &Server, wanted: &Search) -> Result<(Value, String), Failure> {
    let (kind, id) = match (&wanted.file, &wanted.artifact, &wanted.request, &wanted.statement) {
        (Some(path), ..) => ("artifact", reader::digest(&mut reader::open(path)?, path)?.to_string()),
        (None, Some(digest), ..) => ("artifact", digest.clone()),
        (None, None, Some(id), _) => ("request", id.clone()),
        (None, None, None, Some(id)) => ("statement", id.clone()),
        (None, None, None, None) => return Err(Failure::new(Code::Usage, "nothing to look for")),
    };
    let id = Sha256::parse_hex(&id)
        .map_err(|_| Failure::new(Code::Usage, format!("`{id}` is not 64 lower-case hexadecimal digits")))?;
    let found: LedgerSearch = server.get(&format!("/v1/ledger/search?{kind}={id}"))?.json()?;
    let text = found.indices.iter().map(|index| format!("{index}\n")).collect();
    let value = json!({"schema": "chancery.ledger-search/1", kind: id.to_string(), "indices": found.indices});
    Ok((value, text))
}

fn prove(
    server: &Server,
    index: u64,
    output: Option<&PathBuf>,
    trust: &TrustSnapshot,
) -> Result<(Value, String), Failure> {
    let entry: LedgerEntry = server.get(&format!("/v1/ledger/entries/{index}"))?.json()?;
    let proven = proof::check(&entry.tlog_proof, &entry.leaf, trust)?;
    if proven.index != index {
        return Err(Failure::new(Code::Answer, "the service proved another entry")
            .because(proven.index.to_string(), index.to_string()));
    }
    if let Some(path) = output {
        Replacement::whole(path, entry.tlog_proof.as_bytes())?;
    }
    let leaf: Value = serde_json::from_str(&entry.leaf).unwrap_or_else(|_| json!(entry.leaf));
    let place = json!({"origin": proven.origin, "index": index, "size": proven.size});
    let text = format!(
        "✓ entry {index} of {} is in the ledger of size {}\n  {}\n",
        printable(&proven.origin),
        proven.size,
        printable(&entry.leaf)
    );
    let value = json!({"schema": "chancery.ledger-proof/1", "ledger": place, "leaf": leaf, "tlog_proof": entry.tlog_proof});
    Ok((value, text))
}

fn checkpoint(server: &Server, trust: &TrustSnapshot) -> Result<(Value, String), Failure> {
    let note = server.get("/ledger/checkpoint")?.text()?;
    let checkpoint = open(&note, trust)?;
    let head = checkpoint.head();
    let cosigned = checkpoint.cosigned().iter();
    let cosigned: Vec<Value> =
        cosigned.map(|(name, at)| json!({"name": name, "at": at.to_string()})).collect();
    let value = json!({
        "schema": "chancery.ledger-checkpoint/1", "origin": checkpoint.origin(), "size": head.size,
        "root": head.root.to_string(), "cosigned": cosigned, "note": note,
    });
    Ok((value, note))
}

/// Opens a checkpoint with the ledgers that are trusted.
fn open(note: &str, trust: &TrustSnapshot) -> Result<CosignedCheckpoint, Failure> {
    trust.open(note).map_err(|why| {
        let mut failure = Failure::new(Code::Answer, format!("the checkpoint does not hold: {why}"));
        failure.code = Reason::NotLogged.code().to_owned();
        failure.exit = Exit::Unlogged;
        failure
    })
}

pub(super) fn export(
    server: &Server,
    directory: &Path,
    trust: &TrustSnapshot,
) -> Result<(Value, String), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| Failure::file("write", directory, &error))?;
    let place = directory.join("checkpoint");
    let note = server.get("/ledger/checkpoint")?.text()?;
    let checkpoint = open(&note, trust)?;
    let old = previous(&place, checkpoint.origin(), trust)?;
    let head = checkpoint.head();
    let copied = export::copy(server, directory, (old, *head))?;
    Replacement::whole(&place, note.as_bytes())?;
    let (origin, shown) = (checkpoint.origin(), directory.display().to_string());
    let text = format!(
        "✓ {} entries of {} are in {}\n  root      {}\n  bundles   {} fetched, {} kept\n",
        head.size,
        printable(origin),
        printable(&shown),
        head.root,
        copied.fetched,
        copied.kept
    );
    let value = json!({
        "schema": "chancery.ledger-export/1", "origin": origin, "size": head.size, "root": head.root.to_string(),
        "directory": shown, "fetched": copied.fetched, "kept": copied.kept,
    });
    Ok((value, text))
}

/// The head of the copy that is there. A checkpoint of another ledger is not written over.
fn previous(place: &Path, origin: &str, trust: &TrustSnapshot) -> Result<Option<Head>, Failure> {
    if !place.exists() {
        return Ok(None);
    }
    let bytes = trust::read_bounded(place, MAX_NOTE)?;
    let old = open(&String::from_utf8_lossy(&bytes), trust)
        .map_err(|failure| failure.hint("export into a new directory"))?;
    if old.origin() == origin {
        return Ok(Some(*old.head()));
    }
    Err(Failure::new(Code::Usage, format!("`{}` is of another ledger", place.display()))
        .because(old.origin(), origin)
        .hint("export into a new directory"))
}
