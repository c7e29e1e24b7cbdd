//! What must be accepted: both contents, a signature beside its statement, and how long a verdict takes.

mod world;

use chancery_core::algorithm::KeyAlgorithm;
use chancery_core::id::ProfileName;
use chancery_core::verdict::{CheckName, CheckResult, Outcome};
use chancery_format::seam::{Parts, Signer};
use chancery_testkit::keys::TestKey;
use chancery_verify::explain;
use chancery_verify::verify::{Context, SignedStatement, artifact, statement, verify};
use world::{Wish, World, now, policy};

#[test]
fn accepts_both_contents_with_all_ten_checks() {
    let world = World::new();
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    for wish in [Wish::default(), Wish::message()] {
        let made = world.sign(b"hello\n", &key, &wish);
        let (trust, policy) = (world.snapshot(), policy());
        let context = Context { trust: &trust, policy: &policy, at: now() };
        let accepted = artifact(&made.evidence(), &context);
        let verdict = world.verdict(&made.evidence());
        let accepted = accepted.unwrap_or_else(|_| panic!("{:#?}", explain::lines(&verdict)));
        assert!(verdict.checks.iter().all(|check| check.result == CheckResult::Passed));
        assert_eq!(accepted.artifact(), made.artifact);
        let signer = accepted.signer();
        assert_eq!(signer.identity.as_deref(), Some(world::IDENTITY));
        assert_eq!(signer.issuer.as_deref(), Some(world::ISSUER));
        assert_eq!(signer.signed_at, Some(world::signing_time()));
        assert_eq!(signer.ledger_index, Some(9));
    }
}

/// No random number, no clock, no file: the same inputs give the same verdict. The cost of one verdict is printed, not
/// judged: machines differ.
#[test]
fn the_same_inputs_give_the_same_verdict() {
    let world = World::new();
    let made = world.sign(b"hello\n", &TestKey::generate(KeyAlgorithm::EcdsaP256), &Wish::default());
    let (trust, policy) = (world.snapshot(), policy());
    let context = Context { trust: &trust, policy: &policy, at: now() };
    let first = verify(&made.evidence(), &context);
    let start = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(verify(&made.evidence(), &context), first);
    }
    println!("one verdict: {:?} (this build, wall clock)", start.elapsed() / 100);
}

#[test]
fn a_fresh_signature_is_checked_against_its_statement() {
    let world = World::new();
    let key = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let other = TestKey::generate(KeyAlgorithm::EcdsaP256);
    let (trust, policy) = (world.snapshot(), policy());
    let context = Context { trust: &trust, policy: &policy, at: now() };
    let profile = ProfileName::parse("acme-release").unwrap();
    for wish in [Wish::default(), Wish::message()] {
        let made = world.sign(b"hello\n", &key, &wish);
        let public = key.public_key();
        let signer = Signer {
            public_key: &public,
            caller: &made.caller,
            profile: &profile,
            builder: "https://sign.example",
        };
        let certificates = [made.leaf.clone()];
        let parts = Parts {
            signature: &made.signature,
            certificates: &certificates,
            timestamp: Some(&made.token),
            ledger: None,
        };
        let signed = SignedStatement { statement: &made.statement, signer: &signer, parts: &parts };
        let verified = statement(&signed, &context).unwrap();
        assert_eq!(verified.statement(), made.statement.id().unwrap());
        let not_made = [CheckName::Coverage, CheckName::Ledger];
        for check in &verified.verdict().checks {
            assert_eq!(check.result != CheckResult::Passed, not_made.contains(&check.name), "{check:?}");
        }
        let others_leaf = [world.leaf(&other, &wish)];
        let wrong = [
            Parts { signature: b"x", ..parts },
            Parts { certificates: &[], ..parts },
            Parts { certificates: &others_leaf, ..parts },
            Parts { timestamp: None, ..parts },
        ];
        for parts in wrong {
            let signed = SignedStatement { parts: &parts, ..signed };
            assert_ne!(statement(&signed, &context).unwrap_err().outcome(), Outcome::Verified);
        }
        let another = world.sign(b"other\n", &key, &wish).statement;
        let moved = SignedStatement { statement: &another, ..signed };
        assert_eq!(statement(&moved, &context).unwrap_err().outcome(), Outcome::Invalid);
    }
}
