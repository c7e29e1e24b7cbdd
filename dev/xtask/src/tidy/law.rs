//! The law of layers: which crate may depend on which.
//!
//! ```text
//! domain → domain          adapter → domain, adapter/private-file          app → domain
//! face   → app, domain, face/api                     bin → all
//! everyone's tests → dev/testkit                     dev → domain
//! an app's tests → app: the two roles are tested against each other
//! ```
//!
//! Only `face/cli` and adapters carry an HTTP client, and `domain/verify` needs neither a runtime nor a database, so
//! that others can embed it.

use std::collections::BTreeMap;

use super::Finding;
use crate::workspace::{Dependency, Metadata, Package};

const CLIENT: &str = "reqwest";
const NOT_EMBEDDABLE: [&str; 7] =
    ["tokio", "sqlx", "sqlx-core", "reqwest", "hyper", "rustls", "cedar-policy"];

/// Checks every edge between members, and what the verifier is built from.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let members = metadata.members();
    let folders: BTreeMap<&str, &str> =
        members.iter().map(|(folder, package)| (package.name.as_str(), folder.as_str())).collect();
    let mut findings = Vec::new();
    for (folder, package) in &members {
        for dependency in &package.dependencies {
            let to = folders.get(dependency.name.as_str()).copied();
            findings.extend(edge(folder, dependency, to));
        }
    }
    if let Some(verify) = members.get("crates/domain/verify") {
        findings.extend(embeddable(metadata, verify));
    }
    findings
}

fn edge(from: &str, dependency: &Dependency, to: Option<&str>) -> Option<Finding> {
    let is_test = dependency.kind.as_deref() == Some("dev");
    let what = match to {
        Some(to) if may(from, to) || (is_test && may_test_with(from, to)) => return None,
        Some(to) => {
            format!("must not depend on `{to}`: it belongs to another layer (ARCHITECTURE.md, the law)")
        }
        None if dependency.name == CLIENT && !is_test && !may_call(from) => {
            format!("must not carry an HTTP client (`{CLIENT}`): only adapters and face/cli call others")
        }
        None => return None,
    };
    Some(Finding { rule: "law", path: format!("{from}/Cargo.toml"), what })
}

fn layer(folder: &str) -> &str {
    let mut parts = folder.split('/');
    match (parts.next(), parts.next()) {
        (Some("crates"), Some(layer)) => layer,
        (Some(first), _) => first,
        (None, _) => "",
    }
}

fn may(from: &str, to: &str) -> bool {
    match (layer(from), layer(to)) {
        ("bin", "bin" | "dev") | ("dev", "app" | "adapter" | "face" | "bin" | "dev") => false,
        ("bin", _) | (_, "domain") | ("face", "app") => true,
        ("face", "face") => to == "crates/face/api",
        // Alone it sees no other crate, so it cannot become a way from one adapter to the next.
        ("adapter", "adapter") => to == "crates/adapter/private-file",
        _ => false,
    }
}

fn may_test_with(from: &str, to: &str) -> bool {
    to == "dev/testkit" || (layer(from) == "app" && layer(to) == "app")
}

fn may_call(from: &str) -> bool {
    from == "crates/face/cli" || layer(from) == "adapter"
}

fn embeddable(metadata: &Metadata, verify: &Package) -> Vec<Finding> {
    let closure = metadata.closure(verify);
    let unwanted = NOT_EMBEDDABLE.into_iter().filter(|name| closure.contains(name));
    let finding = |name| Finding {
        rule: "law",
        path: "crates/domain/verify/Cargo.toml".to_owned(),
        what: format!("is built from `{name}`, so that others cannot embed it: find what brought it"),
    };
    unwanted.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::may;

    #[test]
    fn the_law() {
        let crates = |name: &str| format!("crates/{name}");
        let allowed = [
            ("domain/verify", "domain/core"),
            ("app/gateway", "domain/policy"),
            ("adapter/store", "domain/ledger"),
            ("adapter/store", "adapter/private-file"),
            ("face/server", "app/gateway"),
            ("face/server", "face/api"),
            ("face/cli", "domain/verify"),
            ("bin/chancery", "adapter/store"),
            ("bin/chancery", "face/cli"),
        ];
        let forbidden = [
            ("domain/core", "app/gateway"),
            ("domain/verify", "adapter/store"),
            ("app/gateway", "adapter/store"),
            ("app/gateway", "app/keyguard"),
            ("adapter/store", "app/gateway"),
            ("adapter/store", "adapter/remote"),
            ("face/server", "adapter/store"),
            ("face/server", "face/cli"),
            ("face/api", "bin/chancery"),
        ];
        for (from, to) in allowed {
            assert!(may(&crates(from), &crates(to)), "{from} → {to}");
        }
        for (from, to) in forbidden {
            assert!(!may(&crates(from), &crates(to)), "{from} → {to}");
        }
        assert!(may("dev/testkit", "crates/domain/core"));
        assert!(!may("dev/testkit", "crates/app/gateway"));
        assert!(!may("crates/bin/chancery", "dev/xtask"));
    }
}
