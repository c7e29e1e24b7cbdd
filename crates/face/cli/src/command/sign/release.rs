//! `chancery sign --release DIR`: everything in a directory becomes one release: planned, signed in one request, recorded in
//! a manifest that is signed last.

use std::path::{Path, PathBuf};

use chancery_api::profile::Profile;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::ProfileName;
use chancery_verify::release::manifest::Manifest;
use chancery_verify::release::path::ReleasePath;
use serde_json::{Value, json};

use super::{Args, Ends, Work, rehearse, sign_all, wish};
use crate::arguments::Mode;
use crate::catalogue::Code;
use crate::command::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::replacement::Replacement;
use crate::release::directory::{self, Item};
use crate::release::kept;
use crate::release::plan::{self, Plan, Planned};
use crate::release::{record, shown};
use crate::sign::ask;
use crate::sign::brought;
use crate::sign::finish::Judge;
use crate::sign::prepare::{self, Prepared, Signed, Wish};
use crate::terminal::{Shape, printable};
use crate::trust::{self, Voucher};

/// What became of the release.
struct Released<'a> {
    directory: &'a Path,
    plan: &'a Plan,
    mode: Mode,
    ends: Ends,
    kept: Vec<&'a ReleasePath>,
    manifest: Option<Manifest>,
    voucher: Option<Voucher>,
}

/// Signs the release.
pub(super) fn run(args: &Args, directory: &Path, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let name =
        ProfileName::parse(&args.profile).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let plan = plan::plan(directory, args.declare.as_ref())?;
    let wish = wish(args, context)?;
    let attestations = brought::read(&args.attestation)?;
    let server = context.server()?;
    let profile = ask::profile(&server, &name)?;
    let trusted = trust::load(&args.trust, trust::Reach::Online, context)?;
    let mut judge = Judge::new(trusted.snapshot, context.host.now(), &server, wish.signed);
    let mut released = Released {
        directory,
        plan: &plan,
        mode: Mode::of(&args.dry_run),
        ends: Ends::new(),
        kept: Vec::new(),
        manifest: None,
        voucher: Some(trusted.voucher),
    };
    let mut prepared = Vec::new();
    for (at, file) in plan.files.iter().enumerate() {
        let wish = of_file(&wish, file);
        let family = family(&wish, file.format, &profile);
        if wish.signed == Signed::Refuse
            && kept::is_kept(&file.item, file.format, family, (&profile, &mut judge))?
        {
            released.kept.push(&file.item.path);
            continue;
        }
        match prepare::prepare(&file.item.place, &wish, &profile) {
            Ok(one) => prepared.push((at, one)),
            Err(failure) => drop(released.ends.insert(at, Err(failure))),
        }
    }
    // All or none: what cannot be prepared is told before anything is asked for.
    if released.mode == Mode::Rehearsal {
        rehearse((&server, &attestations), &profile, &prepared, (context, &mut released.ends));
    } else if released.ends.is_empty() {
        let patience = args.waiting.patience();
        let mut work = Work { server: &server, profile, judge, patience, attestations };
        sign_all(&mut work, &prepared, context, &mut released.ends);
        if released.ends.values().all(Result::is_ok) {
            let manifest = record::record(directory, &plan, &released.kept)?;
            sign_manifest(&manifest, directory, (&wish, &mut work), context)?;
            released.manifest = Some(manifest);
        }
    }
    Ok(show(&released, context))
}

/// Options of programs and of all others do not mix: `--option` is for programs, `--message` for what is signed beside.
fn of_file(wish: &Wish, file: &Planned) -> Wish {
    let is_family = |name: &String| name == "family";
    let mut options = wish.options.clone();
    match file.format {
        FormatName::Pe => options.retain(|name, _| !is_family(name)),
        FormatName::Fulcio | FormatName::Notary | FormatName::Oci | FormatName::Sigstore => {
            options.retain(|name, _| is_family(name));
        }
    }
    Wish {
        format: Some(file.format),
        options,
        signed: wish.signed,
        suffix: None,
        output: None,
        progress: wish.progress,
    }
}

/// The family that a file would be signed with.
fn family(wish: &Wish, format: FormatName, profile: &Profile) -> Family {
    let options = prepare::options(format, wish, profile);
    prepare::family(format, &options)
}

/// Writes the manifest and signs it; a manifest that is signed already is left alone.
fn sign_manifest(
    manifest: &Manifest,
    directory: &Path,
    (wish, work): (&Wish, &mut Work<'_>),
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let text = manifest.text().map_err(|error| Failure::error(error.to_string()))?;
    let (place, signature) = (directory::manifest(directory), directory::manifest_signature(directory));
    let wish = Wish {
        format: Some(FormatName::Sigstore),
        options: wish
            .options
            .iter()
            .filter(|(name, _)| *name == "family")
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
        signed: Signed::Replace,
        suffix: None,
        output: None,
        progress: wish.progress,
    };
    let path = |text: &str| ReleasePath::parse(text).map_err(|error| Failure::error(error.to_string()));
    let is_there = std::fs::read(&place).is_ok_and(|old| old == text.as_bytes());
    if is_there && signature.is_file() {
        let beside = vec![(path("release.json.sigstore.json")?, signature)];
        let item = Item { path: path("release.json")?, place: place.clone(), beside };
        let family = family(&wish, FormatName::Sigstore, &work.profile);
        if kept::is_kept(&item, FormatName::Sigstore, family, (&work.profile, &mut work.judge))? {
            return Ok(());
        }
    }
    Replacement::whole(&place, text.as_bytes())?;
    let prepared: Vec<(usize, Prepared)> = vec![(0, prepare::prepare(&place, &wish, &work.profile)?)];
    let mut ends = Ends::new();
    work.judge.signed = Signed::Replace;
    sign_all(work, &prepared, context, &mut ends);
    ends.into_values().next().unwrap_or_else(|| Err(Failure::error("the manifest was not signed"))).map(drop)
}

fn show(released: &Released<'_>, context: &mut Context<'_, '_>) -> Exit {
    let exits = released.ends.values().filter_map(|end| end.as_ref().err()).map(|failure| failure.exit);
    let worst = Exit::worst(exits);
    if context.terminal.shape() == Shape::Json {
        context.terminal.json(&document(released, worst));
        return worst;
    }
    let mut told: Vec<&Failure> = Vec::new();
    for (at, file) in released.plan.files.iter().enumerate() {
        let path = printable(file.item.path.as_str());
        match released.ends.get(&at) {
            Some(Ok(_)) if released.mode == Mode::Rehearsal => {
                context.terminal.result(&format!("✓ {path}  would be signed as {}\n", file.format));
            }
            Some(Ok(_)) => context.terminal.result(&format!("✓ {path}  signed as {}\n", file.format)),
            None if released.kept.contains(&&file.item.path) => {
                context.terminal.result(&format!("✓ {path}  kept, signed as {}\n", file.format));
            }
            None => context.terminal.complain(&format!("· {path}  not signed\n")),
            Some(Err(failure)) if told.contains(&failure) => {
                context.terminal.complain(&format!("✗ {path}  {} as above\n", failure.code));
            }
            Some(Err(failure)) => {
                context.terminal.complain(&format!("✗ {path}\n"));
                context.terminal.failure(failure);
                told.push(failure);
            }
        }
    }
    if released.plan.declaration.variants.is_empty() {
        context.terminal.message("note: no variants are declared, so none can be missed; see release.toml\n");
    } else {
        for loose in &released.plan.assigned.loose {
            context.terminal.message(&format!("note: {} is in no variant\n", printable(loose.as_str())));
        }
    }
    for note in &released.plan.notes {
        context.terminal.message(&shown::lines(note));
    }
    context.terminal.result(&summary(released));
    worst
}

fn summary(released: &Released<'_>) -> String {
    let Some(manifest) = &released.manifest else {
        return match released.mode {
            Mode::Rehearsal => String::new(),
            Mode::Real => "no manifest was written; the same command goes on\n".to_owned(),
        };
    };
    let directory = printable(&released.directory.display().to_string());
    let named = [&manifest.name, &manifest.version].map(|text| text.as_deref().map(printable));
    let named: Vec<String> = named.into_iter().flatten().collect();
    let of = if named.is_empty() { String::new() } else { format!(" of {}", named.join(" ")) };
    format!(
        "✓ {directory}/release.json  {} files{of}, {} variants, signed\nVerify anywhere:  chancery verify --policy NAME --release {directory}\n",
        manifest.files.len(),
        manifest.variants.len()
    )
}

fn document(released: &Released<'_>, worst: Exit) -> Value {
    let plan = released.plan;
    let mut errors = Vec::new();
    let mut files = Vec::new();
    for (at, file) in plan.files.iter().enumerate() {
        let path = &file.item.path;
        let entry = released.manifest.as_ref().and_then(|manifest| manifest.find(path.as_str()));
        let (state, result) = match released.ends.get(&at) {
            Some(Ok(result)) if released.mode == Mode::Rehearsal => ("rehearsed", Some(result)),
            Some(Ok(result)) => ("signed", Some(result)),
            Some(Err(failure)) => {
                errors.push(json!({"path": path, "error": failure.json()}));
                ("failed", None)
            }
            None if released.kept.contains(&path) => ("kept", None),
            None => ("not-signed", None),
        };
        files.push(json!({
            "path": path, "format": file.format.name(), "state": state, "before": file.found,
            "after": entry.map(|entry| entry.after), "result": result,
        }));
    }
    let name = |declared: &Option<String>| declared.clone();
    let manifest: Option<PathBuf> =
        released.manifest.as_ref().map(|_| directory::manifest(released.directory));
    let notes: Vec<Value> = plan.notes.iter().map(shown::json).collect();
    json!({
        "schema": "chancery.sign-release/1",
        "exit_code": worst.code(),
        "name": name(&plan.declaration.name),
        "version": name(&plan.declaration.version),
        "manifest": manifest.map(|place| place.display().to_string()),
        "trust": released.voucher.as_ref().filter(|voucher| voucher.note().is_some()).map(Voucher::json),
        "files": files,
        "variants": shown::variants(&plan.assigned.variants),
        "loose": plan.assigned.loose,
        "notes": notes,
        "errors": errors,
    })
}
