//! A policy version, loaded: profiles with their compiled grants, and the guardrails.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use chancery_core::id::{PolicyVersion, ProfileName};
use chancery_identity::issuers_toml;

use crate::attested;
use crate::brake_file;
use crate::compile::{self, Compiled};
use crate::documents::Documents;
use crate::engine::Engine;
use crate::facts::Names;
use crate::governance::root::{self, RootDocument};
use crate::governance::roster::{self, ProfileKeys, Roster};
use crate::governance::rulers::{self, Rulers};
use crate::guardrail::{self, Guardrail, Known, MAX_GUARDRAILS, one_line};
use crate::index::Index;
use crate::problem::{Problem, Problems, Report};
use crate::profile::Profile;
use crate::profile_file;
use crate::schema::Vocabulary;
use crate::vouch;

/// Everything that decisions are made from. Only whole and without errors is it ever built.
#[derive(Debug)]
pub struct Policy {
    version: PolicyVersion,
    pub(crate) rules: BTreeMap<ProfileName, Rules>,
    pub(crate) guardrails: Vec<Guardrail>,
    pub(crate) engine: Engine,
    rulers: Rulers,
    warnings: Problems,
}

/// One profile with what was compiled from it.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) profile: Profile,
    /// Every guardrail and the profile's own conditions: forbids only, so alone it denies everything.
    pub(crate) forbids: PolicySet,
    /// The permits, at the positions of the profile's grants.
    pub(crate) permits: Vec<cedar_policy::Policy>,
    pub(crate) index: Index,
}

impl Policy {
    /// Loads documents; every problem of every file is reported at once, and one error keeps the whole from loading.
    pub fn load(documents: &Documents) -> Result<Self, Problems> {
        let mut reports = Reports::default();
        layout(&mut reports, documents);
        let profiles = profiles(&mut reports, documents);
        audiences(&mut reports, documents, &profiles);
        demanded(&mut reports, documents, &profiles);
        let rulers = rulers(&mut reports, documents, &profiles);
        let vocabulary = Vocabulary::of(profiles.iter());
        let schema = reports.internal(vocabulary.schema());
        let names = reports.internal(Names::new());
        let guardrails = schema.as_ref().map(|schema| guardrails(&mut reports, documents, &profiles, schema));
        let rules = match (&schema, &guardrails) {
            (Some(schema), Some(guardrails)) => compile_all(&mut reports, profiles, guardrails, schema),
            (None, _) | (_, None) => BTreeMap::new(),
        };
        let problems = reports.finish();
        if problems.has_errors() {
            return Err(problems);
        }
        let (Some(names), Some(guardrails)) = (names, guardrails) else { return Err(problems) };
        let engine = Engine { names, vocabulary, authorizer: Authorizer::new() };
        Ok(Self { version: documents.version(), rules, guardrails, engine, rulers, warnings: problems })
    }
    /// The version of the documents that it was loaded from.
    #[must_use]
    pub const fn version(&self) -> PolicyVersion {
        self.version
    }
    /// A profile by name.
    #[must_use]
    pub fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.rules.get(name).map(|rules| &rules.profile)
    }
    /// Every profile, sorted by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.rules.values().map(|rules| &rules.profile)
    }
    /// Every guardrail, in the order of their files.
    #[must_use]
    pub fn guardrails(&self) -> &[Guardrail] {
        &self.guardrails
    }
    /// The root document, where `root.toml` lists people.
    #[must_use]
    pub const fn root(&self) -> Option<&RootDocument> {
        self.rulers.root.as_ref()
    }
    /// The people with roles; nobody without `roster.toml`.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.rulers.roster
    }
    /// What someone should look at although it was loaded.
    #[must_use]
    pub const fn warnings(&self) -> &Problems {
        &self.warnings
    }
    /// The Cedar schema, for editors and for people who write guardrails.
    #[must_use]
    pub fn cedar_schema(&self) -> String {
        self.engine.vocabulary.text()
    }
    /// Everything as Cedar text with ids, guardrails first: of one profile, or of all.
    #[must_use]
    pub fn cedar(&self, only: Option<&ProfileName>) -> String {
        let mut out = String::new();
        for guardrail in &self.guardrails {
            out.push_str(&format!(
                "// {}\n{}\n\n",
                Guardrail::policy_id(&guardrail.id),
                guardrail.cedar().trim()
            ));
        }
        let wanted = self.profiles().filter(|profile| only.is_none_or(|name| name == profile.name()));
        for compiled in wanted.flat_map(compile_profile) {
            out.push_str(&format!("// {}\n{}\n", compiled.id, compiled.text));
        }
        out
    }
}

/// One report for each file, so that problems of several passes over a file come together.
#[derive(Debug, Default)]
struct Reports(BTreeMap<String, Report>);

impl Reports {
    fn of(&mut self, file: &str) -> &mut Report {
        self.0.entry(file.to_owned()).or_insert_with(|| Report::new(file))
    }
    /// A fault of this crate, not of the documents; it must not load anything all the same.
    fn internal<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|error| self.of("").error("", format!("internal: {}", one_line(&error)))).ok()
    }
    fn finish(self) -> Problems {
        let found: Vec<Problem> = self.0.into_values().flat_map(Report::into_found).collect();
        Problems::collect(found)
    }
}

/// A file that nobody reads would be a rule that nobody follows (T7): `guardrails/x.ceder` must not load.
fn layout(reports: &mut Reports, documents: &Documents) {
    const TOP: [&str; 4] = ["builders.toml", "issuers.toml", "root.toml", "roster.toml"];
    const FOLDERS: [(&str, &str); 5] = [
        ("guardrails", "cedar"),
        ("profiles", "toml"),
        ("tests", "toml"),
        ("trust", "json"),
        ("verification", "toml"),
    ];
    let mut known: BTreeSet<&str> = TOP.into_iter().collect();
    for (folder, extension) in FOLDERS {
        known.extend(documents.in_folder(folder, extension).map(|(_, path, _)| path));
    }
    for path in documents.files().keys() {
        if !known.contains(path.as_str()) && !path.ends_with(".md") {
            reports.of(path).error("", "is not a file that governance knows");
        }
    }
}

fn profiles(reports: &mut Reports, documents: &Documents) -> Vec<Profile> {
    let files = documents.in_folder("profiles", "toml");
    files.filter_map(|(stem, path, text)| profile_file::read(reports.of(path), stem, text)).collect()
}

/// What is wrong with the issuers themselves is not for profiles to say.
fn audiences(reports: &mut Reports, documents: &Documents, profiles: &[Profile]) {
    let text = documents.files().get("issuers.toml").map_or("", String::as_str);
    let Ok(issuers) = issuers_toml::load(text) else { return };
    for profile in profiles {
        let file = format!("profiles/{}.toml", profile.name());
        brake_file::audiences(reports.of(&file), profile, &issuers);
    }
}

/// What a profile demands must be there to be met.
fn demanded(reports: &mut Reports, documents: &Documents, profiles: &[Profile]) {
    for profile in profiles {
        let file = format!("profiles/{}.toml", profile.name());
        attested::policies(reports.of(&file), profile, documents);
        vouch::lint(reports.of(&file), profile);
        vouch::apart(reports.of(&file), profile, profiles);
    }
}

/// A profile whose file has errors is still a profile that a role may name.
fn rulers(reports: &mut Reports, documents: &Documents, profiles: &[Profile]) -> Rulers {
    let stems =
        documents.in_folder("profiles", "toml").filter_map(|(stem, ..)| ProfileName::parse(stem).ok());
    let mut keys: ProfileKeys = stems.map(|name| (name, BTreeSet::new())).collect();
    keys.extend(
        profiles.iter().map(|profile| (profile.name().clone(), profile.keys().values().cloned().collect())),
    );
    let (mut of_root, mut of_roster) = (Report::new(root::FILE), Report::new(roster::FILE));
    let rulers = rulers::read(&mut of_root, &mut of_roster, documents, &keys);
    reports.0.extend([(root::FILE.to_owned(), of_root), (roster::FILE.to_owned(), of_roster)]);
    rulers
}

fn guardrails(
    reports: &mut Reports,
    documents: &Documents,
    profiles: &[Profile],
    schema: &Schema,
) -> Vec<Guardrail> {
    let issuers = profiles.iter().flat_map(|profile| profile.grants()).map(|grant| grant.issuer()).collect();
    // A profile whose file has errors is still a profile that a guardrail may name.
    let stems: Vec<ProfileName> = documents
        .in_folder("profiles", "toml")
        .filter_map(|(stem, ..)| ProfileName::parse(stem).ok())
        .collect();
    let known = Known { schema, profiles: stems.iter().collect(), issuers };
    let mut found = Vec::new();
    for (stem, path, text) in documents.in_folder("guardrails", "cedar") {
        let read = guardrail::read(reports.of(path), &known, stem, text);
        found.extend(read.into_iter().map(|guardrail| (path.to_owned(), guardrail)));
    }
    if found.len() > MAX_GUARDRAILS {
        reports
            .of("guardrails")
            .error("", format!("{} guardrails; expected at most {MAX_GUARDRAILS}", found.len()));
    }
    guardrail::unique(&mut reports.0, &found);
    found.into_iter().map(|(_, guardrail)| guardrail).collect()
}

fn compile_profile(profile: &Profile) -> Vec<Compiled> {
    let mut out = compile::conditions(profile);
    out.extend(profile.grants().iter().map(|grant| compile::grant(profile.name(), grant)));
    out
}

fn compile_all(
    reports: &mut Reports,
    profiles: Vec<Profile>,
    guardrails: &[Guardrail],
    schema: &Schema,
) -> BTreeMap<ProfileName, Rules> {
    let validator = Validator::new(schema.clone());
    let mut out = BTreeMap::new();
    for profile in profiles {
        let file = format!("profiles/{}.toml", profile.name());
        let name = profile.name().clone();
        match compile_one(profile, guardrails, &validator) {
            Ok(rules) => drop(out.insert(name, rules)),
            Err(message) => reports.of(&file).error("", message),
        }
    }
    out
}

fn compile_one(profile: Profile, guardrails: &[Guardrail], validator: &Validator) -> Result<Rules, String> {
    let parse = |compiled: Compiled| {
        cedar_policy::Policy::parse(Some(PolicyId::new(compiled.id)), compiled.text)
            .map_err(|error| format!("cannot be compiled: {}", one_line(&error.to_string())))
    };
    let conditions: Vec<_> =
        compile::conditions(&profile).into_iter().map(parse).collect::<Result<_, _>>()?;
    let grants = profile.grants().iter().map(|grant| compile::grant(profile.name(), grant));
    let permits: Vec<_> = grants.map(parse).collect::<Result<_, _>>()?;
    let build = |policies: Vec<cedar_policy::Policy>| {
        PolicySet::from_policies(policies).map_err(|error| one_line(&error.to_string()))
    };
    let own = build(conditions.iter().chain(&permits).cloned().collect())?;
    let result = validator.validate(&own, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        return Err(format!(
            "compiles to Cedar that does not fit the schema: {}",
            one_line(&error.to_string())
        ));
    }
    let guards = guardrails.iter().map(|guardrail| guardrail.policy.clone());
    let mut distinct = BTreeSet::new();
    let forbids = guards.chain(conditions).filter(|policy| distinct.insert(policy.id().clone())).collect();
    Ok(Rules { index: Index::of(profile.grants()), forbids: build(forbids)?, permits, profile })
}
