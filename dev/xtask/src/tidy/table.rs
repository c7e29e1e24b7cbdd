//! The table of dependencies in the workspace's `Cargo.toml` holds what some member uses, and nothing else: an entry
//! that nobody uses is a door that stands open for code that nobody asked for.

use std::collections::BTreeSet;

use super::Finding;
use super::files::Files;
use crate::workspace::Metadata;

const TABLE: &str = "Cargo.toml";

/// Checks that every entry of the table is a dependency of a member, of whatever kind.
pub(crate) fn check(files: &Files, metadata: &Metadata) -> Vec<Finding> {
    let members = metadata.members();
    let used = members.values().flat_map(|package| &package.dependencies);
    let used: BTreeSet<&str> = used.map(|dependency| dependency.name.as_str()).collect();
    let unused = unused(files.text(TABLE).unwrap_or_default(), &used);
    let finding = |what| Finding { rule: "table", path: TABLE.to_owned(), what };
    match unused {
        Ok(names) => {
            let what = |name| format!("no member uses `{name}`: take it out of `[workspace.dependencies]`");
            names.into_iter().map(|name| finding(what(name))).collect()
        }
        Err(error) => vec![finding(error)],
    }
}

fn unused(table: &str, used: &BTreeSet<&str>) -> Result<Vec<String>, String> {
    let manifest: toml::Table = table.parse().map_err(|error| format!("is not TOML: {error}"))?;
    let entries = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let entries = entries.ok_or("has no `[workspace.dependencies]`")?;
    let package = |(key, entry): (&String, &toml::Value)| {
        let named = entry.get("package").and_then(toml::Value::as_str);
        named.unwrap_or(key).to_owned()
    };
    Ok(entries.iter().map(package).filter(|name| !used.contains(name.as_str())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_nobody_uses_is_found() {
        let table = "[workspace.dependencies]\na = \"1\"\nb = { version = \"1\" }\nc = { package = \"real\", version = \"1\" }\n";
        let check = |used: &[&str]| unused(table, &used.iter().copied().collect());
        assert_eq!(check(&["a", "b", "real"]), Ok(vec![]));
        assert_eq!(check(&["a", "real"]), Ok(vec!["b".to_owned()]));
        assert_eq!(check(&["a", "b", "c"]), Ok(vec!["real".to_owned()]));
        assert!(unused("[workspace]", &BTreeSet::new()).is_err());
        assert!(unused("[", &BTreeSet::new()).is_err());
    }
}
