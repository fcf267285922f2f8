//! The form of an outcome, and how it is kept within its limit.
//!
//! Absent parts are left out, never `null`. What is too long loses its lists of ids first, the ones that
//! say least before the others; the counts always stay, and how many a dry run would reach.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::call_error::ReportedError;
use crate::event_source::Source;
use crate::fields::violation::Violation;
use crate::request::{Input, carriable};
use crate::secrets::blotted;
use crate::timestamp::Timestamp;
use crate::vocabulary::{Effect, Status};

/// An outcome is at most so many bytes, so that ten of them fit into few calls of any destination.
pub const LONGEST: usize = 200_000;

/// The document, as `schemas/outcome.schema.json` describes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub version: &'static str,
    pub request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Value>,
    pub status: Status,
    pub effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a ReportedError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violations: Option<&'a [Violation]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    #[serde(skip_serializing_if = "is_false")]
    pub input_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Value>,
    /// `PENDING` where the request is followed to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<&'a RawValue>,
    pub attempts: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub service_request_ids: &'a [String],
    pub source: &'a Source,
    pub requested_at: Timestamp,
    pub completed_at: Timestamp,
    #[serde(skip_serializing_if = "is_false")]
    pub truncated: bool,
}

pub fn is_false(value: &bool) -> bool {
    !value
}

/// Writes the document, leaving out lists of ids until it is short enough. The counts always stay.
/// `remaining` goes last: a part of it would be another request.
pub fn within_limit<'a>(document: &mut Document<'a>) -> String {
    let steps: [fn(&mut Document<'a>); 7] = [
        |document| remove(&mut document.target, "executionIds"),
        |document| {
            let executions = document.result.as_mut().and_then(|result| result.get_mut("executions"));
            if let Some(Value::Array(executions)) = executions {
                executions.retain(|execution| execution["state"] != "ACCEPTED");
                if executions.is_empty() {
                    remove(&mut document.result, "executions");
                }
            }
        },
        |document| remove(&mut document.result, "executions"),
        |document| count_would_cancel(&mut document.result),
        |document| document.service_request_ids = &[],
        |document| document.remaining = None,
        // Whatever else a service told is not worth an outcome that nobody gets.
        |document| {
            let counts = document.result.take().and_then(|result| result.get("counts").cloned());
            document.result = counts.map(|counts| json!({"counts": counts}));
        },
    ];
    shortened(document, &steps, |document| document.truncated = true)
}

/// Writes a document for others to read, taking one step after the other until it is short enough.
pub fn shortened<D: Serialize>(document: &mut D, steps: &[fn(&mut D)], truncated: fn(&mut D)) -> String {
    let mut json = to_json(document);
    for step in steps {
        if json.len() <= LONGEST {
            break;
        }
        step(document);
        truncated(document);
        json = to_json(document);
    }
    match blotted(&json) {
        Cow::Owned(blotted) => blotted,
        Cow::Borrowed(_) => {
            // It doubled as it grew.
            json.shrink_to_fit();
            json
        }
    }
}

/// What a dry run would reach is told by its number alone.
fn count_would_cancel(result: &mut Option<Value>) {
    if let Some(Value::Object(result)) = result
        && let Some(Value::Array(ids)) = result.remove("wouldCancel")
    {
        result.insert("wouldCancelCount".into(), json!(ids.len()));
    }
}

/// Leaves a member of an object out.
pub fn remove(value: &mut Option<Value>, name: &str) {
    if let Some(Value::Object(object)) = value {
        object.remove(name);
    }
}

/// Writes a document as every destination can carry it.
pub fn to_json(document: &impl Serialize) -> String {
    // Nothing in a document can fail to be written: its map keys are strings, its numbers finite.
    carriable(serde_json::to_string(document).unwrap_or_default())
}
