//! What Step Functions holds: state machines with their executions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::refusal::Failure;
use crate::timestamp::Timestamp;
use crate::world::{AnyRun, HOUR, Held, at};
use crate::{ACCOUNT_ID, REGION};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StateMachine {
    pub executions: Vec<StateMachineExecution>,
    /// To stop an execution that has ended is an error; else a success with the date of its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refuses_ended: bool,
    /// Its key cannot be had: the code with which everything is refused that has to be encrypted or decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_refused: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateMachineExecution {
    pub name: String,
    pub status: ExecutionStatus,
    /// Without it, the execution began an hour before the simulator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Timestamp>,
    /// Without it, one that has ended did so as the simulator began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_date: Option<Timestamp>,
    /// When it was last started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_date: Option<Timestamp>,
    /// When it was stopped, where it takes time until that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_requested_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
    PendingRedrive,
}

/// By the machine's name, that of a Map Run behind it.
pub type StateMachines = BTreeMap<String, StateMachine>;

impl Held for StateMachines {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn settle(&mut self, _: Timestamp, due: &dyn Fn(Option<Timestamp>) -> bool) {
        for execution in self.values_mut().flat_map(|machine| &mut machine.executions) {
            let asked = execution.stop_requested_at;
            if execution.status.is_running() && asked.is_some() && due(asked) {
                execution.status = ExecutionStatus::Aborted;
                execution.stop_date = asked;
            }
        }
    }

    fn runs(&self) -> Vec<AnyRun> {
        let run = |machine: &String, one: &StateMachineExecution| {
            let id = format!("arn:aws:states:{REGION}:{ACCOUNT_ID}:execution:{machine}:{}", one.name);
            AnyRun {
                key: key(&id).unwrap_or_default(),
                id,
                state: match one.status {
                    ExecutionStatus::Running | ExecutionStatus::PendingRedrive => "RUNNING",
                    ExecutionStatus::Succeeded => "SUCCEEDED",
                    ExecutionStatus::Failed => "FAILED",
                    ExecutionStatus::TimedOut => "TIMED_OUT",
                    ExecutionStatus::Aborted => "CANCELED",
                },
                asked: one.stop_requested_at.is_some() || one.status == ExecutionStatus::Aborted,
                started: one.start_date,
                changed: one.stop_date,
            }
        };
        self.iter().flat_map(|(machine, it)| it.executions.iter().map(move |one| run(machine, one))).collect()
    }

    fn key(&self, request: &Value) -> Option<String> {
        key(request["executionArn"].as_str()?)
    }
}

/// The state machine's own name and the execution's.
pub(super) fn key(arn: &str) -> Option<String> {
    let (_, named) = arn.split_once(":execution:")?;
    let (machine, name) = named.rsplit_once(':')?;
    Some(format!("{}/{name}", machine.split(['/', ':']).next()?))
}

impl ExecutionStatus {
    pub(super) fn is_running(self) -> bool {
        matches!(self, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
    }
}

impl StateMachine {
    /// Uses its key.
    pub(super) fn encrypts(&self) -> Result<(), Failure> {
        match &self.key_refused {
            Some(code) => Err(Failure::new(400, code, "The state machine's KMS key cannot be used.")),
            None => Ok(()),
        }
    }
}

impl StateMachineExecution {
    /// Its start and, once ended, its end, in a simulator that began at that moment.
    pub(super) fn moments(&self, began: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let started = self.start_date.unwrap_or(began - HOUR);
        let stopped = (!self.status.is_running()).then(|| self.stop_date.unwrap_or(started.max(began)));
        (started, stopped)
    }
}

/// The state machine that the sample events speak of.
pub(crate) fn seeded() -> StateMachines {
    let execution = |name: &str, status, started: &str, stopped: Option<&str>| StateMachineExecution {
        name: name.into(),
        status,
        start_date: Some(at(started)),
        stop_date: stopped.map(at),
        redrive_date: None,
        stop_requested_at: None,
    };
    let executions = vec![
        execution("order-2041", ExecutionStatus::Running, "2025-11-20T00:31:12.067Z", None),
        execution("order-2042", ExecutionStatus::Running, "2025-11-20T00:44:38.501Z", None),
        execution(
            "order-1999",
            ExecutionStatus::Succeeded,
            "2025-11-18T14:02:55.730Z",
            Some("2025-11-18T16:20:09.112Z"),
        ),
    ];
    BTreeMap::from([("fulfillment".into(), StateMachine { executions, ..StateMachine::default() })])
}
