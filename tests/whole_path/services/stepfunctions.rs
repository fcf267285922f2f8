//! Step Functions: state machines, whose executions have ARNs; a request is always for one of them.

use countermand_simulator::{ExecutionStatus, Operation, StateMachineExecution, World};
use serde_json::json;

use super::{Service, aws_error};

pub static SERVICE: Service = Service {
    cancel: Operation::STOP_STATE_MACHINE_EXECUTION,
    look_up: Operation::DESCRIBE_STATE_MACHINE_EXECUTION,
    beyond: None,
    endpoint: "AWS_ENDPOINT_URL_SFN",
    variables: &[],
    secrets: &super::OF_AWS,
    requests: &[
        r#"{"service":"stepfunctions","executionArn":"arn:aws:states:us-east-1:111122223333:execution:fulfillment:order-2041"}"#,
        r#"{"service":"stepfunctions","executionArn":"arn:aws:states:us-east-1:111122223333:execution:fulfillment:order-2041","cause":"c","error":"e"}"#,
    ],
    names: "executionArn",
    id: |machine, run| format!("arn:aws:states:us-east-1:111122223333:execution:{machine}:{run}"),
    ask: |_, runs| json!({"service": "stepfunctions", "executionArn": runs.and_then(<[String]>::first)}),
    one_at_a_time: false,
    begin: |world, machine, arn, now| {
        let executions = &mut world.stepfunctions.entry(machine.into()).or_default().executions;
        executions.push(StateMachineExecution {
            name: name(arn).into(),
            status: ExecutionStatus::Running,
            start_date: Some(now),
            stop_date: None,
            redrive_date: None,
            stop_requested_at: None,
        });
    },
    set: |world, _, arn, state, now| {
        let execution = find(world, arn).expect("the execution is there");
        execution.stop_date = Some(now);
        execution.status = match state {
            "SUCCEEDED" => ExecutionStatus::Succeeded,
            "FAILED" => ExecutionStatus::Failed,
            "TIMED_OUT" => ExecutionStatus::TimedOut,
            _ => ExecutionStatus::Aborted,
        };
    },
    states: &["SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED"],
    successes: &[
        r#"{"stopDate":1735787045.123,"output":<>}"#,
        r#"{"stopDate":<>}"#,
        r#"{"status":"ABORTED","startDate":<>,"stopDate":<>}"#,
        r#"{"status":<>,"executionArn":<>}"#,
    ],
    error: aws_error,
};

fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn find<'a>(world: &'a mut World, arn: &str) -> Option<&'a mut StateMachineExecution> {
    let machine = arn.rsplit(':').nth(1).unwrap_or_default();
    world.stepfunctions.get_mut(machine)?.executions.iter_mut().find(|one| one.name == name(arn))
}
