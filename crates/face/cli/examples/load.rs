//! Many signatures over kept-alive connections: what the bench loads a service with.
//!
//! ```text
//! load REQUESTS STATEMENTS AT_ONCE [sigstore|pe|oci [RATE]]      environment: client.env of a development service
//! ```
//! With a rate, requests begin at that many a second whatever becomes of those before them, and a time counts from the
//! moment at which its request should have begun.
//!
//! Requests and their tokens are made first, then it says `ready` and waits for a line, so that whoever measures the
//! service measures signing alone. The result is one line: seconds, and milliseconds at the median and at 99 %.
#![expect(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, reason = "example")]

use std::error::Error;
use std::io::Cursor;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chancery_api::dev::RunnerToken;
use chancery_api::profile::Profile;
use chancery_api::signed::Signed;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::format::FormatName;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use chancery_format::oci::manifest;
use chancery_format::oci::reference::Repository;
use chancery_format::oci::statement::{Content, Subject};
use chancery_format::seam::Options;
use chancery_format::table;
use chancery_testkit::pe::{Bits, image};
use reqwest::{Certificate, Client};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = Plan::read(&arguments) else {
        eprintln!("load REQUESTS STATEMENTS AT_ONCE [sigstore|pe|oci [RATE]]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(load(plan))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy)]
struct Plan {
    requests: usize,
    statements: usize,
    at_once: usize,
    format: FormatName,
    rate: Option<f64>,
}

impl Plan {
    fn read(arguments: &[String]) -> Option<Self> {
        let [requests, statements, at_once, rest @ ..] = arguments else { return None };
        let (format, rate) = match rest {
            [] => ("sigstore", None),
            [format] => (format.as_str(), None),
            [format, rate] => (format.as_str(), Some(rate.parse().ok()?)),
            [_, _, _, ..] => return None,
        };
        let format = FormatName::ALL.into_iter().find(|known| known.name() == format)?;
        let number = |text: &String| text.parse().ok();
        Some(Self {
            requests: number(requests)?,
            statements: number(statements)?,
            at_once: number(at_once)?,
            format,
            rate,
        })
    }
}

/// A request with the token that is bound to it.
struct Bound {
    body: String,
    token: String,
    statements: usize,
}

async fn load(plan: Plan) -> Outcome<()> {
    let client = client()?;
    let server = variable("CHANCERY_SERVER")?;
    let profile: Profile = client
        .get(format!("{server}/v1/profiles/{}", variable("CHANCERY_PROFILE")?))
        .send()
        .await?
        .json()
        .await?;
    let mut bound = Vec::with_capacity(plan.requests);
    for number in 0..plan.requests {
        bound.push(bind(&client, &profile, number, plan).await?);
    }
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let started = Instant::now();
    let mut times = sign_all(&client, &server, Arc::new(bound), plan).await?;
    let wall = started.elapsed().as_secs_f64();
    times.sort();
    let at = |percent: usize| {
        let place = times.len().saturating_mul(percent).div_euclid(100).min(times.len().saturating_sub(1));
        times.get(place).map_or(0.0, Duration::as_secs_f64) * 1e3
    };
    println!("{wall:.4} {:.3} {:.3}", at(50), at(99));
    Ok(())
}

fn variable(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

fn client() -> Outcome<Client> {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let pem = std::fs::read(variable("CHANCERY_CA")?)?;
    let authorities = Certificate::from_pem_bundle(&pem)?;
    Ok(Client::builder().tls_certs_only(authorities).no_proxy().http1_only().build()?)
}

async fn bind(client: &Client, profile: &Profile, number: usize, plan: Plan) -> Outcome<Bound> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let name = |index| format!("{now}-{number}-{index}");
    let made =
        (0..plan.statements).map(|index| statement(plan.format, &name(index))).collect::<Outcome<_>>()?;
    let request = Request::new(profile.name.clone(), made)?;
    let audience = format!("chancery:{}:sha256:{}", profile.audience_host, request.id());
    let url = format!("{}&audience={audience}", variable("ACTIONS_ID_TOKEN_REQUEST_URL")?);
    let asked = client.get(url).bearer_auth(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
    let token: RunnerToken = asked.send().await?.error_for_status()?.json().await?;
    Ok(Bound { body: request.canonical().to_owned(), token: token.value, statements: plan.statements })
}

fn statement(format: FormatName, name: &str) -> Outcome<Statement> {
    let bytes = match format {
        // A manifest of this digest is signed; nobody looks whether there is one.
        FormatName::Oci => {
            let digest = Sha256::of(name.as_bytes());
            let subject = Subject {
                repository: Repository::parse("registry.example/load")?,
                digest,
                size: 418,
                media_type: manifest::IMAGE.to_owned(),
            };
            return Ok(subject.statement(Content::Signature, Depth::Structured));
        }
        FormatName::Fulcio | FormatName::Notary | FormatName::Sigstore => name.as_bytes().to_vec(),
        FormatName::Pe => image(Bits::B64, &[512], name.as_bytes()),
    };
    let options = Options { values: &serde_json::Map::new(), key: None };
    let prepared = (table::of(format)?.prepare)(&mut Cursor::new(bytes), &options)?;
    Ok(prepared.statement(format, name, Depth::Structured))
}

async fn sign_all(
    client: &Client,
    server: &str,
    bound: Arc<Vec<Bound>>,
    plan: Plan,
) -> Outcome<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    let begin = Instant::now();
    for _ in 0..plan.at_once {
        let (client, url) = (client.clone(), format!("{server}/v1/sign"));
        let (bound, next) = (Arc::clone(&bound), Arc::clone(&next));
        workers.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = bound.get(number) else { return Outcome::Ok(times) };
                let started = turn(begin, number, plan.rate).await;
                sign(&client, &url, one).await?;
                times.push(started.elapsed());
            }
        });
    }
    let mut times = Vec::new();
    while let Some(worker) = workers.join_next().await {
        times.extend(worker??);
    }
    Ok(times)
}

/// When a request begins, or should have begun.
async fn turn(begin: Instant, number: usize, rate: Option<f64>) -> Instant {
    let Some(rate) = rate else { return Instant::now() };
    let after = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / rate;
    let at = begin + Duration::from_secs_f64(after);
    tokio::time::sleep_until(at.into()).await;
    at
}

async fn sign(client: &Client, url: &str, one: &Bound) -> Outcome<()> {
    let request = client.post(url).bearer_auth(&one.token).header("content-type", "application/json");
    let answer = request.body(one.body.clone()).send().await?;
    if !answer.status().is_success() {
        return Err(format!("{}: {}", answer.status(), answer.text().await?).into());
    }
    let signed: Signed = answer.json().await?;
    if signed.results.len() == one.statements { Ok(()) } else { Err("results are missing".into()) }
}
