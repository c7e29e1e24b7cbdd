//! CPU of the service per signature, all processes, against its floor (performance G1), and how long a caller waits (G4).
//!
//! The floor is what the profile cannot avoid, each primitive once where it is unavoidable, at the cost that the example
//! `primitives` measures with our own library in the same minute:
//!
//! ```text
//!                                   universal: identity leaf, SCT, timestamp     long-lived certificate, no timestamp
//! signatures                        artifact, leaf, SCT, timestamp  (P-256)      artifact                  (RSA-3072)
//! verifications, keyguard           token, artifact                              token, artifact
//! verifications, gateway            token, artifact, leaf, SCT, timestamp        token, artifact
//! once a batch: left out            checkpoint, cosignature         (Ed25519)    the same
//! ```
//! Tokens are P-256 and are verified in both processes, because neither believes the other. A request of many statements
//! has one token. What the floor leaves out makes the ratio worse, never better.

use anyhow::{Context as _, Result};

use super::Bench;
use super::load::Load;
use super::measure::median;
use super::row::{Bar, Row};
use super::service::Measured;
use crate::process::{command, read};

const SAMPLES: usize = 5;

const SINGLE: Load<'static> =
    Load { profile: "dev", format: "sigstore", requests: 400, statements: 1, at_once: 16, rate: None };
const MANY: Load<'static> = Load { requests: 3, statements: 200, at_once: 2, ..SINGLE };
const PLAIN: Load<'static> = Load { profile: "plain", format: "pe", requests: 200, ..SINGLE };

/// Microseconds of one primitive.
#[derive(Debug, Clone, Copy)]
struct Primitives {
    sign: f64,
    verify: f64,
    rsa_sign: f64,
    rsa_verify: f64,
}

impl Primitives {
    fn measure(bench: &Bench) -> Result<Self> {
        let said = read(&mut command(super::text(&bench.example("primitives")), &[]))?;
        let figures: Vec<f64> = said.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [sign, verify, rsa_sign, rsa_verify] = *figures.as_slice() else {
            anyhow::bail!("the example `primitives` says no figures: {said}")
        };
        Ok(Self { sign, verify, rsa_sign, rsa_verify })
    }
    fn universal(self, statements: u32) -> f64 {
        4.0 * self.sign + 5.0 * self.verify + 2.0 * self.verify / f64::from(statements)
    }
    fn plain(self) -> f64 {
        self.rsa_sign + 2.0 * self.rsa_verify + 2.0 * self.verify
    }
}

/// Microseconds of CPU per signature, alternating with the floor; then milliseconds of waiting.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let directory = bench.directory("service-cpu")?;
    let service = Measured::start(bench, &directory.join("data"), &[])?;
    let universal = "service CPU per signature, universal, ours : floor";
    let mut rows = vec![
        against(bench, &service, &format!("{universal}, one a request"), SINGLE, |p| p.universal(1))?,
        against(bench, &service, &format!("{universal}, 200 a request"), MANY, |p| p.universal(200))?,
        against(
            bench,
            &service,
            "service CPU per signature, RSA-3072 without timestamp",
            PLAIN,
            Primitives::plain,
        )?,
    ];
    rows.extend(waiting(bench, &service)?);
    Ok(rows)
}

fn against(
    bench: &Bench,
    service: &Measured,
    what: &str,
    load: Load<'_>,
    floor: impl Fn(Primitives) -> f64,
) -> Result<Row> {
    // RSA-3072 is to reach 85 % of its floor.
    let bar = if load.profile == PLAIN.profile { 1.0 / 0.85 } else { 1.8 };
    Load { requests: load.requests.min(32), ..load }.run(service, bench)?;
    let mut pairs = Vec::new();
    for _ in 0..SAMPLES {
        let ready = load.prepare(service, bench)?;
        let before = service.cpu()?;
        ready.go()?;
        let ours = (service.cpu()? - before) / load.signatures() * 1e6;
        pairs.push((ours, floor(Primitives::measure(bench)?)));
    }
    let figures =
        (median(pairs.iter().map(|(ours, _)| *ours)), median(pairs.iter().map(|(_, floor)| *floor)));
    let ratio = median(pairs.iter().map(|(ours, floor)| ours / floor));
    Ok(Row::compared(what, figures, "µs", ratio, Bar::AtMost(bar)))
}

/// Reply with signature, proof and checkpoint at half of the load that the service can take, and alone.
fn waiting(bench: &Bench, service: &Measured) -> Result<Vec<Row>> {
    let full = Load { requests: 1_000, at_once: 64, ..SINGLE }.run(service, bench)?;
    let most = 1_000.0 / full.wall;
    let half = Load { requests: 800, at_once: 64, rate: Some(most / 2.0), ..SINGLE }.run(service, bench)?;
    let alone = Load { requests: 200, at_once: 1, ..SINGLE }.run(service, bench).context("one at a time")?;
    Ok(vec![
        Row::alone("signatures a second, 64 clients, client on the same machine", most, "/s", Bar::None),
        Row::alone("reply at half load, median", half.median, "ms", Bar::AtMost(2.0)),
        Row::alone("reply at half load, 99 %", half.worst, "ms", Bar::AtMost(15.0)),
        Row::alone("reply to a single client, median", alone.median, "ms", Bar::None),
    ])
}
