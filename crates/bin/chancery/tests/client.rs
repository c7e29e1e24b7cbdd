//! The command line against a real service: whom it trusts, what it shows of itself, and a copy of the ledger.

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::process::{Command, Stdio};

use serde_json::Value;
use world::{CHANCERY, Said, World, tool};

#[test]
fn trust_is_believed_only_with_its_signature() {
    let world = World::start();
    world.write("app.bin", b"app");
    let signed = world.run(&["sign", "app.bin", "--json"]).expect(0).json();
    assert_eq!(signed.get("trust"), None, "{signed}");
    let verify = ["verify", "app.bin", "--offline", "--json"];
    let key = world.env["CHANCERY_TRUST_KEY"].as_str();
    assert_eq!(world.run(&verify).expect(0).json()["trust"]["key"], key);
    // Another policy under the same name, as somebody who can write the file would have it.
    let path = world.data().join("trust.json");
    let genuine = std::fs::read_to_string(&path).unwrap();
    let changed = genuine.replace(world::IDENTITY, &world::IDENTITY.replace("acme", "evil"));
    let changed = if changed == genuine { genuine.replacen("T", "U", 1) } else { changed };
    assert_ne!(changed, genuine);
    for text in [changed.as_str(), genuine.trim_end_matches('}'), ""] {
        std::fs::write(&path, text).unwrap();
        let said = world.run(&verify);
        assert!([2, 12].contains(&said.code), "{}", said.out);
        assert!(["CH2005", "CH6015"].contains(&said.json()["code"].as_str().unwrap()), "{}", said.out);
    }
    std::fs::write(&path, &genuine).unwrap();
    let without = |arguments: &[&str]| -> Said {
        world.command(arguments).env_remove("CHANCERY_TRUST_KEY").output().unwrap().into()
    };
    let said = without(&["verify", "app.bin", "--offline"]).expect(0);
    assert_eq!(said.err.matches("trust.json was not authenticated: ").count(), 1, "{}", said.err);
    assert_eq!(without(&verify).expect(0).json()["trust"]["authenticated"], false);
    let doctor = without(&["doctor"]).expect(1);
    assert!(doctor.out.contains("× signature: "), "{}", doctor.out);
    world.run(&["doctor"]).expect(0);
}

#[test]
fn curl_does_what_the_client_did_and_no_token_is_shown() {
    let world = World::start();
    world.write("app.bin", b"it's an app");
    let said = world.run(&["sign", "app.bin", "--json", "--print-curl"]).expect(0);
    let id = said.json()["results"][0]["request_id"].as_str().unwrap().to_owned();
    let audience = format!("chancery:dev.localhost:sha256:{id}");
    let secret = world.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"].as_str();
    assert!(!said.err.contains(secret) && !said.err.contains("eyJ"), "{}", said.err);
    assert!(said.err.contains(&format!("# TOKEN: the job's identity token for audience {audience}")));
    let Some(_) = tool("curl") else { return };
    let post = said.err.lines().find(|line| line.contains("/v1/sign")).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", post]).env("TOKEN", world.token(&audience)).stdin(Stdio::null());
    let answer: Said = shell.output().unwrap().into();
    let answer: Value = answer.expect(0).json();
    assert_eq!(answer["request_id"], id.as_str());
    assert_eq!(answer["results"][0]["artifact"], "app.bin");
    let admin = world.run(&["key", "list", "--print-curl"]).expect(0);
    assert!(admin.err.contains("curl -sS "), "{}", admin.err);
}

#[test]
fn the_environment_is_told_but_for_secrets() {
    let world = World::start();
    let mut command = world.command(&["env", "--json"]);
    command.env("CHANCERY_ID_TOKEN", "eyJ-secret");
    let said = Said::from(command.output().unwrap()).expect(0);
    assert!(!said.out.contains("eyJ-secret"));
    let variables = said.json()["variables"].as_array().unwrap().clone();
    let of = |name: &str| variables.iter().find(|variable| variable["name"] == name).unwrap();
    for (name, value) in world.env.iter().filter(|(name, _)| name.starts_with("CHANCERY_")) {
        assert_eq!(
            (&of(name)["value"], &of(name)["source"]),
            (&value.as_str().into(), &"environment".into())
        );
    }
    assert_eq!(of("CHANCERY_ID_TOKEN")["value"], "[hidden]");
    assert_eq!(of("CHANCERY_CONFIG")["source"], "none");
}

#[test]
fn a_copy_of_the_ledger_is_exactly_what_is_served() {
    let world = World::start();
    let files: Vec<String> = (0..40u32)
        .map(|n| world.write(&format!("f{n}.bin"), &n.to_be_bytes()).to_str().unwrap().to_owned())
        .collect();
    let copy = world.path("copy");
    let export = ["ledger", "export", "--output", copy.to_str().unwrap(), "--json"];
    let first = world.run(&export).expect(0).json();
    let mut arguments = vec!["sign", "--json"];
    arguments.extend(files.iter().map(String::as_str));
    world.run(&arguments).expect(0);
    let second = world.run(&export).expect(0).json();
    assert!(second["size"].as_u64() > first["size"].as_u64(), "{second}");
    assert_eq!(second["trust"]["authenticated"], true);
    let checkpoint = world.run(&["ledger", "checkpoint", "--json"]).expect(0).json();
    assert_eq!((&checkpoint["size"], &checkpoint["root"]), (&second["size"], &second["root"]));
    assert_eq!(
        std::fs::read_to_string(copy.join("checkpoint")).unwrap(),
        checkpoint["note"].as_str().unwrap()
    );
    let Some(_) = tool("curl") else { return };
    let (mut compared, size) = (0, second["size"].to_string());
    for kind in ["0", "entries"] {
        for entry in std::fs::read_dir(copy.join("tile").join(kind).join("000.p")).unwrap() {
            let path = entry.unwrap().path();
            let width = path.file_name().unwrap().to_str().unwrap().to_owned();
            let url = format!("{}/ledger/tile/{kind}/000.p/{width}", world.env["CHANCERY_SERVER"]);
            let served =
                Command::new("curl").args(["-sS", "--cacert", &world.env["CHANCERY_CA"], &url]).output();
            let served = served.unwrap().stdout;
            // A service may drop a partial tile that has grown; the copy keeps it.
            if width == size {
                assert_eq!(std::fs::read(&path).unwrap(), served, "{kind} {width}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2, "the ledger of this test has fewer than 256 entries");
}

/// The reference page and the service name the same metrics, and a signature moves those that it should.
#[test]
fn the_metrics_are_those_of_the_reference() {
    let world = World::start();
    world.write("app.bin", b"app");
    world.run(&["sign", "app.bin"]).expect(0);
    world.run(&["sign", "app.bin", "--profile", "nowhere"]).expect(4);
    let Some(_) = tool("curl") else { return };
    let url = format!("{}/metrics", world.env["CHANCERY_SERVER"]);
    let text = Command::new("curl")
        .args(["-sS", "--cacert", &world.env["CHANCERY_CA"], &url])
        .output()
        .unwrap()
        .stdout;
    let text = String::from_utf8(text).unwrap();
    let page = include_str!("../../../../docs/src/reference/metrics.md");
    let served: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let listed: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for name in &served {
        assert!(listed.contains(name), "{name} is not in the reference");
    }
    // Only a service with webhooks tells of them.
    let usual = listed.iter().filter(|name| !name.starts_with("chancery_webhook_"));
    assert_eq!(served.len(), usual.count(), "{listed:?}");
    let value = |series: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{series} ")));
        line.unwrap_or_else(|| panic!("{series} not in\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(value("chancery_keyguard_calls_total{kind=\"sign\",result=\"answered\"}"), 1);
    assert_eq!(value("chancery_http_requests_total{route=\"/v1/sign\",status=\"403\"}"), 1);
    assert_eq!(value("chancery_problems_total{code=\"CH4001\"}"), 1);
    assert_eq!(value("chancery_open_intents"), 0);
    assert_eq!(value("chancery_ledger_appends_under_way"), 0);
    assert!(value("chancery_ledger_leaves_total") >= value("chancery_ledger_batches_total"));
    assert_eq!(value("chancery_ledger_leaves_total"), value("chancery_log_size_entries"));
}

#[test]
fn a_development_service_for_others_is_a_usage_error() {
    for (arguments, actual) in [
        (&["serve", "--listen", "0.0.0.0:0", "--dev"][..], "0.0.0.0:0"),
        (&["serve", "--listen", "[::]:0", "--dev"], "[::]:0"),
        (&["serve"], "neither"),
        (&["serve", "--dev", "--listen", "nowhere"], "nowhere"),
    ] {
        let mut command = Command::new(CHANCERY);
        command.args(arguments).arg("--json").stdin(Stdio::null()).env_remove("GITHUB_ACTIONS");
        let error = Said::from(command.output().unwrap()).expect(2).json();
        assert_eq!((&error["code"], &error["actual"]), (&"CH2001".into(), &actual.into()), "{error}");
        assert!(!error["expected"].as_str().unwrap().is_empty() && !error["hint"].is_null(), "{error}");
    }
}

#[test]
fn a_damaged_installation_says_which_file_and_shows_none_of_it() {
    let mut world = World::start();
    assert_eq!(world.stop(), 0);
    let start = |world: &World| -> Said {
        let mut command = world.service();
        command.stderr(Stdio::piped());
        command.output().unwrap().into()
    };
    let key = world.data().join("gateway/ledger.key");
    let genuine = std::fs::read(&key).unwrap();
    std::fs::write(&key, b"hunter2").unwrap();
    let said = start(&world);
    assert_ne!(said.code, 0);
    assert!(said.err.contains(key.to_str().unwrap()) && !said.err.contains("hunter2"), "{}", said.err);
    std::fs::write(&key, genuine).unwrap();
    let config = world.data().join("chancery.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("reserve = 67108864", "reserve = \"hunter2\"")).unwrap();
    let said = start(&world);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.starts_with("error[CH2009]: ") && said.err.contains("line 11, column 11"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("hunter2"), "{}", said.err);
}

#[test]
fn a_shell_can_become_another_caller() {
    let mut world = World::start();
    world.write("app.bin", b"app");
    let line = world.run(&["dev", "token", "--env", "--ref", "refs/heads/x"]).expect(0).out;
    let (name, url) = line.trim().strip_prefix("export ").unwrap().split_once('=').unwrap();
    world.env.insert(name.to_owned(), url.trim_matches('\'').to_owned());
    let refused = world.run(&["sign", "app.bin", "--json"]).expect(4).json();
    assert_eq!(refused["code"], "CH4012", "{refused}");
    let token = world.run(&["dev", "token", "--ref", "refs/heads/x"]).expect(0).out;
    let who = world.run_with_token(token.trim(), &["whoami", "--json"]).expect(0).json();
    assert_eq!(who["claims"]["source_repository_ref"], "refs/heads/x", "{who}");
}
