//! `chancery trust`: whom verifiers are told to believe (show, publish, rotate), and what others tell by TUF (init, refresh,
//! list).

use chancery_api::trust::{Named, TrustInForce};
use chancery_core::digest::Sha256;
use chancery_core::instance::{Instance, InstanceKind, TrustList};
use chancery_core::time::Time;
use chancery_policy::act::document::Deed;
use serde_json::json;

use super::Context;
use super::act::{self, Way};
use super::freeze::{digest, moment};
use super::key::Admin;
use super::trust_mirror::{self, Begin, Refresh};
use crate::catalogue::Code;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::{Shape, printable};

/// A successor is used this many seconds after people signed it, unless they say otherwise: by then verifiers have heard of
/// it, for the timestamp of the TUF repository is renewed every day.
const NOTICE: i64 = 2 * 86_400;
/// What is replaced counts this many seconds longer, for what is under way.
const OVERLAP: i64 = 3600;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Show whom verifiers are told to believe, and what was made to take over.
    Show,
    /// Tell verifiers what is in force now: the root's threshold signs. Before the first time there is no TUF repository.
    #[command(
        after_help = "Example:\n  chancery trust publish --reason 'first publication' --key ~/.ssh/id_ed25519 --out trust.act"
    )]
    Publish(Publish),
    /// Let a new authority take over: it is made, and listed by the root's threshold. Clients hear of it by TUF.
    #[command(
        after_help = "Examples:\n  chancery trust rotate tsa --reason 'yearly' --key ~/.ssh/id_ed25519 --out trust.act\n  \
        chancery trust rotate ca --compromised-since 2026-11-20T08:00:00Z --reason INC-9 --key ~/.ssh/id_ed25519 --out trust.act"
    )]
    Rotate(Rotate),
    /// Trust a TUF repository: the root comes from elsewhere, everything else from the mirror.
    #[command(
        after_help = "Example:\n  chancery trust init --mirror https://sign.example/tuf --root root.json --name acme"
    )]
    Init(Begin),
    /// Bring kept trust up to date; with --mirror and --root it is begun where nothing is kept yet.
    #[command(after_help = "Example:\n  chancery trust refresh --name acme")]
    Refresh(Refresh),
    /// List what is kept, without network.
    List,
}

/// What is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Publish {
    /// Address that clients are sent to, `https://host` with an optional port; as it is told now unless given.
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Lists what `trust show` shows as not listed, from now on: 64 hexadecimal digits. For remote time stamping authorities.
    #[arg(long, value_name = "ID")]
    list: Vec<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who signs, and where it goes.
    #[command(flatten)]
    way: Way,
}

/// What takes over.
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// ca (identity leaves), ct (precertificates), ledger (checkpoints) or tsa (timestamps).
    kind: String,
    /// When the successor is used: RFC 3339, or `now`; in two days unless given, at once after a compromise.
    #[arg(long, value_name = "TIME")]
    begin: Option<String>,
    /// What is replaced was in wrong hands from this moment on: nothing after it counts any more.
    #[arg(long, value_name = "TIME")]
    compromised_since: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Where the successor is made.
    #[command(flatten)]
    admin: Admin,
    /// Who signs, and where it goes.
    #[command(flatten)]
    way: Way,
}

/// Does it.
pub(crate) fn run(verb: &Verb, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Show => show(context),
        Verb::Publish(args) => publish(args, context),
        Verb::Rotate(args) => rotate(args, context),
        Verb::Init(args) => trust_mirror::init(args, context),
        Verb::Refresh(args) => trust_mirror::refresh(args, context),
        Verb::List => trust_mirror::list(context),
    }
}

fn in_force(context: &mut Context<'_, '_>) -> Result<TrustInForce, Failure> {
    context.server()?.get("/v1/trust/instances")?.json()
}

fn show(context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let told = in_force(context)?;
    match context.terminal.shape() {
        Shape::Json => context.terminal.document("chancery.trust-in-force/1", json!(told)),
        Shape::Text => {
            let mut text = String::new();
            for one in &told.list.instances {
                let end = one.end.map_or_else(|| "in use".to_owned(), |end| format!("until {end}"));
                text.push_str(&format!("{:<6}  {}  from {}  {end}\n", one.kind.name(), one.id, one.start));
            }
            for Named { kind, id } in &told.waiting {
                text.push_str(&format!("{:<6}  {id}  not listed\n", kind.name()));
            }
            let act = told
                .act
                .map_or_else(|| "nobody yet: chancery trust publish".to_owned(), |act| act.to_string());
            text.push_str(&format!("url     {}\nsigned  {act}\n", printable(&told.list.url)));
            context.terminal.result(&text);
        }
    }
    Ok(Exit::Ok)
}

fn publish(args: &Publish, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let TrustInForce { mut list, waiting, .. } = in_force(context)?;
    let start = Time::from_seconds(context.host.now().seconds());
    for name in &args.list {
        let id = digest(name)?;
        let found = waiting.iter().find(|waiting| waiting.id == id);
        let kind = found.map(|waiting| waiting.kind).ok_or_else(|| {
            Failure::new(Code::Usage, format!("`{name}` does not wait to be listed"))
                .hint("chancery trust show")
        })?;
        list.instances.push(Instance { kind, id, start, end: None });
    }
    if let Some(address) = &args.address {
        address.trim_end_matches('/').clone_into(&mut list.url);
    }
    let list = TrustList::new(list.instances, list.url).map_err(cannot_be)?;
    act::begin(Deed::Trust { list, reason: args.reason.clone() }, &args.way, context)
}

fn rotate(args: &Rotate, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let kind = InstanceKind::from_name(&args.kind).ok_or_else(|| {
        let names = InstanceKind::ALL.map(InstanceKind::name).join(", ");
        Failure::new(Code::Usage, format!("`{}` has no successors", args.kind)).because(&args.kind, names)
    })?;
    let windows = Windows::new(args, Time::from_seconds(context.host.now().seconds()))?;
    let path = format!("/admin/successors/{}", kind.name());
    let made: Named = args.admin.connect(context)?.post(&path, String::new(), None)?.json()?;
    let list = windows.turn(in_force(context)?, kind, made.id)?;
    act::begin(Deed::Trust { list, reason: args.reason.clone() }, &args.way, context)
}

fn cannot_be(error: chancery_core::instance::InvalidTrustList) -> Failure {
    Failure::new(Code::Usage, format!("such a list cannot be signed: {error}"))
}

/// When one instance ends and the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Windows {
    begin: Time,
    end: Time,
}

impl Windows {
    fn new(args: &Rotate, now: Time) -> Result<Self, Failure> {
        let whole = |text: &str| moment(text).map(|at| Time::from_seconds(at.seconds()));
        let begin = match args.begin.as_deref() {
            Some("now") => now,
            Some(text) => whole(text)?,
            None if args.compromised_since.is_some() => now,
            None => now.plus_seconds(NOTICE),
        };
        let end = match &args.compromised_since {
            Some(since) => whole(since)?,
            None => begin.plus_seconds(OVERLAP),
        };
        Ok(Self { begin, end })
    }
    /// The list with the successor, and with an end for what works now.
    fn turn(self, told: TrustInForce, kind: InstanceKind, id: Sha256) -> Result<TrustList, Failure> {
        let used = told.used.iter().find(|used| used.kind == kind).map(|used| used.id);
        let TrustList { mut instances, url } = told.list;
        let replaced = instances.iter_mut().find(|one| one.kind == kind && Some(one.id) == used);
        if let Some(replaced) = replaced {
            let end = self.end.max(replaced.start);
            replaced.end = Some(replaced.end.map_or(end, |known| known.min(end)));
        }
        instances.push(Instance { kind, id, start: self.begin, end: None });
        TrustList::new(instances, url).map_err(cannot_be)
    }
}
