//! What SWF holds: domains with their workflow executions, how time closes those whose decider heeds a cancel,
//! and how a read that lags behind sees them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::timestamp::Timestamp;
use crate::world::{AnyRun, HOUR, Held, at};

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

/// By domain.
pub type Domains = BTreeMap<String, Domain>;

impl Held for Domains {
    fn check(&self) -> Result<(), String> {
        for (domain, Domain { executions }) in self {
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
                return Err(format!("{domain}: {workflow_id} {run_id}: {wrong}"));
            }
        }
        Ok(())
    }

    fn settle(&mut self, now: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool) {
        for execution in self.values_mut().flat_map(|domain| &mut domain.executions) {
            if execution.is_heeded() && due(execution.cancel_requested_at) {
                execution.close_as_canceled(now);
            }
        }
    }

    fn runs(&self) -> Vec<AnyRun> {
        let run = |domain: &String, one: &WorkflowExecution| AnyRun {
            key: format!("{domain}/{}", one.workflow_id),
            id: one.run_id.clone(),
            state: match one.close_status {
                None if one.cancel_requested => "CANCELING",
                None => "RUNNING",
                Some(CloseStatus::Completed) => "SUCCEEDED",
                Some(CloseStatus::Failed) => "FAILED",
                Some(CloseStatus::Canceled) => "CANCELED",
                Some(CloseStatus::Terminated) => "TERMINATED",
                Some(CloseStatus::ContinuedAsNew) => "CONTINUED_AS_NEW",
                Some(CloseStatus::TimedOut) => "TIMED_OUT",
            },
            asked: one.cancel_requested,
            started: one.started_at,
            changed: one.closed_at.or(one.cancel_requested_at),
        };
        self.iter().flat_map(|(key, domain)| domain.executions.iter().map(move |one| run(key, one))).collect()
    }

    fn key(&self, request: &Value) -> Option<String> {
        Some(format!("{}/{}", request["domain"].as_str()?, request["workflowId"].as_str()?))
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

    /// Its decider knows of a request to cancel, and will close it.
    fn is_heeded(&self) -> bool {
        self.status == WorkflowStatus::Open && self.cancel_requested && !self.ignores_cancel
    }

    fn close_as_canceled(&mut self, now: Timestamp) {
        self.status = WorkflowStatus::Closed;
        self.close_status = Some(CloseStatus::Canceled);
        self.closed_at = Some(now);
    }

    /// Its start and, once closed, its close, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let started = self.started_at.unwrap_or(began - HOUR);
        let closed = match self.status {
            WorkflowStatus::Open => None,
            WorkflowStatus::Closed => Some(self.closed_at.unwrap_or(started.max(began))),
        };
        (started, closed)
    }

    /// As it was at that moment; nothing where it had not begun.
    pub(crate) fn as_of(
        &self,
        moment: Option<Timestamp>,
        began: Timestamp,
    ) -> Option<Cow<'_, WorkflowExecution>> {
        let Some(moment) = moment else { return Some(Cow::Borrowed(self)) };
        let (started, closed) = self.moments(began);
        if started > moment {
            return None;
        }
        Some(match closed.is_some_and(|closed| closed > moment) {
            false => Cow::Borrowed(self),
            true => Cow::Owned(WorkflowExecution {
                status: WorkflowStatus::Open,
                close_status: None,
                closed_at: None,
                ..self.clone()
            }),
        })
    }
}

/// The domain that the sample events speak of.
pub(crate) fn seeded() -> Domains {
    BTreeMap::from([("billing".into(), Domain { executions: billing() })])
}

fn billing() -> Vec<WorkflowExecution> {
    let open = |id: &str, run_id: &str, started: &str| WorkflowExecution {
        started_at: Some(at(started)),
        ..WorkflowExecution::open(id, run_id)
    };
    let closed = |id: &str, run_id: &str, status, started: &str, closed: &str| WorkflowExecution {
        started_at: Some(at(started)),
        closed_at: Some(at(closed)),
        ..WorkflowExecution::closed(id, run_id, status)
    };
    let continued = "2025-11-20T01:05:00.480Z";
    vec![
        open("invoice-2041", "22wkJ8fXyV6pC1invoice2041run1", "2025-11-20T00:31:12.067Z"),
        open("invoice-2042", "22wkJ8fXyV6pC1invoice2042run1", "2025-11-20T00:44:38.501Z"),
        closed(
            "invoice-1999",
            "22wkJ8fXyV6pC1invoice1999run1",
            CloseStatus::Completed,
            "2025-11-18T14:02:55.730Z",
            "2025-11-18T16:20:09.112Z",
        ),
        closed(
            "reminders",
            "22wkJ8fXyV6pC1remindersrun1",
            CloseStatus::ContinuedAsNew,
            "2025-11-13T01:05:00.392Z",
            continued,
        ),
        // The run that goes on with the work of the one before, from that very moment.
        open("reminders", "22wkJ8fXyV6pC1remindersrun2", continued),
    ]
}
