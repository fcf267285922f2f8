//! CloudFlow: flows, whose executions have names; a request is always for one of them.

use countermand_simulator::{CloudflowExecution, CloudflowStatus, Operation};
use serde_json::json;

use super::Service;

const KEY: [&str; 3] =
    ["LTAI5tHostileExample01", "HostileSecretKeyExample01234", "hostile-security-token-EXAMPLE"];

pub static SERVICE: Service = Service {
    cancel: Operation::STOP_EXECUTION,
    look_up: Operation::DESCRIBE_EXECUTION,
    beyond: None,
    endpoint: "COUNTERMAND_CLOUDFLOW_ENDPOINT_URL",
    variables: &[
        ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY[0]),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY[1]),
        ("ALIBABA_CLOUD_SECURITY_TOKEN", KEY[2]),
    ],
    secrets: &KEY,
    requests: &[
        r#"{"service":"cloudflow","flowName":"etl","executionName":"hourly-7"}"#,
        r#"{"service":"cloudflow","FlowName":"etl","ExecutionName":"hourly-7","cause":"c","error":"e"}"#,
    ],
    names: "executionName",
    id: |_, run| run.into(),
    ask: |flow, runs| {
        let name = runs.and_then(<[String]>::first);
        json!({"service": "cloudflow", "flowName": flow, "executionName": name})
    },
    one_at_a_time: false,
    begin: |world, flow, name, now| {
        let executions = &mut world.cloudflow.entry(flow.into()).or_default().executions;
        executions.push(CloudflowExecution {
            name: name.into(),
            status: CloudflowStatus::Running,
            started_time: Some(now),
            stopped_time: None,
            stop_requested_at: None,
        });
    },
    set: |world, flow, name, state, now| {
        let executions = world.cloudflow.get_mut(flow).into_iter().flat_map(|flow| &mut flow.executions);
        for execution in executions.filter(|execution| execution.name == name) {
            execution.stopped_time = Some(now);
            execution.status = match state {
                "SUCCEEDED" => CloudflowStatus::Succeeded,
                "FAILED" => CloudflowStatus::Failed,
                "TIMED_OUT" => CloudflowStatus::TimedOut,
                _ => CloudflowStatus::Stopped,
            };
        }
    },
    states: &["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED"],
    successes: &[
        r#"{"Status":"Stopped","StartedTime":"2025-01-02T03:04:05Z","RequestId":"q-1","Output":<>}"#,
        r#"{"Status":<>,"StoppedTime":<>,"RequestId":<>}"#,
        r#"{"Status":"Running","Code":"Surprise","Code":"Throttling"}"#,
        r#"{"RequestId":"q-1"}"#,
    ],
    error: |code, message| format!(r#"{{"Code":{code},"Message":{message},"RequestId":"q-1"}}"#),
};
