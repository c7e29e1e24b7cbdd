//! `chancery request list|approve|reject`. What is shown is recomputed here from the request itself: a service that lies
//! about it would have another request's id signed, and its own document would not be about it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chancery_api::request::{Noted, Said, Waiting, WaitingRequests};
use chancery_core::digest::Sha256;
use chancery_core::id::RequestId;
use chancery_core::request::Request;
use chancery_identity::sshsig::APPROVAL;
use chancery_policy::approval::document::{ApprovalDocument, Rejection};
use serde_json::{Value, json};

use super::Context;
use super::request::look;
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::file::reader;
use crate::sign::ask;
use crate::ssh;
use crate::terminal::{Shape, printable};
use crate::trust::read_bounded;

const MAX_SIGNATURE: usize = 8192;

/// What is approved.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  chancery request approve ID --file dist/app.exe --key ~/.ssh/id_ed25519\n  \
    chancery request approve ID --print > d && ssh-keygen -Y sign -n approval@chancery -f ~/.ssh/id_ed25519 d && \
    chancery request approve ID --signature d.sig"
)]
pub(crate) struct Approve {
    /// The request's id, 64 hexadecimal digits.
    id: String,
    /// Who approves.
    #[command(flatten)]
    key: ssh::Key,
    /// A signature that was made with ssh-keygen over what --print shows.
    #[arg(long, value_name = "FILE", conflicts_with = "ssh_key")]
    signature: Option<PathBuf>,
    /// A file that the request must be about: hashed here and compared; again for each.
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Show the bytes to sign; sign nothing.
    #[arg(long)]
    print: bool,
}

/// What is rejected.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chancery request reject ID --reason 'not the release commit' --key ~/.ssh/id_ed25519"
)]
pub(crate) struct Reject {
    /// The request's id, 64 hexadecimal digits.
    id: String,
    /// Why; told to the pipeline.
    #[arg(long)]
    reason: String,
    /// Who rejects.
    #[command(flatten)]
    key: ssh::Key,
}

/// A request that waits, as it was checked here.
struct Checked {
    id: RequestId,
    waiting: Waiting,
    request: Request,
}

fn checked(id: &str, context: &mut Context<'_, '_>) -> Result<Checked, Failure> {
    let id = RequestId::parse(id).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let lies =
        |what: &str| Failure::new(Code::Answer, format!("the service {what}")).hint("do not approve it");
    let state = look(&context.server()?, id)?;
    let waiting = state.waiting.into_iter().next();
    let waiting =
        waiting.ok_or_else(|| Failure::new(Code::Unknown, format!("request {id} does not wait")))?;
    let request = Request::parse(&waiting.request).map_err(|_| lies("shows no request"))?;
    let document =
        ApprovalDocument::parse(&waiting.document).map_err(|_| lies("shows no document to sign"))?;
    if request.id() != id || document.request != id || document.profile != *request.profile() {
        return Err(lies("shows another request than was asked for")
            .because(request.id().to_string(), id.to_string()));
    }
    Ok(Checked { id, waiting, request })
}

/// Approves.
pub(super) fn approve(args: &Approve, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let found = checked(&args.id, context)?;
    if args.print {
        context.terminal.result(&found.waiting.document);
        return Ok(Exit::Ok);
    }
    compare(args, &found.request)?;
    context.terminal.message(&words(&found.waiting));
    let signature = match &args.signature {
        Some(path) => String::from_utf8(read_bounded(path, MAX_SIGNATURE)?)
            .map_err(|_| Failure::new(Code::SshKey, "the signature is not text"))?,
        None => ssh::sign(args.key.named()?, APPROVAL, found.waiting.document.as_bytes())?,
    };
    send(found.id, Said { document: found.waiting.document, signature }, context)
}

/// Every named file must be what the request names, by digest.
fn compare(args: &Approve, request: &Request) -> Result<(), Failure> {
    for path in &args.files {
        let digest = reader::digest(&mut reader::open(path)?, path)?;
        if !request.statements().iter().any(|(_, one)| one.artifact.digest == digest) {
            let listed: Vec<String> =
                request.statements().iter().take(8).map(|(_, one)| one.artifact.digest.to_string()).collect();
            let what = format!("the request is not about `{}`", path.display());
            return Err(Failure::new(Code::Artifact, what)
                .because(digest.to_string(), listed.join(", "))
                .hint("do not approve it"));
        }
    }
    Ok(())
}

/// Rejects.
pub(super) fn reject(args: &Reject, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let found = checked(&args.id, context)?;
    let subject = Sha256::of(found.waiting.document.as_bytes());
    let document = Rejection::new(subject, &args.reason).canonical();
    let document = document.map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    Rejection::parse(&document).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let signature = ssh::sign(args.key.named()?, APPROVAL, document.as_bytes())?;
    send(found.id, Said { document, signature }, context)
}

fn send(id: RequestId, said: Said, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let path = format!("/v1/requests/{id}/approvals");
    let noted: Noted = context.server()?.post(&path, json!(said).to_string(), None)?.json()?;
    tell(&noted, context)
}

/// Takes a request back, as a job like the one that asked for it.
pub(super) fn cancel(id: &str, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let id = RequestId::parse(id).map_err(|error| Failure::new(Code::Usage, error.to_string()))?;
    let server = context.server()?;
    let audience = format!("chancery:{}:sha256:{id}", ask::audience_host(&server)?);
    let token = ask::token(&server, context.host, &audience)?;
    let noted: Noted =
        server.post(&format!("/v1/requests/{id}/cancel"), String::new(), Some(&token))?.json()?;
    tell(&noted, context)
}

fn tell(noted: &Noted, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.said/1", json!(noted)),
        Shape::Text => {
            let done = match noted.verdict.as_str() {
                "approve" => "approved",
                "cancel" => "taken back",
                _ => "rejected",
            };
            let by = noted
                .person
                .as_deref()
                .map(|person| format!(" by {}", printable(person)))
                .unwrap_or_default();
            let entry =
                noted.index.map_or_else(|| "known already".to_owned(), |index| format!("entry {index}"));
            context.terminal.result(&format!("✓ {done}{by}, {entry}\n"));
        }
    }
    Ok(Exit::Ok)
}

/// Lists what waits.
pub(super) fn list(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let waiting: WaitingRequests = context.server()?.get("/v1/requests")?.json()?;
    let documents = waiting.documents.iter().filter_map(|text| ApprovalDocument::parse(text).ok());
    match context.terminal.shape() {
        Shape::Json => {
            let list: Vec<Value> =
                waiting.documents.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
            context.terminal.json(&json!({"schema": "chancery.waiting/1", "requests": list}));
        }
        Shape::Text if waiting.documents.is_empty() => context.terminal.result("nothing waits\n"),
        Shape::Text => documents.for_each(|one| {
            let place = one.claims.get("source_repository_uri").map_or("", String::as_str);
            let line =
                format!("{}  {}  {}  until {}\n", one.request, one.profile, printable(place), one.expires);
            context.terminal.result(&line);
        }),
    }
    Ok(Exit::Ok)
}

/// A request that waits, for the eyes of those who approve: artifacts, origin, and what is different from the last release.
pub(super) fn words(waiting: &Waiting) -> String {
    let (Ok(request), Ok(document)) =
        (Request::parse(&waiting.request), ApprovalDocument::parse(&waiting.document))
    else {
        return String::new();
    };
    let mut text = format!("profile {}  {} approvals", document.profile, waiting.approvals);
    if waiting.need > 0 {
        text.push_str(&format!(" of {}", waiting.need));
    }
    text.push_str(&format!(", closes {}\n", document.expires));
    if let Some(reason) = &waiting.rejected {
        text.push_str(&format!("  REJECTED: {}\n", printable(reason)));
    }
    for (_, one) in request.statements().iter().take(20) {
        let artifact = &one.artifact;
        text.push_str(&format!(
            "  {}  sha256:{}  {}\n",
            printable(&artifact.name),
            artifact.digest,
            one.format
        ));
    }
    let more = request.statements().len().saturating_sub(20);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    for (name, value) in &document.claims {
        text.push_str(&format!("  {name:<36} {}\n", printable(value)));
    }
    if !waiting.trace.is_empty() {
        text.push_str("policy, as the service says:\n");
    }
    for line in &waiting.trace {
        let mark = if line.ok { "✓" } else { "✗" };
        let (attribute, actual) = (printable(&line.attribute), printable(&line.actual));
        text.push_str(&format!("  {mark} {attribute} {actual}\n"));
    }
    text.push_str(&changes(waiting, &document.claims));
    text
}

/// What is different from the release that was approved last.
fn changes(waiting: &Waiting, claims: &BTreeMap<String, String>) -> String {
    let previous = waiting.previous.as_ref();
    let Some(before) = previous.and_then(|previous| ApprovalDocument::parse(&previous.document).ok()) else {
        return "no release of this profile was approved before\n".to_owned();
    };
    let mut text = format!("since the release that was approved at {}:\n", before.at);
    for (name, value) in claims {
        let earlier = before.claims.get(name).map_or("(absent)", String::as_str);
        if earlier != value {
            text.push_str(&format!("  {name}: {} → {}\n", printable(earlier), printable(value)));
        }
    }
    for name in before.claims.keys().filter(|name| !claims.contains_key(*name)) {
        text.push_str(&format!("  {name}: now absent\n"));
    }
    text
}
