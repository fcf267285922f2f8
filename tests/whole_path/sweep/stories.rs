//! What happens in a sweep, told one promise at a time.

use countermand_simulator::{Fault, FaultKind, Limit, Operation};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::follow::stage::{DEAD, QUEUE, Stage, play};

/// A domain with so many open executions.
fn domain(count: usize) -> Value {
    let one = |number: usize| json!({"workflowId": format!("w-{number}"), "runId": format!("r-{number}"), "status": "OPEN"});
    json!({"billing": {"executions": (0..count).map(one).collect::<Vec<_>>()}})
}

/// A flow with so many running executions.
fn flow(count: usize) -> Value {
    let one = |number: usize| json!({"name": format!("e-{number}"), "status": "Running"});
    json!({"etl": {"executions": (0..count).map(one).collect::<Vec<_>>()}})
}

fn request() -> Value {
    json!({"service": "swf", "domain": "billing", "select": {"all": true}, "maxExecutions": 10_000, "requestId": "r"})
}

/// Calls so many times a second, with nothing to begin with.
const SLOW: (&str, &str) = ("COUNTERMAND_RATES", "swf.RequestCancelWorkflowExecution=5/5");

fn summary(stage: &Stage) -> Value {
    let mut all = stage.of_type("CancellationSummary");
    assert_eq!(all.len(), 1, "expected one summary, got {:#?}", stage.told());
    all.remove(0)
}

fn fail(operation: Operation, times: u32, status: u16, code: &str) -> Fault {
    let (code, headers) = (code.to_owned(), [].into());
    Fault::new(operation, FaultKind::Error { status, code, message: None, headers }).times(times)
}

pub fn tells_how_it_goes() {
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(1_500), "settleAfterMs": 5_000}), &[SLOW]);
        stage.send(&request());
        stage.run().await;
        let outcome = &stage.of_type("CancellationOutcome")[0];
        assert_eq!(
            (&outcome["status"], &outcome["result"]),
            (&json!("ACCEPTED"), &json!({"matched": 1_500}))
        );
        let progress = stage.of_type("CancellationProgress");
        let (mut before, mut percent) = (stage.seconds(&outcome["completedAt"]), 0);
        for told in &progress {
            let at = stage.seconds(&told["completedAt"]);
            assert!(
                (60.0..85.0).contains(&(at - before)),
                "expected it once a minute, got {at} after {before}"
            );
            let now = told["percent"].as_u64().expect("a number");
            assert!(now > percent && now <= 100, "{told}");
            (before, percent) = (at, now);
        }
        assert!(progress.len() >= 3, "{progress:#?}");
        let summary = summary(&stage);
        assert!(stage.seconds(&summary["completedAt"]) - before < 85.0);
        assert_eq!(summary["status"], "COMPLETED");
        let counts =
            json!({"matched": 1_500, "accepted": 1_500, "alreadyCanceled": 0, "notRunning": 0, "failed": 0});
        assert_eq!((&summary["counts"], &summary["percent"]), (&counts, &json!(100)));
        assert_eq!(stage.seconds(&summary["startedAt"]), stage.seconds(&progress[0]["startedAt"]));
        let steps = stage.of_type("CancellationSweep").len();
        assert_eq!(summary["steps"], steps, "expected as many steps as messages");
        assert_eq!(stage.moments(Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION).len(), 1_500);
        assert_eq!(stage.simulator.messages(QUEUE), []);
    });
}

/// One is asked by somebody else, one ends by itself, and one of both is closed before its turn.
pub fn counts_each_way() {
    for closes in [false, true] {
        play(7, async || {
            let stage = Stage::new(json!({"swf": domain(400), "settleAfterMs": 1_000}), &[SLOW]);
            stage.send(&request());
            let meanwhile = async {
                sleep(Duration::from_secs(5)).await;
                let now = stage.simulator.now();
                // The oldest come last, and those that were written down first are the oldest.
                stage.simulator.change(|world| {
                    let runs = &mut world.swf.get_mut("billing").expect("a domain").executions;
                    runs[0].cancel_requested = true;
                    runs[0].cancel_requested_at = closes.then_some(now);
                    runs[0].ignores_cancel = !closes;
                    for run in &mut runs[1..3] {
                        let ended = json!({"workflowId": run.workflow_id, "runId": run.run_id,
                            "status": "CLOSED", "closeStatus": "COMPLETED", "closedAt": now});
                        *run = serde_json::from_value(ended).expect("a run");
                    }
                });
            };
            stage.run_while(meanwhile, |_| None).await;
            let summary = summary(&stage);
            let counts =
                json!({"matched": 400, "accepted": 397, "alreadyCanceled": 1, "notRunning": 2, "failed": 0});
            assert_eq!((&summary["counts"], &summary["status"]), (&counts, &json!("COMPLETED")));
        });
    }
}

pub fn tells_failures() {
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(20)}), &[]);
        let cancel = Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION;
        stage.simulator.script(fail(cancel, 3, 400, "ValidationException"));
        stage.send(&request());
        stage.run().await;
        let summary = summary(&stage);
        assert_eq!(summary["status"], "INCOMPLETE");
        let counts =
            json!({"matched": 20, "accepted": 17, "alreadyCanceled": 0, "notRunning": 0, "failed": 3});
        assert_eq!(summary["counts"], counts);
        let failures = summary["failures"].as_array().expect("failures");
        assert_eq!(failures.len(), 3);
        assert!(failures.iter().all(|it| it["error"]["code"] == "ValidationException"), "{failures:?}");
        assert_eq!(stage.moments(cancel).len(), 20, "expected what failed for good to be left");
    });
    // More than a message carries end it.
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(3_000)}), &[]);
        let cancel = Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION;
        stage.simulator.script(fail(cancel, 10_000, 400, "ValidationException"));
        stage.send(&request());
        stage.run().await;
        let summary = summary(&stage);
        assert_eq!((&summary["status"], &summary["steps"]), (&json!("INCOMPLETE"), &json!(1)));
        assert!(summary["failures"].as_array().is_some_and(|failures| (1..=1_000).contains(&failures.len())));
        assert!(summary["counts"]["failed"].as_u64() > Some(1_000));
    });
}

pub fn tries_again() {
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(20)}), &[]);
        stage.simulator.script(fail(
            Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
            300,
            500,
            "InternalFailure",
        ));
        stage.send(&request());
        stage.run().await;
        let summary = summary(&stage);
        assert_eq!((&summary["status"], &summary["counts"]["accepted"]), (&json!("COMPLETED"), &json!(20)));
        assert!(summary["steps"].as_u64() > Some(2), "{summary}");
    });
    // A refusal of us is one of all: it is not asked for each.
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(500)}), &[]);
        let cancel = Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION;
        stage.simulator.script(fail(cancel, 20, 400, "OperationNotPermittedFault"));
        stage.send(&request());
        stage.run().await;
        assert_eq!(summary(&stage)["status"], "COMPLETED");
        assert_eq!(stage.moments(cancel).len(), 520);
        let refused = stage.deliveries().into_iter().filter(|delivery| {
            let calls = &stage.simulator.ledger()[delivery.calls.clone()];
            calls.iter().any(|call| call.code.as_deref() == Some("OperationNotPermittedFault"))
        });
        assert!(refused.count() >= 2, "expected a step to end where it is refused");
    });
}

pub fn ends_after_a_day() {
    play(7, async || {
        let stage = Stage::new(json!({"swf": domain(3)}), &[]);
        stage.simulator.script(fail(
            Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
            1_000_000,
            500,
            "InternalFailure",
        ));
        stage.send(&request());
        stage.run().await;
        let summary = summary(&stage);
        assert_eq!(summary["status"], "INCOMPLETE");
        let hours = (stage.seconds(&summary["completedAt"]) - stage.seconds(&summary["startedAt"])) / 3_600.0;
        assert!((24.0..24.3).contains(&hours), "{hours}");
        // What holds it up is told meanwhile.
        let progress = stage.of_type("CancellationProgress");
        assert!(
            progress.iter().all(|told| told["error"]["code"] == "InternalFailure" && told["percent"] == 0)
        );
        assert_eq!(stage.simulator.messages(DEAD), []);
    });
}

/// A request that comes in the batch of a step is called within a moment, and the batch is answered in half of the
/// time that there is.
pub fn leaves_room() {
    for (service, world, limit) in [
        ("swf", json!({"swf": domain(2_000)}), (Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION, 30.0)),
        ("cloudflow", json!({"cloudflow": flow(300)}), (Operation::STOP_EXECUTION, 2.0)),
    ] {
        play(7, async || {
            let (operation, per_second) = limit;
            let rates = format!("{}={per_second}/1", operation.name());
            let stage = Stage::new(world, &[("COUNTERMAND_RATES", &rates)]);
            stage.simulator.limit(Limit { operation, per_second, burst: 5.0 });
            let mut sweep = json!({"service": service, "select": {"all": true}, "maxExecutions": 10_000});
            let mut alone = json!({"service": service, "requestId": "alone"});
            match service {
                "swf" => {
                    sweep["domain"] = json!("billing");
                    (alone["domain"], alone["workflowId"]) = (json!("billing"), json!("w-0"));
                }
                _ => {
                    sweep["flowName"] = json!("etl");
                    (alone["flowName"], alone["executionName"]) = (json!("etl"), json!("e-0"));
                }
            }
            stage.send(&sweep);
            // Some come while a step is under way, some in its batch.
            let meanwhile = async {
                for _ in 0..12 {
                    sleep(Duration::from_millis(6_700)).await;
                    stage.send(&alone);
                }
            };
            stage.run_while(meanwhile, |_| None).await;
            let alone = stage.of_type("CancellationOutcome");
            let alone: Vec<&Value> = alone.iter().filter(|it| it["requestId"] == "alone").collect();
            assert_eq!(alone.len(), 12);
            let first = alone.iter().filter(|it| it["source"]["receiveCount"] == 1).count();
            assert!(
                first == 12,
                "{service}: expected none to be deferred, got {first} of 12 at once: {alone:#?}"
            );
            for delivery in stage.deliveries() {
                let calls = &stage.simulator.ledger()[delivery.calls.clone()];
                if let (Some(first), Some(last)) = (calls.first(), calls.last()) {
                    assert!(last.at - first.at < 20_000, "{service}: a step of {} ms", last.at - first.at);
                }
            }
        });
    }
}

/// A list costs a permit of the same bucket.
pub fn lists_spare_the_cancels() {
    play(7, async || {
        let stage = Stage::new(json!({"cloudflow": flow(600)}), &[]);
        for operation in [Operation::STOP_EXECUTION, Operation::LIST_EXECUTIONS] {
            stage.simulator.limit(Limit { operation, per_second: 2.0, burst: 10.0 });
        }
        stage.send(&json!({"service": "cloudflow", "flowName": "etl", "select": {"all": true}, "maxExecutions": 1_000}));
        stage.run().await;
        let (stops, lists) =
            (stage.moments(Operation::STOP_EXECUTION), stage.moments(Operation::LIST_EXECUTIONS));
        assert_eq!((stops.len(), &summary(&stage)["status"]), (600, &json!("COMPLETED")));
        assert!(lists.len() * 12 < stops.len(), "{} lists for {} stops", lists.len(), stops.len());
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        let ideal = ((stops.len() + lists.len()) as f64 - 10.0) / 2.0;
        let took = stops.last().copied().unwrap_or_default();
        assert!(took < ideal * 1.05, "expected {ideal} s for both, got {took}");
    });
}

/// Of a long list a step reads some pages, and what was asked before may stand in the others.
pub fn carries_no_more_than_is_read() {
    play(7, async || {
        let rates = "cloudflow.StopExecution=50/10,cloudflow.ListExecutions=50/10";
        let stage = Stage::new(
            json!({"cloudflow": flow(2_500), "settleAfterMs": 1_000}),
            &[("COUNTERMAND_RATES", rates)],
        );
        stage.send(&json!({"service": "cloudflow", "flowName": "etl", "select": {"all": true}, "maxExecutions": 5_000}));
        stage.run().await;
        let summary = summary(&stage);
        assert_eq!(
            (&summary["status"], &summary["counts"]["accepted"]),
            (&json!("COMPLETED"), &json!(2_500))
        );
        assert_eq!(stage.moments(Operation::STOP_EXECUTION).len(), 2_500);
    });
}
