//! When runs are looked up after a request, and what is told in the end. Times are counted from the
//! outcome, as docs/delivery.md gives them; the world decides when something has ended.

use countermand_simulator::Operation;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::asked::{NEVER, SERVICES, each, followed, world};
use super::stage::{QUEUE, Stage, play};

/// What calls and rounding up to whole seconds may add to a moment.
const SLACK: f64 = 1.2;

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

pub fn still_running_at_the_end() {
    for (asked, within, seed) in each(&[15, 16, 30, 46, 600, 7_200], 4) {
        play(seed, async || {
            // A decider that ignores the request, and services that do not get there.
            let mut world =
                world(if asked.cancel == Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION { 5 } else { NEVER });
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

pub fn fourteen_checks_at_most() {
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
            if asked.cancel != Operation::CANCEL_FLOW_EXECUTIONS {
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

pub fn ended_otherwise() {
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

pub fn leaves_others_alone() {
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
