//! The state of the simulated services, as data: flows with their runs, domains with their workflow
//! executions, CloudFlow executions, and the names of buses, topics and queues. Tests write a world
//! down as JSON and read it back after the function ran. How calls change it is each service's own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

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
    /// After so long a run goes from `CancelStarted` to `Canceled` by itself; without it, only
    /// when the simulator is told to settle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle_after_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    #[serde(default)]
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    pub execution_id: String,
    pub status: RunStatus,
    #[serde(skip)]
    pub(crate) cancel_started: Option<Instant>,
}

/// When a cancel began is the simulator's own note, not a part of the state.
impl PartialEq for Run {
    fn eq(&self, other: &Run) -> bool {
        (&self.execution_id, self.status) == (&other.execution_id, other.status)
    }
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
    pub started_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_time: Option<String>,
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
    /// The small world that the sample events speak of.
    pub fn seeded() -> World {
        let run = |id: &str, status| Run::new(id, status);
        let workflow = |id: &str, run_id: &str, close_status: Option<CloseStatus>| WorkflowExecution {
            workflow_id: id.into(),
            run_id: run_id.into(),
            status: match close_status {
                Some(_) => WorkflowStatus::Closed,
                None => WorkflowStatus::Open,
            },
            close_status,
            cancel_requested: false,
        };
        let execution = |name: &str, status, started: &str, stopped: Option<&str>| CloudflowExecution {
            name: name.into(),
            status,
            started_time: Some(started.into()),
            stopped_time: stopped.map(Into::into),
        };
        World {
            appflow: BTreeMap::from([
                (
                    "orders".into(),
                    Flow {
                        runs: vec![
                            run("run-1", RunStatus::InProgress),
                            run("run-2", RunStatus::InProgress),
                            run("run-3", RunStatus::Successful),
                            run("run-4", RunStatus::Canceled),
                        ],
                    },
                ),
                (
                    "stock".into(),
                    Flow {
                        runs: vec![
                            run("stock-1", RunStatus::InProgress),
                            run("stock-2", RunStatus::InProgress),
                        ],
                    },
                ),
            ]),
            swf: BTreeMap::from([(
                "billing".into(),
                Domain {
                    executions: vec![
                        workflow("invoice-2041", "22wkJ8fXyV6pC1invoice2041run1", None),
                        workflow("invoice-2042", "22wkJ8fXyV6pC1invoice2042run1", None),
                        workflow(
                            "invoice-1999",
                            "22wkJ8fXyV6pC1invoice1999run1",
                            Some(CloseStatus::Completed),
                        ),
                    ],
                },
            )]),
            cloudflow: BTreeMap::from([(
                "etl".into(),
                CloudflowFlow {
                    executions: vec![
                        execution(
                            "nightly-2026-11-20",
                            CloudflowStatus::Running,
                            "2026-11-20T01:00:00.120Z",
                            None,
                        ),
                        execution(
                            "nightly-2026-11-19",
                            CloudflowStatus::Succeeded,
                            "2026-11-19T01:00:00.087Z",
                            Some("2026-11-19T02:14:31.502Z"),
                        ),
                        execution("hourly-7", CloudflowStatus::Running, "2026-11-20T07:00:00.044Z", None),
                    ],
                },
            )]),
            buses: vec!["outcomes".into()],
            topics: vec!["outcomes".into()],
            queues: vec!["outcomes".into()],
            settle_after_ms: None,
        }
    }

    /// Ends what is being canceled: AppFlow runs whose cancel started, and SWF executions whose
    /// decider takes the request as it should.
    pub(crate) fn settle(&mut self) {
        for run in self.appflow.values_mut().flat_map(|flow| &mut flow.runs) {
            if run.status == RunStatus::CancelStarted {
                run.status = RunStatus::Canceled;
            }
        }
        for execution in self.swf.values_mut().flat_map(|domain| &mut domain.executions) {
            if execution.status == WorkflowStatus::Open && execution.cancel_requested {
                execution.status = WorkflowStatus::Closed;
                execution.close_status = Some(CloseStatus::Canceled);
            }
        }
    }

    /// Lets time do its work: runs whose cancel started long enough ago are canceled now.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        let Some(after) = self.settle_after_ms.map(Duration::from_millis) else {
            return;
        };
        for run in self.appflow.values_mut().flat_map(|flow| &mut flow.runs) {
            let due = run.cancel_started.is_some_and(|started| now.duration_since(started) >= after);
            if run.status == RunStatus::CancelStarted && due {
                run.status = RunStatus::Canceled;
            }
        }
    }
}

impl Run {
    pub fn new(execution_id: impl Into<String>, status: RunStatus) -> Run {
        Run { execution_id: execution_id.into(), status, cancel_started: None }
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
        assert!(serde_json::from_value::<World>(json!({"appflows": {}})).is_err());
    }

    #[test]
    fn settling_ends_what_is_being_canceled_and_nothing_else() {
        let mut world: World = serde_json::from_value(json!({
            "appflow": {"f1": {"runs": [
                {"executionId": "a", "status": "InProgress"},
                {"executionId": "b", "status": "CancelStarted"}]}},
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true},
                {"workflowId": "v", "runId": "q", "status": "OPEN"}]}},
        }))
        .unwrap();
        world.settle();
        let runs: Vec<_> = world.appflow["f1"].runs.iter().map(|run| run.status).collect();
        assert_eq!(runs, [RunStatus::InProgress, RunStatus::Canceled]);
        let closed: Vec<_> = world.swf["d"].executions.iter().map(|one| one.close_status).collect();
        assert_eq!(closed, [Some(CloseStatus::Canceled), None]);
    }
}
