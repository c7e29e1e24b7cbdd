//! `chancery trust init|refresh|list`: what TUF repositories say, kept for `verify` without network.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Context;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::mirror::{self, Mirror, Store, Updated};
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

/// Largest root that is brought along.
const MAX_ROOT: usize = 512_000;

/// Where trust begins.
#[derive(Debug, clap::Args)]
pub(crate) struct Begin {
    /// The repository: its address, or a directory that was carried here.
    #[arg(long, value_name = "URL|DIR")]
    mirror: String,
    /// A root of the repository that came by a way of its own: whoever gives it, decides whom to trust.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// Under which name it is kept.
    #[arg(long, default_value = "default", value_name = "NAME")]
    name: String,
}

/// What is brought up to date.
#[derive(Debug, clap::Args)]
pub(crate) struct Refresh {
    /// Under which name it is kept.
    #[arg(long, default_value = "default", value_name = "NAME")]
    name: String,
    /// The repository, where it is another one than before: its address, or a directory that was carried here.
    #[arg(long, value_name = "URL|DIR")]
    mirror: Option<String>,
    /// The root to begin with, where nothing is kept yet.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

/// Begins.
pub(crate) fn init(args: &Begin, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let store = Store::of(&args.name, context.host)?;
    if store.exists() {
        return Err(Failure::new(Code::Usage, format!("something is trusted as `{}` already", args.name))
            .because(store.path("root.json").display().to_string(), "another name")
            .hint("chancery trust refresh brings it up to date; remove its directory to begin anew"));
    }
    let root = read_bounded(&args.root, MAX_ROOT)?;
    let updated = update(&store, (&args.mirror, Some(root)), context)?;
    tell(&store, &args.mirror, &updated, context);
    Ok(Exit::Ok)
}

/// Brings up to date.
pub(crate) fn refresh(args: &Refresh, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let store = Store::of(&args.name, context.host)?;
    let mirror = match &args.mirror {
        Some(named) => named.clone(),
        None => store.mirror()?.ok_or_else(|| {
            Failure::new(Code::Usage, format!("nothing is trusted as `{}` yet", args.name))
                .hint("begin with: chancery trust init --mirror URL --root root.json")
        })?,
    };
    let root = args.root.as_deref().map(|path| read_bounded(path, MAX_ROOT)).transpose()?;
    let updated = update(&store, (&mirror, root), context)?;
    tell(&store, &mirror, &updated, context);
    Ok(Exit::Ok)
}

fn update(
    store: &Store,
    (mirror, root): (&str, Option<Vec<u8>>),
    context: &Context<'_, '_>,
) -> Result<Updated, Failure> {
    let opened = Mirror::open(mirror, context)?;
    let updated = mirror::update(&opened, store, root, context.host.now())?;
    store.keep("mirror", format!("{mirror}\n").as_bytes())?;
    Ok(updated)
}

fn tell(store: &Store, mirror: &str, updated: &Updated, context: &mut Context<'_, '_>) {
    let trusted_root = store.path("trusted_root.json").display().to_string();
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&json!({
            "schema": "chancery.trust-kept/1", "name": store.name(), "mirror": mirror, "root": updated.root,
            "root_expires": updated.root_expires.to_string(), "targets": updated.targets,
            "changed": updated.changed, "trusted_root": trusted_root,
        })),
        Shape::Text => {
            let news = if updated.changed.is_empty() {
                "nothing new".to_owned()
            } else {
                updated.changed.join(", ")
            };
            context.terminal.result(&format!(
                "✓ trusted as {}: {news}\n  mirror   {}\n  root     version {}, ends {}\n  targets  version {}\n  \
                 file     {}\n",
                store.name(),
                printable(mirror),
                updated.root,
                updated.root_expires,
                updated.targets,
                printable(&trusted_root),
            ));
        }
    }
}

/// Lists what is kept.
pub(crate) fn list(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let mut kept = Vec::new();
    for name in mirror::names(context)? {
        let store = Store::of(&name, context.host)?;
        kept.push((name, store.mirror()?.unwrap_or_default(), store.path("trusted_root.json")));
    }
    match context.terminal.shape() {
        Shape::Json => {
            let all: Vec<Value> = kept
                .iter()
                .map(|(name, mirror, path)| {
                    json!({"name": name, "mirror": mirror, "trusted_root": path.display().to_string()})
                })
                .collect();
            context.terminal.json(&json!({"schema": "chancery.trust-list/1", "kept": all}));
        }
        Shape::Text if kept.is_empty() => context.terminal.result("nothing is kept\n"),
        Shape::Text => {
            let lines: String =
                kept.iter().map(|(name, mirror, _)| format!("{name}  {}\n", printable(mirror))).collect();
            context.terminal.result(&lines);
        }
    }
    Ok(Exit::Ok)
}
