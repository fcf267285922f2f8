//! A story as data: what happened when. Checks are told by what the world shows at that moment, in the
//! words of a confirmation; all else is taken from what was published.

use std::time::Duration;

use countermand_simulator::{RunStatus, Timestamp, World};
use serde::Serialize;
use serde_json::{Value, json};

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
    Confirmation {
        key: String,
        status: String,
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
        _ => Some(What::Outcome {
            request_id: text(&document["requestId"]),
            key,
            status,
            pending: document["confirmation"] == "PENDING",
            next_in_seconds: None,
        }),
    }
}

/// The request and the number of the check that a follow-up asks for.
pub fn checked(body: &Value) -> Option<(&str, u64)> {
    Some((
        body["requestId"].as_str()?,
        body["check"].as_u64().filter(|_| body["type"] == "CancellationFollowUp")?,
    ))
}

/// What a request or a follow-up is about, where it says so.
pub fn key(body: &Value) -> Option<String> {
    let name = |field: &str| body[field].as_str();
    Some(match name("service")? {
        "appflow" => format!("appflow:{}", name("flowName")?),
        "swf" => format!("swf:{}/{}", name("domain")?, name("workflowId")?),
        service => format!("{service}:{}", name("flowName").or(name("FlowName"))?),
    })
}

/// The runs that a follow-up asks after: those that it or its request names, without those that had ended, or
/// those that a call reached, where it is the first to ask which they were.
pub fn ids(world: &World, body: &Value) -> Vec<String> {
    if let Some(since) = body["calledAt"].as_str() {
        return reached(world, body, since.parse().ok());
    }
    let ended = |place: u64| body["ended"].as_array().is_some_and(|ended| ended.contains(&json!(place)));
    let named = ["runs", "executionIds", "runId", "executionName"].iter().find_map(|name| body.get(*name));
    let named = match named {
        Some(Value::Array(ids)) => ids.as_slice(),
        Some(id) => std::slice::from_ref(id),
        None => &[],
    };
    let followed = (0..).zip(named).filter(|(place, _)| !ended(*place));
    followed.filter_map(|(_, id)| id.as_str().map(String::from)).collect()
}

fn reached(world: &World, body: &Value, since: Option<Timestamp>) -> Vec<String> {
    let name = |field: &str| body[field].as_str().unwrap_or_default();
    let runs = world.appflow.get(name("flowName")).into_iter().flat_map(|flow| &flow.runs);
    let runs = runs.filter(|run| match run.status {
        RunStatus::CancelStarted => true,
        RunStatus::Canceled => run.last_updated_at >= since,
        _ => false,
    });
    let executions = world.swf.get(name("domain")).into_iter().flat_map(|domain| &domain.executions);
    let executions = executions.filter(|it| it.workflow_id == name("workflowId") && it.cancel_requested);
    let runs = runs.map(|run| run.execution_id.clone());
    runs.chain(executions.map(|execution| execution.run_id.clone())).collect()
}

/// The states of these runs, those in the same one together.
pub fn states(world: &World, body: &Value, ids: &[String]) -> Vec<(&'static str, Vec<String>)> {
    let mut states: Vec<(&'static str, Vec<String>)> = Vec::new();
    for id in ids {
        let state = world.state_of(body, id);
        match states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, ids)) => ids.push(id.clone()),
            None => states.push((state, vec![id.clone()])),
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follow_up_asks_after_the_runs_that_have_not_ended() {
        let cases = [
            (json!({"executionIds": ["a", "b", "c"], "ended": [1]}), vec!["a", "c"]),
            (json!({"executionIds": ["a"]}), vec!["a"]),
            (json!({"runs": ["r"]}), vec!["r"]),
            (json!({"workflowId": "w", "runId": "r"}), vec!["r"]),
            (json!({"flowName": "f", "executionName": "e"}), vec!["e"]),
            (json!({}), vec![]),
            (json!({"flowName": "orders", "calledAt": "2025-11-20T00:00:00Z"}), vec!["asked", "canceled"]),
            (json!({"domain": "d", "workflowId": "w", "calledAt": "2025-11-20T00:00:00Z"}), vec!["r"]),
        ];
        let run = |id: &str, status: &str, updated: &str| json!({"executionId": id, "status": status, "lastUpdatedAt": updated});
        let world: World = serde_json::from_value(json!({
            "appflow": {"orders": {"runs": [
                run("asked", "CancelStarted", "2025-11-20T00:00:01Z"), run("canceled", "Canceled", "2025-11-20T00:00:01Z"),
                run("before", "Canceled", "2025-11-19T00:00:00Z"), run("done", "Successful", "2025-11-20T00:00:01Z")]}},
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true},
                {"workflowId": "v", "runId": "q", "status": "OPEN", "cancelRequested": true}]}},
        }))
        .unwrap();
        for (body, expected) in cases {
            assert_eq!(ids(&world, &body), expected, "{body}");
        }
    }

    #[test]
    fn a_run_is_told_in_the_words_of_a_confirmation() {
        let world = serde_json::from_value(json!({
            "appflow": {"f": {"runs": [{"executionId": "a", "status": "CancelStarted"},
                {"executionId": "b", "status": "InProgress"}, {"executionId": "c", "status": "CancelStarted"}]}},
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true},
                {"workflowId": "w", "runId": "q", "status": "CLOSED", "closeStatus": "TERMINATED"}]}},
            "cloudflow": {"f": {"executions": [{"name": "e", "status": "Stopped"}]}},
        }));
        let world: World = world.unwrap();
        let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let cases = [
            (
                json!({"service": "appflow", "flowName": "f", "executionIds": ["a", "b", "c", "d"]}),
                vec![
                    ("CANCELING", texts(&["a", "c"])),
                    ("RUNNING", texts(&["b"])),
                    ("NOT_FOUND", texts(&["d"])),
                ],
            ),
            (
                json!({"service": "swf", "domain": "d", "workflowId": "w", "runId": "r"}),
                vec![("CANCELING", texts(&["r"]))],
            ),
            (
                json!({"service": "swf", "domain": "d", "workflowId": "w", "runs": ["q"]}),
                vec![("TERMINATED", texts(&["q"]))],
            ),
            (
                json!({"service": "cloudflow", "flowName": "f", "executionName": "e"}),
                vec![("CANCELED", texts(&["e"]))],
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(states(&world, &body, &ids(&world, &body)), expected, "{body}");
        }
    }
}
