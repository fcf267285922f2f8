//! What the numbers were taken on: the machine, and the versions of the contestants. What cannot be found out
//! is left out; nothing depends on it.

use std::path::Path;
use std::process::Command;

use crate::arguments::Arguments;
use crate::contestant::{Contestant, Kind};
use crate::quota;

/// One paragraph to stand before the table.
pub fn describe(contestants: &[Contestant], arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions: Vec<String> = contestants.iter().filter_map(version).collect();
    format!(
        "{}, {cores} cores, Linux {}; {}. Medians of {} rounds; the CPU quota is {:.0} % of a core in periods of \
         {} ms; TLS to every service.",
        processor(),
        kernel.trim(),
        versions.join(", "),
        arguments.rounds,
        quota::SHARE * 100.0,
        arguments.period.as_millis(),
    )
}

fn processor() -> String {
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| Some(line.split_once(": ")?.1));
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}

fn version(contestant: &Contestant) -> Option<String> {
    let folder = contestant.start.parent()?;
    match contestant.kind {
        Kind::Countermand => Some(format!("Countermand {}", env!("CARGO_PKG_VERSION"))),
        Kind::Empty => None,
        Kind::Node => {
            Some(format!("Node {}", said(Path::new("node"), &["--version"])?.trim_start_matches('v')))
        }
        Kind::Python => {
            let script = "import platform, boto3; print(f'Python {platform.python_version()} with boto3 {boto3.__version__}')";
            said(&folder.join("venv/bin/python"), &["-c", script])
        }
    }
}

/// What the program prints.
fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
