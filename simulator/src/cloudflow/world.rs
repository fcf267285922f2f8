//! What CloudFlow holds: flows with their executions, and how time ends those that were asked to stop.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::timestamp::Timestamp;
use crate::world::{AnyRun, HOUR, Held, at};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudflowFlow {
    #[serde(default)]
    pub executions: Vec<CloudflowExecution>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudflowExecution {
    pub name: String,
    pub status: CloudflowStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_time: Option<Timestamp>,
    /// When it was asked to stop, where that takes time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_requested_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloudflowStatus {
    Starting,
    Running,
    Stopped,
    Succeeded,
    Failed,
    TimedOut,
}

/// By flow name.
pub type CloudflowFlows = BTreeMap<String, CloudflowFlow>;

impl Held for CloudflowFlows {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn settle(&mut self, now: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool) {
        for execution in self.values_mut().flat_map(|flow| &mut flow.executions) {
            let asked = execution.stop_requested_at;
            if execution.status.is_active() && asked.is_some() && due(asked) {
                execution.status = CloudflowStatus::Stopped;
                execution.stopped_time = Some(now);
            }
        }
    }

    fn runs(&self) -> Vec<AnyRun> {
        let run = |key: &String, one: &CloudflowExecution| AnyRun {
            key: key.clone(),
            id: one.name.clone(),
            state: match one.status {
                CloudflowStatus::Starting | CloudflowStatus::Running => "RUNNING",
                CloudflowStatus::Stopped => "CANCELED",
                CloudflowStatus::Succeeded => "SUCCEEDED",
                CloudflowStatus::Failed => "FAILED",
                CloudflowStatus::TimedOut => "TIMED_OUT",
            },
            asked: one.stop_requested_at.is_some() || one.status == CloudflowStatus::Stopped,
            started: one.started_time,
            changed: one.stopped_time,
        };
        self.iter().flat_map(|(key, flow)| flow.executions.iter().map(move |one| run(key, one))).collect()
    }

    fn key(&self, request: &Value) -> Option<String> {
        request["flowName"].as_str().or(request["FlowName"].as_str()).map(String::from)
    }
}

impl CloudflowStatus {
    /// Whether the execution has not ended.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, CloudflowStatus::Starting | CloudflowStatus::Running)
    }
}

impl CloudflowExecution {
    /// Its start and, once ended, its end, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let started = self.started_time.unwrap_or(began - HOUR);
        let stopped = match self.status.is_active() {
            true => None,
            false => Some(self.stopped_time.unwrap_or(started.max(began))),
        };
        (started, stopped)
    }
}

/// The flow that the sample events speak of.
pub(crate) fn seeded() -> CloudflowFlows {
    let execution = |name: &str, status, started: &str, stopped: Option<&str>| CloudflowExecution {
        name: name.into(),
        status,
        started_time: Some(at(started)),
        stopped_time: stopped.map(at),
        stop_requested_at: None,
    };
    let etl = vec![
        execution("nightly-2025-11-20", CloudflowStatus::Running, "2025-11-20T01:00:00.120Z", None),
        execution(
            "nightly-2025-11-19",
            CloudflowStatus::Succeeded,
            "2025-11-19T01:00:00.087Z",
            Some("2025-11-19T02:14:31.502Z"),
        ),
        execution("hourly-7", CloudflowStatus::Running, "2025-11-20T07:00:00.044Z", None),
    ];
    BTreeMap::from([("etl".into(), CloudflowFlow { executions: etl })])
}
