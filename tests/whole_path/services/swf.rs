//! SWF: workflows, whose runs follow one another, at most one of them open; a run may continue another.

use countermand_simulator::{Operation, WorkflowExecution, WorkflowStatus};
use serde_json::json;

use super::Service;

const DOMAIN: &str = "billing";

pub static SERVICE: Service = Service {
    cancel: Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
    look_up: Operation::DESCRIBE_WORKFLOW_EXECUTION,
    beyond: Some((Operation::TERMINATE_WORKFLOW_EXECUTION, "terminateAfterSeconds", "30")),
    endpoint: "AWS_ENDPOINT_URL_SWF",
    variables: &[],
    secrets: &super::OF_AWS,
    requests: &[
        r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"}"#,
        r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041"}"#,
    ],
    names: "runId",
    id: |_, run| run.into(),
    ask: |workflow, runs| match runs.and_then(<[String]>::first) {
        Some(run) => json!({"service": "swf", "domain": DOMAIN, "workflowId": workflow, "runId": run}),
        None => json!({"service": "swf", "domain": DOMAIN, "workflowId": workflow}),
    },
    one_at_a_time: true,
    begin: |world, workflow, id, now| {
        let runs = &mut world.swf.entry(DOMAIN.into()).or_default().executions;
        runs.push(WorkflowExecution { started_at: Some(now), ..WorkflowExecution::open(workflow, id) });
    },
    set: |world, workflow, id, state, now| {
        let runs = world.swf.get_mut(DOMAIN).into_iter().flat_map(|domain| &mut domain.executions);
        for run in runs.filter(|run| run.workflow_id == workflow && run.run_id == id) {
            if state == "CANCELING" {
                (run.cancel_requested, run.cancel_requested_at) = (true, Some(now));
                continue;
            }
            (run.status, run.closed_at) = (WorkflowStatus::Closed, Some(now));
            let status = if state == "SUCCEEDED" { "COMPLETED" } else { state };
            run.close_status = Some(serde_json::from_value(json!(status)).expect("a way to close"));
        }
    },
    states: &["SUCCEEDED", "FAILED", "TIMED_OUT", "TERMINATED", "CONTINUED_AS_NEW", "CANCELED", "CANCELING"],
    successes: &[
        "",
        "{}",
        r#"{"executionInfos":[{"execution":{"workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"},"workflowType":{"name":"n","version":"1"},"startTimestamp":1.5,"executionStatus":"OPEN","cancelRequested":false}]}"#,
        r#"{"executionInfos":[{"execution":{"workflowId":"invoice-2041","runId":<>},"workflowType":{"name":"n","version":"1"},"startTimestamp":<>,"closeTimestamp":9e99,"executionStatus":"CLOSED","closeStatus":"CONTINUED_AS_NEW","cancelRequested":true}],"nextPageToken":"again"}"#,
        r#"{"executionInfo":{"execution":{"workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"},"workflowType":{"name":"n","version":"1"},"startTimestamp":1,"executionStatus":"CLOSED","closeStatus":<>},"openCounts":{}}"#,
    ],
    error: super::aws_error,
};
