//! When runs are looked up after a request, and what is told in the end. Times are counted from the
//! outcome, as docs/delivery.md gives them; the world decides when something has ended.

use countermand_simulator::Operation;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::stage::{NEVER, QUEUE, Stage, followed, play, world};
use crate::services::{SERVICES, Service};

/// What calls and rounding up to whole seconds may add to a moment.
const SLACK: f64 = 1.2;

/// Every service with every number, and some seeds.
fn each(numbers: &[u64], seeds: u64) -> impl Iterator<Item = (&'static Service, u64, u64)> {
    let all =
        SERVICES.into_iter().flat_map(move |service| numbers.iter().map(move |number| (service, *number)));
    all.flat_map(move |(service, number)| (0..seeds).map(move |seed| (service, number, seed)))
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

pub fn confirms_at_the_first_check_after() {
    for (service, settles, seed) in each(&[1, 20, 70, 400, 3_000], 4) {
        play(seed, async || {
            let stage = Stage::new(world(settles), &[]);
            stage.send(&followed(service, 7_200));
            stage.run().await;
            let checks = stage.moments(service.look_up);
            #[expect(clippy::cast_precision_loss, reason = "hours")]
            let ended = stage.moments(service.cancel)[0] + settles as f64;
            let (last, before) = checks.split_last().expect("a check");
            assert!(*last >= ended && before.iter().all(|check| *check < ended), "{ended}, {checks:?}");
            let outcome = &stage.of_type("CancellationOutcome")[0];
            assert_due(stage.seconds(&outcome["completedAt"]), &checks, 7_200.0);
            let confirmation = stage.confirmation();
            assert_eq!(confirmation["status"], "CONFIRMED");
            assert_eq!(confirmation["checks"], checks.len());
            assert_eq!(
                confirmation["executions"],
                json!([{"executionId": stage.run_of(service).id, "state": "CANCELED"}])
            );
        });
    }
}

pub fn still_running_at_the_end() {
    for (service, within, seed) in each(&[15, 16, 30, 46, 600, 7_200], 4) {
        play(seed, async || {
            let stage = Stage::new(world(NEVER), &[]);
            stage.send(&followed(service, within));
            stage.run().await;
            let checks = stage.moments(service.look_up);
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
            assert_eq!(confirmation["executions"][0]["state"], stage.run_of(service).state);
            let asked_once = stage.moments(service.cancel).len();
            assert_eq!(asked_once, 1, "expected no follow-up to cancel");
        });
    }
}

pub fn fourteen_checks_at_most() {
    for (service, check, seed) in each(&[12, 13, 14], 1) {
        play(seed, async || {
            let stage = Stage::new(world(NEVER), &[]);
            let now = stage.simulator.now().to_string();
            let mut follow_up = service.request();
            follow_up["type"] = json!("CancellationFollowUp");
            follow_up["version"] = json!("1");
            follow_up["check"] = json!(check);
            follow_up["within"] = json!(7_200);
            follow_up["outcomeAt"] = json!(now);
            follow_up["requestId"] = json!("r");
            follow_up["requestedAt"] = json!(now);
            stage.send(&follow_up);
            stage.run().await;
            let confirmation = stage.confirmation();
            assert_eq!(
                (&confirmation["status"], &confirmation["checks"]),
                (&json!("STILL_RUNNING"), &json!(14))
            );
            assert_eq!(u64::try_from(stage.moments(service.look_up).len()), Ok(15 - check));
            assert!(stage.now() < 7_200.0, "expected an end before that of the time");
        });
    }
}

pub fn ended_otherwise() {
    for service in SERVICES {
        for state in service.endings() {
            play(7, async || {
                let stage = Stage::new(world(NEVER), &[]);
                stage.send(&followed(service, 600));
                let by_itself = async {
                    sleep(Duration::from_secs(25)).await;
                    stage.end_run_of(service, state);
                };
                stage.run_while(by_itself, |_| None).await;
                let confirmation = stage.confirmation();
                assert_eq!(confirmation["status"], "ENDED_OTHERWISE", "{confirmation}");
                assert_eq!(
                    confirmation["executions"],
                    json!([{"executionId": stage.run_of(service).id, "state": state}])
                );
                assert_eq!(confirmation["checks"], 2);
            });
        }
    }
}

/// The check that terminates comes when the request says, those after it come soon, and the last tells.
pub fn terminates_in_time() {
    for (after, seed) in [15_u32, 60, 100, 600, 7_200].into_iter().flat_map(|after| [(after, 1), (after, 2)])
    {
        play(seed, async || {
            let stage = Stage::new(world(NEVER), &[("COUNTERMAND_TERMINATE", "allow")]);
            let mut request = crate::services::SERVICES[1].request();
            request["terminateAfterSeconds"] = json!(after);
            request["confirmWithinSeconds"] = json!(15);
            stage.send(&request);
            stage.run().await;
            let outcome_at = stage.seconds(&stage.of_type("CancellationOutcome")[0]["completedAt"]);
            let terminated = stage.moments(Operation::TERMINATE_WORKFLOW_EXECUTION);
            let due = outcome_at + f64::from(after);
            assert_eq!(terminated.len(), 1, "{terminated:?}");
            assert!((due..due + SLACK).contains(&terminated[0]), "expected {due}, got {terminated:?}");
            let confirmation = stage.confirmation();
            assert_eq!(confirmation["status"], "FORCED", "{confirmation}");
            let told = stage.seconds(&confirmation["completedAt"]) - terminated[0];
            assert!((14.0..61.0).contains(&told), "expected a look soon, got {told}");
            let escalated = stage.seconds(&confirmation["escalation"]["at"]);
            assert!((due..due + SLACK).contains(&escalated), "{confirmation}");
        });
    }
}

pub fn leaves_others_alone() {
    for service in SERVICES {
        play(7, async || {
            let stage = Stage::new(world(5), &[]);
            stage.send(&service.request());
            // Nothing is left to follow of what had ended before.
            stage.end_run_of(service, service.endings()[0]);
            sleep(Duration::from_secs(1)).await;
            stage.send(&followed(service, 600));
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
