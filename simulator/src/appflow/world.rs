//! What AppFlow holds: flows with their runs, how time ends what is being canceled, and how a read that lags
//! behind sees it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::timestamp::Timestamp;
use crate::world::{AnyRun, HOUR, Held, at};

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
    pub(crate) fn is_default(&self) -> bool {
        *self == AppflowRecordsOrder::default()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    #[serde(default)]
    pub runs: Vec<Run>,
    #[serde(default, skip_serializing_if = "Trigger::is_default")]
    pub trigger: Trigger,
    #[serde(default, skip_serializing_if = "FlowStatus::is_default")]
    pub status: FlowStatus,
}

/// What starts the runs of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    #[default]
    Scheduled,
    Event,
    OnDemand,
}

impl Trigger {
    fn is_default(&self) -> bool {
        *self == Trigger::default()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowStatus {
    /// It was made and never activated.
    Draft,
    #[default]
    Active,
    /// It was deactivated.
    Suspended,
}

impl FlowStatus {
    fn is_default(&self) -> bool {
        *self == FlowStatus::default()
    }
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

/// By flow name.
pub type Flows = BTreeMap<String, Flow>;

impl Held for Flows {
    fn check(&self) -> Result<(), String> {
        for (flow, Flow { runs, .. }) in self {
            let mut ids = HashSet::new();
            if let Some(run) = runs.iter().find(|run| !ids.insert(&run.execution_id)) {
                return Err(format!("{flow}: {}: a run that is there already", run.execution_id));
            }
        }
        Ok(())
    }

    fn settle(&mut self, now: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool) {
        for run in self.values_mut().flat_map(|flow| &mut flow.runs) {
            if run.status == RunStatus::CancelStarted && due(run.last_updated_at) {
                run.status = RunStatus::Canceled;
                run.last_updated_at = Some(now);
            }
        }
    }

    fn runs(&self) -> Vec<AnyRun> {
        let run = |key: &String, run: &Run| AnyRun {
            key: key.clone(),
            id: run.execution_id.clone(),
            state: match run.status {
                RunStatus::InProgress => "RUNNING",
                RunStatus::Successful => "SUCCEEDED",
                RunStatus::Error => "FAILED",
                RunStatus::CancelStarted => "CANCELING",
                RunStatus::Canceled => "CANCELED",
            },
            asked: matches!(run.status, RunStatus::CancelStarted | RunStatus::Canceled),
            started: run.started_at,
            changed: run.last_updated_at,
        };
        self.iter().flat_map(|(key, flow)| flow.runs.iter().map(move |one| run(key, one))).collect()
    }

    fn key(&self, request: &Value) -> Option<String> {
        request["flowName"].as_str().map(String::from)
    }
}

impl Run {
    pub fn new(execution_id: impl Into<String>, status: RunStatus) -> Run {
        Run { execution_id: execution_id.into(), status, started_at: None, last_updated_at: None }
    }

    /// Its start and its last update, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Timestamp) {
        let started = self.started_at.unwrap_or(began - HOUR);
        let updated = self.last_updated_at.unwrap_or(match self.status {
            RunStatus::InProgress => started,
            _ => started.max(began),
        });
        (started, updated)
    }

    /// As it was at that moment; nothing where it had not begun. What it was before its last update is
    /// taken to be in progress.
    pub(crate) fn as_of(&self, moment: Option<Timestamp>, began: Timestamp) -> Option<Cow<'_, Run>> {
        let Some(moment) = moment else { return Some(Cow::Borrowed(self)) };
        let (started, updated) = self.moments(began);
        if started > moment {
            return None;
        }
        Some(match updated > moment {
            false => Cow::Borrowed(self),
            true => Cow::Owned(Run {
                status: RunStatus::InProgress,
                last_updated_at: Some(started),
                ..self.clone()
            }),
        })
    }
}

/// The flows that the sample events speak of.
pub(crate) fn seeded() -> Flows {
    let run = |id: &str, status, started: &str, updated: &str| Run {
        started_at: Some(at(started)),
        last_updated_at: Some(at(updated)),
        ..Run::new(id, status)
    };
    let active = |id: &str, started: &str| run(id, RunStatus::InProgress, started, started);
    let orders = vec![
        active("run-1", "2025-11-20T00:40:00.314Z"),
        active("run-2", "2025-11-20T00:55:00.127Z"),
        run("run-3", RunStatus::Successful, "2025-11-19T23:40:00.262Z", "2025-11-19T23:46:51.840Z"),
        run("run-4", RunStatus::Canceled, "2025-11-19T22:40:00.198Z", "2025-11-19T22:52:07.415Z"),
    ];
    let stock =
        vec![active("stock-1", "2025-11-20T01:02:00.083Z"), active("stock-2", "2025-11-20T01:08:00.241Z")];
    let flow = |runs| Flow { runs, ..Flow::default() };
    BTreeMap::from([("orders".into(), flow(orders)), ("stock".into(), flow(stock))])
}
