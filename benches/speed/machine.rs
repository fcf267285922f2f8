//! What the numbers were taken on: the machine, and the versions of the contestants. What cannot be found out
//! is left out; nothing depends on it.

use crate::COLD_ROUNDS_FOR_A_WARM_ONE;
use crate::arguments::Arguments;
use crate::contestant::{Contestant, Kind};
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
    let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| Some(line.split_once(": ")?.1));
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// The line that `benches/peers/prepare` leaves beside a peer; ours is known.
fn version(contestant: &Contestant) -> Option<String> {
    if contestant.kind == Kind::Countermand {
        return Some(format!("Countermand {}", env!("CARGO_PKG_VERSION")));
    }
    let version = std::fs::read_to_string(contestant.start.with_file_name("version")).ok()?;
    Some(version.trim().to_owned())
}
