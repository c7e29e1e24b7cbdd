//! Images: a reference is resolved and pinned, every manifest below it becomes statements, and the signatures go beside
//! them in the registry.

use std::collections::BTreeMap;

use chancery_api::profile::Profile;
use chancery_api::signed::{Attached, SignedResult};
use chancery_core::depth::Depth;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{RequestId, StatementId};
use chancery_core::port::registry::RegistryError;
use chancery_core::request::MAX_STATEMENTS;
use chancery_core::statement::Statement;
use chancery_core::time::Time;
use chancery_format::notary::statement::Body;
use chancery_format::oci::beside::{beside, visit};
use chancery_format::oci::reference::Reference;
use chancery_format::oci::statement::{self, Content, Subject};
use serde_json::{Value, json};

use super::finish::{self, Judge};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::image::visit::{Node, Visitor, Walk, failure};

/// Who puts the signatures into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Attaching {
    /// This command, with the credentials of whoever runs it.
    Client,
    /// The service, with its own.
    Server,
}

/// An image that can be asked about.
#[derive(Debug)]
pub(crate) struct Image {
    /// As it was named.
    pub(crate) named: String,
    /// The manifests: what was named first.
    pub(crate) nodes: Vec<Pinned>,
}

/// A manifest with what is asked for it.
#[derive(Debug)]
pub(crate) struct Pinned {
    name: String,
    platform: Option<String>,
    statements: Vec<(StatementId, Statement)>,
}

/// What manifests are signed with.
#[derive(Debug)]
pub(crate) enum What {
    /// Bundles and simple signing, as far as the profile allows them.
    Everything,
    /// A Notary envelope: a body whose media type is each manifest's own.
    Envelope(Body),
}

/// Resolves a reference; what it names now is what is signed, whatever the tag names later.
pub(crate) fn prepare(
    (named, reference): (&str, &Reference),
    (walk, what): (Walk, &What),
    profile: &Profile,
    visitor: &Visitor,
) -> Result<Image, Failure> {
    let nodes = visitor.walk(reference, walk).map_err(|error| failure(named, &error))?;
    let pin = |node: Node| {
        let subject = node.subject.as_ref().map_err(|error| incomplete(&node, error))?;
        let statements = match what {
            What::Everything => statements(subject, profile)?,
            What::Envelope(body) => vec![identified(body.statement(subject))?],
        };
        Ok(Pinned { name: node.name, platform: node.platform, statements })
    };
    let nodes = nodes.into_iter().map(pin).collect::<Result<_, Failure>>()?;
    Ok(Image { named: named.to_owned(), nodes })
}

/// An index is signed as a whole or not at all.
fn incomplete(node: &Node, error: &RegistryError) -> Failure {
    let mut failure = failure(&node.shown(), error);
    failure.what = format!("{} cannot be signed: {error}", node.shown());
    failure.hint("push what the index names, or sign the index alone with --only-index")
}

/// What the profile allows of each manifest.
fn statements(subject: &Subject, profile: &Profile) -> Result<Vec<(StatementId, Statement)>, Failure> {
    let rule = profile.formats.get(&FormatName::Oci);
    let allows = |family: Family| rule.is_none_or(|rule| rule.families.contains_key(&family));
    let depth = match rule.map(|rule| rule.depth) {
        Some(Depth::Artifact) => Depth::Artifact,
        Some(Depth::Digest | Depth::Structured) | None => Depth::Structured,
    };
    let contents = Content::ALL.into_iter().filter(|content| allows(content.family()));
    contents.map(|content| identified(subject.statement(content, depth))).collect()
}

fn identified(statement: Statement) -> Result<(StatementId, Statement), Failure> {
    let id = statement.id().map_err(|error| Failure::new(Code::Artifact, error.to_string()))?;
    Ok((id, statement))
}

/// Requests over all manifests, each of at most 1,000 statements; a manifest that two indexes name is signed once.
pub(crate) fn requests(images: &[Image]) -> Vec<Vec<Statement>> {
    let all: BTreeMap<StatementId, Statement> =
        images.iter().flat_map(|image| &image.nodes).flat_map(|node| node.statements.clone()).collect();
    let all: Vec<Statement> = all.into_values().collect();
    all.chunks(MAX_STATEMENTS).map(<[Statement]>::to_vec).collect()
}

/// Everything that the service gave, by statement.
pub(crate) type Results = BTreeMap<StatementId, (RequestId, SignedResult)>;

/// Verifies every signature of an image, attaches it where that is ours to do, and says where it is.
pub(crate) fn finish(
    image: &Image,
    results: &Results,
    (attaching, visitor): (Attaching, &Visitor),
    judge: &mut Judge<'_>,
) -> Result<Value, Failure> {
    let mut nodes = Vec::with_capacity(image.nodes.len());
    for node in &image.nodes {
        nodes.push(finish_node(node, results, (attaching, visitor), judge)?);
    }
    let formats = image.nodes.iter().flat_map(|node| &node.statements);
    let format = formats.map(|(_, statement)| statement.format.name()).next();
    Ok(json!({"input": image.named, "format": format.unwrap_or("oci"), "manifests": nodes}))
}

fn finish_node(
    node: &Pinned,
    results: &Results,
    (attaching, visitor): (Attaching, &Visitor),
    judge: &mut Judge<'_>,
) -> Result<Value, Failure> {
    let mut signed = Vec::with_capacity(node.statements.len());
    for (id, statement) in &node.statements {
        let missing =
            || Failure::new(Code::Answer, format!("the service gave no result for `{}`", node.name));
        let (request, result) = results.get(id).ok_or_else(missing)?;
        finish::image(statement, (*request, result), judge)?;
        signed.push((statement, *request, result));
    }
    let places = match attaching {
        Attaching::Server => signed.iter().map(|(_, _, result)| served(&node.name, result)).collect(),
        Attaching::Client => attach(node, &signed, visitor, judge.at),
    };
    let mut shown = Vec::with_capacity(signed.len());
    for ((statement, request, result), place) in signed.into_iter().zip(places?) {
        let content = match statement.format {
            FormatName::Notary => "envelope",
            FormatName::Fulcio | FormatName::Oci | FormatName::Pe | FormatName::Sigstore => {
                statement::parse(statement).map(|body| body.content.name()).unwrap_or_default()
            }
        };
        shown.push(json!({
            "attached": place,
            "certificate_identity": result.certificate_identity,
            "certificate_oidc_issuer": result.certificate_oidc_issuer,
            "content": content,
            "depth": result.depth.name(),
            "key": result.key,
            "ledger": result.ledger,
            "request_id": request.to_string(),
            "timestamp": result.timestamp,
        }));
    }
    Ok(json!({"name": node.name, "platform": node.platform, "signatures": shown}))
}

/// Where the service says that a signature is.
fn served(name: &str, result: &SignedResult) -> Result<Value, Failure> {
    let not = |attached: &Attached| {
        let why = attached.why.clone().unwrap_or_default();
        let temporary = attached.state == "temporary";
        let code = if temporary { Code::Temporary } else { Code::Registry };
        let hint = if temporary {
            "run the same command again: what is signed is not signed twice, only attached"
        } else {
            "let the service's operator name the registry in [[registries]], or say --attach client"
        };
        Failure::new(code, format!("`{name}` is signed, but the service cannot attach it: {why}")).hint(hint)
    };
    match &result.attached {
        Some(attached) if attached.state == "attached" => {
            Ok(json!({"manifest": attached.manifest, "tag": attached.tag}))
        }
        Some(attached) => Err(not(attached)),
        None => Err(Failure::new(Code::Answer, format!("the service attached nothing to `{name}`"))
            .hint("the service may be older than this command: say --attach client")),
    }
}

fn attach(
    node: &Pinned,
    signed: &[(&Statement, RequestId, &SignedResult)],
    visitor: &Visitor,
    now: Time,
) -> Result<Vec<Value>, Failure> {
    let Some((first, ..)) = signed.first() else { return Ok(Vec::new()) };
    let unusable = |error: &dyn std::fmt::Display| Failure::new(Code::Answer, error.to_string());
    let wish = visit(first, now).map_err(|error| unusable(&error))?;
    let mut wish = wish.ok_or_else(|| unusable(&"a statement about nothing in a registry"))?;
    for (statement, _, result) in signed {
        wish.signatures.push(beside(statement, &result.blob).map_err(|error| unusable(&error))?);
    }
    let places = visitor.attach(&wish).map_err(|error| {
        let mut failure = failure(&node.name, &error);
        failure.what = format!("`{}` is signed, but cannot be attached: {error}", node.name);
        failure
    })?;
    Ok(places.into_iter().map(|place| json!({"manifest": place.manifest, "tag": place.tag})).collect())
}

/// What each image would be signed with.
pub(crate) fn rehearsed(image: &Image, found: &chancery_api::rehearsal::Rehearsal) -> Value {
    let statements: Vec<&StatementId> =
        image.nodes.iter().flat_map(|node| node.statements.iter().map(|(id, _)| id)).collect();
    let rehearsed: Vec<_> =
        found.statements.iter().filter(|one| statements.contains(&&one.statement)).collect();
    json!({
        "input": image.named,
        "request_id": found.request_id,
        "policy": found.policy,
        "manifests": image.nodes.iter().map(|node| &node.name).collect::<Vec<_>>(),
        "rehearsals": rehearsed,
    })
}

/// For people.
pub(crate) fn lines(result: &Value) -> String {
    use crate::terminal::printable;
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).map(printable).unwrap_or_default()
    };
    let each =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = String::new();
    for (at, node) in each(result, "manifests").iter().enumerate() {
        let platform = text(node, "/platform");
        let platform = if platform.is_empty() { platform } else { format!("  {platform}") };
        out.push_str(&format!("✓ {}{platform}  signed\n", text(node, "/name")));
        if at == 0 {
            out.push_str(&format!("  named     {}\n", text(result, "/input")));
        }
        for signature in each(node, "signatures") {
            let place = match text(&signature, "/attached/tag") {
                tag if tag.is_empty() => text(&signature, "/attached/manifest"),
                tag => format!("{} under tag {tag}", text(&signature, "/attached/manifest")),
            };
            let index = signature.pointer("/ledger/index").and_then(Value::as_u64).unwrap_or_default();
            out.push_str(&format!(
                "  {:<15} ledger entry {index}, in {place}\n",
                text(&signature, "/content")
            ));
        }
        let signatures = each(node, "signatures");
        let identities = signatures.iter().map(|one| text(one, "/certificate_identity"));
        if let Some(identity) = identities.into_iter().find(|one| !one.is_empty()).filter(|_| at == 0) {
            out.push_str(&format!("  identity  {identity}\n"));
        }
    }
    out
}

/// The exits of failures, or success.
pub(crate) fn exit(end: &Result<Value, Failure>) -> Exit {
    end.as_ref().map_or_else(|failure| failure.exit, |_| Exit::Ok)
}

/// One request, signed; what comes is kept by statement.
pub(crate) fn keep(results: &mut Results, request: RequestId, signed: Vec<SignedResult>) {
    results.extend(signed.into_iter().map(|result| (result.statement, (request, result))));
}
