//! How a report looks to a person: aligned columns, one idea in a line; with a frame and colors on
//! a terminal, plain anywhere else. It decides nothing and starts nothing.

mod story;

use std::fmt::Write;
use std::io::{self, IsTerminal};

use serde_json::Value;

use crate::arrival::{Arrival, cut, is_named};
use crate::report::{Answer, GoingBack, Report};
use crate::rows::{columns, details, wrapped};
use crate::timeline::{self, Group, Line};

/// No line is longer, but for JSON, which must stay as it is.
const COLUMNS: usize = 80;
/// What a line of a page has on its left.
const MARGIN: usize = 5;

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

/// Whether a terminal understands more than text.
pub fn is_smart() -> bool {
    std::env::var_os("TERM").is_none_or(|name| name != "dumb")
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
    /// Frame and colors where standard output is a terminal that knows them, unless `NO_COLOR` says otherwise.
    pub fn new() -> Screen {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen { fancy: io::stdout().is_terminal() && is_smart() && !refused }
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
            let again = again.map_or(String::new(), |count| format!(", received {count} times"));
            let rehearsal = if record.dry_run { ", dry run" } else { "" };
            vec![
                record.id.clone().filter(|_| arrived.records.len() > 1).unwrap_or_default(),
                record.service().to_owned(),
                format!("{}{again}{rehearsal}", record.asks_for),
            ]
        });
        for row in columns(rows.collect(), COLUMNS - MARGIN) {
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
        let paint = match (report.succeeded, &report.response) {
            (true, _) => Paint::Green,
            (false, Answer::Response(_)) if report.going_back.is_empty() => Paint::Yellow,
            _ => Paint::Red,
        };
        page.edge("╰─", &self.paint(paint, &ending(report)));
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
            "ACCEPTED" | "ALREADY_CANCELED" | "CONFIRMED" | "COMPLETED" => Paint::Green,
            "FAILED" | "DENIED" | "REJECTED" => Paint::Red,
            _ => Paint::Yellow,
        };
        self.paint(paint, &format!("{status:<16}"))
    }

    /// A record that waits has no outcome yet, and one whose outcome was not published is told nowhere else.
    fn going_back(self, page: &mut Page, going_back: &[GoingBack]) {
        for GoingBack { id, asks_for, status, unpublished, seen_again_in_seconds } in going_back {
            let status = status.as_deref().unwrap_or("not told");
            let untold = if *unpublished { "not published, " } else { "" };
            let when = match seen_again_in_seconds {
                Some(seconds) => format!("{untold}seen again in {seconds} s"),
                None => format!("{untold}seen again when its queue says so"),
            };
            page.line(&format!("  {}  {asks_for}", self.status(status)));
            for line in wrapped(&format!("{id}, {when}"), COLUMNS - MARGIN - 18) {
                page.line(&format!("  {:<16}  {}", "", self.paint(Paint::Dim, &line)));
            }
        }
    }

    fn outcome(self, page: &mut Page, outcome: &Value) {
        let status = self.status(outcome["status"].as_str().unwrap_or("?"));
        let again = match (outcome["type"].as_str(), outcome["source"]["type"].as_str()) {
            (Some("CancellationAttemptFailed"), Some("direct")) => "  its caller hears of it",
            (Some("CancellationAttemptFailed"), _) => "  comes again",
            _ => "",
        };
        page.line(&format!("  {status}  {}{}", about(outcome), self.paint(Paint::Dim, again)));
        for row in columns(details(outcome), COLUMNS - MARGIN - 18) {
            page.line(&format!("  {:<16}  {}", "", self.paint(Paint::Dim, &row)));
        }
    }
}

/// What an outcome is about: its target's key, and what else names it.
fn about(outcome: &Value) -> String {
    let text = |value: &Value| cut(value, 200);
    let Some(target) = outcome["target"].as_object() else { return text(&outcome["requestId"]) };
    let key = target.get("key").map_or(String::new(), text);
    let names = target.iter().filter(|(name, _)| *name != "key").filter_map(|(_, value)| value.as_str());
    let more: Vec<_> = names.filter(|name| !is_named(&key, name)).collect();
    [&[key.as_str()], more.as_slice()].concat().join(" ")
}

/// Lambda's view of the answer, in a few words, and the answer itself.
fn answer(answer: &Answer) -> (String, Vec<String>) {
    let shown = |value: &Value| {
        let compact = value.to_string();
        if compact.len() <= COLUMNS - MARGIN {
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

/// How it ended, in a line.
fn ending(report: &Report) -> String {
    let mut words: Vec<String> = match report.statuses().as_slice() {
        [(status, 1)] => vec![(*status).to_owned()],
        statuses => statuses.iter().map(|(status, count)| format!("{count} {status}")).collect(),
    };
    if !report.going_back.is_empty() {
        words.push(timeline::count(report.going_back.len(), "record comes again", "records come again"));
    } else if !matches!(report.response, Answer::Response(_)) {
        words.push("the event was not acknowledged".into());
    }
    if words.is_empty() { "nothing was asked for".into() } else { words.join(", ") }
}

#[cfg(test)]
mod tests;
