//! `POST /v1/sign` from body to proof.

use chancery_api::rehearsal::Rehearsal;
use chancery_api::request::{RequestState, StatementState};
use chancery_api::signed::Signed;
use chancery_identity::dev_issuer::DevToken;
use chancery_ledger::merkle::{Head, verify_inclusion};
use chancery_ledger::proof::TlogProof;

use crate::keyguard::{Mood, SECRET};
use crate::world::{Answer, World, request, request_for};

#[tokio::test(flavor = "multi_thread")]
async fn signs_with_proof_and_says_the_same_again() {
    let world = World::start().await;
    let request = request(&["a.bin", "b.bin", "c.bin"]);
    let answer = world.sign(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["schema"], "chancery.signed/1");
    assert_eq!(answer.header("cache-control"), "no-store");
    let signed: Signed = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(signed.request_id, request.id());
    let asked: Vec<_> = request.statements().iter().map(|(id, _)| *id).collect();
    assert_eq!(signed.results.iter().map(|result| result.statement).collect::<Vec<_>>(), asked);
    for result in &signed.results {
        let bundle: serde_json::Value = serde_json::from_slice(&result.blob).unwrap();
        assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
        assert_eq!(result.suffix.as_deref(), Some(".sigstore.json"));
        let identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
        assert_eq!(result.certificate_identity.as_deref(), Some(identity));
        assert_eq!(result.certificate_oidc_issuer.as_deref(), Some(crate::world::ISSUER));
        assert!(result.timestamp.as_deref().unwrap().starts_with("2026-"), "{result:?}");
        let proof = TlogProof::parse(&result.tlog_proof).unwrap();
        assert_eq!(proof.extra.as_deref(), Some(result.leaf.as_bytes()));
        let receipt = proof.receipt(result.leaf.as_bytes()).unwrap();
        assert_eq!((receipt.index, receipt.size), (result.ledger.index, result.ledger.size));
        assert_eq!(world.ledger.leaves()[usize::try_from(receipt.index).unwrap()], result.leaf);
        let checkpoint =
            chancery_ledger::checkpoint::SignedCheckpoint::open(&receipt.checkpoint, &world.ledger.vkey());
        let head: Head = checkpoint.unwrap().checkpoint().head;
        verify_inclusion((receipt.index, head.size), &receipt.leaf_hash, &receipt.proof, &head.root).unwrap();
    }
    let before = world.ledger.leaves().len();
    let again: Signed = serde_json::from_slice(&world.sign(&request).await.body).unwrap();
    let indices =
        |signed: &Signed| signed.results.iter().map(|result| result.ledger.index).collect::<Vec<_>>();
    assert_eq!(indices(&again), indices(&signed));
    assert_eq!(world.ledger.leaves().len(), before, "nothing is logged or signed twice");
    let state = world.get(&format!("/v1/requests/{}", request.id())).await;
    let state: RequestState = serde_json::from_slice(&state.body).unwrap();
    assert_eq!((state.state, state.statements.len()), (StatementState::Released, 3));
}

/// The same request in its other dress: beside the attestations that it brings.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_beside_its_attestations_is_the_same_request() {
    const ASK: &str = "application/vnd.chancery.ask+json";
    let world = World::start().await;
    let request = request(&["a.bin"]);
    let ask = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut ask = serde_json::json!({
            "attestations": ["{}"], "request": request.canonical(), "schema": "chancery.ask/1",
        });
        change(&mut ask);
        ask.to_string()
    };
    let send = |media: &'static str, body: String| {
        let post = world.post("/v1/sign").header("content-type", media).body(body);
        Answer::of(post.bearer_auth(world.token(&request)))
    };
    let plain = ask(&|_| {});
    for (name, media, body) in [
        ("as a request", "application/json", plain.clone()),
        ("a bare request", ASK, request.canonical().to_owned()),
        ("another schema", ASK, ask(&|ask| ask["schema"] = "chancery.ask/2".into())),
        ("an unknown member", ASK, ask(&|ask| ask["attestation"] = serde_json::json!([]))),
        ("no attestations", ASK, ask(&|ask| drop(ask.as_object_mut().unwrap().remove("attestations")))),
        ("one that is no text", ASK, ask(&|ask| ask["attestations"] = serde_json::json!([{}]))),
        (
            "a request of another spelling",
            ASK,
            ask(&|ask| {
                ask["request"] = format!("{} ", request.canonical()).into();
            }),
        ),
        ("a list", ASK, format!("[{plain}]")),
    ] {
        assert_eq!(send(media, body).await.problem(), "CH2101", "{name}");
    }
    assert_eq!(send("application/vnd.chancery.ask", plain.clone()).await.problem(), "CH2104");
    let many = ask(&|ask| ask["attestations"] = vec!["{}"; 17].into());
    assert_eq!(send(ASK, many).await.problem(), "CH4051");
    // Profile `dev` demands nothing, so what comes along is not looked at.
    let answer = send(ASK, plain).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let signed: Signed = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(signed.request_id, request.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn rehearses_without_a_trace() {
    let world = World::start().await;
    let request = request(&["a.bin"]);
    let before = world.ledger.leaves().len();
    let post = world.post("/v1/sign?dry_run=true").header("content-type", "application/json");
    let answer =
        Answer::of(post.body(request.canonical().to_owned()).bearer_auth(world.token(&request))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let rehearsal: Rehearsal = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(rehearsal.schema, "chancery.rehearsal/1");
    assert_eq!(rehearsal.policy, world.gateway.governance().unwrap().version);
    let one = &rehearsal.statements[0];
    assert!(one.trace.iter().all(|line| line.ok) && !one.trace.is_empty());
    let text = String::from_utf8_lossy(&one.to_be_signed);
    assert!(text.starts_with("DSSEv1 "), "{text}");
    assert_eq!(world.ledger.leaves().len(), before);
    let known: RequestState =
        serde_json::from_slice(&world.get(&format!("/v1/requests/{}", request.id())).await.body).unwrap();
    assert_eq!((known.state, known.statements.len()), (StatementState::Unknown, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why_and_are_in_the_ledger_first() {
    let world = World::start().await;
    let request = request(&["a.bin"]);
    let bound = chancery_identity::audience::bound(crate::world::HOST, request.id());
    let branch =
        DevToken { audience: bound.clone(), git_ref: "refs/heads/evil".into(), ..DevToken::default() };
    let other = crate::world::request(&["other.bin"]);
    let cases: [(u16, &str, String); 5] = [
        (403, "CH4012", world.token_of(branch)),
        (
            403,
            "CH4002",
            world.token_of(DevToken {
                audience: bound.clone(),
                repository_id: "666".into(),
                ..DevToken::default()
            }),
        ),
        (401, "CH3004", world.token(&other)),
        (
            401,
            "CH3005",
            world.token_of(DevToken { audience: bound, iat_offset: -90_000, ..DevToken::default() }),
        ),
        (401, "CH3001", "not.a.token".into()),
    ];
    for (status, code, token) in cases {
        let answer = world.sign_as(&request, &token).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
        assert!(!answer.text().contains(&token), "no token comes back");
    }
    let denied =
        world.ledger.leaves().into_iter().filter(|leaf| leaf.contains("\"kind\":\"denied\"")).count();
    assert_eq!(denied, 4, "every refusal of a known issuer's caller has its leaf");
    let trace = world
        .sign_as(
            &request,
            &world.token_of(DevToken {
                audience: chancery_identity::audience::bound(crate::world::HOST, request.id()),
                git_ref: "refs/heads/evil".into(),
                ..DevToken::default()
            }),
        )
        .await
        .json();
    let lines = trace["trace"].as_array().unwrap();
    let line = lines.iter().find(|line| line["attribute"] == "source_repository_ref" && line["ok"] == false);
    assert_eq!(line.unwrap()["actual"], "refs/heads/evil");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_one_request() {
    let world = World::start().await;
    let (one, two) = (request(&["a.bin"]), request(&["b.bin"]));
    let fixed = world.token_of(DevToken { audience: "chancery:sign.example".into(), ..DevToken::default() });
    assert_eq!(world.sign_as(&one, &fixed).await.problem(), "CH4017");
    assert_eq!(world.sign_as(&two, &fixed).await.problem(), "CH4017");
    let unknown = request_for("nope", &["a.bin"]);
    assert_eq!(world.sign(&unknown).await.problem(), "CH4001");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_canonical_body_is_a_request() {
    let world = World::start().await;
    let request = request(&["a.bin", "b.bin"]);
    let canonical = request.canonical().to_owned();
    let token = world.token(&request);
    let twice = canonical.replacen("\"profile\"", "\"profile\":\"dev\",\"profile\"", 1);
    let bodies = [
        String::new(),
        "{}".into(),
        "null".into(),
        format!("{canonical}\n"),
        format!(" {canonical}"),
        canonical.replace(':', ": "),
        canonical.replace("request/1", "request/2"),
        twice,
        canonical.replace("\"dev\"", "\"\\u0064ev\""),
        canonical.strip_suffix('}').unwrap().into(),
        "\u{feff}".to_owned() + &canonical,
        canonical.replacen("\"body\":{}", "\"body\":{},\"extra\":1", 1),
        "[".repeat(100_000),
    ];
    let before = world.ledger.leaves().len();
    for body in bodies {
        let post = world.post("/v1/sign").header("content-type", "application/json").bearer_auth(&token);
        let answer = Answer::of(post.body(body.clone())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "CH2101"), "{:.80}", body);
    }
    let post = world.post("/v1/sign").header("content-type", "application/json").bearer_auth(&token);
    assert_eq!(Answer::of(post.body(vec![0xff, 0xfe])).await.problem(), "CH2101");
    assert_eq!(world.ledger.leaves().len(), before);
    assert_eq!(world.sign_as(&request, &token).await.status, 200, "the token was not used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_internal_leaves_the_service() {
    let world = World::start().await;
    for (mood, status, code) in [(Mood::Breaks, 500, "CH1001"), (Mood::Away, 503, "CH7501")] {
        world.keyguard.set(mood);
        let answer = world.sign(&request(&[&format!("{mood:?}")])).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code));
        for secret in [SECRET, "keyguard", "asleep", "slot"] {
            assert!(!answer.text().contains(secret), "{secret}: {}", answer.text());
        }
        assert_eq!(answer.header("retry-after").is_empty(), status == 500);
    }
    world.keyguard.set(Mood::Answers);
    assert_eq!(world.sign(&request(&["Away"])).await.status, 200, "trying again is safe");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_gets_its_signature_later() {
    let world = World::start().await;
    let request = request(&["a.bin"]);
    world.keyguard.set(Mood::Waits);
    let asking = tokio::spawn(world.signing(&request, &world.token(&request)).send());
    world.keyguard.orders.acquire().await.unwrap().forget();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    world.keyguard.set(Mood::Answers);
    world.keyguard.gate.add_permits(1);
    let results = || world.ledger.leaves().iter().filter(|leaf| leaf.contains("\"kind\":\"result\"")).count();
    while results() == 0 {
        tokio::task::yield_now().await;
    }
    let before = world.ledger.leaves().len();
    let answer = world.sign(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.ledger.leaves().len(), before, "the first signature is the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_approvals_is_pending_and_nothing_is_signed() {
    let world = World::start().await;
    let documents = crate::world::with_approvals(&world);
    let post = world.admin(reqwest::Method::POST, "/admin/policy").header("content-type", "application/json");
    let applied = Answer::of(post.body(documents)).await;
    assert_eq!(applied.status, 200, "{}", applied.text());
    let request = request(&["a.bin"]);
    let before = world.ledger.leaves().len();
    let answer = world.sign(&request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (202, "CH4020"), "{}", answer.text());
    let problem = answer.json();
    let missing =
        serde_json::json!([{"kind": "approvals", "have": 0, "need": 2, "why": ["the profile needs 2"]}]);
    assert_eq!(problem["missing"], missing);
    assert_eq!(problem["detail"], "the request waits: 0 of 2 approvals (the profile needs 2)");
    let leaves = world.ledger.leaves();
    let fresh: Vec<&String> = leaves.iter().skip(before).collect();
    assert!(matches!(fresh.as_slice(), [one] if one.contains("\"kind\":\"pending\"")), "{fresh:?}");
    assert!(world.get("/metrics").await.text().contains("result=\"pending\""));
}
