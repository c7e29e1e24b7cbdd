//! `chancery doctor`: what is right and what is not, each with what to do.

use std::path::PathBuf;

use chancery_api::health::{Health, ReportLine};
use chancery_core::time::Time;
use serde_json::{Value, json};

use super::Context;
use crate::client::{Answer, Server};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::sign::ask;
use crate::terminal::{Shape, printable};
use crate::trust::{self, Reach, Trusted, Voucher};

/// How far clocks may differ, in seconds: more, and tokens and timestamps are refused.
const SKEW: i64 = 60;

/// Where to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The service's administration socket.
    #[arg(long, env = "CHANCERY_ADMIN_SOCKET", hide_env_values = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Whom to trust.
    #[command(flatten)]
    trust: trust::Source,
}

/// One thing that was looked at.
struct Finding {
    group: &'static str,
    item: String,
    ok: bool,
    detail: String,
    hint: String,
}

impl Finding {
    fn good(group: &'static str, item: &str, detail: impl Into<String>) -> Self {
        Self { group, item: item.to_owned(), ok: true, detail: detail.into(), hint: String::new() }
    }
    fn bad(group: &'static str, item: &str, failure: &Failure) -> Self {
        let (detail, hint) = (failure.what.clone(), failure.hint.clone());
        Self { group, item: item.to_owned(), ok: false, detail, hint }
    }
    fn reported(group: &'static str, line: ReportLine) -> Self {
        let hint = if line.ok { String::new() } else { "look at the service's log".to_owned() };
        Self { group, item: line.item, ok: line.ok, detail: line.detail, hint }
    }
}

/// Looks; exit 0 only when everything is as it should be.
pub(crate) fn run(args: &Args, context: &mut Context<'_, '_>) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    match context.server() {
        Ok(server) => {
            service(&server, context, &mut findings);
            findings.push(identity(&server, context));
        }
        Err(failure) => findings.push(Finding::bad("service", "address", &failure)),
    }
    trusted(args, context, &mut findings);
    if let Some(socket) = &args.socket {
        keyguard(socket, context, &mut findings);
    }
    let all_well = findings.iter().all(|finding| finding.ok);
    match context.terminal.shape() {
        Shape::Json => context.terminal.json(&document(&findings)),
        Shape::Text => context.terminal.result(&lines(&findings)),
    }
    Ok(if all_well { Exit::Ok } else { Exit::Error })
}

fn service(server: &Server, context: &Context<'_, '_>, findings: &mut Vec<Finding>) {
    match server.get("/livez") {
        Err(failure) => findings.push(Finding::bad("service", "reachable", &failure)),
        Ok(answer) => {
            findings.push(Finding::good("service", "reachable", server.address()));
            findings.push(tls(server));
            findings.push(clock(&answer, context.host.now()));
            match server.get("/readyz?verbose").and_then(|answer| answer.json::<Health>()) {
                Ok(health) => {
                    findings.extend(health.report.into_iter().map(|line| Finding::reported("service", line)))
                }
                Err(failure) => findings.push(Finding::bad("service", "ready", &failure)),
            }
        }
    }
}

fn tls(server: &Server) -> Finding {
    if server.address().starts_with("https:") {
        Finding::good("service", "tls", "the certificate leads to a trusted root")
    } else {
        Finding::good("service", "tls", "none: the service is on this machine")
    }
}

fn clock(answer: &Answer, now: Time) -> Finding {
    let parsed = answer
        .date
        .as_deref()
        .and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    let Some(theirs) = parsed.map(|moment| Time::from_seconds(moment.as_second())) else {
        return Finding::good("service", "clock", "not compared: the answer has no date");
    };
    let skew = now.seconds_since(theirs);
    let (ok, hint) = if skew.abs() <= SKEW {
        (true, "")
    } else {
        (false, "set the clock of this machine, or of the service's")
    };
    let detail = format!("{skew} seconds apart from the service's");
    Finding { group: "service", item: "clock".to_owned(), ok, detail, hint: hint.to_owned() }
}

fn identity(server: &Server, context: &Context<'_, '_>) -> Finding {
    let token = ask::audience_host(server)
        .and_then(|host| ask::token(server, context.host, &format!("chancery:{host}")));
    match token {
        Ok(token) => Finding::good("identity", "token", format!("found in {}", token.source())),
        Err(failure) => Finding::bad("identity", "token", &failure),
    }
}

fn trusted(args: &Args, context: &mut Context<'_, '_>, findings: &mut Vec<Finding>) {
    match trust::load(&args.trust, Reach::Online, context) {
        Err(failure) => findings.push(Finding::bad("trust", "document", &failure)),
        Ok(Trusted { snapshot, voucher }) => {
            findings.push(signed(&voucher));
            let ok = snapshot.is_current(context.host.now());
            let detail =
                format!("{}, from {} to {}", snapshot.environment, snapshot.taken_at, snapshot.expires);
            let hint = if ok { "" } else { "fetch it again from the service: /v1/trust.json" };
            let hint = hint.to_owned();
            findings.push(Finding { group: "trust", item: "current".to_owned(), ok, detail, hint });
        }
    }
}

fn signed(voucher: &Voucher) -> Finding {
    match voucher {
        Voucher::Key(key) => Finding::good("trust", "signature", format!("by `{}`", key.name())),
        Voucher::Place(_) | Voucher::Root(_) => Finding {
            group: "trust",
            item: "signature".to_owned(),
            ok: false,
            detail: voucher.note().unwrap_or_default(),
            hint: "set CHANCERY_TRUST_KEY as the service's client.env has it".to_owned(),
        },
    }
}

/// Where the socket may not be opened, nothing is wrong: that is the administrator's alone.
fn keyguard(socket: &std::path::Path, context: &Context<'_, '_>, findings: &mut Vec<Finding>) {
    let report = Server::admin(context.globals, socket)
        .and_then(|admin| admin.get("/admin/health"))
        .and_then(|answer| answer.json::<Health>());
    match report {
        Ok(health) => {
            findings.extend(health.report.into_iter().map(|line| Finding::reported("keyguard", line)))
        }
        Err(failure) => findings.push(Finding::bad("keyguard", "socket", &failure)),
    }
}

fn document(findings: &[Finding]) -> Value {
    let all_well = findings.iter().all(|finding| finding.ok);
    let checks: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let Finding { group, item, ok, detail, hint } = finding;
            json!({"group": group, "item": item, "ok": ok, "detail": detail, "hint": hint})
        })
        .collect();
    json!({"schema": "chancery.doctor/1", "ok": all_well, "checks": checks})
}

fn lines(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut group = "";
    for finding in findings {
        if finding.group != group {
            group = finding.group;
            text.push_str(&format!("{group}\n"));
        }
        let mark = if finding.ok { "√" } else { "×" };
        text.push_str(&format!("  {mark} {}: {}\n", printable(&finding.item), printable(&finding.detail)));
        if !finding.hint.is_empty() {
            text.push_str(&format!("    what to do:  {}\n", printable(&finding.hint)));
        }
    }
    text
}
