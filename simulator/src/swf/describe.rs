//! SWF's `DescribeWorkflowExecution`: one run of a workflow, open or closed, told by its run id.
//! What it says about a run is what the lists say, and more: how it was configured, what is open in
//! it, and the decider's own context, which is there to be left out of whatever is published.

use serde_json::{Value, json};

use super::{WorkflowExecution, WorkflowStatus};
use super::{find_domain, reply, unknown};
use crate::fields::Fields;
use crate::refusal::Failure;
use crate::service::Operation;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

pub(crate) struct DescribeWorkflowExecution {
    domain: String,
    workflow_id: String,
    run_id: String,
}

impl DescribeWorkflowExecution {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let domain = body.required("domain", 256)?;
        let execution = body.required_object("execution")?;
        Ok(DescribeWorkflowExecution {
            domain,
            workflow_id: execution.required("workflowId", 256)?,
            run_id: execution.required("runId", 64)?,
        })
    }
}

impl Work for DescribeWorkflowExecution {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let began = turn.state.clock.started_at();
        let as_of = turn.state.world.as_of(Operation::DESCRIBE_WORKFLOW_EXECUTION, turn.state.clock.now());
        let domain = find_domain(turn, &self.domain)?;
        let execution = domain
            .executions
            .iter()
            .find(|one| one.workflow_id == self.workflow_id && one.run_id == self.run_id)
            .and_then(|one| one.as_of(as_of, began))
            .ok_or_else(|| unknown::run(&self.workflow_id, &self.run_id))?;
        let open_tasks = u8::from(execution.status == WorkflowStatus::Open);
        Ok(reply(&json!({
            "executionInfo": info(&execution, began),
            "executionConfiguration": {
                "taskStartToCloseTimeout": "60",
                "executionStartToCloseTimeout": "31536000",
                "taskList": {"name": "deciders"},
                "childPolicy": "REQUEST_CANCEL",
            },
            "openCounts": {
                "openActivityTasks": open_tasks,
                "openDecisionTasks": 0,
                "openTimers": 0,
                "openChildWorkflowExecutions": 0,
                "openLambdaFunctions": 0,
            },
            "latestExecutionContext": "confidential context",
        })))
    }
}

/// What both this operation and the lists tell about a run.
pub(super) fn info(execution: &WorkflowExecution, began: Timestamp) -> Value {
    let WorkflowExecution { workflow_id, run_id, status, close_status, cancel_requested, .. } = execution;
    let (started, closed) = execution.moments(began);
    let mut info = json!({
        "execution": {"workflowId": workflow_id, "runId": run_id},
        "workflowType": execution.workflow_type,
        "startTimestamp": started.epoch_seconds(),
        "executionStatus": status,
        "cancelRequested": cancel_requested,
    });
    if let Some(closed) = closed {
        info["closeTimestamp"] = closed.epoch_seconds();
        info["closeStatus"] = json!(close_status);
    }
    if !execution.tags.is_empty() {
        info["tagList"] = json!(execution.tags);
    }
    info
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;
    use crate::work::State;
    use crate::world::World;

    fn describe(body: &str) -> Result<Value, Failure> {
        ask(&mut State::new(World::seeded()), DescribeWorkflowExecution::read, body)
    }

    #[test]
    fn a_run_is_described_as_it_is() {
        let asked = |id: &str, run_id: &str| {
            json!({"domain": "billing", "execution": {"workflowId": id, "runId": run_id}}).to_string()
        };
        let open = describe(&asked("invoice-2041", "22wkJ8fXyV6pC1invoice2041run1")).unwrap();
        assert_eq!(
            open["executionInfo"],
            json!({
                "execution": {"workflowId": "invoice-2041", "runId": "22wkJ8fXyV6pC1invoice2041run1"},
                "workflowType": {"name": "workflow", "version": "1.0"},
                "startTimestamp": 1_763_598_672.067,
                "executionStatus": "OPEN",
                "cancelRequested": false,
            })
        );
        assert_eq!(open["openCounts"]["openActivityTasks"], 1);
        let closed = describe(&asked("reminders", "22wkJ8fXyV6pC1remindersrun1")).unwrap();
        let info = &closed["executionInfo"];
        assert_eq!(
            (&info["executionStatus"], &info["closeStatus"]),
            (&json!("CLOSED"), &json!("CONTINUED_AS_NEW"))
        );
        assert_eq!(info["closeTimestamp"], 1_763_600_700.48);
        assert_eq!(closed["openCounts"]["openActivityTasks"], 0);
    }

    #[test]
    fn requests_are_checked_as_the_service_does() {
        let long = |field: &str, length| {
            let mut execution = json!({"workflowId": "w", "runId": "r"});
            execution[field] = "x".repeat(length).into();
            json!({"domain": "billing", "execution": execution}).to_string()
        };
        let (long_run_id, long_workflow_id) = (long("runId", 65), long("workflowId", 257));
        let cases = [
            (
                r#"{"domain": "nowhere", "execution": {"workflowId": "w", "runId": "r"}}"#,
                "UnknownResourceFault",
                "Unknown domain: nowhere",
            ),
            (
                r#"{"domain": "billing", "execution": {"workflowId": "invoice-2041", "runId": "r"}}"#,
                "UnknownResourceFault",
                "Unknown execution: WorkflowExecution=[workflowId=invoice-2041, runId=r]",
            ),
            (r#"{"execution": {"workflowId": "w", "runId": "r"}}"#, "ValidationException", "'domain'"),
            (r#"{"domain": "billing"}"#, "ValidationException", "'execution'"),
            (
                r#"{"domain": "billing", "execution": {"workflowId": "w"}}"#,
                "ValidationException",
                "'execution.runId'",
            ),
            (
                r#"{"domain": "billing", "execution": {"workflowId": "w", "runId": ""}}"#,
                "ValidationException",
                "'execution.runId'",
            ),
            (
                r#"{"domain": "billing", "execution": {"runId": "r"}}"#,
                "ValidationException",
                "'execution.workflowId'",
            ),
            (r#"{"domain": "billing", "execution": "w"}"#, "SerializationException", "execution"),
            (&long_run_id, "ValidationException", "'execution.runId'"),
            (&long_workflow_id, "ValidationException", "'execution.workflowId'"),
        ];
        for (body, code, message) in cases {
            let failure = describe(body).unwrap_err();
            assert_eq!((failure.status, failure.code.as_str()), (400, code), "{body}");
            assert!(failure.message.contains(message), "{body}: {}", failure.message);
        }
    }
}
