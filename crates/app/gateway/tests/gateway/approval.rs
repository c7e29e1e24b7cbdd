//! Approvals over the whole: who counts, what voids them, and a gateway or database that lies about them.

use chancery_core::digest::Sha256;
use chancery_core::evidence::Approved;
use chancery_core::id::RequestId;
use chancery_core::port::sequencer::{Append, Change, Record, RecordKind};
use chancery_core::request::Request;
use chancery_gateway::approval::{self, Said};
use chancery_gateway::failure::Failure;
use chancery_gateway::sign::{Ask, sign};
use chancery_identity::dev_issuer::DevToken;
use chancery_identity::sshsig::{ACT, APPROVAL};
use chancery_policy::approval::document::Rejection;

use crate::answers::{answered, ordered};
use crate::world::{World, key_of, wish};

/// Asks, and answers with the code of the refusal, `pending`, or nothing when it was signed.
async fn ask(world: &World, request: &Request, change: impl FnOnce(&mut DevToken)) -> Option<&'static str> {
    let token = world.token(request, change);
    answered(
        sign(
            &world.gateway,
            Ask { request: request.clone(), token: Some(token), possession: None, attestations: Vec::new() },
        )
        .await,
    )
}

/// The document that waits for approvals now.
async fn document(world: &World, id: RequestId) -> String {
    approval::of_request(&world.gateway, id).await.unwrap()[0].text.clone()
}

async fn approve(world: &World, id: RequestId, key: &str) -> Result<(), &'static str> {
    let document = document(world, id).await;
    let signature = key_of(key).sign(APPROVAL, document.as_bytes());
    match approval::say(&world.gateway, id, Said { document, signature }).await {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refusal)) => Err(refusal.code.code()),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_people_approve_and_the_same_wish_is_signed_once() {
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    let pending = world.count(|body| matches!(body, chancery_ledger::event::Body::Pending(_)));
    assert_eq!((pending, world.intents()), (1, 0), "it waits once");
    approve(&world, request.id(), "alice").await.unwrap();
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    approve(&world, request.id(), "bob").await.unwrap();
    world.clock.advance(3600);
    // Another run of the same job, with a token of its own.
    assert_eq!(ask(&world, &request, |token| token.run_id = 7).await, None);
    assert_eq!(ask(&world, &request, |_| {}).await, None, "the released result again");
    assert_eq!((world.intents(), world.results()), (1, 1));
}

#[tokio::test]
async fn people_count_not_keys_and_never_who_asks() {
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    for (key, expected) in [
        ("alice", Ok(())),
        ("alice2", Ok(())),
        ("carol", Err("CH4024")),
        ("mallory", Err("CH4024")),
        ("dave", Ok(())),
    ] {
        assert_eq!(approve(&world, request.id(), key).await, expected, "{key}");
    }
    // Alice twice and Dave, who started this very job: under one account or the other.
    for change in [|t: &mut DevToken| t.actor_id = "9".into(), |t: &mut DevToken| t.actor = "Dave-Bot".into()]
    {
        assert_eq!(ask(&world, &request, change).await, Some("pending"));
    }
    // Somebody else started it: now Alice and Dave are two people.
    assert_eq!(ask(&world, &request, |_| {}).await, None);
}

type Difference = (&'static str, fn(&mut DevToken));

#[tokio::test]
async fn anything_that_changes_voids_the_approvals() {
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    for key in ["alice", "bob"] {
        approve(&world, request.id(), key).await.unwrap();
    }
    // One bit of the digest, of the profile: another request.
    assert_eq!(ask(&world, &wish("release", "apq"), |_| {}).await, Some("pending"));
    let changes: [Difference; 4] = [
        ("commit", |token| token.sha = token.sha.replace("67", "68")),
        ("ref", |token| token.git_ref = "refs/tags/v1".into()),
        ("workflow", |token| token.workflow = "other.yml".into()),
        ("environment", |token| token.environment = Some("production".into())),
    ];
    for (what, change) in changes {
        assert_eq!(ask(&world, &request, change).await, Some("pending"), "{what}");
    }
    let changed = world.changed("profiles/release.toml", "count = 100", "count = 99");
    world.apply(changed).await.unwrap();
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"), "policy version");
    assert_eq!(world.intents(), 0);
}

#[tokio::test]
async fn approvals_expire_and_rejections_end_it() {
    let world = World::new().await;
    let (late, rejected) = (wish("release", "late"), wish("release", "rejected"));
    for request in [&late, &rejected] {
        assert_eq!(ask(&world, request, |_| {}).await, Some("pending"));
        for key in ["alice", "bob"] {
            approve(&world, request.id(), key).await.unwrap();
        }
    }
    let text = document(&world, rejected.id()).await;
    let document = Rejection::new(Sha256::of(text.as_bytes()), "wrong branch").canonical().unwrap();
    let signature = key_of("dave").sign(APPROVAL, document.as_bytes());
    approval::say(&world.gateway, rejected.id(), Said { document, signature }).await.unwrap();
    assert_eq!(ask(&world, &rejected, |_| {}).await, Some("CH4023"));
    world.clock.advance(24 * 3600);
    assert_eq!(ask(&world, &late, |_| {}).await, Some("pending"));
    assert_eq!(world.intents(), 0);
}

#[tokio::test]
async fn who_asked_may_take_it_back_and_nobody_else() {
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    for key in ["alice", "bob"] {
        approve(&world, request.id(), key).await.unwrap();
    }
    assert_eq!(approval::waiting(&world.gateway, 10).await.unwrap().len(), 1);
    let cancel = async |token: String| approval::cancel(&world.gateway, request.id(), Some(&token)).await;
    let others = [
        world.token(&request, |token| token.sha = "f".repeat(40)),
        world.token(&wish("release", "b"), |_| {}),
    ];
    for token in others {
        assert!(matches!(cancel(token).await, Err(Failure::Refused(_))));
    }
    cancel(world.token(&request, |token| token.run_id = 9)).await.unwrap();
    assert_eq!(approval::waiting(&world.gateway, 10).await.unwrap().len(), 0);
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"), "it waits anew, for new approvals");
    assert_eq!(world.intents(), 0);
}

#[tokio::test]
async fn rows_that_somebody_put_there_count_for_nothing() {
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    let text = document(&world, request.id()).await;
    let topic = Sha256::of(text.as_bytes()).to_string();
    let forged = [
        "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n".to_owned(),
        key_of("mallory").sign(APPROVAL, text.as_bytes()),
        key_of("alice").sign(ACT, text.as_bytes()),
        key_of("bob").sign(APPROVAL, b"something else"),
        "alice approved".to_owned(),
    ];
    for body in forged {
        let sha256 = Sha256::of(body.as_bytes());
        let record = Record { sha256, kind: RecordKind::Approval, topic: topic.clone(), body };
        let append = Append { leaves: vec!["{\"n\":1}".into()], changes: vec![Change::Keep(record)] };
        world.ledger.append_now(&append).unwrap();
    }
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
}

type Lie = (&'static str, fn(&str) -> Option<Approved>, &'static str);

/// A gateway that decided by itself that people approved.
#[tokio::test]
async fn the_keyguard_counts_again() {
    let lies: [Lie; 9] = [
        ("nothing", |_| None, "CH5001"),
        ("one", |text| approved(text, &["alice"]), "CH5001"),
        ("one person twice", |text| approved(text, &["alice", "alice2"]), "CH5001"),
        ("an auditor", |text| approved(text, &["alice", "carol"]), "CH4024"),
        ("a stranger", |text| approved(text, &["alice", "mallory"]), "CH4024"),
        (
            "another document",
            |text| approved(&text.replace("refs/heads/main", "refs/heads/mail"), &["alice", "bob"]),
            "CH4024",
        ),
        (
            "signatures over another document",
            |text| {
                let mut lie = approved(&text.replace("main", "mail"), &["alice", "bob"])?;
                lie.document = text.to_owned();
                Some(lie)
            },
            "CH4024",
        ),
        (
            "another beginning",
            |text| approved(&text.replace("\"at\":17", "\"at\":16"), &["alice", "bob"]),
            "CH4024",
        ),
        ("a longer life", |text| approved(&longer(text), &["alice", "bob"]), "CH4024"),
    ];
    for (name, lie, expected) in lies {
        let world = World::new().await;
        let request = wish("release", "app");
        assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
        let text = document(&world, request.id()).await;
        let orders = world.order_with(&request, lie(&text)).await;
        assert_eq!(ordered(&world, &orders), Some(expected), "{name}");
    }
    let world = World::new().await;
    let request = wish("release", "app");
    assert_eq!(ask(&world, &request, |_| {}).await, Some("pending"));
    let text = document(&world, request.id()).await;
    let honest = world.order_with(&request, approved(&text, &["alice", "bob"])).await;
    assert_eq!(ordered(&world, &honest), None);
}

/// The same document with a life of two days, where the profile gives one.
fn longer(text: &str) -> String {
    let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
    let at = document["at"].as_i64().unwrap();
    document["expires"] = (at + 2 * 86_400_000).into();
    chancery_core::canonical::to_string(&document).unwrap()
}

fn approved(text: &str, keys: &[&str]) -> Option<Approved> {
    let signatures = keys.iter().map(|key| key_of(key).sign(APPROVAL, text.as_bytes())).collect();
    Some(Approved { document: text.to_owned(), signatures })
}
