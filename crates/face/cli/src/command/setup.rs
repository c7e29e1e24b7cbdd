//! `chancery setup TOOL`: what makes another tool use this service. It says what it would do, and does it with `--write`.
//!
//! Plugins are copies of this program under another name: notation takes no links, and a link would change with an update
//! of this program while cosign runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Context;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::plugin::Plugin;
use crate::terminal::{Shape, printable};

/// For which tool.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// cosign or notation.
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Do it; without this flag only say what would be done.
    #[arg(long)]
    write: bool,
    /// Remove what `--write` installed.
    #[arg(long)]
    remove: bool,
    /// Directory for cosign's plugin, which must be on the PATH; otherwise that of this program. For notation, its
    /// directory of plugins.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// A tool that has plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Cosign,
    Notation,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Copy,
    Keep,
    Remove,
    Nothing,
}

impl Change {
    const fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Nothing => "absent",
        }
    }
}

/// Says what there is to do, and does it where asked.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let tool = match args.tool.as_str() {
        "cosign" => Tool::Cosign,
        "notation" => Tool::Notation,
        other => {
            let failure = Failure::new(Code::Usage, format!("nothing to set up for `{other}`"));
            return Err(failure.because(other, "cosign, notation"));
        }
    };
    let program = context.host.program()?;
    let mut files = Vec::new();
    for place in places(tool, args, &program, context)? {
        let change = change(&program, &place, args)?;
        if args.write {
            apply(&program, &place, change)?;
        }
        files.push((place, change));
    }
    show(tool, args, &files, context);
    Ok(Exit::Ok)
}

/// Where each plugin belongs.
fn places(
    tool: Tool,
    args: &Args,
    program: &Path,
    context: &Context<'_, '_>,
) -> Result<Vec<PathBuf>, Failure> {
    match tool {
        Tool::Cosign => {
            let beside = program.parent().unwrap_or(Path::new("."));
            let directory = args.directory.as_deref().unwrap_or(beside);
            Ok(vec![directory.join(Plugin::SigstoreKms.file_name())])
        }
        Tool::Notation => {
            let plugins = match &args.directory {
                Some(directory) => directory.clone(),
                None => configuration(context)?.join("notation/plugins"),
            };
            // The directory of a plugin is called like the plugin, without its prefix.
            let place = |plugin: Plugin| {
                let file = plugin.file_name();
                plugins.join(file.strip_prefix("notation-").unwrap_or(file)).join(file)
            };
            Ok(vec![place(Plugin::Notation), place(Plugin::NotationRaw)])
        }
    }
}

fn configuration(context: &Context<'_, '_>) -> Result<PathBuf, Failure> {
    let variable =
        |name: &str| context.host.variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config"))).ok_or_else(|| {
        Failure::new(Code::Usage, "no home directory is known").hint("name --directory, or set HOME")
    })
}

fn change(program: &Path, place: &Path, args: &Args) -> Result<Change, Failure> {
    let there = match std::fs::symlink_metadata(place) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::file("read", place, &error)),
    };
    Ok(match (args.remove, there) {
        (true, Some(_)) => Change::Remove,
        (true, None) => Change::Nothing,
        (false, Some(found)) if found.is_file() && is_same(program, place)? => Change::Keep,
        (false, _) => Change::Copy,
    })
}

fn is_same(program: &Path, place: &Path) -> Result<bool, Failure> {
    let digest = |path: &Path| {
        let mut file = crate::file::reader::open(path)?;
        crate::file::reader::digest(&mut file, path)
    };
    Ok(digest(program)? == digest(place)?)
}

fn apply(program: &Path, place: &Path, change: Change) -> Result<(), Failure> {
    match change {
        Change::Keep | Change::Nothing => Ok(()),
        Change::Remove => std::fs::remove_file(place).map_err(|error| Failure::file("remove", place, &error)),
        Change::Copy => {
            let directory = place.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory).map_err(|error| Failure::file("write", directory, &error))?;
            // A link is replaced, not followed: what it points to is not ours.
            if std::fs::symlink_metadata(place).is_ok_and(|found| found.is_symlink()) {
                std::fs::remove_file(place).map_err(|error| Failure::file("replace", place, &error))?;
            }
            let mut copy = Replacement::new(place)?;
            let mut source = crate::file::reader::open(program)?;
            std::io::copy(&mut source, copy.file()).map_err(|error| Failure::file("write", place, &error))?;
            copy.put(Permissions::from_mode(0o755))
        }
    }
}

/// What a user does next.
const fn next(tool: Tool) -> &'static str {
    match tool {
        Tool::Cosign => "cosign sign-blob --key chancery://PROFILE/message --bundle FILE.sigstore.json FILE",
        Tool::Notation => {
            "notation key add --plugin chancery --id PROFILE NAME && notation sign --key NAME REFERENCE"
        }
    }
}

fn show(tool: Tool, args: &Args, files: &[(PathBuf, Change)], context: &mut Context<'_, '_>) {
    if context.terminal.shape() == Shape::Json {
        let files: Vec<_> = files
            .iter()
            .map(|(place, change)| json!({"path": place.display().to_string(), "change": change.name()}))
            .collect();
        let document =
            json!({"schema": "chancery.setup/1", "tool": args.tool, "written": args.write, "files": files});
        context.terminal.json(&document);
        return;
    }
    let mut text = String::new();
    for (place, change) in files {
        let place = printable(&place.display().to_string());
        text.push_str(&match (change, args.write) {
            (Change::Copy, true) => format!("✓ copied this program to {place}\n"),
            (Change::Copy, false) => format!("would copy this program to {place}\n"),
            (Change::Keep, _) => format!("✓ {place} is there already\n"),
            (Change::Remove, true) => format!("✓ removed {place}\n"),
            (Change::Remove, false) => format!("would remove {place}\n"),
            (Change::Nothing, _) => format!("✓ {place} is not there\n"),
        });
    }
    context.terminal.result(&text);
    if !args.write {
        context.terminal.message("nothing was changed: say --write to do it\n");
    } else if !args.remove {
        context.terminal.message(&format!(
            "The plugin finds the service by CHANCERY_SERVER and CHANCERY_CA. Then:\n  {}\n",
            next(tool)
        ));
    }
}
