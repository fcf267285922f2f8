//! One run of each service, the request that asks it to end, and how it is asked after.

use countermand_simulator::{CloseStatus, CloudflowStatus, Operation, RunStatus, WorkflowStatus, World};
use serde_json::{Value, json};

/// A request for one run of each service, and how it is asked after.
pub struct Asked {
    pub request: fn() -> Value,
    pub cancel: Operation,
    pub look_up: Operation,
    /// As a confirmation calls the run.
    pub run: &'static str,
    /// While it takes its time to end.
    pub state: &'static str,
    /// The run ends by itself.
    pub ends: fn(&mut World, usize),
    pub endings: &'static [&'static str],
}

pub const SERVICES: [Asked; 3] = [
    Asked {
        request: || json!({"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]}),
        cancel: Operation::CANCEL_FLOW_EXECUTIONS,
        look_up: Operation::DESCRIBE_FLOW_EXECUTION_RECORDS,
        run: "run-1",
        state: "CANCELING",
        ends: |world, ending| {
            let run = &mut world.appflow.get_mut("orders").expect("the flow").runs[0];
            run.status = [RunStatus::Successful, RunStatus::Error][ending];
        },
        endings: &["SUCCEEDED", "FAILED"],
    },
    Asked {
        request: || json!({"service": "swf", "domain": "billing", "workflowId": "w", "runId": "r-1"}),
        cancel: Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
        look_up: Operation::DESCRIBE_WORKFLOW_EXECUTION,
        run: "r-1",
        state: "CANCELING",
        ends: |world, ending| {
            let execution = &mut world.swf.get_mut("billing").expect("the domain").executions[0];
            let endings = [
                CloseStatus::Completed,
                CloseStatus::Failed,
                CloseStatus::TimedOut,
                CloseStatus::Terminated,
                CloseStatus::ContinuedAsNew,
            ];
            execution.status = WorkflowStatus::Closed;
            execution.close_status = Some(endings[ending]);
        },
        endings: &["SUCCEEDED", "FAILED", "TIMED_OUT", "TERMINATED", "CONTINUED_AS_NEW"],
    },
    Asked {
        request: || json!({"service": "cloudflow", "flowName": "etl", "executionName": "e-1"}),
        cancel: Operation::STOP_EXECUTION,
        look_up: Operation::DESCRIBE_EXECUTION,
        run: "e-1",
        state: "RUNNING",
        ends: |world, ending| {
            let execution = &mut world.cloudflow.get_mut("etl").expect("the flow").executions[0];
            execution.status =
                [CloudflowStatus::Succeeded, CloudflowStatus::Failed, CloudflowStatus::TimedOut][ending];
        },
        endings: &["SUCCEEDED", "FAILED", "TIMED_OUT"],
    },
];

/// One run of each service, which takes so many seconds to end.
pub fn world(settles: u64) -> Value {
    json!({
        "settleAfterMs": settles * 1_000,
        "appflow": {"orders": {"runs": [{"executionId": "run-1", "status": "InProgress"}]}},
        "swf": {"billing": {"executions": [{"workflowId": "w", "runId": "r-1", "status": "OPEN"}]}},
        "cloudflow": {"etl": {"executions": [{"name": "e-1", "status": "Running"}]}},
    })
}

/// More than anybody waits for.
pub const NEVER: u64 = 1_000_000;

/// A request, followed for so long.
pub fn followed(asked: &Asked, within: u64) -> Value {
    let mut request = (asked.request)();
    request["confirm"] = json!(true);
    request["confirmWithinSeconds"] = json!(within);
    request
}

/// Every service with every number, and some seeds.
pub fn each(numbers: &[u64], seeds: u64) -> impl Iterator<Item = (&'static Asked, u64, u64)> {
    let all = SERVICES.iter().flat_map(move |asked| numbers.iter().map(move |number| (asked, *number)));
    all.flat_map(move |(asked, number)| (0..seeds).map(move |seed| (asked, number, seed)))
}
