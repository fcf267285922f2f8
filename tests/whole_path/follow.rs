//! The closed loop, from a request to its confirmation, in simulated time.
//!
//! The function's own queue feeds it with requests and follow-ups, as one that is deployed, and hours pass
//! in milliseconds. A story is told by what the services were asked, when, and by what was published; the
//! times are those of the contract. [`property`] draws stories.

mod draw;
mod property;
mod stage;

use countermand_simulator::{
    CloseStatus, CloudflowStatus, Fault, FaultKind, Limit, Operation, RunStatus, WorkflowStatus, World,
};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use self::stage::{Kill, QUEUE, Stage, play};

/// What calls and rounding up to whole seconds may add to a moment.
const SLACK: f64 = 1.2;

/// The stories, as tests.
pub fn trials() -> Vec<Trial> {
    let stories: [(&str, fn()); 12] = [
        ("follow-confirms-at-the-first-check-after-the-run-has-ended", confirms_at_the_first_check_after),
        ("follow-tells-still-running-at-the-end-of-the-time-and-not-before", still_running_at_the_end),
        ("follow-looks-14-times-at-most-whatever-the-clock-says", fourteen_checks_at_most),
        ("follow-tells-of-a-run-that-ended-by-itself", ended_otherwise),
        ("follow-promises-nothing-before-the-follow-up-is-sent", nothing_is_promised_before),
        ("follow-promises-nothing-that-cannot-be-kept", promises_nothing_that_it_cannot_keep),
        ("follow-confirms-though-the-process-dies-before-it-tells", confirms_though_the_process_dies),
        ("follow-looks-again-where-a-look-up-failed", looks_again),
        ("follow-reads-a-flow-once-for-a-batch", a_flow_is_read_once_for_a_batch),
        ("follow-keeps-to-the-pace-of-swfs-describe", keeps_to_the_pace),
        ("follow-leaves-a-request-alone-that-does-not-ask", leaves_others_alone),
        ("follow-property-a-promise-is-kept-and-what-is-told-is-so", property::check),
    ];
    let trial = |(name, story): (&str, fn())| {
        Trial::test(name, move || {
            story();
            Ok(())
        })
    };
    stories.map(trial).into()
}

/// A request for one run of each service, and how it is asked after.
struct Asked {
    request: fn() -> Value,
    cancel: Operation,
    look_up: Operation,
    /// As a confirmation calls the run.
    run: &'static str,
    /// While it takes its time to end.
    state: &'static str,
    /// The run ends by itself.
    ends: fn(&mut World, usize),
    endings: &'static [&'static str],
}

const SERVICES: [Asked; 3] = [
    Asked {
        request: || json!({"service": "appflow", "flowName": "orders", "executionIds": ["run-1"]}),
        cancel: Operation::CancelFlowExecutions,
        look_up: Operation::DescribeFlowExecutionRecords,
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
        cancel: Operation::RequestCancelWorkflowExecution,
        look_up: Operation::DescribeWorkflowExecution,
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
        cancel: Operation::StopExecution,
        look_up: Operation::DescribeExecution,
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
fn world(settles: u64) -> Value {
    json!({
        "settleAfterMs": settles * 1_000,
        "appflow": {"orders": {"runs": [{"executionId": "run-1", "status": "InProgress"}]}},
        "swf": {"billing": {"executions": [{"workflowId": "w", "runId": "r-1", "status": "OPEN"}]}},
        "cloudflow": {"etl": {"executions": [{"name": "e-1", "status": "Running"}]}},
    })
}

/// More than anybody waits for.
const NEVER: u64 = 1_000_000;

/// A request, followed for so long.
fn followed(asked: &Asked, within: u64) -> Value {
    let mut request = (asked.request)();
    request["confirm"] = json!(true);
    request["confirmWithinSeconds"] = json!(within);
    request
}

/// The checks come when the contract says, counted from the outcome: after 15 s, then twice as long each
/// time up to 900 s, up to a fifth later, and never past the end of the time.
fn assert_due(outcome_at: f64, checks: &[f64], within: f64) {
    let mut before = outcome_at;
    for (number, check) in checks.iter().enumerate() {
        let exponent = i32::try_from(number).expect("few checks");
        let earliest = (15.0 * 2f64.powi(exponent)).min(900.0);
        let latest = (earliest * 1.2).min(900.0) + SLACK;
        let end = outcome_at + within;
        let due = earliest.min(end - before)..=latest.min(end - before + SLACK);
        assert!(
            due.contains(&(check - before)),
            "check {}: {due:?} after {before}, got {checks:?}",
            number + 1
        );
        before = *check;
    }
}

fn confirms_at_the_first_check_after() {
    for (asked, settles, seed) in each(&[1, 20, 70, 400, 3_000], 4) {
        play(seed, async || {
            let stage = Stage::new(world(settles), &[]);
            stage.send(&followed(asked, 7_200));
            stage.run().await;
            let checks = stage.moments(asked.look_up);
            #[expect(clippy::cast_precision_loss, reason = "hours")]
            let ended = stage.moments(asked.cancel)[0] + settles as f64;
            let (last, before) = checks.split_last().expect("a check");
            assert!(*last >= ended && before.iter().all(|check| *check < ended), "{ended}, {checks:?}");
            let outcome = &stage.of_type("CancellationOutcome")[0];
            assert_due(stage.seconds(&outcome["completedAt"]), &checks, 7_200.0);
            let confirmation = stage.confirmation();
            assert_eq!(confirmation["status"], "CONFIRMED");
            assert_eq!(confirmation["checks"], checks.len());
            assert_eq!(confirmation["executions"], json!([{"executionId": asked.run, "state": "CANCELED"}]));
        });
    }
}

fn still_running_at_the_end() {
    for (asked, within, seed) in each(&[15, 16, 30, 46, 600, 7_200], 4) {
        play(seed, async || {
            // A decider that ignores the request, and services that do not get there.
            let mut world =
                world(if asked.cancel == Operation::RequestCancelWorkflowExecution { 5 } else { NEVER });
            world["swf"]["billing"]["executions"][0]["ignoresCancel"] = json!(true);
            let stage = Stage::new(world, &[]);
            stage.send(&followed(asked, within));
            stage.run().await;
            let checks = stage.moments(asked.look_up);
            let confirmation = stage.confirmation();
            let outcome_at = stage.seconds(&stage.of_type("CancellationOutcome")[0]["completedAt"]);
            #[expect(clippy::cast_precision_loss, reason = "hours")]
            let within = within as f64;
            assert_due(outcome_at, &checks, within);
            let told_after = stage.seconds(&confirmation["completedAt"]) - outcome_at;
            assert!((within..within + SLACK).contains(&told_after), "expected {within}, got {told_after}");
            assert!(checks.len() <= 14, "{checks:?}");
            assert_eq!(confirmation["checks"], checks.len());
            assert_eq!(confirmation["status"], "STILL_RUNNING");
            assert_eq!(confirmation["executions"][0]["state"], asked.state);
            let asked_once = stage.moments(asked.cancel).len();
            assert_eq!(asked_once, 1, "expected no follow-up to cancel");
        });
    }
}

fn fourteen_checks_at_most() {
    for (asked, check, seed) in each(&[12, 13, 14], 1) {
        play(seed, async || {
            let stage = Stage::new(world(NEVER), &[]);
            let now = stage.simulator.now().to_string();
            let mut follow_up = (asked.request)();
            follow_up["type"] = json!("CancellationFollowUp");
            follow_up["version"] = json!("1");
            follow_up["check"] = json!(check);
            follow_up["within"] = json!(7_200);
            follow_up["outcomeAt"] = json!(now);
            follow_up["requestId"] = json!("r");
            follow_up["requestedAt"] = json!(now);
            if asked.cancel != Operation::CancelFlowExecutions {
                follow_up["runs"] = json!([asked.run]);
            }
            stage.send(&follow_up);
            stage.run().await;
            let confirmation = stage.confirmation();
            assert_eq!(
                (&confirmation["status"], &confirmation["checks"]),
                (&json!("STILL_RUNNING"), &json!(14))
            );
            assert_eq!(u64::try_from(stage.moments(asked.look_up).len()), Ok(15 - check));
            assert!(stage.now() < 7_200.0, "expected an end before that of the time");
        });
    }
}

fn ended_otherwise() {
    for asked in &SERVICES {
        for (ending, state) in asked.endings.iter().enumerate() {
            play(7, async || {
                let stage = Stage::new(world(NEVER), &[]);
                stage.send(&followed(asked, 600));
                let by_itself = async {
                    sleep(Duration::from_secs(25)).await;
                    stage.simulator.change(|world| (asked.ends)(world, ending));
                };
                stage.run_while(by_itself, |_| None).await;
                let confirmation = stage.confirmation();
                assert_eq!(confirmation["status"], "ENDED_OTHERWISE", "{confirmation}");
                assert_eq!(confirmation["executions"], json!([{"executionId": asked.run, "state": state}]));
                assert_eq!(confirmation["checks"], 2);
            });
        }
    }
}

/// Ways in which the follow-up queue is down for a while.
fn outages() -> Vec<Fault> {
    let error = |status: u16, code: &str| FaultKind::Error {
        status,
        code: code.into(),
        message: None,
        headers: [].into(),
    };
    let entries = |code: &str| FaultKind::FailEntries { entries: vec![0], code: code.into(), message: None };
    let sends = |kind, times| Fault::new(Operation::SendMessageBatch, kind).times(times);
    vec![
        sends(error(500, "InternalFailure"), 15),
        sends(error(503, "ServiceUnavailable"), 8),
        sends(error(400, "AWS.SimpleQueueService.NonExistentQueue"), 2),
        sends(error(403, "AccessDenied"), 2),
        sends(FaultKind::Throttle { retry_after_ms: None }, 8),
        sends(FaultKind::Drop {}, 14),
        sends(FaultKind::Hang {}, 6),
        sends(FaultKind::LoseReply {}, 3),
        sends(FaultKind::WithholdReply {}, 6),
        sends(entries("InternalFailure"), 14),
        sends(entries("InvalidMessageContents"), 2),
    ]
}

fn nothing_is_promised_before() {
    for asked in &SERVICES {
        for outage in outages() {
            play(7, async || {
                let stage = Stage::new(world(40), &[]);
                let name = format!("{:?}", outage.kind);
                stage.simulator.script(outage);
                stage.send(&followed(asked, 600));
                stage.run().await;
                assert_kept(&stage, &name);
                assert!(!stage.confirmations().is_empty(), "{name}: expected a promise, and that it is kept");
            });
        }
    }
}

fn promises_nothing_that_it_cannot_keep() {
    for asked in &SERVICES {
        play(7, async || {
            let stage = Stage::new(world(40), &[]);
            let down = FaultKind::Drop {};
            stage.simulator.script(Fault::new(Operation::SendMessageBatch, down).times(1_000));
            stage.send(&followed(asked, 600));
            stage.run().await;
            let told = stage.told();
            assert_eq!(told.len(), 1, "expected a last word alone, got {told:#?}");
            assert_eq!(
                (&told[0]["type"], told[0].get("confirmation")),
                (&json!("CancellationOutcome"), None)
            );
        });
    }
}

/// No promise comes before its follow-up, and each is kept.
fn assert_kept(stage: &Stage, name: &str) {
    let told = stage.told();
    let is = |told: &Value, kind: &str, id: &Value| told["type"] == kind && told["requestId"] == *id;
    for (place, promise) in told.iter().enumerate().filter(|(_, told)| told["confirmation"] == "PENDING") {
        let id = &promise["requestId"];
        let sent = told[..place].iter().any(|it| is(it, "CancellationFollowUp", id));
        assert!(sent, "{name}: expected a follow-up before {promise}");
        let kept = told[place..].iter().any(|it| is(it, "CancellationConfirmation", id));
        let dead = stage.simulator.messages(stage::DEAD);
        let dead = dead.iter().filter_map(|message| serde_json::from_str(&message.body).ok());
        let dead = dead.into_iter().any(|message: Value| is(&message, "CancellationFollowUp", id));
        assert!(kept || dead, "{name}: expected a confirmation or a dead follow-up of {promise}");
    }
}

fn confirms_though_the_process_dies() {
    for asked in &SERVICES {
        // A process that dies once the cancel, the follow-up or the outcome is out, and before it answers.
        for done in 1..=3 {
            play(7, async || {
                let stage = Stage::new(world(100), &[]);
                stage.send(&followed(asked, 3_600));
                let mut deaths = vec![Kill::Calls(done)];
                stage.run_killing(|_| deaths.pop()).await;
                assert_kept(&stage, &format!("after {done} calls"));
                let outcomes = stage.of_type("CancellationOutcome");
                let last = outcomes.last().expect("an outcome");
                assert_eq!(last["confirmation"], "PENDING", "{last}");
                let confirmations = stage.confirmations();
                assert_eq!(confirmations.len(), if done == 1 { 1 } else { 2 }, "{done}: {confirmations:#?}");
                assert!(confirmations.iter().all(|it| it["status"] == "CONFIRMED"), "{confirmations:#?}");
            });
        }
    }
}

fn looks_again() {
    for asked in &SERVICES {
        let denied = match asked.cancel {
            Operation::StopExecution => "Forbidden.RAM",
            _ => "AccessDeniedException",
        };
        let error = |status, code: &str| FaultKind::Error {
            status,
            code: code.into(),
            message: None,
            headers: [].into(),
        };
        let kinds = [
            (error(403, denied), 1),
            (error(500, "InternalFailure"), 6),
            (FaultKind::Hang {}, 6),
            (FaultKind::Drop {}, 6),
        ];
        for (kind, times) in kinds {
            play(7, async || {
                let stage = Stage::new(world(5), &[]);
                let name = format!("{kind:?}");
                stage.simulator.script(Fault::new(asked.look_up, kind).times(times));
                stage.send(&followed(asked, 600));
                stage.run().await;
                let confirmation = stage.confirmation();
                let told = (&confirmation["status"], &confirmation["checks"]);
                assert_eq!(told, (&json!("CONFIRMED"), &json!(2)), "{name}: {confirmation}");
            });
        }
    }
}

fn a_flow_is_read_once_for_a_batch() {
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
        assert_eq!(stage.moments(Operation::DescribeFlowExecutionRecords).len(), batches);
        assert!(batches * 2 < follow_ups, "{batches} batches of {follow_ups}: expected to share them");
        assert_eq!(stage.confirmations().len(), 100);
        assert!(stage.confirmations().iter().all(|it| it["status"] == "CONFIRMED"));
    });
}

fn keeps_to_the_pace() {
    play(7, async || {
        let name = |number: usize| format!("w-{number}");
        let executions =
            (0..200).map(|number| json!({"workflowId": name(number), "runId": "r", "status": "OPEN"}));
        let executions: Vec<_> = executions.collect();
        let world = json!({"settleAfterMs": 10_000, "swf": {"billing": {"executions": executions}}});
        let stage = Stage::new(world, &[("COUNTERMAND_RATES", "swf.DescribeWorkflowExecution=6/6")]);
        stage.simulator.limit(Limit {
            operation: Operation::DescribeWorkflowExecution,
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
        let counts = stage.simulator.counts()[Operation::DescribeWorkflowExecution.name()];
        assert!(counts.throttled * 100 <= counts.calls * 3, "{counts:?}: expected at most 3 % refused");
        assert_eq!(stage.confirmations().len(), 200);
        assert!(stage.confirmations().iter().all(|it| it["status"] == "CONFIRMED"));
        assert_eq!(stage.simulator.messages(stage::DEAD), []);
    });
}

fn leaves_others_alone() {
    for asked in &SERVICES {
        play(7, async || {
            let stage = Stage::new(world(5), &[]);
            stage.send(&(asked.request)());
            // Nothing is left to follow of what had ended before.
            stage.simulator.change(|world| (asked.ends)(world, 0));
            stage.send(&followed(asked, 600));
            stage.run().await;
            assert!(
                stage.told().iter().all(|told| told.get("confirmation").is_none()),
                "{:#?}",
                stage.told()
            );
            assert!(stage.of_type("CancellationFollowUp").is_empty());
            assert_eq!(stage.simulator.messages(QUEUE), []);
        });
    }
}

/// Every service with every number, and some seeds.
fn each(numbers: &[u64], seeds: u64) -> impl Iterator<Item = (&'static Asked, u64, u64)> {
    let all = SERVICES.iter().flat_map(move |asked| numbers.iter().map(move |number| (asked, *number)));
    all.flat_map(move |(asked, number)| (0..seeds).map(move |seed| (asked, number, seed)))
}
