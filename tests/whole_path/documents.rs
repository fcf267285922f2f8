//! What must stay true of the documents, whoever changes a part of them.
//!
//! `tests/documents.json` says how long each may be, how long a cell of a table, and which phrases stand in
//! one file only: each fact has one home, and the others link to it.

use std::collections::BTreeMap;
use std::path::Path;

use countermand::config::{self, Config};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;

use crate::project::{Check, files, read, root};

const CONFIGURATION: &str = "docs/configuration.md";

/// The checks, as tests.
pub fn trials() -> Vec<Trial> {
    let checks: [(&str, Check); 7] = [
        ("no-document-is-longer-than-it-may-be", no_document_is_longer_than_it_may_be),
        ("a-cell-of-a-table-is-a-phrase", a_cell_of_a_table_is_a_phrase),
        ("each-fact-has-one-home", each_fact_has_one_home),
        ("every-link-leads-somewhere", every_link_leads_somewhere),
        ("every-variable-is-documented-once-and-no-other", every_variable_is_documented_once_and_no_other),
        ("every-parameter-is-documented-with-its-default", every_parameter_is_documented_with_its_default),
        ("every-sample-event-is-in-the-table", every_sample_event_is_in_the_table),
    ];
    checks.map(|(name, check)| Trial::test(name, move || check().map_err(Failed::from))).into()
}

#[derive(Deserialize)]
struct Limits {
    /// By file, or by a folder whose name ends with a slash.
    lines: BTreeMap<String, usize>,
    /// In characters that are read.
    cell: usize,
    /// By phrase, however its lines are broken.
    homes: BTreeMap<String, String>,
}

fn limits() -> Result<Limits, String> {
    serde_json::from_str(&read("tests/documents.json")?)
        .map_err(|error| format!("tests/documents.json: {error}"))
}

/// Every page of the project, with its text.
fn documents() -> Result<Vec<(String, String)>, String> {
    let at_the_root = std::fs::read_dir(root()).into_iter().flatten().flatten();
    let at_the_root = at_the_root
        .map(|entry| entry.file_name().into())
        .filter(|path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "md"));
    let others = ["docs", "benches", "tests"].map(|folder| files(folder, ".md")).concat();
    let others =
        others.into_iter().filter(|path| !path.iter().any(|part| part == ".venv" || part == "node_modules"));
    at_the_root.chain(others).map(|path| Ok((path.to_string_lossy().into_owned(), read(&path)?))).collect()
}

fn no_document_is_longer_than_it_may_be() -> Result<(), String> {
    let Limits { lines, .. } = limits()?;
    for (path, text) in documents()? {
        let folder = path.split_inclusive('/').next().unwrap_or_default();
        let Some(most) = lines.get(&path).or_else(|| lines.get(folder)) else { continue };
        let got = text.lines().count();
        if got > *most {
            return Err(format!("{path}: expected at most {most} lines, got {got}"));
        }
    }
    Ok(())
}

/// Those of the map of the code and of measurements aside.
fn a_cell_of_a_table_is_a_phrase() -> Result<(), String> {
    let Limits { cell: most, .. } = limits()?;
    let documents = documents()?;
    for (path, text) in documents.iter().filter(|(path, _)| path != "ARCHITECTURE.md") {
        for (line, cell) in rows(text).flat_map(|line| cells(line).into_iter().map(move |cell| (line, cell)))
        {
            let got = without_targets(cell).chars().count();
            if got > most {
                return Err(format!(
                    "{path}: expected at most {most} characters in a cell, got {got}: {line}"
                ));
            }
        }
    }
    Ok(())
}

fn each_fact_has_one_home() -> Result<(), String> {
    let documents: Vec<(String, String)> = documents()?
        .into_iter()
        .map(|(path, text)| (path, text.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    let homeless = limits()?.homes.into_iter().filter_map(|(phrase, home)| {
        let mut found: Vec<&str> = documents
            .iter()
            .filter(|(path, text)| path != "ARCHITECTURE.md" && text.contains(&phrase))
            .map(|(path, _)| path.as_str())
            .collect();
        found.sort_unstable();
        (found != [home.as_str()]).then(|| format!("expected `{phrase}` in {home} alone, got {found:?}"))
    });
    match homeless.collect::<Vec<_>>() {
        none if none.is_empty() => Ok(()),
        some => Err(some.join("\n")),
    }
}

/// Links to files and folders of the repository, and to headings of its pages; those with a scheme aside.
fn every_link_leads_somewhere() -> Result<(), String> {
    for (path, text) in documents()? {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) =
                link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { Path::new(&path).to_path_buf() } else { folder.join(file) };
            if !root().join(&target).exists() {
                return Err(format!("{path}: expected {} to exist", target.display()));
            }
            let Some(heading) = heading else { continue };
            if !headings(&read(&target)?).any(|one| one == heading) {
                return Err(format!("{path}: expected a heading for #{heading} in {}", target.display()));
            }
        }
    }
    Ok(())
}

/// A row of the table that joins both, for each variable; and no name of a variable that does not exist.
fn every_variable_is_documented_once_and_no_other() -> Result<(), String> {
    let defaults = Config::read([]).map_err(|error| error.to_string())?;
    let defaults = BTreeMap::from([
        ("COUNTERMAND_MAX_ATTEMPTS", u64::from(defaults.max_attempts)),
        ("COUNTERMAND_MAX_IN_FLIGHT_CALLS", defaults.max_in_flight_calls as u64),
        ("COUNTERMAND_EXPLAIN_MAX_PAGES", defaults.explain_max_pages.into()),
        ("COUNTERMAND_FUNCTION_CONCURRENCY", defaults.function_concurrency.into()),
        ("COUNTERMAND_PIN_AFTER_SECONDS", defaults.pin_after.as_secs()),
        ("COUNTERMAND_CONFIRM_WITHIN_SECONDS", defaults.confirm_within.as_secs()),
        ("COUNTERMAND_DEADLINE_MARGIN_MS", defaults.deadline_margin.as_millis() as u64),
    ]);
    let page = read(CONFIGURATION)?;
    for variable in config::known() {
        let named: Vec<_> = joined(&page).filter(|row| row[1] == format!("`{variable}`")).collect();
        let [row] = &named[..] else {
            return Err(format!("{CONFIGURATION}: expected one row of {variable}, got {}", named.len()));
        };
        if let Some(default) = defaults.get(variable).filter(|default| row[3] != default.to_string()) {
            return Err(format!(
                "{CONFIGURATION}: expected the default {default} of {variable}, got {}",
                row[3]
            ));
        }
    }
    let mut texts = documents()?;
    texts.push(("template.yaml".into(), read("template.yaml")?));
    for (file, text) in &texts {
        for name in names(text) {
            if !config::known().any(|known| known == name)
                && !text.contains(&format!("{name}: expected a variable that exists"))
            {
                return Err(format!("{file}: {name} is no variable"));
            }
        }
    }
    Ok(())
}

/// A row of that table for each parameter of the template, with its default.
fn every_parameter_is_documented_with_its_default() -> Result<(), String> {
    let (template, page) = (read("template.yaml")?, read(CONFIGURATION)?);
    let template = template.split("\nParameters:\n").nth(1).and_then(|rest| rest.split("\nRules:\n").next());
    let mut parameters: Vec<(String, String)> = Vec::new();
    for line in template.unwrap_or_default().lines() {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        if let Some(name) = name.filter(|name| name.chars().all(char::is_alphanumeric)) {
            parameters.push((name.into(), String::new()));
        }
        if let Some((default, last)) = line.strip_prefix("    Default: ").zip(parameters.last_mut()) {
            last.1 = default.trim_matches('"').into();
        }
    }
    let mut documented: Vec<(String, String)> = joined(&page)
        .filter(|row| row[0] != "–")
        .map(|row| {
            // Where nothing is the default, the page says what follows from that.
            let default = row[2].trim_matches('`');
            let nothing = default == row[2] && default.parse::<f64>().is_err();
            (row[0].trim_matches('`').to_owned(), if nothing { String::new() } else { default.to_owned() })
        })
        .collect();
    parameters.sort();
    documented.sort();
    match parameters.iter().zip(&documented).find(|(there, here)| there != here) {
        Some((there, here)) => {
            Err(format!("{CONFIGURATION}: expected the parameter {there:?}, got {here:?}"))
        }
        None if parameters.len() != documented.len() => Err(format!(
            "{CONFIGURATION}: expected {} parameters, got {}",
            parameters.len(),
            documented.len()
        )),
        None => Ok(()),
    }
}

fn every_sample_event_is_in_the_table() -> Result<(), String> {
    let page = read("docs/local.md")?;
    let mut listed: Vec<&str> = rows(&page)
        .map(|row| cells(row)[0].trim_matches('`'))
        .filter(|name| name.ends_with(".json"))
        .collect();
    listed.sort_unstable();
    let events = files("events", ".json");
    let events: Vec<_> = events.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    match listed == events {
        true => Ok(()),
        false => Err(format!("docs/local.md: expected a row for each of {events:?}, got {listed:?}")),
    }
}

/// The lines of tables, without those that part a head from its rows.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('|') && !line.starts_with("| ---"))
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The rows of the table of parameters and variables.
fn joined(page: &str) -> impl Iterator<Item = Vec<&str>> {
    rows(page).map(cells).filter(|cells| cells.len() == 5 && cells[0] != "parameter")
}

/// A cell as it is read: a link shows only its text.
fn without_targets(cell: &str) -> String {
    let mut parts = cell.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// The headings of a page, as links name them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut in_code = false;
    let lines = text.lines().filter(move |line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    lines.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    })
}

/// Every name in a text that looks like one of our variables; the bare prefix is none.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let names = text.match_indices("COUNTERMAND_").map(|(start, _)| {
        let rest = &text[start..];
        let end = rest.find(|it: char| !(it.is_ascii_uppercase() || it == '_')).unwrap_or(rest.len());
        &rest[..end]
    });
    names.filter(|name| *name != "COUNTERMAND_")
}
