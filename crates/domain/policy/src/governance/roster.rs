//! `roster.toml`: the people besides the root, their SSH keys, and what each may do, for which profiles or keys.
//!
//! ```toml
//! schema = "chancery.roster/1"
//! [[people]]
//! id = "bob"
//! name = "Bob Example"
//! keys = ["ssh-ed25519 AAAA… laptop"]
//! valid_from = "2026-01-01T00:00:00Z"     # both optional; the end is not within
//! valid_until = "2027-01-01T00:00:00Z"
//! [[people.accounts]]                     # what the person is at an issuer: never approves what it asks for
//! issuer = "github"
//! claim = "actor_id"                      # actor, actor_id, email, subject, user_email, user_id, user_login
//! value = "583231"
//! [[people.roles]]
//! role = "approve"                        # use, manage, approve or audit
//! profiles = ["acme-release"]             # profiles, keys, or both; an auditor may have neither: everything
//! ```
//! Nobody holds `use` and `manage` for one key, also not through two profiles, so that who sets a key up cannot sign with it.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::caller::Caller;
use chancery_core::id::{IssuerName, KeyId, PersonId, ProfileName};
use chancery_core::time::Time;
use chancery_identity::sshsig::key::SshPublicKey;

use super::person::{self, MAX_PEOPLE, Owners, Person};
use crate::fields::Fields;
use crate::problem::Report;

/// Its path among the documents.
pub const FILE: &str = "roster.toml";
const SCHEMA: &str = "chancery.roster/1";
const MAX_ROLES: usize = 32;
const MAX_ACCOUNTS: usize = 16;
const MAX_ACCOUNT: usize = 500;
/// Claims that name the person who started a job.
const ACCOUNT_CLAIMS: [&str; 7] =
    ["actor", "actor_id", "email", "subject", "user_email", "user_id", "user_login"];
const MAX_SCOPE: usize = 512;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Approve requests.
    Approve,
    /// Read evidence.
    Audit,
    /// Create, disable, certify keys.
    Manage,
    /// Ask for signatures.
    Use,
}

impl Role {
    const ALL: [Self; 4] = [Self::Approve, Self::Audit, Self::Manage, Self::Use];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Audit => "audit",
            Self::Manage => "manage",
            Self::Use => "use",
        }
    }
}

/// A role with what it covers. INVARIANT: only an auditor's may cover everything, by naming nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Duty {
    role: Role,
    profiles: BTreeSet<ProfileName>,
    keys: BTreeSet<KeyId>,
}

/// What a person is called at an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    issuer: IssuerName,
    claim: String,
    value: String,
}

/// Somebody in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    person: Person,
    from: Option<Time>,
    until: Option<Time>,
    accounts: Vec<Account>,
    duties: Vec<Duty>,
}

impl Member {
    /// Who.
    #[must_use]
    pub const fn id(&self) -> &PersonId {
        &self.person.id
    }
    /// The name that people read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.person.name
    }
    /// The person's keys.
    #[must_use]
    pub fn keys(&self) -> &[SshPublicKey] {
        &self.person.keys
    }
    /// Keys, roles and times in words, one each.
    pub(crate) fn facts(&self) -> BTreeSet<String> {
        let keys = self.keys().iter().map(|key| format!("the key {}", key.fingerprint()));
        let duties = self.duties.iter().flat_map(|duty| {
            let role = duty.role.name();
            let profiles =
                duty.profiles.iter().map(move |profile| format!("`{role}` for the profile `{profile}`"));
            let named = duty.keys.iter().map(move |key| format!("`{role}` for the key `{key}`"));
            let all = (duty.profiles.is_empty() && duty.keys.is_empty())
                .then(|| format!("`{role}` for everything"));
            profiles.chain(named).chain(all)
        });
        let times = [("from", self.from), ("until", self.until)];
        let times = times.into_iter().filter_map(|(word, time)| Some(format!("membership {word} {}", time?)));
        keys.chain(duties).chain(times).collect()
    }
    /// Whether the person started this caller's job, under any of their accounts.
    #[must_use]
    pub fn is_behind(&self, caller: &Caller) -> bool {
        self.accounts.iter().any(|account| {
            account.issuer == caller.issuer_name
                && caller
                    .claims
                    .find(&account.claim)
                    .is_some_and(|value| value.eq_ignore_ascii_case(&account.value))
        })
    }
    /// Whether the person is in the roster at a moment and holds one of the roles for anything.
    #[must_use]
    pub fn holds(&self, roles: &[Role], at: Time) -> bool {
        self.is_valid(at) && self.duties.iter().any(|duty| roles.contains(&duty.role))
    }
    fn is_valid(&self, at: Time) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
    /// Whether the person holds a role for a profile at a moment.
    #[must_use]
    pub fn may(&self, role: Role, profile: &ProfileName, at: Time) -> bool {
        self.is_valid(at) && self.duties.iter().any(|duty| duty.role == role && duty.covers(profile))
    }
}

impl Duty {
    fn covers(&self, profile: &ProfileName) -> bool {
        let is_everything = self.role == Role::Audit && self.profiles.is_empty() && self.keys.is_empty();
        is_everything || self.profiles.contains(profile)
    }
    /// Every key that the duty reaches, named or through a profile.
    fn reach<'a>(&'a self, profiles: &'a ProfileKeys) -> impl Iterator<Item = &'a KeyId> {
        let through = self.profiles.iter().filter_map(|profile| profiles.get(profile)).flatten();
        self.keys.iter().chain(through)
    }
}

/// The profiles of a policy with the keys that each uses.
pub(crate) type ProfileKeys = BTreeMap<ProfileName, BTreeSet<KeyId>>;

/// A roster that was read without errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    members: Vec<Member>,
    owners: Owners,
}

impl Roster {
    /// Everybody, in the order of the file.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    /// Whose key it is, whatever the person may do.
    #[must_use]
    pub fn member_of(&self, key: &SshPublicKey) -> Option<&Member> {
        let id = self.owners.of_key(key)?;
        self.members.iter().find(|member| member.id() == id)
    }
    pub(crate) const fn owners(&self) -> &Owners {
        &self.owners
    }
}

/// Reads the file against the profiles; `None` when the report holds an error.
pub(crate) fn read(report: &mut Report, text: &str, profiles: &ProfileKeys) -> Option<Roster> {
    let mut fields = Fields::parse(report, text)?;
    if fields.required(report, "schema").is_some_and(|schema| schema != SCHEMA) {
        report.error("schema", "is not `chancery.roster/1`");
    }
    let mut members = Vec::new();
    for mut entry in fields.tables(report, "people", MAX_PEOPLE) {
        members.extend(member(report, &mut entry, profiles));
        entry.finish(report);
    }
    fields.finish(report);
    let owners = Owners::of(report, members.iter().map(|member| &member.person));
    for member in &members {
        separate(report, member, profiles);
    }
    (!report.has_errors()).then_some(Roster { members, owners })
}

fn member(report: &mut Report, fields: &mut Fields, profiles: &ProfileKeys) -> Option<Member> {
    let person = person::read(report, fields);
    let from = moment(report, fields, "valid_from");
    let until = moment(report, fields, "valid_until");
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        report.error(&fields.name("valid_until"), "is not after `valid_from`");
    }
    let mut duties = Vec::new();
    for mut entry in fields.tables(report, "roles", MAX_ROLES) {
        duties.extend(duty(report, &mut entry, profiles));
        entry.finish(report);
    }
    let accounts = accounts(report, fields);
    Some(Member { person: person?, from, until, accounts, duties })
}

fn accounts(report: &mut Report, fields: &mut Fields) -> Vec<Account> {
    let mut accounts = Vec::new();
    for mut entry in fields.tables(report, "accounts", MAX_ACCOUNTS) {
        let (issuer, claim, value) = (
            entry.required(report, "issuer"),
            entry.required(report, "claim"),
            entry.required(report, "value"),
        );
        let known = |claim: &String| ACCOUNT_CLAIMS.contains(&claim.as_str());
        if claim.as_ref().is_some_and(|claim| !known(claim)) {
            report.error(&entry.name("claim"), format!("is not one of {}", ACCOUNT_CLAIMS.join(", ")));
        }
        if value.as_ref().is_some_and(|value| value.len() > MAX_ACCOUNT) {
            report.error(&entry.name("value"), "is longer than 500 bytes");
        }
        let issuer = issuer.and_then(|issuer| {
            let parsed = IssuerName::parse(&issuer);
            parsed.map_err(|error| report.error(&entry.name("issuer"), error.to_string())).ok()
        });
        entry.finish(report);
        if let (Some(issuer), Some(claim), Some(value)) = (issuer, claim, value) {
            accounts.push(Account { issuer, claim, value });
        }
    }
    accounts
}

fn moment(report: &mut Report, fields: &mut Fields, key: &str) -> Option<Time> {
    let text = fields.text(report, key)?;
    let moment = Time::parse_rfc3339(&text);
    if moment.is_none() {
        report.error(&fields.name(key), "is not a moment such as `2026-01-01T00:00:00Z`");
    }
    moment
}

fn duty(report: &mut Report, fields: &mut Fields, profiles: &ProfileKeys) -> Option<Duty> {
    let name = fields.required(report, "role");
    let role = name.as_deref().and_then(|name| Role::ALL.into_iter().find(|role| role.name() == name));
    if name.is_some() && role.is_none() {
        report.error(&fields.name("role"), "is not one of `approve`, `audit`, `manage`, `use`");
    }
    let named: BTreeSet<ProfileName> =
        scope(report, fields, "profiles", |text| ProfileName::parse(text).ok())?;
    let keys: BTreeSet<KeyId> = scope(report, fields, "keys", |text| KeyId::parse(text).ok())?;
    for unknown in named.iter().filter(|profile| !profiles.contains_key(profile)) {
        report.error(&fields.name("profiles"), format!("there is no profile `{unknown}`"));
    }
    for unused in keys.iter().filter(|key| !profiles.values().any(|used| used.contains(key))) {
        report.warning(&fields.name("keys"), format!("no profile uses the key `{unused}`"));
    }
    let role = role?;
    if named.is_empty() && keys.is_empty() && role != Role::Audit {
        report.error(&fields.name("role"), "covers nothing: name `profiles` or `keys`");
    }
    Some(Duty { role, profiles: named, keys })
}

fn scope<T: Ord>(
    report: &mut Report,
    fields: &mut Fields,
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<BTreeSet<T>> {
    let field = fields.name(key);
    let Some(texts) = fields.texts(report, key) else { return Some(BTreeSet::new()) };
    // An empty list would read as nothing and, for an auditor, mean everything.
    if !(1..=MAX_SCOPE).contains(&texts.len()) {
        report.error(&field, "does not list 1 to 512 names");
        return None;
    }
    let parsed: Option<BTreeSet<T>> = texts.iter().map(|text| parse(text)).collect();
    if parsed.is_none() {
        report.error(&field, "holds something that is not a name");
    }
    parsed
}

fn separate(report: &mut Report, member: &Member, profiles: &ProfileKeys) {
    let keys = |role: Role| {
        let duties = member.duties.iter().filter(move |duty| duty.role == role);
        duties.flat_map(|duty| duty.reach(profiles)).collect::<BTreeSet<_>>()
    };
    for key in keys(Role::Use).intersection(&keys(Role::Manage)) {
        report.error("people", format!("`{}` may use and manage the key `{key}`", member.id()));
    }
}
