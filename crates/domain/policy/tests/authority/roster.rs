//! `roster.toml`: roles, validity, separation of duties.

use chancery_core::id::ProfileName;
use chancery_core::time::Time;
use chancery_identity::sshsig::key::SshPublicKey;
use chancery_policy::governance::roster::Role;
use chancery_policy::policy::Policy;
use chancery_testkit::ssh::SshTestKey;

use crate::world::{documents, person, root};

const PLACEHOLDER: &str = "schema = \"chancery.root/1\"\nkind = \"development\"\n";

fn roster(people: &[String]) -> String {
    format!("schema = \"chancery.roster/1\"\n{}", people.concat())
}

fn role(role: &str, scope: &str) -> String {
    format!("[[people.roles]]\nrole = \"{role}\"\n{scope}\n")
}

const DEV: &str = "profiles = [\"dev\"]";

#[test]
fn roles_hold_for_their_profile_while_they_are_valid() {
    let (a, b) = (SshTestKey::ed25519(), SshTestKey::ed25519());
    let validity = "valid_from = \"2026-01-01T00:00:00Z\"\nvalid_until = \"2027-01-01T00:00:00Z\"\n";
    let bob = [person("bob", &[&a]), validity.to_owned(), role("approve", DEV)].concat();
    let carol = [person("carol", &[&b]), role("audit", "")].concat();
    let policy = Policy::load(&documents(PLACEHOLDER, Some(&roster(&[bob, carol])), "")).unwrap();
    let member =
        |key: &SshTestKey| policy.roster().member_of(&SshPublicKey::parse_line(&key.line()).unwrap());
    let (bob, carol) = (member(&a).unwrap(), member(&b).unwrap());
    assert_eq!((bob.id().as_str(), carol.id().as_str()), ("bob", "carol"));
    assert!(member(&SshTestKey::ed25519()).is_none());
    let (dev, other) = (ProfileName::parse("dev").unwrap(), ProfileName::parse("other").unwrap());
    let at = |text: &str| Time::parse_rfc3339(text).unwrap();
    for (moment, expected) in [
        ("2025-12-31T23:59:59Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-12-31T23:59:59Z", true),
        ("2027-01-01T00:00:00Z", false),
    ] {
        assert_eq!(bob.may(Role::Approve, &dev, at(moment)), expected, "{moment}");
        assert!(!bob.may(Role::Approve, &other, at(moment)));
        assert!(!bob.may(Role::Manage, &dev, at(moment)));
        assert!(carol.may(Role::Audit, &other, at(moment)) && !carol.may(Role::Approve, &dev, at(moment)));
    }
}

#[test]
fn each_fault_is_a_load_error() {
    let (a, b) = (SshTestKey::ed25519(), SshTestKey::ed25519());
    let bob = |roles: &[String]| roster(&[person("bob", &[&a]), roles.concat()]);
    let key = "keys = [\"dev-message\"]";
    let rows = [
        (bob(&[role("aprove", DEV)]), "people[0].roles[0].role: is not one of"),
        (bob(&[role("approve", "profiles = [\"prod\"]")]), "there is no profile `prod`"),
        (bob(&[role("approve", "")]), "covers nothing"),
        (bob(&[role("audit", "profiles = []")]), "does not list 1 to 512 names"),
        (bob(&[role("approve", "profile = \"dev\"")]), "profile: is not a known field"),
        (bob(&[role("approve", "keys = [\"../x\"]")]), "holds something that is not a name"),
        (bob(&[role("use", DEV), role("manage", DEV)]), "`bob` may use and manage the key `dev-message`"),
        (bob(&[role("use", DEV), role("manage", key)]), "`bob` may use and manage the key `dev-message`"),
        (bob(&[role("manage", key), role("use", key)]), "`bob` may use and manage the key `dev-message`"),
        (roster(&[person("bob", &[&a]), person("carol", &[&b, &a])]), "is listed by `bob` and by `carol`"),
        (roster(&[person("bob", &[&a]), "valid_until = \"soon\"\n".to_owned()]), "is not a moment"),
        (
            roster(&[
                person("bob", &[&a]),
                "valid_from = \"2027-01-01T00:00:00Z\"\nvalid_until = \"2026-01-01T00:00:00Z\"\n".to_owned(),
            ]),
            "is not after",
        ),
        ("people = []\n".to_owned(), "schema: is missing"),
    ];
    for (text, expected) in rows {
        let problems = Policy::load(&documents(PLACEHOLDER, Some(&text), "")).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}\nexpected: {expected}");
    }
    let separate = bob(&[role("use", DEV), role("manage", "keys = [\"elsewhere\"]"), role("approve", DEV)]);
    let policy = Policy::load(&documents(PLACEHOLDER, Some(&separate), "")).unwrap();
    assert!(policy.warnings().to_string().contains("no profile uses the key `elsewhere`"));
}

#[test]
fn one_key_is_one_persons_in_root_and_roster() {
    let (a, b, c) = (SshTestKey::ed25519(), SshTestKey::ed25519(), SshTestKey::ed25519());
    let root = root(1, None, 2, &[person("alice", &[&a]), person("bob", &[&b]), person("carol", &[&c])]);
    let load = |id: &str| Policy::load(&documents(&root, Some(&roster(&[person(id, &[&a])])), ""));
    assert!(load("alice").is_ok());
    assert!(
        load("mallory").unwrap_err().to_string().contains("a key of `mallory` is `alice`'s in root.toml")
    );
}
