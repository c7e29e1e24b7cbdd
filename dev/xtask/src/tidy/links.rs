//! Links of Markdown documents: files and headings that they name are there, and the book lists each of its pages.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::files::Files;

const SUMMARY: &str = "docs/src/SUMMARY.md";

/// Checks every document.
pub(crate) fn check(files: &Files) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .ending(".md")
        .flat_map(|(path, text)| links(text).into_iter().filter_map(move |link| broken(files, path, link)))
        .collect();
    findings.extend(unlisted(files));
    findings
}

/// The targets of all links outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let outside = line.split('`').step_by(2);
        let targets =
            outside.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
        found.extend(targets);
    }
    found
}

fn broken(files: &Files, from: &str, link: &str) -> Option<Finding> {
    if link.starts_with("https://") || link.starts_with("mailto:") {
        return None;
    }
    let finding = |what| Some(Finding { rule: "links", path: from.to_owned(), what });
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let target = if file.is_empty() { from.to_owned() } else { beside(from, file) };
    if !files.has(&target) {
        return finding(format!("links to `{link}`, which is not there"));
    }
    let heading = heading?;
    if !headings(files.text(&target).unwrap_or_default()).contains(heading) {
        return finding(format!("links to `{link}`, which has no such heading"));
    }
    None
}

fn beside(from: &str, file: &str) -> String {
    let mut path = PathBuf::from(from);
    path.pop();
    for component in Path::new(file).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path.to_string_lossy().into_owned()
}

/// The anchors that GitHub and mdBook make of headings.
fn headings(text: &str) -> BTreeSet<String> {
    let titles =
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |title: &str| {
        let kept = title.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(anchor).collect()
}

fn unlisted(files: &Files) -> Vec<Finding> {
    let Some(summary) = files.text(SUMMARY) else { return Vec::new() };
    let listed: BTreeSet<String> = links(summary).into_iter().map(|link| beside(SUMMARY, link)).collect();
    let pages = files.ending(".md").map(|(path, _)| path);
    let is_unlisted =
        |path: &&str| path.starts_with("docs/src/") && *path != SUMMARY && !listed.contains(*path);
    let finding = |path: &str| Finding {
        rule: "links",
        path: path.to_owned(),
        what: format!("is not listed in {SUMMARY}"),
    };
    pages.filter(is_unlisted).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::files::Files;

    #[test]
    fn finds_dead_links() {
        let page = "# One Two\n[a](b.md) [a](gone.md) [self](#one-two) [no](#three) [web](https://x.example)\n\
            ```\n[code](nowhere.md)\n```\n`[quoted](nowhere.md)` [up](../top.md)\n";
        let files = Files::of(&[
            ("docs/src/a.md", page),
            ("docs/src/b.md", ""),
            ("docs/top.md", ""),
            ("docs/src/SUMMARY.md", "[a](a.md)"),
        ]);
        let found: Vec<String> = check(&files).into_iter().map(|finding| finding.to_string()).collect();
        assert_eq!(
            found,
            [
                "docs/src/a.md: links to `gone.md`, which is not there [links]",
                "docs/src/a.md: links to `#three`, which has no such heading [links]",
                "docs/src/b.md: is not listed in docs/src/SUMMARY.md [links]",
            ]
        );
    }
}
