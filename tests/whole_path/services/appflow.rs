//! AppFlow: flows, whose runs go side by side; one call for many of them, or for all that are active.

use countermand_simulator::{Operation, Run, RunStatus};
use serde_json::json;

use super::Service;

pub static SERVICE: Service = Service {
    cancel: Operation::CANCEL_FLOW_EXECUTIONS,
    look_up: Operation::DESCRIBE_FLOW_EXECUTION_RECORDS,
    beyond: Some((Operation::STOP_FLOW, "deactivate", "true")),
    endpoint: "AWS_ENDPOINT_URL_APPFLOW",
    variables: &[],
    secrets: &super::OF_AWS,
    requests: &[
        r#"{"service":"appflow","flowName":"orders","executionIds":["run-1"]}"#,
        r#"{"service":"appflow","flowName":"orders","executionIds":["run-1","run-2","run-9"]}"#,
        r#"{"service":"appflow","flowName":"orders"}"#,
        r#"{"service":"appflow","flowName":"orders","scope":"ALL_ACTIVE"}"#,
    ],
    names: "executionIds",
    id: |_, run| run.into(),
    ask: |flow, runs| match runs {
        Some(runs) => json!({"service": "appflow", "flowName": flow, "executionIds": runs}),
        None => json!({"service": "appflow", "flowName": flow}),
    },
    one_at_a_time: false,
    begin: |world, flow, id, now| {
        let runs = &mut world.appflow.entry(flow.into()).or_default().runs;
        let run = Run::new(id, RunStatus::InProgress);
        runs.push(Run { started_at: Some(now), last_updated_at: Some(now), ..run });
    },
    set: |world, flow, id, state, now| {
        let runs = world.appflow.get_mut(flow).into_iter().flat_map(|flow| &mut flow.runs);
        for run in runs.filter(|run| run.execution_id == id) {
            run.last_updated_at = Some(now);
            run.status = match state {
                "SUCCEEDED" => RunStatus::Successful,
                "FAILED" => RunStatus::Error,
                "CANCELING" => RunStatus::CancelStarted,
                _ => RunStatus::Canceled,
            };
        }
    },
    states: &["SUCCEEDED", "FAILED", "CANCELED", "CANCELING"],
    successes: &[
        r#"{"invalidExecutions":[]}"#,
        r#"{"invalidExecutions":["run-1","run-1","nobody-asked"]}"#,
        r#"{"invalidExecutions":<>}"#,
        r#"{"flowExecutions":[{"executionId":"run-1","executionStatus":"InProgress","startedAt":1.5},{"executionId":"run-2","executionStatus":"Canceled","startedAt":<>,"lastUpdatedAt":1e300},{"executionId":<>}]}"#,
        r#"{"flowExecutions":[{"executionId":"run-3","executionStatus":<>,"startedAt":-1e18}],"nextToken":"again"}"#,
    ],
    error: super::aws_error,
};
