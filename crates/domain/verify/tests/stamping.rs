//! Who may stamp, and what becomes of timestamps when their authority is revoked.
#![expect(clippy::unwrap_used, reason = "test")]

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::time::Time;
use chancery_core::verdict::{CheckName, CheckResult, Outcome, Reason};
use chancery_testkit::keys::TestKey;
use chancery_verify::snapshot::TrustSnapshot;
use chancery_verify::trust_json;
use chancery_verify::trusted_root::Authority;
use chancery_verify::verify::{Context, verify};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{self, Crl, Revocation, RevocationReason};
use chancery_x509::profile::draft::Issuer;
use chancery_x509::serial::Serial;
use chancery_x509::validity::Validity;
use world::{Holder, Made, Wish, World, now, open_window, policy, signing_time};

fn made(world: &World) -> Made {
    world.sign(b"one", &TestKey::generate(KeyAlgorithm::EcdsaP256), &Wish::default())
}

/// A list of one entry by an authority, in force around the moment of verification.
fn list(by: &Holder, revoked: &Certificate, since: Time, reason: RevocationReason) -> Crl {
    let in_force = Validity::new(now().plus_seconds(-60), now().plus_seconds(60)).unwrap();
    list_for(by, in_force, &[Revocation { serial: revoked.serial().clone(), since, reason }])
}

fn list_for(by: &Holder, in_force: Validity, entries: &[Revocation]) -> Crl {
    let issuer = Issuer::of(&by.certificate).unwrap();
    let tbs = crl::tbs(&issuer, in_force, 1, entries).unwrap();
    crl::assemble(&tbs, issuer.algorithm(), &by.key.sign(&tbs)).unwrap()
}

fn outcome(made: &Made, trust: &TrustSnapshot) -> Result<(), (CheckName, Reason)> {
    let verdict = verify(&made.evidence(), &Context { trust, policy: &policy(), at: now() });
    let failed = verdict.checks.iter().find_map(|check| match &check.result {
        CheckResult::Failed { reason, .. } => Some((check.name, *reason)),
        CheckResult::Passed | CheckResult::NotMade(_) => None,
    });
    assert_eq!(failed.is_none(), verdict.outcome() == Outcome::Verified);
    failed.map_or(Ok(()), Err)
}

fn with(world: &World, lists: Vec<Crl>) -> TrustSnapshot {
    TrustSnapshot { revocation_lists: lists, ..world.snapshot() }
}

const REVOKED: Result<(), (CheckName, Reason)> = Err((CheckName::Timestamp, Reason::Revoked));
const UNKNOWN: Result<(), (CheckName, Reason)> = Err((CheckName::Timestamp, Reason::TimestampInvalid));

#[test]
fn a_revoked_authority_stamps_no_more_and_a_stolen_key_never_did() {
    use RevocationReason::{
        AffiliationChanged, AuthorityCompromise, CessationOfOperation, KeyCompromise, PrivilegeWithdrawn,
        Superseded, Unspecified,
    };
    let world = World::new();
    let made = made(&world);
    let stamped = Wish::default().stamped_at;
    let (before, after) = (stamped.plus_seconds(-1), stamped.plus_seconds(1));
    for reason in [AffiliationChanged, CessationOfOperation, PrivilegeWithdrawn, Superseded, Unspecified] {
        for (since, expected) in [(before, REVOKED), (stamped, REVOKED), (after, Ok(()))] {
            let trust = with(&world, vec![list(&world.tsa_root, &world.tsa.certificate, since, reason)]);
            assert_eq!(outcome(&made, &trust), expected, "{reason} since {since}, stamped {stamped}");
        }
    }
    for reason in [AuthorityCompromise, KeyCompromise] {
        for since in [before, stamped, after] {
            let trust = with(&world, vec![list(&world.tsa_root, &world.tsa.certificate, since, reason)]);
            assert_eq!(outcome(&made, &trust), REVOKED, "{reason} since {since}");
        }
    }
}

#[test]
fn lists_speak_of_their_own_issuers_certificates_alone() {
    let world = World::new();
    let made = made(&world);
    let (tsa, reason) = (&world.tsa.certificate, RevocationReason::KeyCompromise);
    let another = Serial::new(&[0x55; 9]).unwrap();
    let other_serial = [Revocation { serial: another, since: signing_time(), reason }];
    let in_force = Validity::new(now().plus_seconds(-60), now().plus_seconds(60)).unwrap();
    for (name, harmless) in [
        ("nothing revoked", list_for(&world.tsa_root, in_force, &[])),
        ("another serial", list_for(&world.tsa_root, in_force, &other_serial)),
        ("the same serial of another authority", list(&world.root, tsa, signing_time(), reason)),
    ] {
        assert_eq!(outcome(&made, &with(&world, vec![harmless.clone()])), Ok(()), "{name}");
        let hit = list(&world.tsa_root, tsa, signing_time(), reason);
        assert_eq!(outcome(&made, &with(&world, vec![harmless, hit])), REVOKED, "{name}");
    }
}

#[test]
fn a_list_that_does_not_hold_is_no_all_clear() {
    let world = World::new();
    let made = made(&world);
    let validity = |from, until| Validity::new(now().plus_seconds(from), now().plus_seconds(until)).unwrap();
    let stranger = World::new();
    for (name, bad) in [
        ("expired", list_for(&world.tsa_root, validity(-60, -1), &[])),
        ("from the future", list_for(&world.tsa_root, validity(1, 60), &[])),
        ("of another key with the same name", list_for(&stranger.tsa_root, validity(-60, 60), &[])),
    ] {
        assert_eq!(outcome(&made, &with(&world, vec![bad])), UNKNOWN, "{name}");
    }
    let good = list_for(&world.tsa_root, validity(-60, 60), &[]);
    assert_eq!(outcome(&made, &with(&world, vec![good.clone()])), Ok(()));
    let mut still_lists = 0;
    for position in 0..good.as_der().len() {
        let mut altered = good.as_der().to_vec();
        altered[position] ^= 1;
        // What no longer names the authority's issuer is a list about somebody else, and needs a signed snapshot.
        let Ok(altered) = Crl::parse(&altered) else { continue };
        if altered.issuer() == good.issuer() {
            still_lists += 1;
            assert_eq!(outcome(&made, &with(&world, vec![altered])), UNKNOWN, "byte {position}");
        }
    }
    assert!(still_lists > 60, "{still_lists}");
}

#[test]
fn lists_travel_in_the_snapshot() {
    let world = World::new();
    let reason = RevocationReason::KeyCompromise;
    let trust = with(&world, vec![list(&world.tsa_root, &world.tsa.certificate, signing_time(), reason)]);
    let text = trust_json::seal(&trust, Vec::new()).unwrap();
    let read = trust_json::parse(&text, None).unwrap();
    assert_eq!(read, trust);
    assert_eq!(outcome(&made(&world), &read), REVOKED);
    // Without any, the document is spelled as before there were lists.
    let plain = trust_json::seal(&world.snapshot(), Vec::new()).unwrap();
    assert!(!plain.contains("revocation_lists"));
    let empty = plain.replacen("\"revocations\"", "\"revocation_lists\":[],\"revocations\"", 1);
    assert!(trust_json::parse(&empty, None).is_err(), "a second spelling of the same");
    let member = "\"revocation_lists\":[\"";
    let (head, tail) = text.split_once(member).unwrap();
    for (from, to) in [("M", "N"), ("MI", "M")] {
        let altered = format!("{head}{member}{}", tail.replacen(from, to, 1));
        assert!(trust_json::parse(&altered, None).is_err(), "{from} {to}");
    }
}

/// An authority whose chain is its root alone names nobody who may stamp; it must not mean everybody below the root.
#[test]
fn nobody_stamps_for_a_root_that_names_no_authority() {
    let world = World::new();
    let mut trust = world.snapshot();
    let root = vec![world.tsa_root.certificate.clone()];
    trust.roots.timestamp_authorities = vec![Authority::new(("o", "n"), "u", root, open_window()).unwrap()];
    assert_eq!(outcome(&made(&world), &trust), UNKNOWN);
}
