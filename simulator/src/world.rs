//! The state of the simulated services, as data: flows with their runs, domains with their workflow
//! executions, CloudFlow executions, the names of buses, topics and queues, and secrets. Tests write a world
//! down as JSON and read it back after the function ran. A world that cannot be is refused. How calls
//! change it is each service's own.

mod lagging;
mod passing;
mod redrive;
mod seeded;

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::pages::Cut;
use crate::service::Operation;
use crate::timestamp::Timestamp;

pub use redrive::Redrive;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct World {
    /// By flow name.
    pub appflow: BTreeMap<String, Flow>,
    /// By domain.
    pub swf: BTreeMap<String, Domain>,
    /// By flow name.
    pub cloudflow: BTreeMap<String, CloudflowFlow>,
    pub buses: Vec<String>,
    pub topics: Vec<String>,
    pub queues: Vec<String>,
    /// By ARN, the texts of a secret as it is rotated: each read gives the next, the last one for ever.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Vec<String>>,
    /// By the queue whose messages are moved.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redrive: BTreeMap<String, Redrive>,
    /// After so long what was asked to end has ended by itself: a run goes from `CancelStarted` to
    /// `Canceled`, a decider closes its execution, CloudFlow stops one. Without it, CloudFlow stops at once,
    /// and the others only when the simulator is told to settle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle_after_ms: Option<u64>,
    /// The order in which AppFlow lists the runs of a flow.
    #[serde(skip_serializing_if = "AppflowRecordsOrder::is_default")]
    pub appflow_records_order: AppflowRecordsOrder,
    /// No page of a list holds more than this, whatever was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_per_page: Option<NonZeroUsize>,
    /// So many pages of a list come first that hold nothing, each with a token.
    #[serde(skip_serializing_if = "is_none_of")]
    pub empty_pages: usize,
    /// What these reads tell is the world as it was so many milliseconds ago.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lag_ms: BTreeMap<Operation, u64>,
    /// So many of the keys that the role gives first have expired for the services.
    #[serde(skip_serializing_if = "is_zero")]
    pub expired_role_keys: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_none_of(number: &usize) -> bool {
    *number == 0
}

/// Newest first is what people see; nothing promises it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AppflowRecordsOrder {
    #[default]
    NewestFirst,
    OldestFirst,
    /// In no order of time, but the same one every time.
    Shuffled,
}

impl AppflowRecordsOrder {
    fn is_default(&self) -> bool {
        *self == AppflowRecordsOrder::default()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    #[serde(default)]
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    pub execution_id: String,
    pub status: RunStatus,
    /// Without it, the run began an hour before the simulator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    InProgress,
    Successful,
    Error,
    CancelStarted,
    Canceled,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Domain {
    #[serde(default)]
    pub executions: Vec<WorkflowExecution>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowExecution {
    pub workflow_id: String,
    pub run_id: String,
    pub status: WorkflowStatus,
    #[serde(default)]
    pub close_status: Option<CloseStatus>,
    #[serde(default)]
    pub cancel_requested: bool,
    /// When it was first, where that takes time to be heeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// Its decider goes on as if nothing had been requested.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignores_cancel: bool,
    /// Without it, the execution began an hour before the simulator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Without it, a closed execution closed as the simulator began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "WorkflowType::is_default")]
    pub workflow_type: WorkflowType,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkflowType {
    pub name: String,
    pub version: String,
}

impl Default for WorkflowType {
    fn default() -> WorkflowType {
        WorkflowType { name: "workflow".into(), version: "1.0".into() }
    }
}

impl WorkflowType {
    fn is_default(&self) -> bool {
        *self == WorkflowType::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkflowStatus {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CloseStatus {
    Completed,
    Failed,
    Canceled,
    Terminated,
    ContinuedAsNew,
    TimedOut,
}

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

impl World {
    /// Refuses what no service could hold, so that no test builds on it.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (domain, Domain { executions }) in &self.swf {
            let (mut open, mut runs) = (HashSet::new(), HashSet::new());
            for one in executions {
                let WorkflowExecution { workflow_id, run_id, status, close_status, .. } = one;
                let wrong = match status {
                    WorkflowStatus::Open if !open.insert(workflow_id) => "a second one that is open",
                    WorkflowStatus::Open if close_status.is_some() || one.closed_at.is_some() => {
                        "open and closed"
                    }
                    WorkflowStatus::Closed if close_status.is_none() => "closed without a closeStatus",
                    _ if !runs.insert((workflow_id, run_id)) => "a run that is there already",
                    _ => continue,
                };
                return Err(format!("swf.{domain}: {workflow_id} {run_id}: {wrong}"));
            }
        }
        for (flow, Flow { runs }) in &self.appflow {
            let mut ids = HashSet::new();
            if let Some(run) = runs.iter().find(|run| !ids.insert(&run.execution_id)) {
                return Err(format!("appflow.{flow}: {}: a run that is there already", run.execution_id));
            }
        }
        if let Some((arn, _)) = self.secrets.iter().find(|(_, texts)| texts.is_empty()) {
            return Err(format!("secrets.{arn}: a secret without a text"));
        }
        self.redrive.iter().try_for_each(|(queue, redrive)| redrive.check(queue, &self.queues))
    }

    /// How a list is cut where so many items to a page are asked for.
    pub(crate) fn cut(&self, asked: usize) -> Cut {
        let size = self.most_per_page.map_or(asked, |most| asked.min(most.get()));
        Cut { size, empty: self.empty_pages }
    }
}

impl Run {
    pub fn new(execution_id: impl Into<String>, status: RunStatus) -> Run {
        Run { execution_id: execution_id.into(), status, started_at: None, last_updated_at: None }
    }
}

impl WorkflowExecution {
    pub fn open(workflow_id: impl Into<String>, run_id: impl Into<String>) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: workflow_id.into(),
            run_id: run_id.into(),
            status: WorkflowStatus::Open,
            close_status: None,
            cancel_requested: false,
            cancel_requested_at: None,
            ignores_cancel: false,
            started_at: None,
            closed_at: None,
            workflow_type: WorkflowType::default(),
            tags: Vec::new(),
        }
    }

    pub fn closed(
        workflow_id: impl Into<String>,
        run_id: impl Into<String>,
        close_status: CloseStatus,
    ) -> WorkflowExecution {
        WorkflowExecution {
            status: WorkflowStatus::Closed,
            close_status: Some(close_status),
            ..WorkflowExecution::open(workflow_id, run_id)
        }
    }
}

impl CloudflowStatus {
    /// Whether the execution has not ended.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, CloudflowStatus::Starting | CloudflowStatus::Running)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_world_reads_back() {
        let seeded = World::seeded();
        let written = serde_json::to_value(&seeded).unwrap();
        assert_eq!(serde_json::from_value::<World>(written).unwrap(), seeded);
        assert_eq!(serde_json::from_value::<World>(json!({})).unwrap(), World::default());
        let settings = json!({"appflowRecordsOrder": "shuffled", "mostPerPage": 2});
        let world: World = serde_json::from_value(settings).unwrap();
        assert_eq!(world.appflow_records_order, AppflowRecordsOrder::Shuffled);
        assert_eq!([1, 2, 100].map(|asked| world.cut(asked).size), [1, 2, 2]);
        let refused = [
            json!({"appflows": {}}),
            json!({"mostPerPage": 0}),
            json!({"appflowRecordsOrder": "random"}),
            json!({"appflow": {"f1": {"runs": [{"executionId": "a", "status": "Error", "startedAt": "now"}]}}}),
        ];
        for world in refused {
            assert!(serde_json::from_value::<World>(world.clone()).is_err(), "{world}");
        }
    }

    #[test]
    fn a_world_that_cannot_be_is_refused() {
        let swf = |executions| json!({"swf": {"d": {"executions": executions}}});
        let open = |run_id: &str| json!({"workflowId": "w", "runId": run_id, "status": "OPEN"});
        let closed = |run_id: &str| json!({"workflowId": "w", "runId": run_id, "status": "CLOSED", "closeStatus": "FAILED"});
        let run = json!({"executionId": "a", "status": "InProgress"});
        let cases = [
            (swf(json!([open("1"), closed("2"), closed("3")])), None),
            (swf(json!([open("1"), open("2")])), Some("swf.d: w 2: a second one that is open")),
            (swf(json!([open("1"), closed("1")])), Some("swf.d: w 1: a run that is there already")),
            (
                swf(json!([{"workflowId": "w", "runId": "1", "status": "CLOSED"}])),
                Some("swf.d: w 1: closed without a closeStatus"),
            ),
            (
                swf(
                    json!([{"workflowId": "w", "runId": "1", "status": "OPEN", "closedAt": "2025-11-20T01:00:00Z"}]),
                ),
                Some("swf.d: w 1: open and closed"),
            ),
            (
                json!({"appflow": {"f1": {"runs": [run, run]}}}),
                Some("appflow.f1: a: a run that is there already"),
            ),
            (json!({"secrets": {"a": ["text"], "b": []}}), Some("secrets.b: a secret without a text")),
        ];
        for (world, expected) in cases {
            let checked = serde_json::from_value::<World>(world).unwrap().check();
            assert_eq!(checked.err().as_deref(), expected);
        }
        assert_eq!(World::seeded().check(), Ok(()));
    }
}
