use serde_json::{Value, json};

use super::*;
use crate::request::{Reading, read};
use crate::vocabulary::{Effect, State};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000).expect("a time")
}

fn settlement(status: Status, open_ends: &[&str]) -> Settlement {
    Settlement {
        status,
        effect: Effect::Requested,
        result: None,
        error: None,
        remaining: None,
        attempts: 1,
        throttles: 0,
        service_request_ids: Vec::new(),
        unclear: None,
        open_ends: open_ends.iter().map(|id| (*id).to_owned()).collect(),
        went_beyond: false,
        called: None,
    }
}

fn known(ids: &[&str]) -> Runs {
    Runs::Known(ids.iter().map(|id| (*id).to_owned()).collect())
}

/// Runs in these states.
fn seen(ids: &[&str], states: &[State]) -> Sight {
    Some(ids.iter().zip(states).map(|(id, state)| ((*id).to_owned(), *state)).collect())
}

/// A request that is followed from second 0 on, for an hour.
fn followed(request: &Value, status: Status, open_ends: &[&str]) -> Option<FollowUp> {
    let Reading::Request(request) = read(&request.to_string(), Default::default()) else {
        panic!("{request}")
    };
    let labels = request.labels.to_follow("envelope", at(-9).into());
    let within = Duration::from_secs(3_600);
    let called = Span { from: at(-3), until: at(-1) };
    FollowUp::begin(
        &request.cancellation,
        labels,
        &settlement(status, open_ends),
        Some(called),
        within,
        at(0),
    )
}

/// Whether what is seen asks for another check.
fn goes_on_after(follow_up: &FollowUp, sight: &Sight, now: Timestamp) -> bool {
    let (_, row) = Row::of(follow_up.stage(now, true), Seen::of(sight)).expect("a row");
    let verdict = Verdict::of(sight, false);
    assert!(row.confirmed.is_empty() || row.confirmed.contains(&verdict), "{row:?} {verdict:?}");
    row.confirmed.is_empty()
}

fn appflow(ids: &[&str]) -> Value {
    json!({"service": "appflow", "flowName": "orders", "executionIds": ids})
}

fn read_message(text: &str) -> Result<FollowUp, String> {
    match read(text, Default::default()) {
        Reading::FollowUp(fields) => FollowUp::read(*fields),
        other => panic!("{text}: {other:?}"),
    }
}

fn read_back(text: &str) -> FollowUp {
    read_message(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn a_message_is_read_back_as_it_was_written() {
    let swf = json!({"service": "swf", "domain": "billing", "workflowId": "w"});
    let run = json!({"service": "swf", "domain": "billing", "workflowId": "w", "runId": "r"});
    let execution = json!({"service": "cloudflow", "flowName": "etl", "executionName": "e", "cause": "no"});
    let labeled = json!({"service": "appflow", "flowName": "orders", "scope": "ALL_ACTIVE", "requestId": "own",
        "reason": "a \u{FFFE} b", "requestedBy": "ops", "context": {"a": [1.50, null]}});
    for (request, open_ends, own) in [
        (appflow(&["a", "b"]), &["a", "b"][..], json!({"executionIds": ["a", "b"]})),
        (appflow(&["a", "b", "c"]), &["b"], json!({"executionIds": ["a", "b", "c"], "ended": [0, 2]})),
        (labeled, &["x", "y"], json!({"scope": "ALL_ACTIVE", "runs": ["x", "y"]})),
        (swf.clone(), &["r"], json!({"workflowId": "w", "runs": ["r"]})),
        (swf, &[], json!({"workflowId": "w", "calledAt": at(-3), "answeredAt": at(-1)})),
        (run, &["r"], json!({"workflowId": "w", "runId": "r"})),
        (execution, &["e"], json!({"executionName": "e"})),
    ] {
        let follow_up = followed(&request, Status::Partial, open_ends).expect("it is followed");
        let text = follow_up.write();
        let message: Value = serde_json::from_str(&text).expect("a message is JSON");
        for (name, value) in own.as_object().into_iter().flatten() {
            assert_eq!(message[name], *value, "{text}");
        }
        for name in ["runs", "calledAt", "ended", "cause", "key"] {
            assert_eq!(message.get(name).is_some(), own.get(name).is_some(), "{name} of {text}");
        }
        let back = read_back(&text);
        assert_eq!(back.runs, follow_up.runs);
        assert_eq!(back.cancellation.target(), follow_up.cancellation.target());
        assert_eq!((back.outcome_at, back.within, back.checks), (at(0), Duration::from_secs(3_600), 1));
        // But for the number of the check, the next one says the same.
        assert_eq!(back.write(), text.replace(r#""check":1"#, r#""check":2"#));
        let (labels, own) = (&back.labels, request["requestId"].as_str().unwrap_or("envelope"));
        assert_eq!((labels.request_id.as_deref(), labels.requested_at), (Some(own), Some(at(-9).into())));
        assert_eq!(labels.reason.as_deref(), request["reason"].as_str());
        assert_eq!(labels.requested_by.as_deref(), request["requestedBy"].as_str());
        let context = labels.context.as_ref().map(|context| context.get());
        assert_eq!(context, request.get("context").map(|_| r#"{"a":[1.5,null]}"#));
    }
}

#[test]
fn only_what_was_taken_or_is_under_way_is_followed() {
    for (status, expected) in [
        (Status::Accepted, true),
        (Status::Partial, true),
        (Status::AlreadyCanceled, true),
        (Status::NotRunning, false),
        (Status::NotFound, false),
        (Status::Rejected, false),
        (Status::DryRun, false),
        (Status::Denied, false),
        (Status::Failed, false),
        (Status::Deferred, false),
    ] {
        assert_eq!(followed(&appflow(&["a"]), status, &["a"]).is_some(), expected, "{status:?}");
        assert!(followed(&appflow(&["a"]), status, &[]).is_none(), "{status:?}");
    }
}

#[test]
fn a_thousand_run_ids_of_the_greatest_length_fit() {
    let ids: Vec<String> = (0..1_000).map(|number| format!("{number:0>256}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let request = json!({"service": "appflow", "flowName": "orders", "executionIds": ids,
        "reason": "r".repeat(4_096), "context": {"c": "c".repeat(2_000)}});
    for open_ends in [&ids[..], &ids[500..]] {
        let follow_up = followed(&request, Status::Partial, open_ends).expect("it is followed");
        assert!(follow_up.message(at(0)).is_ok());
        assert!(follow_up.write().len() < 300_000);
    }
    let wide: Vec<String> =
        (0..1_000).map(|number| format!("{}{number:0>4}", "\u{FFFE}".repeat(252))).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let follow_up = followed(&appflow(&wide), Status::Accepted, &wide).expect("it is followed");
    assert!(follow_up.message(at(0)).is_err_and(|wrong| wrong.starts_with("expected at most 1048576 bytes")));
}

#[test]
fn a_message_is_checked_like_a_request() {
    let good =
        followed(&appflow(&["a", "b"]), Status::Accepted, &["a", "b"]).expect("it is followed").write();
    for (name, value, words) in [
        ("version", json!("2"), "version UNKNOWN_VALUE"),
        ("service", json!("ec2"), "service UNKNOWN_VALUE"),
        ("flowName", json!("a b"), "flowName BAD_FORMAT"),
        ("executionIds", json!([]), "executionIds TOO_SHORT"),
        ("ended", json!([0, 1]), "expected runs to follow"),
        ("ended", json!([-1]), "ended BAD_FORMAT"),
        ("ended", json!([2]), "ended BAD_FORMAT"),
        ("ended", json!([1, 1]), "ended BAD_FORMAT"),
        ("check", json!(0), "check BAD_FORMAT"),
        ("check", json!(15), "check BAD_FORMAT"),
        ("check", Value::Null, "check REQUIRED"),
        ("within", json!(7_261), "within BAD_FORMAT"),
        ("within", Value::Null, "within REQUIRED"),
        ("outcomeAt", json!("soon"), "an RFC 3339 time as outcomeAt"),
        ("outcomeAt", Value::Null, "outcomeAt REQUIRED"),
        ("requestId", Value::Null, "requestId REQUIRED"),
        ("requestedAt", json!("soon"), "requestedAt BAD_FORMAT"),
        ("context", json!([]), "context WRONG_TYPE"),
    ] {
        let mut message: Value = serde_json::from_str(&good).expect("a message is JSON");
        match value {
            Value::Null => drop(message.as_object_mut().and_then(|message| message.remove(name))),
            value => message[name] = value,
        }
        let wrong = read_message(&message.to_string()).expect_err("it is broken");
        assert!(wrong.contains(words), "expected {words}, got {wrong}");
    }
    let without_runs = r#"{"type":"CancellationFollowUp","version":"1","service":"swf","domain":"d","workflowId":"w","check":1,
        "within":60,"outcomeAt":"2026-01-02T03:04:05.678Z","requestId":"id","requestedAt":"2026-01-02T03:04:05.678Z"}"#;
    assert_eq!(read_message(without_runs).expect_err("it is broken"), "runs REQUIRED");
}

#[test]
fn the_runs_of_a_message_keep_the_rules_of_their_service() {
    let swf = json!({"service": "swf", "domain": "billing", "workflowId": "w"});
    let all = json!({"service": "appflow", "flowName": "orders"});
    for (request, runs, words) in [
        (&swf, json!(vec!["r"; 1_001]), "runs TOO_LONG"),
        (&swf, json!(["r".repeat(65)]), "runs[0] TOO_LONG"),
        (&all, json!(["a b"]), "runs[0] BAD_FORMAT"),
    ] {
        let message = followed(request, Status::Accepted, &["r"]).expect("it is followed").write();
        let mut message: Value = serde_json::from_str(&message).expect("a message is JSON");
        message["runs"] = runs;
        let wrong = read_message(&message.to_string()).expect_err("it is broken");
        assert!(wrong.contains(words), "expected {words}, got {wrong}");
    }
    let message = followed(&all, Status::Accepted, &["a", "b", "a"]).expect("it is followed").write();
    assert_eq!(read_back(&message).runs, known(&["a", "b"]));
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let message = followed(&appflow(&["a"]), Status::Accepted, &["a"]).expect("it is followed").write();
    assert_eq!(read_back(&message.replacen('{', r#"{"later":{},"#, 1)).runs, known(&["a"]));
}

#[test]
fn delays_double_from_15_to_900_seconds_and_are_only_lengthened() {
    fastrand::seed(7);
    for (checks, least, most) in [
        (0, 15, 17),
        (1, 30, 35),
        (2, 60, 71),
        (3, 120, 143),
        (4, 240, 287),
        (5, 480, 575),
        (6, 900, 900),
        (12, 900, 900),
    ] {
        let follow_up = followed(&appflow(&["a"]), Status::Accepted, &["a"]).expect("it is followed");
        let follow_up = FollowUp { checks, ..follow_up };
        let delays: Vec<u64> = (0..300).map(|_| follow_up.delay(at(0)).as_secs()).collect();
        assert_eq!(delays.iter().min(), Some(&least), "{checks}");
        assert!(delays.iter().all(|delay| *delay <= most), "{checks}");
        assert!(most == 900 || delays.iter().any(|delay| *delay > least + least / 20), "{checks}");
    }
}

#[test]
fn no_check_comes_past_the_end_of_the_time() {
    for (now, delay) in [(3_590, 10), (3_599, 1), (3_600, 0), (4_000, 0)] {
        let follow_up = followed(&appflow(&["a"]), Status::Accepted, &["a"]).expect("it is followed");
        assert_eq!(follow_up.delay(at(now)).as_secs(), delay, "{now}");
    }
    let follow_up = followed(&appflow(&["a"]), Status::Accepted, &["a"]).expect("it is followed");
    let within = Duration::from_millis(14_200);
    assert_eq!(FollowUp { within, ..follow_up }.delay(at(0)).as_secs(), 15);
}

#[test]
fn a_matter_is_over_when_all_have_ended_or_the_time_is_up_or_after_14_checks() {
    use State::{Canceled, Canceling, Running, Succeeded, Unknown};
    for (states, checks, now, goes_on) in [
        (&[Canceled, Running][..], 1, 20, true),
        (&[Canceling], 13, 3_599, true),
        (&[Unknown], 1, 20, true),
        (&[Canceled, Canceled], 1, 20, false),
        (&[Canceled, Succeeded], 1, 20, false),
        (&[Running], 14, 20, false),
        (&[Running], 1, 3_600, false),
    ] {
        let follow_up = followed(&appflow(&["a"]), Status::Accepted, &["a"]).expect("it is followed");
        let goes = goes_on_after(&FollowUp { checks, ..follow_up }, &seen(&["a", "b"], states), at(now));
        assert_eq!(goes, goes_on, "{states:?} {checks} {now}");
    }
}

#[test]
fn states_together_give_the_verdict_and_the_counts() {
    use State::*;
    for (states, status, counts) in [
        (&[Canceled, Canceled][..], "CONFIRMED", json!({"requested": 2, "canceled": 2})),
        (&[Canceled, Succeeded], "ENDED_OTHERWISE", json!({"requested": 2, "canceled": 1, "succeeded": 1})),
        (&[Failed, TimedOut], "ENDED_OTHERWISE", json!({"requested": 2, "failed": 1, "timedOut": 1})),
        (
            &[Terminated, ContinuedAsNew],
            "ENDED_OTHERWISE",
            json!({"requested": 2, "terminated": 1, "continuedAsNew": 1}),
        ),
        (&[NotFound, NotFound], "ENDED_OTHERWISE", json!({"requested": 2, "notFound": 2})),
        (&[Canceled, Canceling], "STILL_RUNNING", json!({"requested": 2, "canceled": 1, "canceling": 1})),
        (&[Running, Unknown], "STILL_RUNNING", json!({"requested": 2, "running": 1, "unknown": 1})),
    ] {
        let follow_up =
            followed(&appflow(&["a", "b"]), Status::Accepted, &["a", "b"]).expect("it is followed");
        let confirmation =
            Confirmation::new(&FollowUp { checks: 3, ..follow_up }, &seen(&["a", "b"], states), at(60));
        let document: Value = serde_json::from_str(&confirmation.json).expect("a confirmation is JSON");
        assert_eq!((&document["status"], &document["counts"]), (&json!(status), &counts), "{states:?}");
        assert_eq!(document["checks"], 3);
        assert_eq!(document["executions"][0]["executionId"], "a");
    }
}

#[test]
fn runs_that_are_not_known_yet_still_run_and_none_that_were_reached_are_confirmed() {
    let all = json!({"service": "appflow", "flowName": "orders"});
    let mut follow_up = followed(&all, Status::Accepted, &[]).expect("it is followed");
    let span = Runs::Asked(Span { from: at(-3), until: at(-1) });
    assert!(goes_on_after(&follow_up, &None, at(20)));
    follow_up.learn(&None);
    assert_eq!(follow_up.runs, span);
    assert_eq!(Verdict::of(&Some(Vec::new()), false), Verdict::Confirmed);
    // What no message could carry is read again.
    let many: Sight = Some(vec![("r".into(), State::Running); MOST_RUNS + 1]);
    follow_up.learn(&many);
    assert_eq!(follow_up.runs, span);
    follow_up.learn(&seen(&["a"], &[State::Running]));
    assert_eq!(follow_up.runs, known(&["a"]));
    let late = followed(&all, Status::Accepted, &["a"; MOST_RUNS + 1]).expect("it is followed");
    assert_eq!(late.runs, Runs::Asked(Span { from: at(-9), until: at(-9) }));
    // Those that continue a run are looked up in its place, the newest of very many.
    let mut workflow = follow_up;
    let last = (MOST_RUNS.to_string(), State::Running);
    workflow.learn(&Some(
        (0..MOST_RUNS).map(|run| (run.to_string(), State::ContinuedAsNew)).chain([last]).collect(),
    ));
    let Runs::Known(runs) = &workflow.runs else { panic!("{:?}", workflow.runs) };
    assert_eq!((runs.len(), runs[0].as_str(), runs[MOST_RUNS - 1].as_str()), (MOST_RUNS, "1", "1000"));
}

#[test]
fn no_confirmation_is_longer_than_an_outcome_may_be() {
    let ids: Vec<String> = (0..1_000).map(|number| format!("{number:0>256}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let one =
        |other| (0..1_000).map(|place| if place == 7 { other } else { State::Canceled }).collect::<Vec<_>>();
    let all = |state| vec![state; 1_000];
    for (states, left) in [
        (one(State::Running), json!([{"executionId": ids[7], "state": "RUNNING"}])),
        (all(State::Canceled), Value::Null),
        (all(State::Running), Value::Null),
    ] {
        let follow_up = followed(&appflow(&ids), Status::Accepted, &ids).expect("it is followed");
        let confirmation = Confirmation::new(&follow_up, &seen(&ids, &states), at(60));
        assert!(confirmation.json.len() <= crate::outcome::LONGEST);
        let document: Value = serde_json::from_str(&confirmation.json).expect("a confirmation is JSON");
        assert_eq!((&document["truncated"], &document["executions"]), (&json!(true), &left));
        assert_eq!(document["target"]["executionIds"], Value::Null);
        assert_eq!(document["counts"]["requested"], 1_000);
    }
}

/// A request whose runs are terminated after 60 s, with so many checks behind it.
fn terminated(checks: u32) -> FollowUp {
    let request = json!({"service": "swf", "domain": "billing", "workflowId": "w", "runId": "r",
        "terminateAfterSeconds": 60, "childPolicy": "ABANDON"});
    let follow_up = followed(&request, Status::Accepted, &["r"]).expect("it is followed");
    FollowUp { checks, within: Duration::from_secs(120), ..follow_up }
}

fn escalated(seconds: i64) -> Option<Escalation> {
    Some(Escalation { at: at(seconds), runs: vec!["r".into()] })
}

#[test]
fn a_run_is_due_when_its_time_is_up_and_has_a_minute_from_then_on() {
    use Stage::{Due, Late, Over, OverAndDue, Watched};
    for (now, checks, escalation, stage) in [
        (59, 2, None, Watched),
        (60, 3, None, Due),
        (119, 5, escalated(60), Due),
        (120, 5, escalated(60), OverAndDue),
        (149, 5, escalated(90), Due),
        (9_000, 1, None, Late),
        (9_001, 2, escalated(9_000), Due),
        (60, 14, None, OverAndDue),
        (59, 14, None, Over),
    ] {
        let follow_up = FollowUp { escalation, ..terminated(checks) };
        assert_eq!(follow_up.stage(at(now), true), stage, "{now} {checks}");
        let unallowed = if [Due, Watched].contains(&stage) && now < 120 { Watched } else { Over };
        let unallowed = if stage == Due && now < 120 { Watched } else { unallowed };
        let may_not = FollowUp { escalation: None, ..follow_up }.stage(at(now), false);
        assert_eq!(may_not, unallowed, "{now} {checks}");
    }
}

#[test]
fn a_check_comes_as_a_run_is_due_and_delays_double_anew_from_there() {
    fastrand::seed(7);
    for (now, checks, least, most) in [
        (0, 0, 15, 17),
        (45, 2, 15, 15),
        (59, 3, 1, 1),
        (60, 3, 15, 17),
        (75, 4, 30, 35),
        (60, 13, 60, 60),
        (1_000, 5, 0, 0),
    ] {
        let delays: Vec<_> = (0..100).map(|_| terminated(checks).delay(at(now)).as_secs()).collect();
        assert!(delays.iter().all(|delay| (least..=most).contains(delay)), "{now} {checks}: {delays:?}");
    }
}

#[test]
fn a_message_carries_how_and_when_runs_are_terminated_and_what_was_done() {
    let text = terminated(2).write();
    let message: Value = serde_json::from_str(&text).expect("a message is JSON");
    let carried = (&message["terminateAfterSeconds"], &message["childPolicy"], message.get("escalatedAt"));
    assert_eq!(carried, (&json!(60), &json!("ABANDON"), None));
    let back = read_back(&FollowUp { escalation: escalated(61), ..terminated(2) }.write());
    assert_eq!((back.escalation.clone(), back.checks), (escalated(61), 3));
    assert_eq!(back.cancellation.escalates_after(), Some(Duration::from_secs(60)));
    let tried = FollowUp { escalation: Some(Escalation { at: at(61), runs: Vec::new() }), ..terminated(2) };
    assert_eq!(read_back(&tried.write()).escalation, tried.escalation);
}

#[test]
fn only_what_was_ended_by_us_and_is_seen_so_makes_it_forced() {
    use State::{Running, Succeeded, Terminated};
    for (state, escalation, status) in [
        (Terminated, escalated(60), "FORCED"),
        (Terminated, None, "ENDED_OTHERWISE"),
        (Succeeded, escalated(60), "ENDED_OTHERWISE"),
        (Running, escalated(60), "STILL_RUNNING"),
    ] {
        let follow_up = FollowUp { escalation, ..terminated(4) };
        let confirmation = Confirmation::new(&follow_up, &seen(&["r"], &[state]), at(75));
        let document: Value = serde_json::from_str(&confirmation.json).expect("a confirmation is JSON");
        assert_eq!(document["status"], status);
        let told = json!({"operation": "TerminateWorkflowExecution", "at": at(60), "executions": ["r"]});
        assert_eq!(document.get("escalation"), (status == "FORCED").then_some(&told));
    }
}
