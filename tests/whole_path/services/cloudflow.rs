//! CloudFlow: flows, whose executions have names; a request is always for one of them.

use countermand_simulator::Operation;

use super::Service;

pub static SERVICE: Service = Service {
    cancel: Operation::STOP_EXECUTION,
    look_up: Operation::DESCRIBE_EXECUTION,
    endpoint: "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL",
    requests: &[
        r#"{"service":"cloudflow","flowName":"etl","executionName":"hourly-7"}"#,
        r#"{"service":"cloudflow","FlowName":"etl","ExecutionName":"hourly-7","cause":"c","error":"e"}"#,
    ],
    names: "executionName",
    successes: &[
        r#"{"Status":"Stopped","StartedTime":"2025-01-02T03:04:05Z","RequestId":"q-1","Output":<>}"#,
        r#"{"Status":<>,"StoppedTime":<>,"RequestId":<>}"#,
        r#"{"Status":"Running","Code":"Surprise","Code":"Throttling"}"#,
        r#"{"RequestId":"q-1"}"#,
    ],
    error: |code, message| format!(r#"{{"Code":{code},"Message":{message},"RequestId":"q-1"}}"#),
};
