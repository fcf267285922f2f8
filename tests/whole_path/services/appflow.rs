//! AppFlow: flows, whose runs go side by side; one call for many of them, or for all that are active.

use countermand_simulator::Operation;

use super::Service;

pub static SERVICE: Service = Service {
    cancel: Operation::CANCEL_FLOW_EXECUTIONS,
    look_up: Operation::DESCRIBE_FLOW_EXECUTION_RECORDS,
    endpoint: "AWS_ENDPOINT_URL_APPFLOW",
    requests: &[
        r#"{"service":"appflow","flowName":"orders","executionIds":["run-1"]}"#,
        r#"{"service":"appflow","flowName":"orders","executionIds":["run-1","run-2","run-9"]}"#,
        r#"{"service":"appflow","flowName":"orders"}"#,
        r#"{"service":"appflow","flowName":"orders","scope":"ALL_ACTIVE"}"#,
    ],
    names: "executionIds",
    successes: &[
        r#"{"invalidExecutions":[]}"#,
        r#"{"invalidExecutions":["run-1","run-1","nobody-asked"]}"#,
        r#"{"invalidExecutions":<>}"#,
        r#"{"flowExecutions":[{"executionId":"run-1","executionStatus":"InProgress","startedAt":1.5},{"executionId":"run-2","executionStatus":"Canceled","startedAt":<>,"lastUpdatedAt":1e300},{"executionId":<>}]}"#,
        r#"{"flowExecutions":[{"executionId":"run-3","executionStatus":<>,"startedAt":-1e18}],"nextToken":"again"}"#,
    ],
    error: super::aws_error,
};
