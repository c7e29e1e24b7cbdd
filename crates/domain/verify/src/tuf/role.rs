//! The four top-level roles: what ours say, and what is read of others'.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::digest::Sha256;
use chancery_core::time::Time;
use chancery_core::tuf::{Role, Target};
use serde_json::{Map, Value, json};

use super::key::{self, TufKey};
use super::refused::TufRefused;

/// The version of the specification that our metadata follows.
const SPECIFICATION: &str = "1.0.31";
/// Most keys of a root, and most files of targets or snapshot.
const MAX_KEYS: usize = 64;
const MAX_FILES: usize = 4096;

/// What all roles say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Common {
    /// Counts up.
    pub version: u64,
    /// When it is no longer taken.
    pub expires: Time,
}

impl Common {
    /// Reads what all roles say.
    pub fn read(role: Role, signed: &Value) -> Result<Self, TufRefused> {
        let malformed = |why| TufRefused::Malformed { role, why };
        let version = signed.get("version").and_then(Value::as_u64).filter(|version| *version > 0);
        let expires = signed.get("expires").and_then(Value::as_str).and_then(Time::parse_rfc3339);
        let spec = signed.get("spec_version").and_then(Value::as_str);
        // 1.x of the specification; older Sigstore roots say `1.0`.
        if !spec.is_some_and(|spec| spec.starts_with("1.")) {
            return Err(malformed("`spec_version` is not 1.x"));
        }
        match (version, expires) {
            (Some(version), Some(expires)) => Ok(Self { version, expires }),
            (None, _) => Err(malformed("`version` is missing or no positive integer")),
            (_, None) => Err(malformed("`expires` is missing or no moment")),
        }
    }
    /// Whether it may be used at a moment.
    pub fn check(&self, role: Role, at: Time) -> Result<(), TufRefused> {
        let expires = self.expires;
        if at < expires { Ok(()) } else { Err(TufRefused::Expired { role, expires, at }) }
    }
    fn members(&self, role: Role) -> Map<String, Value> {
        Map::from_iter([
            ("_type".to_owned(), json!(role.name())),
            ("expires".to_owned(), json!(self.expires.to_string())),
            ("spec_version".to_owned(), json!(SPECIFICATION)),
            ("version".to_owned(), json!(self.version)),
        ])
    }
}

/// The keys of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleKeys {
    keys: BTreeMap<String, TufKey>,
    names: BTreeSet<String>,
    threshold: usize,
}

impl RoleKeys {
    /// How many must sign.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }
    /// A key by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&TufKey> {
        self.keys.get(name)
    }
    /// Whether the same keys may sign (5.3.11).
    #[must_use]
    pub fn has_keys_of(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

/// Who may sign what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Version and end.
    pub common: Common,
    /// Whether files carry version or digest in their names: what this client reads. Retired roots of others do not.
    pub consistent_snapshot: bool,
    roles: BTreeMap<Role, RoleKeys>,
}

impl Root {
    /// Reads a root.
    pub fn read(signed: &Value) -> Result<Self, TufRefused> {
        let role = Role::Root;
        let malformed = |why| TufRefused::Malformed { role, why };
        let common = Common::read(role, signed)?;
        let consistent_snapshot = signed.get("consistent_snapshot").and_then(Value::as_bool).unwrap_or(false);
        let listed = signed.get("keys").and_then(Value::as_object);
        let listed = listed.filter(|listed| listed.len() <= MAX_KEYS);
        let mut keys = BTreeMap::new();
        for (name, value) in listed.ok_or_else(|| malformed("`keys` is missing or too long"))? {
            if let Some(key) = TufKey::parse(value).map_err(|why| TufRefused::Key { role, why })? {
                keys.insert(name.clone(), key);
            }
        }
        let roles = Role::ALL.into_iter().map(|role| Ok((role, role_keys(signed, role, &keys)?)));
        Ok(Self { common, consistent_snapshot, roles: roles.collect::<Result<_, TufRefused>>()? })
    }
    /// The keys of a role.
    pub fn keys(&self, role: Role) -> Result<&RoleKeys, TufRefused> {
        self.roles.get(&role).ok_or(TufRefused::Malformed { role: Role::Root, why: "a role is missing" })
    }
}

fn role_keys(signed: &Value, role: Role, keys: &BTreeMap<String, TufKey>) -> Result<RoleKeys, TufRefused> {
    let malformed = |why| TufRefused::Malformed { role: Role::Root, why };
    let found = signed.pointer("/roles").and_then(|roles| roles.get(role.name()));
    let found = found.ok_or_else(|| malformed("a role is missing"))?;
    let threshold =
        found.get("threshold").and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
    let threshold =
        threshold.filter(|count| *count > 0).ok_or_else(|| malformed("a threshold is not positive"))?;
    let names =
        found.get("keyids").and_then(Value::as_array).ok_or_else(|| malformed("`keyids` is missing"))?;
    let named: Option<Vec<String>> = names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    let named = named.ok_or_else(|| malformed("a name of a key is no text"))?;
    let names: BTreeSet<String> = named.iter().cloned().collect();
    if names.len() != named.len() {
        return Err(malformed("a role names a key twice"));
    }
    let own = keys.iter().filter(|(name, _)| names.contains(*name));
    let own = own.map(|(name, key)| (name.clone(), key.clone())).collect();
    Ok(RoleKeys { keys: own, names, threshold })
}

/// A file that metadata names. What is absent is not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its version; 0 for targets' files.
    pub version: u64,
    /// Its length in bytes.
    pub length: Option<u64>,
    /// Its SHA-256.
    pub sha256: Option<Sha256>,
}

impl Named {
    fn read(role: Role, value: &Value) -> Result<Self, TufRefused> {
        let malformed = |why| TufRefused::Malformed { role, why };
        let length = value.get("length").map(|length| length.as_u64().ok_or_else(|| malformed("`length`")));
        let digest = value.pointer("/hashes/sha256");
        let digest = digest.map(|text| {
            text.as_str().and_then(|text| Sha256::parse_hex(text).ok()).ok_or_else(|| malformed("`sha256`"))
        });
        // Digests of other kinds only would be a file that nobody checks.
        if value.get("hashes").is_some() && digest.is_none() {
            return Err(malformed("no SHA-256 among the digests"));
        }
        let version = value.get("version").and_then(Value::as_u64).unwrap_or(0);
        Ok(Self { version, length: length.transpose()?, sha256: digest.transpose()? })
    }
    /// Whether bytes are those that are named.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Result<(), TufRefused> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let fits = self.length.is_none_or(|named| named == length)
            && self.sha256.is_none_or(|named| named == Sha256::of(bytes));
        if fits { Ok(()) } else { Err(TufRefused::Digest(name.to_owned())) }
    }
}

/// Reads the files that timestamp (`meta`), snapshot (`meta`) or targets (`targets`) name.
pub fn files(role: Role, signed: &Value) -> Result<BTreeMap<String, Named>, TufRefused> {
    let member = if role == Role::Targets { "targets" } else { "meta" };
    let listed = signed.get(member).and_then(Value::as_object).filter(|listed| listed.len() <= MAX_FILES);
    let listed =
        listed.ok_or(TufRefused::Malformed { role, why: "the list of files is missing or too long" })?;
    listed.iter().map(|(name, value)| Ok((name.clone(), Named::read(role, value)?))).collect()
}

/// What our root says: one key for every role, held by the process that checks what it signs with it.
#[must_use]
pub fn root(common: &Common, spki: &[u8]) -> Value {
    let (id, key) = key::own(spki);
    let mut members = common.members(Role::Root);
    let role = json!({"keyids": [id], "threshold": 1});
    let roles: Map<String, Value> =
        Role::ALL.map(|name| (name.name().to_owned(), role.clone())).into_iter().collect();
    members.insert("consistent_snapshot".to_owned(), Value::Bool(true));
    members.insert("keys".to_owned(), Value::Object(Map::from_iter([(id, key)])));
    members.insert("roles".to_owned(), Value::Object(roles));
    Value::Object(members)
}

/// What our targets say.
#[must_use]
pub fn targets(common: &Common, files: &[Target]) -> Value {
    let mut members = common.members(Role::Targets);
    let named = files.iter().map(|file| {
        let digest = Sha256::of(file.text.as_bytes()).to_string();
        (file.name.clone(), json!({"hashes": {"sha256": digest}, "length": file.text.len()}))
    });
    members.insert("targets".to_owned(), Value::Object(named.collect()));
    Value::Object(members)
}

/// What our snapshot says of the targets, or our timestamp of the snapshot.
#[must_use]
pub fn naming(role: Role, common: &Common, below: (Role, u64)) -> Value {
    let mut members = common.members(role);
    let name = format!("{}.json", below.0.name());
    members.insert("meta".to_owned(), json!({name: {"version": below.1}}));
    Value::Object(members)
}
