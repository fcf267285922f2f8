//! A whole report, as it is read where there is no terminal.

use serde_json::json;

use super::*;

const PLAIN: Screen = Screen { fancy: false };

fn report(outcomes: Value, response: Answer, succeeded: bool) -> Report {
    let calls = json!([
        {"at": 3, "operation": "swf.RequestCancelWorkflowExecution", "request": {"domain": "d", "workflowId": "w"},
         "requestId": "r", "status": 400, "code": "ThrottlingException", "durationMs": 1},
        {"at": 104, "operation": "swf.RequestCancelWorkflowExecution", "request": {"domain": "d", "workflowId": "w"},
         "requestId": "r", "status": 200, "durationMs": 1},
    ]);
    Report {
        event: "e.json".into(),
        arrived: None,
        calls: serde_json::from_value(calls).unwrap(),
        outcomes: outcomes.as_array().unwrap().clone(),
        going_back: Vec::new(),
        response,
        succeeded,
    }
}

#[test]
fn a_report_is_plain_and_aligned_without_a_terminal() {
    let outcomes = json!([
        {"status": "PARTIAL", "target": {"key": "appflow:orders"}, "result": {"counts": {}, "executions": [
            {"executionId": "a", "state": "ACCEPTED"}, {"executionId": "b", "state": "UNEXPLAINED"},
            {"executionId": "c", "state": "ACCEPTED"}]}},
        {"status": "REJECTED", "requestId": "id-2", "violations": [
            {"path": "flowName", "code": "REQUIRED", "message": "m"}, {"path": "x", "code": "UNKNOWN_FIELD", "message": "n"}]},
        {"type": "CancellationAttemptFailed", "status": "FAILED", "target": {"key": "swf:d/w", "domain": "d", "runId": "other"},
         "error": {"code": "ThrottlingException", "message": "Rate exceeded"}},
    ]);
    let response = Answer::Response(json!({"batchItemFailures": [{"itemIdentifier": "id-3"}]}));
    let text = PLAIN.rest(&report(outcomes, response, false));
    let expected = "
  calls
    swf.RequestCancelWorkflowExecution  d/w  2 attempts
        +3 ms  400 ThrottlingException  took 1 ms
               : waited 100 ms
      +104 ms  200                      took 1 ms

  outcomes
    PARTIAL           appflow:orders
                      ACCEPTED     a, c
                      UNEXPLAINED  b
    REJECTED          id-2
                      flowName  REQUIRED       m
                      x         UNKNOWN_FIELD  n
    FAILED            swf:d/w other  comes again
                      ThrottlingException  Rate exceeded

  response   to Lambda
    {\"batchItemFailures\":[{\"itemIdentifier\":\"id-3\"}]}

1 PARTIAL, 1 REJECTED, 1 FAILED

";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn a_record_that_goes_back_tells_when_it_is_seen_again() {
    let response = Answer::Response(json!({"batchItemFailures": [{"itemIdentifier": "id-3"}]}));
    let mut report = report(json!([]), response, false);
    report.going_back = [("id-3", Some("DEFERRED"), false, Some(4)), ("id-4", Some("ACCEPTED"), true, None)]
        .map(|(id, status, unpublished, seconds)| GoingBack {
            id: id.into(),
            asks_for: "etl: hourly-7".into(),
            status: status.map(String::from),
            unpublished,
            seen_again_in_seconds: seconds,
        })
        .into();
    let expected = "
  goes back
    DEFERRED          etl: hourly-7
                      id-3, seen again in 4 s
    ACCEPTED          etl: hourly-7
                      id-4, not published, seen again when its queue says so
";
    let text = PLAIN.rest(&report);
    assert!(text.contains(expected), "{text}");
    assert!(text.ends_with("\n2 records come again\n\n"), "{text}");
}

#[test]
fn the_opening_lists_the_records() {
    let arrived = Arrival::read(include_str!("../../../events/sqs-mixed-batch.json"));
    let text = PLAIN.opening("e.json", arrived.as_ref());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["e.json", "", "  arrived    4 records by sqs from cancel-requests"]);
    assert_eq!(lines[3], "    4a1846c1-ca1b-4dba-934f-382dc155bb61  appflow    orders: run-1", "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_dry_run_is_marked() {
    let arrived = Arrival::read(include_str!("../../../events/sqs-appflow-dry-run.json"));
    let text = PLAIN.opening("e.json", arrived.as_ref());
    assert!(text.trim_end().ends_with("orders: run-1, run-3, dry run"), "{text}");
}

#[test]
fn a_topic_is_named_and_its_subscription_is_not() {
    let arrived = Arrival::read(include_str!("../../../events/sns-appflow-one-run.json"));
    let text = PLAIN.opening("e.json", arrived.as_ref());
    assert!(text.contains("1 record by sns from cancel-requests\n"), "{text}");
}

#[test]
fn a_terminal_gets_a_frame() {
    let fancy = Screen { fancy: true };
    let text = fancy.rest(&report(json!([]), Answer::Response(Value::Null), true));
    assert!(text.contains("\x1b[2m│\x1b[0m"), "{text}");
    assert!(text.contains("╰─\x1b[0m \x1b[32mnothing was asked for"), "{text}");
}

#[test]
fn every_kind_of_answer_is_told() {
    let died = Answer::Died { how: "exit status: 101".into(), last_words: vec!["it panicked".into()] };
    let failed = Answer::InitError { error_type: "InvalidConfiguration".into(), error_message: "no".into() };
    let error = Answer::FunctionError { error_type: "CancelFailed".into(), error_message: json!({"a": 1}) };
    let cases = [
        (died, "none: the function ended, exit status: 101\n    it panicked"),
        (failed, "none: the start failed with InvalidConfiguration\n    no"),
        (error, "to Lambda: function error CancelFailed\n    {\"a\":1}"),
        (Answer::TimedOut, "none: the time was up\n\nthe event was not acknowledged"),
    ];
    for (answer, expected) in cases {
        let text = PLAIN.rest(&report(json!([]), answer, false));
        assert!(text.contains(expected), "{text}");
    }
}
