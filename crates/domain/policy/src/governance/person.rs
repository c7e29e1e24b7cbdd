//! People with their SSH keys, as `root.toml` and `roster.toml` list them.

use std::collections::BTreeMap;

use chancery_core::digest::Sha256;
use chancery_core::id::PersonId;
use chancery_identity::sshsig::key::SshPublicKey;

use crate::fields::Fields;
use crate::pattern::is_invisible;
use crate::problem::Report;

/// Most people in one file.
pub(super) const MAX_PEOPLE: usize = 512;
const MAX_KEYS: usize = 8;
const MAX_NAME: usize = 200;

/// A person with at least one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: PersonId,
    pub(super) name: String,
    pub(super) keys: Vec<SshPublicKey>,
}

/// Reads `id`, `name` and `keys`; `None` when something about them was reported.
pub(super) fn read(report: &mut Report, fields: &mut Fields) -> Option<Person> {
    let id = fields.required(report, "id");
    let id = id.and_then(|id| {
        PersonId::parse(&id).map_err(|error| report.error(&fields.name("id"), error.to_string())).ok()
    });
    let name = name(report, fields);
    let keys = keys(report, fields);
    Some(Person { id: id?, name: name?, keys: keys? })
}

fn name(report: &mut Report, fields: &mut Fields) -> Option<String> {
    let name = fields.required(report, "name")?;
    if name.len() > MAX_NAME || name.chars().any(is_invisible) {
        report.error(&fields.name("name"), "is longer than 200 bytes or holds control characters");
        return None;
    }
    Some(name)
}

fn keys(report: &mut Report, fields: &mut Fields) -> Option<Vec<SshPublicKey>> {
    let field = fields.name("keys");
    let lines = fields.texts(report, "keys").unwrap_or_default();
    if !(1..=MAX_KEYS).contains(&lines.len()) {
        report.error(&field, "does not list 1 to 8 ssh public keys");
        return None;
    }
    let read = |(index, line): (usize, &String)| match SshPublicKey::parse_line(line) {
        Ok(key) => Some(key),
        Err(error) => {
            report.error(&format!("{field}[{index}]"), error.to_string());
            None
        }
    };
    lines.iter().enumerate().map(read).collect()
}

/// Whose key is whose. INVARIANT: one private key belongs to one person, under whatever type it is listed: otherwise
/// one person could count as two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Owners(BTreeMap<Sha256, PersonId>);

impl Owners {
    /// Takes the keys of everybody; a person or a key that comes twice is reported.
    pub(super) fn of<'a>(report: &mut Report, people: impl Iterator<Item = &'a Person>) -> Self {
        let mut owners = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for person in people {
            if !seen.insert(&person.id) {
                report.error("people", format!("person `{}` is listed twice", person.id));
            }
            for key in &person.keys {
                let known = owners.0.insert(key.pair(), person.id.clone());
                if let Some(other) = known {
                    let key = key.fingerprint();
                    report.error(
                        "people",
                        format!("key `{key}` is listed by `{other}` and by `{}`", person.id),
                    );
                }
            }
        }
        owners
    }
    /// Whose key it is.
    pub(super) fn of_key(&self, key: &SshPublicKey) -> Option<&PersonId> {
        self.0.get(&key.pair())
    }
    /// A key that is one person's here and another's there: (here, there).
    pub(super) fn contradiction<'a>(&'a self, other: &'a Self) -> Option<(&'a PersonId, &'a PersonId)> {
        let shared = self.0.iter().filter_map(|(pair, mine)| Some((mine, other.0.get(pair)?)));
        shared.into_iter().find(|(mine, theirs)| mine != theirs)
    }
}
