//! A story as data: what happened when. Checks are told by what the world shows at that moment, in the
//! words of a confirmation; all else is taken from what was published.

use std::time::{Duration, SystemTime};

use countermand::follow_up::FollowUp;
use countermand::pace::Operation;
use countermand::request::{self, Reading};
use countermand::sweep::Chain;
use countermand::targets::{Runs, SERVICES};
use countermand::timestamp::Timestamp;
use countermand_simulator::{AnyRun, Call, World};
use serde::Serialize;
use serde_json::Value;

use crate::arrival::Arrival;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    pub event: String,
    pub arrived: Arrival,
    pub moments: Vec<Moment>,
    /// Outcomes and confirmations, in their order.
    pub documents: Vec<Value>,
    /// So many messages ended in the dead-letter queue.
    pub dead: usize,
    /// Every request was taken in the end, found canceled, or a dry run, and stopped where it was followed.
    pub succeeded: bool,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    pub at_seconds: u64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    Outcome {
        request_id: String,
        key: String,
        status: String,
        /// So many match what is to be swept.
        #[serde(skip_serializing_if = "Option::is_none")]
        matched: Option<u64>,
        /// It is followed.
        pending: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_in_seconds: Option<u64>,
    },
    Check {
        request_id: String,
        key: String,
        check: u64,
        states: Vec<(&'static str, Vec<String>)>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_in_seconds: Option<u64>,
    },
    /// More than a cancel is asked for.
    Beyond {
        key: String,
        operation: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    Confirmation {
        key: String,
        status: String,
    },
    /// How far a sweep is after a step, or as it was told.
    Sweep {
        key: String,
        /// `step 3`, `progress`, or how it ended.
        what: String,
        done: u64,
        matched: u64,
        percent: u64,
    },
    ComesAgain {
        key: String,
        in_seconds: u64,
        cut_off: bool,
    },
}

impl Moment {
    pub fn new(at: Duration, what: What) -> Self {
        Self { at_seconds: at.as_secs(), what }
    }

    /// Whether the next thing after it is this check of that request.
    pub fn comes_before(&self, id: &str, next: u64) -> bool {
        match &self.what {
            What::Outcome { request_id, pending, .. } => *pending && next == 1 && request_id == id,
            What::Check { request_id, check, .. } => check + 1 == next && request_id == id,
            _ => false,
        }
    }

    /// Notes when the next check is due, where that is not known yet.
    pub fn note_next(&mut self, due: Option<u64>) {
        if let What::Outcome { next_in_seconds, .. } | What::Check { next_in_seconds, .. } = &mut self.what {
            *next_in_seconds = next_in_seconds.or(due);
        }
    }
}

/// What a published document tells; a follow-up tells nobody but the function.
pub fn told(document: &Value) -> Option<What> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = document["target"].get("key").unwrap_or(&document["requestId"]);
    let (key, status) = (text(key), text(&document["status"]));
    match document["type"].as_str()? {
        "CancellationConfirmation" => Some(What::Confirmation { key, status }),
        "CancellationFollowUp" => None,
        "CancellationSweep" | "CancellationProgress" | "CancellationSummary" => sweep(document),
        _ => Some(What::Outcome {
            request_id: text(&document["requestId"]),
            key,
            status,
            matched: document["result"]["matched"].as_u64(),
            pending: document["confirmation"] == "PENDING",
            next_in_seconds: None,
        }),
    }
}

/// What a call asks for, where that is more than a cancel.
pub fn beyond(call: &Call) -> Option<What> {
    let is_it = |operation: &&Operation| operation.name == call.operation;
    let service =
        SERVICES.iter().find(|service| service.beyond.map(|it| it.operation).filter(is_it).is_some())?;
    let mut request = call.request.clone();
    request["service"] = service.name.into();
    Some(What::Beyond {
        key: World::default().key_of(&request).unwrap_or_default(),
        operation: service.beyond?.operation.own_name(),
        run: request["runId"].as_str().map(String::from),
    })
}

/// How far a sweep is: as its next message has it, or as it is told. Its first message says what the outcome does.
fn sweep(document: &Value) -> Option<What> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let (counts, kind) = match document.get("counts") {
        Some(counts) => (counts, document["status"].as_str().unwrap_or("progress").to_owned()),
        None => {
            (document, format!("step {}", number(&document["step"]).checked_sub(1).filter(|it| *it > 0)?))
        }
    };
    let done = ["accepted", "alreadyCanceled", "notRunning", "failed"].map(|name| number(&counts[name]));
    let (done, matched) = (done.iter().sum::<u64>(), number(&counts["matched"]));
    let key =
        document["target"]["key"].as_str().map_or_else(|| key(&document.to_string()), |key| Some(key.into()));
    let percent = (done * 100).checked_div(matched).unwrap_or(100);
    Some(What::Sweep { key: key.unwrap_or_default(), what: kind, done, matched, percent })
}

/// What a message asks after, where it is a follow-up.
pub fn follow_up(body: &str) -> Option<FollowUp> {
    let Reading::FollowUp(fields) = request::read(body, Default::default()) else { return None };
    FollowUp::read(*fields).ok()
}

/// What a request or a follow-up is about, where it can be read.
pub fn key(body: &str) -> Option<String> {
    match request::read(body, Default::default()) {
        Reading::Request(request) => Some(request.cancellation.key()),
        Reading::Sweep(fields) => Some(Chain::read(*fields).ok()?.cancellation.key()),
        _ => Some(follow_up(body)?.cancellation.key()),
    }
}

/// The states of the runs that a follow-up asks after, those in the same one together. Where it is the first to
/// ask which runs a call reached, these are they.
pub fn states(world: &World, follow_up: &FollowUp) -> Vec<(&'static str, Vec<String>)> {
    let key = follow_up.cancellation.key();
    let runs: Vec<_> = world.runs().into_iter().filter(|run| run.key == key).collect();
    let state = |id: &String| runs.iter().find(|run| run.id == *id).map_or("NOT_FOUND", |run| run.state);
    let asked: Vec<(String, &str)> = match &follow_up.runs {
        Runs::Known(ids) => ids.iter().map(|id| (id.clone(), state(id))).collect(),
        Runs::Asked(span) => {
            let since = |run: &AnyRun| {
                run.changed.is_some_and(|at| Timestamp::from(SystemTime::from(at)) >= span.from)
            };
            let reached = |run: &&AnyRun| run.asked && (run.state == "CANCELING" || since(run));
            runs.iter().filter(reached).map(|run| (run.id.clone(), run.state)).collect()
        }
    };
    let mut states: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (id, state) in asked {
        match states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, ids)) => ids.push(id),
            None => states.push((state, vec![id])),
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> World {
        let at = |second| format!("2025-11-20T00:00:0{second}.000Z");
        let run = |id: &str, status: &str, second: u8| json!({"executionId": id, "status": status, "lastUpdatedAt": at(second)});
        let world = serde_json::from_value(json!({
            "appflow": {"orders": {"runs": [run("a", "CancelStarted", 6), run("b", "InProgress", 1), run("c", "CancelStarted", 6),
                run("before", "Canceled", 4), run("since", "Canceled", 6), run("done", "Successful", 6)]}},
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true},
                {"workflowId": "w", "runId": "q", "status": "CLOSED", "closeStatus": "TERMINATED"},
                {"workflowId": "v", "runId": "p", "status": "OPEN", "cancelRequested": true}]}},
            "cloudflow": {"f": {"executions": [{"name": "e", "status": "Stopped"}]}},
        }));
        world.unwrap()
    }

    #[test]
    fn a_follow_up_asks_after_runs_that_are_told_in_the_words_of_a_confirmation() {
        let reached = json!({"calledAt": "2025-11-20T00:00:05Z", "answeredAt": "2025-11-20T00:00:06Z"});
        for (request, more, expected) in [
            (
                json!({"service": "appflow", "flowName": "orders", "executionIds": ["a", "b", "c", "d", "done"]}),
                json!({"ended": [4]}),
                json!([["CANCELING", ["a", "c"]], ["RUNNING", ["b"]], ["NOT_FOUND", ["d"]]]),
            ),
            (
                json!({"service": "appflow", "flowName": "orders"}),
                json!({"runs": ["done"]}),
                json!([["SUCCEEDED", ["done"]]]),
            ),
            (
                json!({"service": "appflow", "flowName": "orders"}),
                reached.clone(),
                json!([["CANCELING", ["a", "c"]], ["CANCELED", ["since"]]]),
            ),
            (
                json!({"service": "swf", "domain": "d", "workflowId": "w"}),
                reached,
                json!([["CANCELING", ["r"]]]),
            ),
            (
                json!({"service": "swf", "domain": "d", "workflowId": "w", "runId": "q"}),
                json!({}),
                json!([["TERMINATED", ["q"]]]),
            ),
            (
                json!({"service": "cloudflow", "flowName": "f", "executionName": "e"}),
                json!({}),
                json!([["CANCELED", ["e"]]]),
            ),
        ] {
            let mut body = json!({"type": "CancellationFollowUp", "version": "1", "check": 1, "within": 60,
                "outcomeAt": "2025-11-20T00:00:06Z", "requestId": "r", "requestedAt": "2025-11-20T00:00:00Z"});
            for (name, value) in [request.clone(), more].iter().filter_map(Value::as_object).flatten() {
                body[name] = value.clone();
            }
            let asked = follow_up(&body.to_string()).unwrap();
            assert_eq!(json!(states(&world(), &asked)), expected, "{body}");
            assert_eq!(key(&body.to_string()), key(&request.to_string()));
            assert!(follow_up(&request.to_string()).is_none());
        }
    }
}
