//! What every plugin does: find the profile, ask for one signature, and judge what comes back.

use std::path::PathBuf;

use chancery_api::key::Key;
use chancery_api::profile::Profile;
use chancery_api::signed::SignedResult;
use chancery_core::algorithm::PublicKey;
use chancery_core::artifact::Artifact;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::id::{KeyId, ProfileName, RequestId};
use chancery_core::statement::Statement;
use chancery_format::oci::reference::{At, Reference, Repository};
use chancery_format::oci::statement::Content;
use chancery_verify::snapshot::TrustSnapshot;

use crate::arguments::Globals;
use crate::catalogue::Code;
use crate::client::Server;
use crate::command::Context;
use crate::failure::Failure;
use crate::host::Host;
use crate::image::visit::{self, Visitor, Walk};
use crate::sign::brought::Asked;
use crate::sign::image::Attaching;
use crate::sign::{ask, proof};
use crate::terminal::{Streams, Terminal};
use crate::trust::{self, Reach, Source};

/// A connection as the environment describes it.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) server: Server,
    globals: Globals,
}

/// A signature that the service gave, in the ledger under a proof that was checked.
#[derive(Debug)]
pub(super) struct Given {
    /// The request.
    pub(super) request: RequestId,
    /// What it answered.
    pub(super) result: SignedResult,
}

impl<'a> Desk<'a> {
    /// The service that the environment names; nothing is sent yet.
    pub(super) fn open(host: &'a dyn Host) -> Result<Self, Failure> {
        let globals = Globals {
            server: host.variable("CHANCERY_SERVER"),
            ca: host.variable("CHANCERY_CA").filter(|path| !path.is_empty()).map(PathBuf::from),
            quiet: true,
            timeout: 60,
            ..Globals::default()
        };
        let server = Server::new(&globals, host)?;
        Ok(Self { host, server, globals })
    }
    /// A profile by its name.
    pub(super) fn profile(&self, name: &str) -> Result<Profile, Failure> {
        let name = ProfileName::parse(name).map_err(|error| {
            Failure::new(Code::Usage, error.to_string()).hint("name a profile of the service")
        })?;
        ask::profile(&self.server, &name)
    }
    /// The key of a family in a profile, as the service shows it.
    pub(super) fn key(&self, profile: &Profile, family: Family) -> Result<Key, Failure> {
        let rules = profile.formats.values();
        let id = rules.filter_map(|rule| rule.families.get(&family)).map(|key| &key.key).next();
        let id: &KeyId = id.ok_or_else(|| {
            let what = format!("profile `{}` has no key for family `{family}`", profile.name);
            Failure::new(Code::Unknown, what).because(family.name(), families(profile).join(", "))
        })?;
        let key: Key = self.server.get(&format!("/v1/keys/{id}"))?.json()?;
        if key.family == family { Ok(key) } else { Err(answer(&"the key is of another family")) }
    }
    /// One signature. Nobody waits: whoever started the plugin would not know why.
    pub(super) fn sign(&self, profile: &Profile, statement: Statement) -> Result<Given, Failure> {
        let id = statement.id().map_err(|error| Failure::new(Code::Artifact, error.to_string()))?;
        let (format, family) = (statement.format, statement.family);
        let request = ask::request(profile, vec![statement])?;
        let signed =
            ask::sign(&self.server, self.host, profile, (&Asked::alone(&request), Attaching::Client))
                .map_err(|failure| {
                    if failure.code != Code::Pending.code() {
                        return failure;
                    }
                    let id = request.id();
                    failure.hint(format!("chancery request approve {id}; then start this again"))
                })?;
        let result = signed.results.into_iter().find(|result| result.statement == id);
        let result = result.ok_or_else(|| answer(&"it gave no result"))?;
        if (result.format, result.family) != (format, family) {
            return Err(answer(&"it signed something else"));
        }
        let trust = self.trust()?;
        if !family.is_sigstore() {
            proof::check_result(&result, (request.id(), id), &trust)?;
        }
        Ok(Given { request: request.id(), result })
    }
    /// Whom to trust: the file that the environment names, else the service.
    pub(super) fn trust(&self) -> Result<TrustSnapshot, Failure> {
        let source = Source::of_environment(self.host);
        self.with_context(|context| Ok(trust::load(&source, Reach::Online, context)?.snapshot))
    }
    /// The simple signing statement about an image. Its media type and size are the registry's: cosign does not say them.
    pub(super) fn image(&self, repository: &Repository, digest: Sha256) -> Result<Statement, Failure> {
        let reference = Reference { repository: repository.clone(), at: At::Digest(digest) };
        let shown = format!("{repository}@sha256:{digest}");
        let nodes = self.with_context(|context| {
            Visitor::new(context)?
                .walk(&reference, Walk::Only)
                .map_err(|error| visit::failure(&shown, &error))
        })?;
        let found = nodes.into_iter().next().map(|node| node.subject);
        let subject = found.ok_or_else(|| answer(&"the registry named nothing"))?;
        let subject = subject.map_err(|error| visit::failure(&shown, &error))?;
        Ok(subject.statement(Content::SimpleSigning, Depth::Structured))
    }
    /// Nothing is printed: stdout is the protocol's.
    fn with_context<T>(
        &self,
        work: impl FnOnce(&mut Context<'_, '_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (mut out, mut err) = (std::io::sink(), std::io::sink());
        let streams = Streams { out: &mut out, err: &mut err, err_is_terminal: false };
        let mut terminal = Terminal::new(streams, &self.globals, self.host);
        work(&mut Context { globals: &self.globals, host: self.host, terminal: &mut terminal })
    }
}

/// A statement about something that has no file name: it is called by its digest.
pub(super) fn statement(
    (format, family): (FormatName, Family),
    (digest, size): (Sha256, u64),
    body: serde_json::Value,
) -> Statement {
    let artifact = Artifact { name: format!("sha256:{digest}"), digest, size };
    Statement { artifact, body, depth: Depth::Structured, family, format }
}

/// A key as the checks take it.
pub(super) fn public(key: &Key) -> PublicKey {
    PublicKey { algorithm: key.algorithm, spki: key.spki.clone() }
}

/// The families that a profile has keys for.
pub(super) fn families(profile: &Profile) -> Vec<&'static str> {
    let all = profile.formats.values().flat_map(|rule| rule.families.keys());
    let distinct: std::collections::BTreeSet<_> = all.map(|family| family.name()).collect();
    distinct.into_iter().collect()
}

/// The service's answer cannot be used.
pub(super) fn answer(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Answer, format!("the service's answer cannot be used: {error}"))
}

/// As one text, without the line feed at its end: other tools put it into a line of their own.
pub(super) fn told(failure: &Failure) -> String {
    failure.text().trim_end().to_owned()
}
