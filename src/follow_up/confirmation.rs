//! How it ended: what the states of the runs that were followed mean together, and the document.
//!
//! A [`Confirmation`] is written once, within the limit of an outcome. This module knows no service.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::FollowUp;
use crate::marker;
use crate::outcome::{is_false, remove, shortened, to_json};
use crate::publisher::Entry;
use crate::targets::Sight;
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::State;

/// What the states mean together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Confirmed,
    EndedOtherwise,
    /// All have ended, and one by us.
    Forced,
    StillRunning,
}

/// A written confirmation.
#[derive(Debug)]
pub struct Confirmation {
    pub request_id: String,
    pub key: String,
    pub service: &'static str,
    pub verdict: Verdict,
    pub checks: u32,
    pub json: String,
    /// The document without what the requester wrote beyond the target.
    pub loggable: String,
}

impl Verdict {
    /// What is known from the states of runs, and whether one was ended by force.
    pub fn of(seen: &Sight, forced: bool) -> Self {
        let Some(runs) = seen else { return Self::StillRunning };
        if runs.iter().all(|(_, state)| *state == State::Canceled) {
            Self::Confirmed
        } else if runs.iter().all(|(_, state)| state.has_ended()) {
            if forced { Self::Forced } else { Self::EndedOtherwise }
        } else {
            Self::StillRunning
        }
    }

    /// As confirmations write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::EndedOtherwise => "ENDED_OTHERWISE",
            Self::Forced => "FORCED",
            Self::StillRunning => "STILL_RUNNING",
        }
    }
}

/// The document, as `schemas/confirmation.schema.json` describes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    request_id: &'a str,
    service: &'static str,
    target: Option<Value>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    executions: Option<Vec<Execution<'a>>>,
    counts: Map<String, Value>,
    checks: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation: Option<Escalated<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a RawValue>,
    requested_at: Option<Timestamp>,
    completed_at: Timestamp,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
}

/// A run that was followed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Execution<'a> {
    execution_id: &'a str,
    state: &'static str,
}

/// The runs that were ended by force.
#[derive(Serialize)]
struct Escalated<'a> {
    operation: &'static str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    executions: Vec<&'a str>,
}

impl<'a> Escalated<'a> {
    fn of(follow_up: &'a FollowUp, seen: &'a Sight) -> Option<Self> {
        let executions: Vec<&str> = follow_up.forced(seen).collect();
        let at = follow_up.escalation.as_ref().filter(|_| !executions.is_empty())?.at;
        let operation = follow_up.cancellation.service().beyond?.operation.own_name();
        Some(Self { operation, at, executions })
    }
}

impl Confirmation {
    /// What is said of a request that was followed.
    pub fn new(follow_up: &FollowUp, seen: &Sight, now: Timestamp) -> Self {
        let FollowUp { labels, cancellation, checks, .. } = follow_up;
        let escalation = Escalated::of(follow_up, seen);
        let verdict = Verdict::of(seen, escalation.is_some());
        let runs = seen.as_deref().unwrap_or_default();
        let request_id = labels.request_id.as_deref().unwrap_or_default();
        let service = cancellation.service().name;
        let executions =
            runs.iter().map(|(id, state)| Execution { execution_id: id, state: state.names().0 });
        let mut document = Document {
            kind: marker::CONFIRMATION,
            version: "1",
            request_id,
            service,
            target: Some(cancellation.target()),
            status: verdict.name(),
            executions: Some(executions.collect()),
            counts: counts(runs),
            checks: *checks,
            escalation,
            reason: labels.reason.as_deref(),
            requested_by: labels.requested_by.as_deref(),
            context: labels.context.as_deref(),
            requested_at: labels.requested_at.map(Moment::ends),
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
            checks: *checks,
            json,
            loggable: to_json(&document),
        }
    }

    /// As it travels to a destination.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            kind: marker::CONFIRMATION,
            detail_type: "Cancellation Confirmation",
            service: Some(self.service),
            status: Some(self.verdict.name()),
            json: &self.json,
            delay: std::time::Duration::ZERO,
        }
    }
}

/// Writes the document, leaving out lists of ids until it is short enough. The counts always stay.
fn within_limit<'a>(document: &mut Document<'a>) -> String {
    let steps: [fn(&mut Document<'a>); 4] = [
        |document| remove(&mut document.target, "executionIds"),
        |document| {
            let executions = document.executions.take().into_iter().flatten();
            let left: Vec<_> = executions.filter(|it| it.state != State::Canceled.names().0).collect();
            document.executions = Some(left).filter(|left| !left.is_empty());
        },
        |document| document.executions = None,
        |document| document.escalation.iter_mut().for_each(|it| it.executions.clear()),
    ];
    shortened(document, &steps, |document| document.truncated = true)
}

/// How many runs were followed, and how many are in each state.
fn counts(runs: &[(String, State)]) -> Map<String, Value> {
    let mut states: BTreeMap<State, usize> = BTreeMap::new();
    runs.iter().for_each(|(_, state)| *states.entry(*state).or_default() += 1);
    let states = states.into_iter().map(|(state, count)| (state.names().1, count));
    let counts = std::iter::once(("requested", runs.len())).chain(states);
    counts.map(|(name, count)| (name.into(), json!(count))).collect()
}
