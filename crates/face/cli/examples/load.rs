//! Many signatures over kept-alive connections: what the bench loads a service with.
//!
//! ```text
//! load REQUESTS STATEMENTS AT_ONCE        environment: client.env of a development service
//! ```
//! Requests and their tokens are made first, then it says `ready` and waits for a line, so that whoever measures the
//! service measures signing alone. The result is one line: seconds, and milliseconds at the median and at 99 %.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "example")]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chancery_api::dev::RunnerToken;
use chancery_api::profile::Profile;
use chancery_api::signed::Signed;
use chancery_core::artifact::Artifact;
use chancery_core::depth::Depth;
use chancery_core::digest::Sha256;
use chancery_core::family::Family;
use chancery_core::format::FormatName;
use chancery_core::request::Request;
use chancery_core::statement::Statement;
use reqwest::{Certificate, Client};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [requests, statements, at_once] = *numbers.as_slice() else {
        eprintln!("load REQUESTS STATEMENTS AT_ONCE");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(load(requests, statements, at_once)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A request with the token that is bound to it.
struct Bound {
    body: String,
    token: String,
    statements: usize,
}

async fn load(requests: usize, statements: usize, at_once: usize) -> Outcome<()> {
    let client = client()?;
    let server = variable("CHANCERY_SERVER")?;
    let profile: Profile = client
        .get(format!("{server}/v1/profiles/{}", variable("CHANCERY_PROFILE")?))
        .send()
        .await?
        .json()
        .await?;
    let mut bound = Vec::with_capacity(requests);
    for number in 0..requests {
        bound.push(bind(&client, &profile, number, statements).await?);
    }
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let started = Instant::now();
    let mut times = sign_all(&client, &server, Arc::new(bound), at_once).await?;
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

async fn bind(client: &Client, profile: &Profile, number: usize, statements: usize) -> Outcome<Bound> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let made = (0..statements).map(|index| statement(&format!("{now}-{number}-{index}"))).collect();
    let request = Request::new(profile.name.clone(), made)?;
    let audience = format!("chancery:{}:sha256:{}", profile.audience_host, request.id());
    let url = format!("{}&audience={audience}", variable("ACTIONS_ID_TOKEN_REQUEST_URL")?);
    let asked = client.get(url).bearer_auth(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
    let token: RunnerToken = asked.send().await?.error_for_status()?.json().await?;
    Ok(Bound { body: request.canonical().to_owned(), token: token.value, statements })
}

fn statement(name: &str) -> Statement {
    Statement {
        artifact: Artifact { name: name.to_owned(), digest: Sha256::of(name.as_bytes()), size: 1 },
        body: serde_json::json!({}),
        depth: Depth::Structured,
        family: Family::ProvenanceDsse,
        format: FormatName::Sigstore,
    }
}

async fn sign_all(
    client: &Client,
    server: &str,
    bound: Arc<Vec<Bound>>,
    at_once: usize,
) -> Outcome<Vec<Duration>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (client, url) = (client.clone(), format!("{server}/v1/sign"));
        let (bound, next) = (Arc::clone(&bound), Arc::clone(&next));
        workers.spawn(async move {
            let mut times = Vec::new();
            while let Some(one) = bound.get(next.fetch_add(1, Ordering::Relaxed)) {
                let started = Instant::now();
                sign(&client, &url, one).await?;
                times.push(started.elapsed());
            }
            Outcome::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(worker) = workers.join_next().await {
        times.extend(worker??);
    }
    Ok(times)
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
