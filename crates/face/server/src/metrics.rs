//! Counters in the Prometheus text format. Labels come from closed sets: routes, codes, statuses, formats,
//! known profiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::measures::Measured;

/// Upper bounds of the histogram's buckets in microseconds, and as they are written.
const BUCKETS: [(u64, &str); 10] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
];

/// One line's labels, written: `profile="dev",format="pe"`.
type Labels = String;

#[derive(Debug, Default)]
struct Tally {
    http: BTreeMap<(&'static str, u16), u64>,
    codes: BTreeMap<String, u64>,
    signatures: BTreeMap<Labels, u64>,
    durations: [u64; BUCKETS.len()],
    duration_count: u64,
    duration_micros: u64,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Tally>);

/// What is measured when it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauges {
    /// Entries under the latest cosigned checkpoint.
    pub(crate) ledger_size: u64,
    /// Intents that are not closed, where that is known.
    pub(crate) open_intents: Option<u64>,
    /// Exchanges under way.
    pub(crate) busy: usize,
    /// Sequence of the policy in force, 0 for none.
    pub(crate) policy_sequence: u64,
}

impl Metrics {
    fn with<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// Counts an answer by its route: a path of the table of routes, or `other`.
    pub(crate) fn answered(&self, route: &'static str, status: u16) {
        self.with(|tally| bump(tally.http.entry((route, status)).or_default()));
    }
    /// Counts a problem by its stable code.
    pub(crate) fn problem(&self, code: &str) {
        self.with(|tally| bump(tally.codes.entry(code.to_owned()).or_default()));
    }
    /// Counts signatures by profile, format, result and depth. `profile` must be one that exists, or empty.
    pub(crate) fn sign(&self, profile: &str, statements: &[(&str, &str)], result: &str) {
        self.with(|tally| {
            for (format, depth) in statements {
                let labels = format!(
                    "profile=\"{profile}\",format=\"{format}\",result=\"{result}\",depth=\"{depth}\""
                );
                bump(tally.signatures.entry(labels).or_default());
            }
        });
    }
    /// Measures a request for signatures, from body to answer.
    pub(crate) fn sign_took(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.with(|tally| {
            for (bucket, (bound, _)) in tally.durations.iter_mut().zip(BUCKETS) {
                if micros <= bound {
                    bump(bucket);
                }
            }
            bump(&mut tally.duration_count);
            tally.duration_micros = tally.duration_micros.saturating_add(micros);
        });
    }
    /// The text.
    pub(crate) fn render(&self, gauges: Gauges, others: &[Measured]) -> String {
        let mut text = String::new();
        let open_intents = gauges.open_intents;
        let version = env!("CARGO_PKG_VERSION");
        family(&mut text, "chancery_build_info", "gauge", "The running version.");
        line(&mut text, "chancery_build_info", &format!("version=\"{version}\""), 1);
        let gauges = [
            (
                "chancery_log_size_entries",
                "Entries under the latest cosigned checkpoint.",
                gauges.ledger_size,
            ),
            ("chancery_http_busy", "Exchanges under way.", u64::try_from(gauges.busy).unwrap_or(0)),
            ("chancery_policy_sequence", "Sequence of the policy in force.", gauges.policy_sequence),
        ];
        for (name, help, value) in gauges {
            family(&mut text, name, "gauge", help);
            line(&mut text, name, "", value);
        }
        if let Some(open) = open_intents {
            let name = "chancery_open_intents";
            family(&mut text, name, "gauge", "Intents that have neither result nor abandonment.");
            line(&mut text, name, "", open);
        }
        for Measured { name, kind, help, values } in others {
            family(&mut text, name, kind.name(), help);
            values.iter().for_each(|(labels, value)| line(&mut text, name, labels, value));
        }
        self.with(|tally| {
            counters(&mut text, tally);
            histogram(&mut text, tally);
        });
        text
    }
}

fn counters(text: &mut String, tally: &Tally) {
    family(text, "chancery_http_requests_total", "counter", "Answers by route and HTTP status.");
    for ((route, status), count) in &tally.http {
        let labels = format!("route=\"{route}\",status=\"{status}\"");
        line(text, "chancery_http_requests_total", &labels, *count);
    }
    family(text, "chancery_problems_total", "counter", "Answers that are no success, by stable code.");
    for (code, count) in &tally.codes {
        line(text, "chancery_problems_total", &format!("code=\"{code}\""), *count);
    }
    family(text, "chancery_sign_requests_total", "counter", "Statements that were asked to be signed.");
    for (labels, count) in &tally.signatures {
        line(text, "chancery_sign_requests_total", labels, *count);
    }
}

fn histogram(text: &mut String, tally: &Tally) {
    let name = "chancery_sign_duration_seconds";
    family(text, name, "histogram", "From a received request for signatures to its answer.");
    for (count, (_, bound)) in tally.durations.iter().zip(BUCKETS) {
        line(text, &format!("{name}_bucket"), &format!("stage=\"total\",le=\"{bound}\""), *count);
    }
    line(text, &format!("{name}_bucket"), "stage=\"total\",le=\"+Inf\"", tally.duration_count);
    let (seconds, micros) = (tally.duration_micros / 1_000_000, tally.duration_micros % 1_000_000);
    line(text, &format!("{name}_sum"), "stage=\"total\"", format!("{seconds}.{micros:06}"));
    line(text, &format!("{name}_count"), "stage=\"total\"", tally.duration_count);
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String does not fail.
    let _written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _written = writeln!(text, "{name}{braces} {value}");
}

fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::Kind;

    #[test]
    fn renders_what_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.answered("/v1/keys/{id}", 200);
        metrics.answered("/v1/sign", 403);
        metrics.problem("CH4012");
        metrics.sign("dev", &[("pe", "structured"), ("pe", "structured")], "signed");
        metrics.sign_took(Duration::from_micros(3_000));
        let gauges = Gauges { ledger_size: 7, open_intents: Some(3), busy: 1, policy_sequence: 2 };
        let values = vec![("kind=\"sign\"".to_owned(), 5)];
        let other = Measured { name: "chancery_x_total", kind: Kind::Counter, help: "X.", values };
        let text = metrics.render(gauges, &[other]);
        let without = metrics.render(Gauges { open_intents: None, ..gauges }, &[]);
        assert!(!without.contains("chancery_open_intents"));
        for expected in [
            "chancery_log_size_entries 7\n",
            "chancery_open_intents 3\n",
            "# TYPE chancery_x_total counter\nchancery_x_total{kind=\"sign\"} 5\n",
            "chancery_http_requests_total{route=\"/v1/keys/{id}\",status=\"200\"} 1\n",
            "chancery_http_requests_total{route=\"/v1/sign\",status=\"403\"} 1\n",
            "chancery_problems_total{code=\"CH4012\"} 1\n",
            "chancery_sign_requests_total{profile=\"dev\",format=\"pe\",result=\"signed\",depth=\"structured\"} 2\n",
            "chancery_sign_duration_seconds_bucket{stage=\"total\",le=\"0.0025\"} 0\n",
            "chancery_sign_duration_seconds_bucket{stage=\"total\",le=\"0.005\"} 1\n",
            "chancery_sign_duration_seconds_bucket{stage=\"total\",le=\"+Inf\"} 1\n",
            "chancery_sign_duration_seconds_sum{stage=\"total\"} 0.003000\n",
        ] {
            assert!(text.contains(expected), "{expected} not in\n{text}");
        }
    }
}
