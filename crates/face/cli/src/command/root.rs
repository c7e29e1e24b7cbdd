//! `chancery root init|show|rotate`: the ceremony of the root document. Signing it is signing the version that holds it:
//! `chancery policy sign`.

use std::path::{Path, PathBuf};

use chancery_core::digest::Sha256;
use chancery_core::id::PersonId;
use chancery_policy::governance::root::{FILE, RootDocument, RootKind};
use serde_json::{Value, json};

use super::Context;
use super::policy::Directory;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::ssh;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

const MAX_FILE: usize = 1 << 20;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Write the first root document; each person then signs with `chancery policy sign`.
    #[command(
        after_help = "Example:\n  chancery root init governance --person alice=alice.pub --person bob=bob.pub \
        --person carol=carol.pub --threshold 2"
    )]
    Init(People),
    /// Write the next root document over the present one; the threshold of both signs the version that holds it.
    #[command(
        after_help = "Example:\n  chancery root rotate governance --person alice=alice-new.pub --person bob=bob.pub \
        --person dora=dora.pub --threshold 2"
    )]
    Rotate(People),
    /// Show the root document: its hash, its people and their keys.
    Show(Directory),
}

/// Who shall rule.
#[derive(Debug, clap::Args)]
pub(crate) struct People {
    /// Which documents.
    #[command(flatten)]
    directory: Directory,
    /// A person and the .pub file of one of their keys; again for every key and person.
    #[arg(long = "person", value_name = "ID=FILE", required = true)]
    people: Vec<String>,
    /// How many people have to sign; at least 2 in an installation.
    #[arg(long)]
    threshold: usize,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let root = match verb {
        Verb::Init(people) => {
            let path = people.directory.path.join(FILE);
            if let Ok(known) = read(&path) {
                let what = format!("`{}` is a root document already", path.display());
                let way = "chancery root rotate writes its successor";
                return Err(Failure::new(Code::Governance, what)
                    .because(known.sha256().to_string(), "none")
                    .hint(way));
            }
            write(&path, people, None)?
        }
        Verb::Rotate(people) => {
            let path = people.directory.path.join(FILE);
            let known = read(&path)?;
            write(&path, people, Some(&known))?
        }
        Verb::Show(directory) => read(&directory.path.join(FILE))?,
    };
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&value(&root)),
        Shape::Text => context.terminal.result(&text(&root, verb)),
    }
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<RootDocument, Failure> {
    let text = String::from_utf8(read_bounded(path, MAX_FILE)?);
    let text = text.map_err(|_| Failure::new(Code::Governance, "root.toml is not text"))?;
    RootDocument::parse(&text).map_err(|problems| {
        let what = format!("`{}` is not a root document", path.display());
        Failure::new(Code::Governance, what).because(problems.to_string(), "").hint("chancery root init DIR")
    })
}

/// Writes the file only when it reads back as the root document that was meant.
fn write(path: &Path, people: &People, before: Option<&RootDocument>) -> Result<RootDocument, Failure> {
    let text = document(people, before)?;
    let root = RootDocument::parse(&text).map_err(|problems| {
        Failure::new(Code::Usage, "this would be no root document").because(problems.to_string(), "")
    })?;
    Replacement::whole(path, text.as_bytes())?;
    Ok(root)
}

fn document(people: &People, before: Option<&RootDocument>) -> Result<String, Failure> {
    let version = before.map_or(1, |before| before.version().saturating_add(1));
    let kind = match before.map(RootDocument::kind) {
        Some(RootKind::Development) => "development",
        Some(RootKind::Installation) | None => "installation",
    };
    let mut text = format!(
        "# The root document: {} of these people sign every version of the governance documents.\n\
         schema = \"chancery.root/1\"\nkind = \"{kind}\"\nversion = {version}\n",
        people.threshold
    );
    if let Some(before) = before {
        text.push_str(&format!("previous = \"{}\"\n", before.sha256()));
    }
    text.push_str(&format!("threshold = {}\n", people.threshold));
    for (id, keys) in grouped(&people.people)? {
        let lines: Result<Vec<String>, Failure> =
            keys.iter().map(|path| Ok(json!(ssh::public_line(path)?).to_string())).collect();
        let lines = lines?.join(", ");
        text.push_str(&format!("\n[[people]]\nid = \"{id}\"\nname = \"{id}\"\nkeys = [{lines}]\n"));
    }
    Ok(text)
}

/// Everybody with their key files, in the order in which they were named first.
fn grouped(named: &[String]) -> Result<Vec<(PersonId, Vec<PathBuf>)>, Failure> {
    let mut grouped: Vec<(PersonId, Vec<PathBuf>)> = Vec::new();
    for one in named {
        let parts = one.split_once('=');
        let (id, path) = parts.ok_or_else(|| Failure::new(Code::Usage, format!("`{one}` is not ID=FILE")))?;
        let id = PersonId::parse(id).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
        match grouped.iter_mut().find(|(known, _)| *known == id) {
            Some((_, keys)) => keys.push(PathBuf::from(path)),
            None => grouped.push((id, vec![PathBuf::from(path)])),
        }
    }
    Ok(grouped)
}

fn value(root: &RootDocument) -> Value {
    let people: Vec<Value> = root
        .people()
        .map(|(id, name, keys)| {
            let keys: Vec<String> = keys.iter().map(|key| key.fingerprint()).collect();
            json!({"id": id, "name": name, "keys": keys})
        })
        .collect();
    json!({
        "schema": "chancery.root/1", "sha256": root.sha256(), "version": root.version(),
        "previous": root.previous().as_ref().map(Sha256::to_string), "threshold": root.threshold(), "people": people,
    })
}

fn text(root: &RootDocument, verb: &Verb) -> String {
    let mut text = format!(
        "root document {}\n  version {}, {} people have to sign\n",
        root.sha256(),
        root.version(),
        root.threshold()
    );
    for (id, name, keys) in root.people() {
        text.push_str(&format!("  {id}  {}\n", printable(name)));
        keys.iter().for_each(|key| text.push_str(&format!("    {}\n", key.fingerprint())));
    }
    if !matches!(verb, Verb::Show(_)) {
        text.push_str("read the hash out to each other; then each person signs: chancery policy sign DIR --key SSH_KEY\n");
    }
    text
}
