//! SWF: workflows, whose runs follow one another, at most one of them open; a run may continue another.

use countermand_simulator::Operation;

use super::Service;

pub static SERVICE: Service = Service {
    cancel: Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
    look_up: Operation::DESCRIBE_WORKFLOW_EXECUTION,
    endpoint: "AWS_ENDPOINT_URL_SWF",
    requests: &[
        r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"}"#,
        r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041"}"#,
    ],
    names: "runId",
    successes: &[
        "",
        "{}",
        r#"{"executionInfos":[{"execution":{"workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"},"workflowType":{"name":"n","version":"1"},"startTimestamp":1.5,"executionStatus":"OPEN","cancelRequested":false}]}"#,
        r#"{"executionInfos":[{"execution":{"workflowId":"invoice-2041","runId":<>},"workflowType":{"name":"n","version":"1"},"startTimestamp":<>,"closeTimestamp":9e99,"executionStatus":"CLOSED","closeStatus":"CONTINUED_AS_NEW","cancelRequested":true}],"nextPageToken":"again"}"#,
        r#"{"executionInfo":{"execution":{"workflowId":"invoice-2041","runId":"22wkJ8fXyV6pC1invoice2041run1"},"workflowType":{"name":"n","version":"1"},"startTimestamp":1,"executionStatus":"CLOSED","closeStatus":<>},"openCounts":{}}"#,
    ],
    error: super::aws_error,
};
