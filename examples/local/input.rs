//! The events that were asked for, read before anything starts: a file that is missing must not leave half of
//! the work done. What cannot be read is told with its place and its cause.

use std::io::{self, Read};
use std::path::Path;

use countermand::request::{self, Reading};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::arrival::Arrival;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// A name that differs by more than this part of its length is another name.
const NEAR: f64 = 0.7;

/// An event, and where it is from.
pub struct Event {
    pub name: String,
    pub text: String,
}

impl Event {
    /// Reads all files; `-` is standard input.
    ///
    /// # Errors
    /// What is wrong with the first that is no event, in a sentence for the user.
    pub fn read_all(files: &[impl AsRef<Path>]) -> Result<Vec<Event>, String> {
        files.iter().map(|file| Self::read(file.as_ref())).collect()
    }

    fn read(file: &Path) -> Result<Event, String> {
        let (name, text) = match file.as_os_str() == STANDARD_INPUT {
            true => ("standard input".into(), io::read_to_string(io::stdin().lock().take(16 << 20))),
            false => (file.display().to_string(), std::fs::read_to_string(file)),
        };
        let text = text.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("{name}: no such file{}", nearest(file)),
            _ => format!("{name}: {error}"),
        })?;
        match serde_json::from_str::<IgnoredAny>(&text) {
            Ok(_) => Ok(Event { name, text }),
            Err(error) => Err(not_json(&name, &text, &error)),
        }
    }

    /// Whether a request in it asks to be followed to its end.
    pub fn asks_to_be_followed(&self) -> bool {
        let escalates = |request: &Value| match request::read(&request.to_string(), Default::default()) {
            Reading::Request(request) => request.cancellation.escalates_after().is_some(),
            _ => false,
        };
        let follows = self.any(|request| request["confirm"] == true || escalates(request));
        follows || self.asks_for_a_sweep()
    }

    /// Whether a request in it is for every execution that matches.
    pub fn asks_for_a_sweep(&self) -> bool {
        self.any(|request| request["select"].is_object() && request.get("type").is_none())
    }

    /// Whether a message in it is one that the function sent to itself.
    pub fn follows_up(&self) -> bool {
        let to_itself = ["CancellationFollowUp", "CancellationSweep"];
        self.any(|request| to_itself.iter().any(|kind| request["type"] == *kind))
    }

    fn any(&self, is: impl Fn(&Value) -> bool) -> bool {
        Arrival::read(&self.text).is_some_and(|arrived| arrived.records.iter().any(|it| is(&it.request)))
    }
}

fn not_json(name: &str, text: &str, error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let cause = whole.split(" at line ").next().unwrap_or_default();
    let place = format!("{name}:{}:{}", error.line(), error.column());
    match text.trim() {
        "" => format!("{name}: expected an event as JSON, got nothing"),
        text if is_yaml(text) => format!("{place}: this is YAML; Lambda delivers JSON"),
        _ => format!("{place}: expected JSON: {cause}"),
    }
}

/// Whether the first line that says something is a key with its value, as YAML writes it.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    let key = first
        .trim_start_matches("- ")
        .split_once(':')
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    let plain = |key: &str| key.chars().all(|it| it.is_alphanumeric() || "-_".contains(it));
    first == "---" || key.is_some_and(|(key, _)| !key.is_empty() && plain(key))
}

/// The file beside it whose name is nearest, in words; nothing where none is near.
fn nearest(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The folder may be what was forgotten.
    let folders = [folder, Path::new("events")];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let near = files.map(|found| {
        let how = strsim::normalized_levenshtein(&found.file_name().to_string_lossy(), &name);
        (how, found.path())
    });
    let nearest = near.filter(|(how, _)| *how >= NEAR).max_by(|(one, _), (other, _)| one.total_cmp(other));
    nearest.map_or_else(String::new, |(_, path)| {
        format!("; the nearest is {}", path.strip_prefix(".").unwrap_or(&path).display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_event_is_told_with_its_place_and_its_cause() {
        let read = |text: &str| {
            let error = serde_json::from_str::<IgnoredAny>(text).expect_err("no JSON");
            not_json("e.json", text, &error)
        };
        for (text, expected) in [
            ("{\n  \"a\": 1,\n}", "e.json:3:1: expected JSON: key must be a string"),
            ("{} {}", "e.json:1:4: expected JSON: trailing characters"),
            ("service: appflow\nflowName: orders", "e.json:1:1: this is YAML; Lambda delivers JSON"),
            ("---\n- service: swf", "e.json:1:2: this is YAML; Lambda delivers JSON"),
            (" \n", "e.json: expected an event as JSON, got nothing"),
            ("hello", "e.json:1:1: expected JSON: expected value"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        for (path, expected) in [
            ("events/sqs-appflow-partia.json", "; the nearest is events/sqs-appflow-partial.json"),
            ("sqs-swf-confirm.json", "; the nearest is events/sqs-swf-confirm.json"),
            ("events/something-else-entirely", ""),
        ] {
            assert_eq!(nearest(Path::new(path)), expected, "{path}");
        }
    }
}
