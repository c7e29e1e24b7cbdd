//! The alert rules: their unit tests, and that they speak of metrics and pages that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn rules() -> String {
    std::fs::read_to_string(repository().join("deploy/prometheus/chancery.rules.yml")).unwrap()
}

/// Names that begin with ours, without the endings that a histogram adds.
fn metrics(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with("# Alerts"));
    let words = lines.flat_map(words);
    words.filter(|word| word.starts_with("chancery_")).map(str::to_owned).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[test]
fn pass_their_unit_tests() {
    let tools = std::env::var_os("CHANCERY_TOOLS").map(PathBuf::from);
    let promtool = tools.map(|tools| tools.join("bin/promtool")).filter(|path| path.exists());
    let promtool = promtool.unwrap_or_else(|| PathBuf::from("promtool"));
    for arguments in [["check", "rules", "chancery.rules.yml"], ["test", "rules", "chancery_test.yml"]] {
        let mut command = Command::new(&promtool);
        let Ok(output) = command.args(arguments).current_dir(repository().join("deploy/prometheus")).output()
        else {
            println!("not compared: promtool is absent");
            return;
        };
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    }
}

#[test]
fn each_has_a_unit_test_a_page_and_metrics_that_are_documented() {
    let (rules, read) = (rules(), |path: &str| std::fs::read_to_string(repository().join(path)).unwrap());
    let (tests, page) = (read("deploy/prometheus/chancery_test.yml"), read("docs/src/how-to/alerts.md"));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} has no story in which it fires");
        assert!(
            tests.contains(&format!("alertname: {alert}, exp_alerts: []")),
            "{alert} is not quiet when all is well"
        );
        assert!(page.contains(&format!("## {alert}\n")), "{alert} has no section");
        count += 1;
    }
    assert_eq!(page.matches("\n## ").count(), count, "a section without an alert");
    let documented = metrics(&read("docs/src/reference/metrics.md"));
    for metric in metrics(&rules) {
        assert!(documented.contains(&metric), "{metric} is not documented");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_itself_measures_is_there() {
    let world = World::start().await;
    let text = world.get("/metrics").await.text().to_owned();
    let shown = metrics(&text);
    // Counted by others, who are not in this world: ledger, disk, webhooks.
    let elsewhere = |name: &String| {
        ["chancery_ledger_", "chancery_disk_", "chancery_webhook_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    for metric in metrics(&rules()).into_iter().filter(|name| !elsewhere(name)) {
        assert!(shown.contains(&metric), "{metric} is not in\n{text}");
    }
    for line in [
        "chancery_ready{part=\"keyguard\"} 1\n",
        "chancery_ready{part=\"ledger\"} 1\n",
        "chancery_freezes_in_force 0\n",
        "chancery_limit_count{profile=\"dev\"",
        "chancery_certificate_not_after_seconds{certificate=\"chancery-issuing\"} ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
