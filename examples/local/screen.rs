//! How a report looks to a person: aligned columns, one idea in a line; with a frame and colors on
//! a terminal, plain anywhere else. It decides nothing and starts nothing.

mod story;

use std::fmt::Write;
use std::io::{self, IsTerminal};

use serde_json::Value;

use crate::arrival::{Arrival, cut, list};
use crate::report::{Answer, GoingBack, Report};
use crate::rows::{columns, details};
use crate::timeline::{self, Group, Line};

/// A response up to so many characters stands in one line.
const ONE_LINE: usize = 100;

#[derive(Clone, Copy)]
pub struct Screen {
    fancy: bool,
}

#[derive(Clone, Copy)]
enum Paint {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// Writes a line to standard error; where nobody reads it, nothing is lost.
pub fn note(line: &str) {
    let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{line}\n"));
}

/// Writes to standard output, at once.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    io::Write::write_all(&mut out, text.as_bytes())?;
    io::Write::flush(&mut out)
}

/// Lines under one heading after another, inside a frame.
struct Page {
    screen: Screen,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        let frame = if self.screen.fancy { "│" } else { "" };
        let line = match text.trim_end() {
            "" => self.screen.paint(Paint::Dim, frame),
            text => format!("{}  {text}", self.screen.paint(Paint::Dim, frame)),
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn heading(&mut self, name: &str, rest: &str) {
        self.line("");
        let name = self.screen.paint(Paint::Bold, &format!("{name:<9}"));
        self.line(&format!("{name}  {rest}"));
    }

    fn edge(&mut self, corner: &str, text: &str) {
        let edge =
            if self.screen.fancy { self.screen.paint(Paint::Dim, corner) + " " } else { String::new() };
        let _ = writeln!(self.text, "{edge}{text}");
    }
}

impl Screen {
    /// Frame and colors where standard output is a terminal, unless `NO_COLOR` says otherwise.
    pub fn new() -> Screen {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen { fancy: io::stdout().is_terminal() && !refused }
    }

    fn paint(self, paint: Paint, text: &str) -> String {
        match self.fancy && !text.is_empty() {
            true => format!("\x1b[{}m{text}\x1b[0m", paint as u8),
            false => text.to_owned(),
        }
    }

    fn page(self) -> Page {
        Page { screen: self, text: String::new() }
    }

    /// What is shown before anything happened: the event, and what is in it.
    pub fn opening(self, event: &str, arrived: Option<&Arrival>) -> String {
        let mut page = self.page();
        page.edge("╭─", &self.paint(Paint::Bold, event));
        let Some(arrived) = arrived else {
            page.heading("arrived", "an event that cannot be answered record by record");
            return page.text;
        };
        // The sixth part of an ARN is the queue's or the topic's name.
        let name = arrived.arn.as_ref().and_then(|arn| arn.split(':').nth(5));
        let from = name.map_or(String::new(), |name| format!(" from {name}"));
        let count = timeline::count(arrived.records.len(), "record", "records");
        page.heading("arrived", &format!("{count} by {}{from}", arrived.source));
        let rows = arrived.records.iter().map(|record| {
            let again = record.receive_count.filter(|count| *count > 1);
            let again = again.map_or(String::new(), |count| format!("  received {count} times"));
            let rehearsal = if record.is_dry_run() { "  dry run" } else { "" };
            vec![
                record.id.clone().unwrap_or_default(),
                record.service().to_owned(),
                record.asks_for() + &self.paint(Paint::Dim, &(again + rehearsal)),
            ]
        });
        for row in columns(rows.collect()) {
            page.line(&format!("  {row}"));
        }
        page.text
    }

    /// What happened.
    pub fn rest(self, report: &Report) -> String {
        let mut page = self.page();
        let groups = timeline::groups(&report.calls);
        page.heading("calls", if groups.is_empty() { "none" } else { "" });
        self.calls(&mut page, &groups);
        page.heading("outcomes", if report.outcomes.is_empty() { "none" } else { "" });
        for outcome in &report.outcomes {
            self.outcome(&mut page, outcome);
        }
        if !report.going_back.is_empty() {
            page.heading("goes back", "");
            self.going_back(&mut page, &report.going_back);
        }
        let (kind, body) = answer(&report.response);
        page.heading("response", &kind);
        for line in body {
            page.line(&format!("  {line}"));
        }
        page.line("");
        let verdict = match report.acknowledged {
            true => self.paint(Paint::Green, "every record was acknowledged"),
            false => self.paint(Paint::Red, &goes_back(report)),
        };
        page.edge("╰─", &verdict);
        page.text + "\n"
    }

    fn calls(self, page: &mut Page, groups: &[Group]) {
        let lines = || groups.iter().flat_map(|group| &group.lines);
        let width = lines().map(|line| line.result.chars().count()).max().unwrap_or(0);
        for group in groups {
            let attempts = match group.attempts {
                1 => String::new(),
                attempts => self.paint(Paint::Dim, &format!("  {attempts} attempts")),
            };
            page.line(&format!("  {}  {}{attempts}", group.operation, group.asks_for));
            for Line { at, result, took, failed, wait } in &group.lines {
                if let Some(wait) = wait {
                    let mark = if self.fancy { "┆" } else { ":" };
                    page.line(&self.paint(Paint::Dim, &format!("{:>11}  {mark} {wait}", "")));
                }
                let paint = if *failed { Paint::Red } else { Paint::Green };
                let result = self.paint(paint, &format!("{result:<width$}"));
                page.line(&format!("  {at:>9}  {result}  {}", self.paint(Paint::Dim, took)));
            }
        }
    }

    fn status(self, status: &str) -> String {
        let paint = match status {
            "ACCEPTED" | "ALREADY_CANCELED" | "CONFIRMED" => Paint::Green,
            "FAILED" | "DENIED" => Paint::Red,
            _ => Paint::Yellow,
        };
        self.paint(paint, &format!("{status:<16}"))
    }

    /// A record that waits in line has no outcome yet, so its status is told here.
    fn going_back(self, page: &mut Page, going_back: &[GoingBack]) {
        for GoingBack { id, status, seen_again_in_seconds } in going_back {
            let when = match seen_again_in_seconds {
                Some(seconds) => format!("seen again in {seconds} s"),
                None => "seen again when its queue says so".into(),
            };
            page.line(&format!("  {}  {id}  {}", self.status(status), self.paint(Paint::Dim, &when)));
        }
    }

    fn outcome(self, page: &mut Page, outcome: &Value) {
        let text = |value: &Value| cut(value, 200);
        let status = outcome["status"].as_str().unwrap_or("?");
        let status = self.status(status);
        let about = outcome["target"].get("key").or(outcome.get("requestId")).map_or(String::new(), text);
        let again = match outcome["type"].as_str() {
            Some("CancellationAttemptFailed") => self.paint(Paint::Dim, "  comes again"),
            _ => String::new(),
        };
        page.line(&format!("  {status}  {about}{again}"));
        for row in columns(details(outcome)) {
            page.line(&format!("  {:<16}  {}", "", self.paint(Paint::Dim, &row)));
        }
    }
}

/// Lambda's view of the answer, in a few words, and the answer itself.
fn answer(answer: &Answer) -> (String, Vec<String>) {
    let shown = |value: &Value| {
        let compact = value.to_string();
        if compact.len() <= ONE_LINE {
            return vec![compact];
        }
        let pretty = serde_json::to_string_pretty(value).unwrap_or(compact);
        pretty.lines().map(String::from).collect()
    };
    match answer {
        Answer::Response(value) => ("to Lambda".into(), shown(value)),
        Answer::FunctionError { error_type, error_message } => {
            (format!("to Lambda: function error {error_type}"), shown(error_message))
        }
        Answer::InitError { error_type, error_message } => (
            format!("none: the start failed with {error_type}"),
            error_message.lines().map(String::from).collect(),
        ),
        Answer::TimedOut => ("none: the time was up".into(), Vec::new()),
        Answer::Died { how, last_words } => (format!("none: the function ended, {how}"), last_words.clone()),
    }
}

fn goes_back(report: &Report) -> String {
    let Answer::Response(response) = &report.response else {
        return "the event was not acknowledged".into();
    };
    let failures = response["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
    let ids = failures.iter().map(|failure| cut(&failure["itemIdentifier"], 64));
    let count = timeline::count(failures.len(), "record goes back", "records go back");
    format!("{count}: {}", list(ids))
}

#[cfg(test)]
mod tests;
