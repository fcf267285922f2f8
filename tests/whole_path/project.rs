//! What must stay true of the project as a whole, whoever changes a part of it.
//!
//! Each check reads files of the repository: the layers keep to their libraries, and whatever a
//! service needs beside the code is there.

use std::path::{Path, PathBuf};

use countermand::targets::SERVICES;
use countermand_simulator::Operation;
use libtest_mimic::{Failed, Trial};

use crate::services;

pub type Check = fn() -> Result<(), String>;

/// The checks, as tests.
pub fn trials() -> Vec<Trial> {
    let checks: [(&str, Check); 5] = [
        ("the-sdk-is-named-only-where-it-may-be", sdk_is_named_only_where_it_may_be),
        ("only-retry-and-pace-wait", only_retry_and_pace_wait),
        ("only-the-configuration-reads-the-environment", only_the_configuration_reads_the_environment),
        ("every-service-has-all-that-belongs-to-one", every_service_has_all_that_belongs_to_one),
        ("every-sample-event-is-a-case", every_sample_event_is_a_case),
    ];
    checks.map(|(name, check)| Trial::test(name, move || check().map_err(Failed::from))).into()
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: impl AsRef<Path>) -> Result<String, String> {
    let path = root().join(path);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Files below a folder that end in this, with their paths from the root.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap_or(&path).to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// No source outside these places has one of the texts; tests beside the code may.
fn only_in(allowed: &[&str], texts: &[&str]) -> Result<(), String> {
    let sources = files("src", ".rs");
    let allowed_place = |path: &Path| {
        let path = path.to_string_lossy();
        path.ends_with("tests.rs") || allowed.iter().any(|place| path.starts_with(place))
    };
    for path in sources.iter().filter(|path| !allowed_place(path)) {
        let source = read(path)?;
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if let Some(text) = texts.iter().find(|text| line.contains(*text)) {
                return Err(format!("{}:{}: expected no {text} here", path.display(), number + 1));
            }
        }
    }
    // A check that finds its texts nowhere checks nothing.
    let found = sources
        .iter()
        .filter(|path| allowed_place(path))
        .any(|path| read(path).is_ok_and(|source| texts.iter().any(|text| source.contains(text))));
    found.then_some(()).ok_or_else(|| format!("expected one of {texts:?} in {allowed:?}"))
}

fn sdk_is_named_only_where_it_may_be() -> Result<(), String> {
    only_in(
        &["src/client/", "src/targets/", "src/publisher/", "src/visibility/", "src/main.rs"],
        &["aws_sdk_", "aws_smithy_", "aws_config", "aws_credential_types"],
    )
}

fn only_retry_and_pace_wait() -> Result<(), String> {
    only_in(
        &["src/retry.rs", "src/retry/", "src/pace/limiter.rs", "src/start_up.rs"],
        &["time::sleep", "time::timeout", "time::{Instant, sleep", "time::interval"],
    )
}

fn only_the_configuration_reads_the_environment() -> Result<(), String> {
    only_in(&["src/config/"], &["env::var"])
}

/// What the tests and the simulator know of each service, the IAM action of each of AWS's, a sample event for each
/// way in, a table of deaths, and a row in the README.
fn every_service_has_all_that_belongs_to_one() -> Result<(), String> {
    let template = read("template.yaml")?;
    let readme = read("README.md")?;
    for operation in Operation::canceling() {
        if !services::SERVICES.iter().any(|known| known.cancel == operation) {
            return Err(format!("tests/whole_path/services: expected a file and a line for {operation}"));
        }
    }
    for service in SERVICES {
        let (name, operation) = (service.name, service.cancel.own_name());
        let known =
            services::SERVICES.into_iter().find(|known| known.cancel.name() == format!("{name}.{operation}"));
        let known = known
            .ok_or_else(|| format!("simulator/src/service.rs: expected a service with {name}.{operation}"))?;
        let action = format!("{name}:{operation}");
        if known.is_of_aws() && !template.contains(&action) {
            return Err(format!("template.yaml: expected the action {action}"));
        }
        let row = |line: &&str| line.starts_with('|') && line.contains(operation) && line.contains(name);
        if !readme.lines().any(|line| row(&line)) {
            return Err(format!("README.md: expected a row of {name} with {operation}"));
        }
        if !files("tests/deaths", ".json").iter().any(|path| path.to_string_lossy().contains(name)) {
            return Err(format!("tests/deaths: expected a table {name}….json"));
        }
        for source in ["eventbridge", "sqs", "pipe", "sns", "direct"] {
            let start = format!("events/{source}-{name}-");
            if !files("events", ".json").iter().any(|path| path.to_string_lossy().starts_with(&start)) {
                return Err(format!("expected a sample event {start}….json"));
            }
        }
    }
    Ok(())
}

fn every_sample_event_is_a_case() -> Result<(), String> {
    let cases: Result<Vec<String>, String> = files("tests/cases", ".json").iter().map(read).collect();
    let cases = cases?.concat();
    for path in files("events", ".json") {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !cases.contains(&format!("\"event\": \"{name}\"")) {
            return Err(format!("{}: expected a case that delivers it", path.display()));
        }
    }
    Ok(())
}
