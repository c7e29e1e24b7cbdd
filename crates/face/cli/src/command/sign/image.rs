//! The same command over images.

use chancery_core::id::ProfileName;
use chancery_format::notary;
use chancery_format::oci::reference::Reference;
use chancery_format::seam::Options;
use serde_json::{Value, json};

use super::{Args, Context};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::image::visit::{Visitor, Walk};
use crate::sign::ask;
use crate::sign::brought::{self, Asked};
use crate::sign::finish::Judge;
use crate::sign::image::{self, Image, Results, What};
use crate::sign::patient;
use crate::sign::prepare::Signed;
use crate::terminal::{Shape, printable};
use crate::trust::{self, Voucher};

/// How each image ended.
type Ends = Vec<(String, Result<Value, Failure>)>;

/// Signs every image, or rehearses it.
pub(super) fn run(
    args: &Args,
    (name, images): (&ProfileName, &[(String, Reference)]),
    context: &mut Context<'_, '_>,
) -> Result<Exit, Failure> {
    only_files(args)?;
    let attestations = &brought::read(&args.attestation)?;
    let what = what(args)?;
    let server = context.server()?;
    let profile = ask::profile(&server, name)?;
    let visitor = Visitor::new(context)?;
    let walk = if args.only_index { Walk::Only } else { Walk::Whole };
    let (mut ends, mut prepared) = (Ends::new(), Vec::new());
    for (named, reference) in images {
        match image::prepare((named, reference), (walk, &what), &profile, &visitor) {
            Ok(image) => prepared.push(image),
            Err(failure) => ends.push((named.clone(), Err(failure))),
        }
    }
    let requests = image::requests(&prepared);
    if args.dry_run {
        for statements in requests {
            let found = ask::request(&profile, statements).and_then(|request| {
                ask::rehearse(&server, context.host, &profile, &Asked { request: &request, attestations })
            })?;
            ends.extend(prepared.iter().map(|one| (one.named.clone(), Ok(image::rehearsed(one, &found)))));
        }
        return Ok(show(&ends, ("chancery.sign-rehearsal/1", None), context));
    }
    let trusted = trust::load(&args.trust, trust::Reach::Online, context)?;
    let mut judge = Judge::new(trusted.snapshot, context.host.now(), &server, Signed::Refuse);
    let patience = args.waiting.patience();
    let mut results = Results::new();
    for statements in requests {
        let request = ask::request(&profile, statements)?;
        let asked = Asked { request: &request, attestations };
        let signed = patient::sign((&server, &profile), (&asked, args.attach), patience, context)?;
        image::keep(&mut results, request.id(), signed.results);
    }
    let finish = |one: &Image| image::finish(one, &results, (args.attach, &visitor), &mut judge);
    let mut finish = finish;
    for one in &prepared {
        ends.push((one.named.clone(), finish(one)));
    }
    Ok(show(&ends, ("chancery.sign/1", Some(&trusted.voucher)), context))
}

/// A Notary envelope where that is the format that is named; else all that the profile has for images.
fn what(args: &Args) -> Result<What, Failure> {
    let refuse = |what: String| Failure::new(Code::Usage, what);
    match args.format.as_deref() {
        Some("notary") => {
            let values = super::options(&args.options)?;
            let options = Options { values: &values, key: None };
            if values.contains_key("media_type") {
                return Err(refuse("`media_type` is the manifest's own, and images are named".to_owned()));
            }
            let body = notary::prepare::body(&options).map_err(|error| refuse(error.to_string()))?;
            Ok(What::Envelope(body))
        }
        Some("oci") | None if args.options.is_empty() => Ok(What::Everything),
        Some("oci") | None => Err(refuse("--option is about files, and images are named".to_owned())
            .hint("--format notary has options for images")),
        Some(other) => {
            Err(refuse(format!("images are not signed as `{other}`")).because(other, "oci, notary"))
        }
    }
}

/// What says how files are signed has no meaning for images, and nothing is ignored.
fn only_files(args: &Args) -> Result<(), Failure> {
    let given = [
        ("--output", args.output.is_some()),
        ("--detached", args.detached),
        ("--message", args.message),
        ("--replace", args.replace),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            Err(Failure::new(Code::Usage, format!("{flag} is about files, and images are named")))
        }
        None => Ok(()),
    }
}

fn show(ends: &Ends, (schema, voucher): (&str, Option<&Voucher>), context: &mut Context<'_, '_>) -> Exit {
    let worst = Exit::worst(ends.iter().map(|(_, end)| image::exit(end)));
    if context.terminal.shape() == Shape::Json {
        context.terminal.json(&document(ends, schema, voucher));
        return worst;
    }
    for (named, end) in ends {
        match end {
            Ok(result) if result.get("rehearsals").is_some() => {
                context.terminal.result(&rehearsed_lines(named, result));
            }
            Ok(result) => context.terminal.result(&image::lines(result)),
            Err(failure) => {
                if ends.len() > 1 {
                    context.terminal.complain(&format!("✗ {}\n", printable(named)));
                }
                context.terminal.failure(failure);
            }
        }
    }
    worst
}

fn document(ends: &Ends, schema: &str, voucher: Option<&Voucher>) -> Value {
    if let [(_, Err(failure))] = ends.as_slice() {
        return failure.json();
    }
    let results: Vec<&Value> = ends.iter().filter_map(|(_, end)| end.as_ref().ok()).collect();
    let failed = ends.iter().filter_map(|(named, end)| end.as_ref().err().map(|failure| (named, failure)));
    let errors: Vec<Value> =
        failed.map(|(named, failure)| json!({"input": named, "error": failure.json()})).collect();
    let mut document = json!({"schema": schema, "results": results});
    if let Some(members) = document.as_object_mut() {
        let doubtful = voucher.filter(|voucher| voucher.note().is_some());
        members.extend(doubtful.map(|voucher| ("trust".to_owned(), voucher.json())));
        members.extend((!errors.is_empty()).then(|| ("errors".to_owned(), json!(errors))));
    }
    document
}

fn rehearsed_lines(named: &str, result: &Value) -> String {
    let texts = |name: &str| -> Vec<String> {
        let all = result.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        all.iter().filter_map(Value::as_str).map(printable).collect()
    };
    let count = result.get("rehearsals").and_then(Value::as_array).map_or(0, Vec::len);
    let mut out = format!("✓ {}  would be signed {count} times\n", printable(named));
    for name in texts("manifests") {
        out.push_str(&format!("  manifest  {name}\n"));
    }
    out
}
