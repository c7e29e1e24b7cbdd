//! Measuring other processes: CPU time of what bash runs, CPU time and memory of what is running.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a command cost, for one run of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cost {
    /// User and system time in seconds.
    pub(crate) cpu: f64,
    /// Wall time in seconds.
    pub(crate) wall: f64,
}

/// One side of a comparison.
#[derive(Debug)]
pub(crate) struct Side<'a> {
    /// A command line for bash; it must succeed.
    pub(crate) line: String,
    /// Variables that it needs.
    pub(crate) variables: &'a [(String, String)],
    /// How many runs make one sample.
    pub(crate) repeat: u32,
}

/// Runs a side once and divides by its repetitions. bash takes times from `getrusage` of its children.
pub(crate) fn sample(side: &Side<'_>, directory: &Path) -> Result<Cost> {
    let script = format!(
        "TIMEFORMAT='%3U %3S %3R'; time for ((i = 0; i < {}; i++)); do {} >/dev/null 2>\"$BENCH_ERRORS\" || exit 9; done",
        side.repeat, side.line
    );
    let errors = directory.join("errors.log");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory)
        .env("BENCH_ERRORS", &errors)
        .env("LC_ALL", "C")
        .envs(side.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = std::fs::read_to_string(errors).unwrap_or_default();
        bail!("`{}` failed: {}", side.line, said.trim());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let times: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, wall] = *times.as_slice() else { bail!("bash said no times: {said}") };
    let runs = f64::from(side.repeat);
    Ok(Cost { cpu: (user + system) / runs, wall: wall / runs })
}

/// Medians of both sides and of the ratio of their CPU times (first by second), from alternating samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) first: Cost,
    pub(crate) second: Cost,
    /// First by second.
    pub(crate) cpu_ratio: f64,
    /// First by second.
    pub(crate) wall_ratio: f64,
}

/// Compares two command lines, A B A B ….
pub(crate) fn compare(
    first: &Side<'_>,
    second: &Side<'_>,
    samples: u32,
    directory: &Path,
) -> Result<Comparison> {
    // Both once before anything counts: caches, lazily made files.
    sample(&Side { line: first.line.clone(), variables: first.variables, repeat: 1 }, directory)?;
    sample(&Side { line: second.line.clone(), variables: second.variables, repeat: 1 }, directory)?;
    let mut pairs = Vec::new();
    for _ in 0..samples {
        pairs.push((sample(first, directory)?, sample(second, directory)?));
    }
    let of = |pick: fn(&(Cost, Cost)) -> f64| median(pairs.iter().map(pick));
    Ok(Comparison {
        first: Cost { cpu: of(|(a, _)| a.cpu), wall: of(|(a, _)| a.wall) },
        second: Cost { cpu: of(|(_, b)| b.cpu), wall: of(|(_, b)| b.wall) },
        cpu_ratio: of(|(a, b)| a.cpu / b.cpu),
        wall_ratio: of(|(a, b)| a.wall / b.wall),
    })
}

/// The middle value; not a number where there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU time of a process so far in seconds, all threads (`/proc/<pid>/schedstat` counts only the first).
pub(crate) fn cpu_of(id: u32) -> Result<f64> {
    let mut nanoseconds = 0.0_f64;
    for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        nanoseconds += text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0);
    }
    // Threads that ended are only in the sum of the process, which has a resolution of ten milliseconds.
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after_name = stat.rsplit_once(") ").context("no name in /proc/<pid>/stat")?.1;
    let fields: Vec<f64> = after_name.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    let ticks = fields.iter().skip(11).take(2).sum::<f64>();
    Ok((nanoseconds / 1e9).max(ticks / 100.0 - 0.02))
}

/// Proportional memory of a process in bytes.
pub(crate) fn pss_of(id: u32) -> Result<f64> {
    Ok(field(&format!("/proc/{id}/smaps_rollup"), "Pss:")? * 1024.0)
}

fn field(path: &str, name: &str) -> Result<f64> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
    line.split_whitespace().next().and_then(|number| number.parse().ok()).with_context(|| name.to_owned())
}

/// Runs a command five times and returns the most memory that it was ever seen with, in bytes. The kernel keeps the peak
/// (`VmHWM`); it is looked at without a pause in the first moments, since some commands have no others.
pub(crate) fn peak_memory(command: &mut Command) -> Result<f64> {
    (0..5).try_fold(0.0, |peak, _| Ok(f64::max(peak, peak_of_one(command)?)))
}

fn peak_of_one(command: &mut Command) -> Result<f64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let (mut peak, started) = (0.0_f64, Instant::now());
    loop {
        if let Ok(kilobytes) = field(&path, "VmHWM:") {
            peak = peak.max(kilobytes * 1024.0);
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("ended with {status}");
            }
            return Ok(peak);
        }
        if started.elapsed() > Duration::from_secs(600) {
            child.kill()?;
            bail!("took longer than ten minutes");
        }
        if started.elapsed() > Duration::from_millis(100) {
            std::thread::sleep(Duration::from_millis(3));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Side, cpu_of, median, pss_of, sample};

    #[test]
    fn reads_what_the_system_says() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert!(median([]).is_nan());
        let own = std::process::id();
        assert!(cpu_of(own).unwrap() >= 0.0);
        assert!(pss_of(own).unwrap() > 100_000.0);
    }

    #[test]
    fn a_command_that_fails_is_no_sample() {
        let directory = std::env::temp_dir();
        let side = |line: &str| Side { line: line.to_owned(), variables: &[], repeat: 2 };
        assert!(sample(&side("true"), &directory).unwrap().wall >= 0.0);
        assert!(sample(&side("false"), &directory).is_err());
    }
}
