//! Webhooks of a whole service: a receiver of this test, the configuration, the commands, and an independent verifier.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test")]

#[expect(dead_code, reason = "this file uses a part of the world")]
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use world::{World, tool, until};

/// A notice as it arrived.
#[derive(Debug, Clone)]
struct Arrived {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Arrived {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers with a status that the test sets.
struct Receiver {
    address: std::net::SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    status: Arc<Mutex<u16>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (arrived, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(200)));
        let (kept, answer) = (Arc::clone(&arrived), Arc::clone(&status));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &kept, &answer);
            }
        });
        Self { address, arrived, status }
    }
    fn answer(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }
    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
    fn types(&self) -> Vec<String> {
        self.arrived().iter().map(|one| one.event()["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn serve(stream: TcpStream, arrived: &Mutex<Vec<Arrived>>, status: &Mutex<u16>) {
    let mut reader = BufReader::new(stream);
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        line.clear();
    }
    let Some(length) = headers.get("content-length").and_then(|length| length.parse().ok()) else { return };
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let status = *status.lock().unwrap();
    if status == 200 {
        arrived.lock().unwrap().push(Arrived { headers, body: String::from_utf8(body).unwrap() });
    }
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).unwrap();
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A service with a webhook `ops` for these events, two attempts each.
fn world(receiver: &Receiver, events: &[&str]) -> World {
    let mut world = World::start();
    world.stop();
    let secret = world.data().join("ops.secret");
    std::fs::write(&secret, SECRET).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = world.data().join("chancery.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = format!(
        "{text}\n[[webhooks]]\nname = \"ops\"\nurl = \"http://{}/hook?key=s3cr3t\"\nevents = {}\n\
         secret_file = \"ops.secret\"\nattempts = 2\n",
        receiver.address,
        json!(events),
    );
    std::fs::write(&config, section).unwrap();
    world.serve(&[]);
    until("the webhook has begun", || !standing(&world)["next"].is_null());
    world
}

fn standing(world: &World) -> Value {
    world.run(&["webhook", "list", "--json"]).expect(0).json()["webhooks"][0].clone()
}

fn sign(world: &World, name: &str) {
    world.write(name, name.as_bytes());
    world.run(&["sign", name]).expect(0);
}

#[test]
fn what_the_ledger_says_arrives_signed() {
    let receiver = Receiver::start();
    let mut world = world(&receiver, &["signature.released", "request.denied"]);
    sign(&world, "app.bin");
    until("the signature was told", || receiver.arrived().len() == 1);
    let first = receiver.arrived()[0].clone();
    let event = first.event();
    assert_eq!(
        (&event["type"], &event["specversion"]),
        (&json!("chancery.signature.released"), &json!("1.0"))
    );
    assert_eq!(event["id"], first.headers["webhook-id"]);
    let index = event["data"]["index"].to_string();
    let leaf = world.run(&["ledger", "prove", &index, "--json"]).expect(0).json()["leaf"].take();
    assert_eq!(event["data"]["entry"], leaf, "the entry as the ledger has it");

    // Refused, while the receiver is away; then the service ends in the middle and starts again.
    receiver.answer(503);
    world.write("bad.bin", b"bad");
    world.run_as(&[("ref", "refs/heads/other")], &["sign", "bad.bin"]).expect(4);
    until("an attempt failed", || standing(&world)["failed"] != 0);
    world.kill_server();
    world.serve(&[]);
    until("the notice is given up", || standing(&world)["dead"] == 1);
    sign(&world, "later.bin");
    receiver.answer(200);
    until("the next one arrives", || receiver.arrived().len() >= 2);
    let text = world.run(&["webhook", "list"]).expect(0).out;
    assert!(text.contains("status 503") && !text.contains("s3cr3t"), "{text}");
    let dead = world.run(&["webhook", "dead", "ops", "--json"]).expect(0).json();
    let letters = dead["dead"].as_array().unwrap();
    assert_eq!(letters[0]["event"], "request.denied", "{dead}");
    world.run(&["webhook", "redeliver", "ops"]).expect(0);
    assert!(receiver.types().contains(&"chancery.request.denied".to_owned()));
    assert_eq!(standing(&world)["dead"], 0);
    world.run(&["webhook", "test", "ops"]).expect(0);
    assert_eq!(receiver.types().last().unwrap(), "chancery.webhook.test");
    receiver.answer(500);
    let said = world.run(&["webhook", "test", "ops", "--json"]).expect(75);
    assert_eq!(said.json()["code"], "CH7001");
    world.run(&["webhook", "test", "nobody"]).expect(2);
    assert!(!world.log().contains("s3cr3t"));
    verified_by_others(&receiver.arrived());
}

/// With the library of Standard Webhooks, and with the snippets of the manual.
fn verified_by_others(all: &[Arrived]) {
    let Some(python) = tool("venv/bin/python") else { return };
    let page = include_str!("../../../../docs/src/how-to/webhooks.md");
    let snippets: Vec<&str> =
        page.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(snippets.len(), 2);
    for snippet in snippets {
        for (number, one) in all.iter().enumerate() {
            let said = verify(&python, snippet, &one.headers, &one.body);
            assert!(said.starts_with("ok chancery."), "{number}: {said}");
        }
        let one = &all[0];
        let mut bad = vec![(one.headers.clone(), one.body.replace("1.0", "1.1"))];
        for (name, value) in [
            ("webhook-id", "leaf-0-00".to_owned()),
            ("webhook-timestamp", "1795210023".to_owned()),
            ("webhook-timestamp", (one.headers["webhook-timestamp"].parse::<u64>().unwrap() + 1).to_string()),
            ("webhook-signature", format!("v1,{}", "A".repeat(43) + "=")),
        ] {
            let mut headers = one.headers.clone();
            headers.insert(name.to_owned(), value);
            bad.push((headers, one.body.clone()));
        }
        for (headers, body) in bad {
            let said = verify(&python, snippet, &headers, &body);
            assert!(said.starts_with("no "), "{headers:?}: {said}");
        }
    }
}

fn verify(python: &std::path::Path, snippet: &str, headers: &BTreeMap<String, String>, body: &str) -> String {
    let script = format!(
        "{snippet}\nimport json, sys\ngiven = json.load(sys.stdin)\ntry:\n    \
         event = receive(given['headers'], given['body'].encode(), given['secret'])\n    print('ok', event['type'])\n\
         except ImportError:\n    raise\nexcept Exception as error:\n    print('no', type(error).__name__, error)\n"
    );
    let mut child = Command::new(python);
    child.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let given = json!({"headers": headers, "body": body, "secret": SECRET}).to_string();
    child.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn what_cannot_be_a_webhook_stops_the_start_in_words() {
    let mut world = World::start();
    world.stop();
    let config = world.data().join("chancery.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let good = "name = \"ops\"\nurl = \"https://r.example/\"\nevents = [\"*\"]\nsecret_file = \"kek\"\n";
    let cases = [
        (
            "events = [\"*\"]",
            "events = [\"signature.relaesed\"]",
            "no event `signature.relaesed`; there are ",
        ),
        ("events = [\"*\"]", "events = []", "`events` is empty"),
        ("\"ops\"", "\"../ops\"", "lower-case letters, digits and hyphens"),
        ("https://", "http://", "cannot be used"),
        ("r.example", "169.254.169.254", "cannot be used"),
        ("name =", "nmae =", "unknown field `nmae`"),
        ("\"kek\"", "\"absent\"", "webhook `ops`"),
    ];
    for (from, to, words) in cases {
        let section = good.replacen(from, to, 1);
        assert_ne!(section, good);
        std::fs::write(&config, format!("{text}\n[[webhooks]]\n{section}")).unwrap();
        let said = world::Said::from(world.service().output().unwrap());
        assert!(matches!(said.code, 1 | 2), "{to}: exit {}", said.code);
        assert!(said.err.contains(words), "{to}: {}", said.err);
    }
}
