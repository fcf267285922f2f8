//! What many requests that are followed cost: one read for a flow, however many follow it, and the pace of
//! the account for single executions. It counts calls and knows no way to save one.

use countermand_simulator::{Limit, Operation};
use serde_json::{Value, json};

use super::stage::{DEAD, Stage, play};

pub fn a_flow_is_read_once_for_a_batch() {
    play(7, async || {
        let runs =
            (0..100).map(|number| json!({"executionId": format!("run-{number}"), "status": "InProgress"}));
        let runs: Vec<_> = runs.collect();
        let stage = Stage::new(json!({"settleAfterMs": 40_000, "appflow": {"orders": {"runs": runs}}}), &[]);
        for number in 0..100 {
            stage.send(&json!({"service": "appflow", "flowName": "orders", "confirm": true,
                "executionIds": [format!("run-{number}")]}));
        }
        stage.run().await;
        let follows = |(_, body): &(String, Value)| body["type"] == "CancellationFollowUp";
        let deliveries = stage.deliveries();
        let batches = deliveries.iter().filter(|delivery| delivery.records.iter().any(follows)).count();
        let follow_ups = stage.of_type("CancellationFollowUp").len();
        assert_eq!(stage.moments(Operation::DESCRIBE_FLOW_EXECUTION_RECORDS).len(), batches);
        assert!(batches * 2 < follow_ups, "{batches} batches of {follow_ups}: expected to share them");
        assert_eq!(stage.confirmations().len(), 100);
        assert!(stage.confirmations().iter().all(|it| it["status"] == "CONFIRMED"));
    });
}

/// The rate is what the function is told, or finds out where others have used up the burst.
pub fn keeps_to_the_pace() {
    for rates in ["swf.DescribeWorkflowExecution=6/6", ""] {
        keeps_to_the_pace_at(rates);
    }
}

fn keeps_to_the_pace_at(rates: &str) {
    play(7, async || {
        let name = |number: usize| format!("w-{number}");
        let executions =
            (0..200).map(|number| json!({"workflowId": name(number), "runId": "r", "status": "OPEN"}));
        let executions: Vec<_> = executions.collect();
        let world = json!({"settleAfterMs": 10_000, "swf": {"billing": {"executions": executions}}});
        let stage = Stage::new(world, &[("COUNTERMAND_RATES", rates)]);
        stage.simulator.limit(Limit {
            operation: Operation::DESCRIBE_WORKFLOW_EXECUTION,
            per_second: 6.0,
            burst: 6.0,
        });
        for number in 0..200 {
            stage.send(
                &json!({"service": "swf", "domain": "billing", "workflowId": name(number), "runId": "r",
                "confirm": true}),
            );
        }
        stage.run().await;
        let counts = stage.simulator.counts()[Operation::DESCRIBE_WORKFLOW_EXECUTION.name()];
        assert!(counts.throttled * 100 <= counts.calls * 3, "{counts:?}: expected at most 3 % refused");
        assert_eq!(stage.confirmations().len(), 200);
        assert!(stage.confirmations().iter().all(|it| it["status"] == "CONFIRMED"));
        assert_eq!(stage.simulator.messages(DEAD), []);
    });
}
