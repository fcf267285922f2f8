//! How a sweep goes, and how it ended: the two documents.
//!
//! A [`Report`] is written once, within the limit of an outcome. This module knows no service.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Chain, Counts};
use crate::call_error::ReportedError;
use crate::marker;
use crate::outcome::{is_false, shortened, to_json};
use crate::publisher::Entry;
use crate::targets::sweep::Failure;
use crate::timestamp::{Moment, Timestamp};

/// What stands for a status as long as a sweep goes on.
pub const IN_PROGRESS: &str = "IN_PROGRESS";

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that matched was asked, or had ended, and none failed.
    Completed,
    Incomplete,
}

impl Verdict {
    /// As summaries write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Incomplete => "INCOMPLETE",
        }
    }
}

/// A written document.
#[derive(Debug)]
pub struct Report {
    pub request_id: String,
    pub key: String,
    pub service: &'static str,
    /// The sweep is over.
    pub verdict: Option<Verdict>,
    pub counts: Counts,
    pub percent: u64,
    pub steps: u64,
    pub json: String,
    /// The document without what the requester wrote beyond the target.
    pub loggable: String,
}

/// The document, as `schemas/progress.schema.json` and `schemas/summary.schema.json` describe it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    request_id: &'a str,
    service: &'static str,
    target: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    counts: Counts,
    percent: u64,
    steps: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failures: &'a [Failure],
    /// Why executions fail for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ReportedError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a RawValue>,
    requested_at: Option<Timestamp>,
    started_at: Timestamp,
    completed_at: Timestamp,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

impl Report {
    /// What is said of a sweep: how it goes, or how it ended.
    pub fn new(
        chain: &Chain,
        verdict: Option<Verdict>,
        error: Option<&ReportedError>,
        now: Timestamp,
    ) -> Self {
        let Chain { labels, cancellation, counts, failures, steps, began_at, .. } = chain;
        let request_id = labels.request_id.as_deref().unwrap_or_default();
        let (service, percent) = (cancellation.service().name, counts.percent());
        let mut document = Document {
            kind: if verdict.is_some() { marker::SUMMARY } else { marker::PROGRESS },
            version: "1",
            request_id,
            service,
            target: cancellation.target(),
            status: verdict.map(Verdict::name),
            counts: *counts,
            percent,
            steps: *steps,
            failures: if verdict.is_some() { failures } else { &[] },
            error,
            reason: labels.reason.as_deref(),
            requested_by: labels.requested_by.as_deref(),
            context: labels.context.as_deref(),
            requested_at: labels.requested_at.map(Moment::ends),
            started_at: *began_at,
            completed_at: now,
            truncated: false,
        };
        let json = within_limit(&mut document);
        (document.reason, document.requested_by, document.context) = (None, None, None);
        Self {
            request_id: request_id.into(),
            key: cancellation.key(),
            service,
            verdict,
            counts: *counts,
            percent,
            steps: *steps,
            json,
            loggable: to_json(&document),
        }
    }

    /// As it travels to a destination.
    pub fn entry(&self) -> Entry<'_> {
        let (kind, detail_type) = match self.verdict {
            Some(_) => (marker::SUMMARY, "Cancellation Summary"),
            None => (marker::PROGRESS, "Cancellation Progress"),
        };
        Entry {
            kind,
            detail_type,
            service: Some(self.service),
            status: Some(self.status()),
            json: &self.json,
            delay: std::time::Duration::ZERO,
        }
    }

    /// As a queue's attribute and the metrics have it.
    pub fn status(&self) -> &'static str {
        self.verdict.map_or(IN_PROGRESS, Verdict::name)
    }
}

/// Writes the document, leaving out failures until it is short enough. The counts always stay.
fn within_limit<'a>(document: &mut Document<'a>) -> String {
    let fewer: fn(&mut Document<'a>) = |document| {
        document.failures = &document.failures[..document.failures.len() / 2];
    };
    shortened(document, &[fewer; 10], |document| document.truncated = true)
}
