//! What must stay true of the project as a whole, whoever changes a part of it.
//!
//! Each check reads files of the repository: the layers keep to their libraries, and whatever a
//! service needs beside the code is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use countermand::follow_up::table::TABLE;
use countermand::targets::{SERVICES, Service};
use countermand_simulator::Operation;
use libtest_mimic::{Failed, Trial};

use crate::services;

pub type Check = fn() -> Result<(), String>;

/// The checks, as tests.
pub fn trials() -> Vec<Trial> {
    let checks: [(&str, Check); 7] = [
        ("the-sdk-is-named-only-where-it-may-be", sdk_is_named_only_where_it_may_be),
        ("only-retry-and-pace-wait", only_retry_and_pace_wait),
        ("only-the-configuration-reads-the-environment", only_the_configuration_reads_the_environment),
        ("every-service-has-all-that-belongs-to-one", every_service_has_all_that_belongs_to_one),
        ("every-sample-event-is-a-case", every_sample_event_is_a_case),
        ("every-row-of-the-follow-up-is-taken-by-a-case", every_row_of_the_follow_up_is_taken_by_a_case),
        ("the-binary-and-the-log-of-a-start-tell-version-and-commit", the_version_is_told),
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

/// What the tests and the simulator know of each service, and what the files beside the code say of it.
fn every_service_has_all_that_belongs_to_one() -> Result<(), String> {
    let known = |operation: &Operation| services::SERVICES.iter().any(|known| known.cancel == *operation);
    let unknown = Operation::canceling().filter(|operation| !known(operation));
    let mut missing: Vec<String> = unknown
        .map(|operation| format!("tests/whole_path/services: expected a file and a line for {operation}"))
        .collect();
    for service in SERVICES {
        let (name, cancel) = (service.name, service.cancel.own_name());
        for start in
            ["eventbridge", "sqs", "pipe", "sns", "direct"].map(|way| format!("events/{way}-{name}-"))
        {
            missing.extend(no_file(&start));
        }
        missing.extend(no_file(&format!("tests/deaths/{name}")));
        let known = services::SERVICES.into_iter().find(|known| known.cancel.name() == service.cancel.name);
        match (known, title(name, cancel)?) {
            (None, _) => missing.push(format!(
                "tests/whole_path/services: expected {name}.{cancel}, as the simulator has it"
            )),
            (_, None) => {
                missing.push(format!("README.md: expected a row | … of {name}, `{name}` | `{cancel}` |"))
            }
            (Some(known), Some(title)) => {
                for (file, parts) in lines(service, &title, known.is_of_aws()) {
                    let text = read(file)?;
                    if !text.lines().any(|line| holds(line, &parts)) {
                        missing.push(format!("{file}: expected a line with {parts}"));
                    }
                }
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

/// The lines of the files beside the code that a service needs; `…` stands for anything.
fn lines(service: &Service, title: &str, is_of_aws: bool) -> Vec<(&'static str, String)> {
    let (name, form, cancel) = (service.name, service.key_form, service.cancel.own_name());
    let [request, confirmation, outcome] = [
        "schemas/cancel-request.schema.json",
        "schemas/confirmation.schema.json",
        "schemas/outcome.schema.json",
    ];
    let mut lines = vec![
        ("Cargo.toml", format!("description = … {title}")),
        ("docs/local.md", format!("| {title} | ")),
        ("docs/outcomes.md", format!("`{form}`")),
        ("docs/outcomes.md", format!("| {title}")),
        ("docs/outcomes.md", format!("- **{title}.**")),
        ("docs/pace.md", format!("| {title}, ")),
        ("docs/requests.md", format!("| `service` | … `{name}`")),
        ("docs/requests.md", format!("| {name} |")),
        (request, format!("\"oneOf\": … \"#/$defs/{name}\"")),
        (request, format!("\"title\": \"{title}: {cancel}\"")),
        (outcome, format!("\"operation\": … \"{cancel}\"")),
        ("scripts/try", format!("# TARGET is … {form}")),
        ("scripts/try", format!("    {name}:?*")),
        ("template.yaml", format!("AllowedPattern: … {name}")),
        ("template.yaml", form.into()),
        ("tests/facts/errors.json", format!("\"{name}")),
        ("tests/facts/quotas.json", format!("\"{name}")),
        ("tests/peers/drawn_requests.py", format!("    \"{name}\": {{")),
        ("tests/peers/drawn_requests.py", format!("    \"{name}\": [")),
        ("tests/peers/test_scripts.py", format!("(\"{name}:")),
        ("tests/peers/test_template.py", format!("in [ … \"{name}:")),
    ];
    if let Some(beyond) = service.beyond {
        lines.push((request, format!("\"{}\": {{", beyond.field)));
        lines.push(("docs/requests.md", format!("| `{}` | {name} |", beyond.field)));
    }
    for schema in [request, confirmation, outcome] {
        lines.push((schema, format!("\"enum\": [ … \"{name}\"")));
        lines.push((schema, format!("{{\"const\": \"{name}\"}}")));
        lines.push((schema, format!("\"service\": \"{name}\"")));
    }
    for schema in [confirmation, outcome] {
        lines.push((schema, format!("\"description\": … {form}")));
        lines.push((schema, format!("\"pattern\": … {name}: … .\"")));
        lines.push((schema, format!("\"pattern\": \"^{name}:\"")));
    }
    for operation in service.operations() {
        let quota =
            operation.quota.map(|quota| format!("{} | {} |", quota.per_second, thousands(quota.burst)));
        lines.push(("docs/pace.md", format!("| `{}` | {}", operation.name, quota.unwrap_or_default())));
        lines.push(("docs/security.md", format!(":{}`", operation.own_name())));
        if is_of_aws {
            lines.push(("template.yaml", format!(":{}", operation.own_name())));
        }
    }
    lines
}

/// What pages call a service: its name as the row of the README writes it, behind whose it is.
fn title(name: &str, cancel: &str) -> Result<Option<String>, String> {
    let (readme, row) = (read("README.md")?, format!(", `{name}` | `{cancel}` |"));
    let full = readme.lines().find_map(|line| Some(line.strip_prefix('|')?.split_once(&row)?.0));
    let mut ends = full.into_iter().flat_map(|full| full.match_indices(' ').map(|(at, _)| &full[at + 1..]));
    Ok(ends.find(|end| end.replace(' ', "").to_lowercase() == name).map(String::from))
}

fn no_file(start: &str) -> Option<String> {
    let folder = start.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_there = files(folder, ".json").iter().any(|path| path.to_string_lossy().starts_with(start));
    (!is_there).then(|| format!("expected a file {start}….json"))
}

/// Whether a line holds the parts, one after the other.
fn holds(line: &str, parts: &str) -> bool {
    parts.split(" … ").try_fold(line, |rest, part| Some(rest.split_once(part)?.1)).is_some()
}

fn thousands(number: f64) -> String {
    let (thousands, rest) = ((number / 1_000.0).floor(), number % 1_000.0);
    if thousands > 0.0 { format!("{thousands},{rest:03}") } else { rest.to_string() }
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

/// The log of a check tells its row, and a case that expects that has taken it.
fn every_row_of_the_follow_up_is_taken_by_a_case() -> Result<(), String> {
    let cases: Result<Vec<String>, String> = files("tests/cases", ".json").iter().map(read).collect();
    let cases = cases?.concat();
    for (place, row) in TABLE.iter().enumerate() {
        let taken = |stage, seen| {
            let expected = format!(r#"\"stage\":\"{stage:?}\",\"seen\":\"{seen:?}\",\"row\":{place}}}"#);
            cases.contains(&expected)
        };
        if !row.stages.iter().any(|stage| row.seen.iter().any(|seen| taken(stage, seen))) {
            return Err(format!("expected a case whose log has row {place}: {row:?}"));
        }
    }
    Ok(())
}

fn the_version_is_told() -> Result<(), String> {
    let output = |command: &mut Command| {
        let output = command.current_dir(root()).output().map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let version = format!("{} ({commit})", env!("CARGO_PKG_VERSION"));
    let bootstrap = || Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    let told = output(bootstrap().arg("--version"))?;
    if told != format!("countermand {version}") {
        return Err(format!("--version: expected {version}, got {told}"));
    }
    // One that is refused tells it too.
    let log =
        output(bootstrap().env_clear().envs([("COUNTERMAND_MODE", "?"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")]))?;
    let line = format!(r#""message":"started","version":"{version}""#);
    log.contains(&line).then_some(()).ok_or_else(|| format!("expected {line} in the log, got {log}"))
}
