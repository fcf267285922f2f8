use serde_json::{Value, json};

use super::*;
use crate::call_error::{CallError, ReportedError};
use crate::event_source::{Record, Source};
use crate::fields::violation::{Code, Violation};
use crate::request::{self, Reading};
use crate::targets::SERVICES;
use crate::targets::Settlement;
use crate::vocabulary::{Disposition, Effect};

const NOW: &str = "2026-01-02T03:04:06.001Z";
/// An outcome is at most so many bytes.
const MOST: usize = 200_000;
const WRITER: Writer = Writer { max_receive_count: None, logged: true };

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn record(text: impl ToString) -> Record {
    Record {
        text: text.to_string(),
        request_id: "sqs-id".into(),
        requested_at: time("2026-01-02T03:04:05.678Z").into(),
        repeated: false,
        receipt_handle: None,
        source: Source {
            kind: "sqs",
            id: Some("sqs-id".into()),
            arn: Some("arn:aws:sqs:us-east-1:111122223333:requests".into()),
            receive_count: Some(1),
            ..Source::default()
        },
    }
}

fn appflow() -> Value {
    json!({"service": "appflow", "flowName": "orders", "executionIds": ["a", "b"]})
}

fn settlement(status: Status) -> Settlement {
    Settlement {
        status,
        effect: Effect::None,
        result: None,
        error: None,
        remaining: None,
        attempts: 1,
        throttles: 0,
        service_request_ids: Vec::new(),
        unclear: None,
        open_ends: Vec::new(),
        went_beyond: false,
        called: None,
    }
}

fn loggable(outcome: &Outcome) -> &str {
    outcome.loggable.as_deref().expect("it is only logged")
}

/// The outcome of a text: refused, or settled like this.
fn written(writer: Writer, record: &Record, settlement: Settlement) -> Outcome {
    match request::read(&record.text, Default::default()) {
        Reading::Request(request) => writer.settled(record, &request, settlement, false, time(NOW)),
        Reading::Rejected(rejection) => writer.rejected(record, &rejection, time(NOW)),
        other => panic!("{other:?}"),
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn document(text: impl ToString, settlement: Settlement) -> Value {
    parsed(&written(WRITER, &record(text), settlement).json)
}

#[test]
fn an_outcome_is_the_document_of_the_contract() {
    let mut request = appflow();
    for (name, value) in [
        ("requestId", json!("r-1")),
        ("requestedAt", json!("2026-01-01T00:00:00.000Z")),
        ("reason", json!("nightly load ran away")),
        ("requestedBy", json!("ops")),
        ("context", json!({"a": [1.0, null]})),
    ] {
        request[name] = value;
    }
    let mut error = CallError::service(crate::call_error::Class::Throttle, "Throttling", "slow down");
    error.request_id = Some("call-2".into());
    let settlement = Settlement {
        status: Status::Failed,
        effect: Effect::Requested,
        result: Some(json!({
            "executions": [
                {"executionId": "a", "state": "ACCEPTED"},
                {"executionId": "b", "state": "NOT_ANSWERED"},
            ],
            "counts": {"requested": 2, "accepted": 1, "notAnswered": 1},
        })),
        error: Some(ReportedError::from(error)),
        remaining: Some(json!({"service": "appflow", "flowName": "orders", "executionIds": ["b"]})),
        attempts: 7,
        throttles: 0,
        service_request_ids: vec!["call-1".into(), "call-2".into()],
        unclear: None,
        open_ends: Vec::new(),
        went_beyond: false,
        called: None,
    };
    let outcome = written(WRITER, &record(&request), settlement);
    let expected = json!({
        "type": "CancellationAttemptFailed",
        "version": "1",
        "requestId": "r-1",
        "service": "appflow",
        "operation": "CancelFlowExecutions",
        "target": {"key": "appflow:orders", "flowName": "orders", "executionIds": ["a", "b"]},
        "status": "FAILED",
        "effect": "REQUESTED",
        "result": {
            "executions": [
                {"executionId": "a", "state": "ACCEPTED"},
                {"executionId": "b", "state": "NOT_ANSWERED"},
            ],
            "counts": {"requested": 2, "accepted": 1, "notAnswered": 1},
        },
        "error": {"code": "Throttling", "message": "slow down", "serviceRequestId": "call-2"},
        "remaining": {"service": "appflow", "flowName": "orders", "executionIds": ["b"]},
        "reason": "nightly load ran away",
        "requestedBy": "ops",
        "context": {"a": [1.0, null]},
        "attempts": 7,
        "serviceRequestIds": ["call-1", "call-2"],
        "source": {
            "type": "sqs",
            "id": "sqs-id",
            "arn": "arn:aws:sqs:us-east-1:111122223333:requests",
            "receiveCount": 1,
        },
        "requestedAt": "2026-01-01T00:00:00.000Z",
        "completedAt": NOW,
    });
    // The text, so that the order of the parts is that of the contract too.
    assert_eq!(outcome.json, expected.to_string());
    assert_eq!(
        (outcome.kind, outcome.status, outcome.service),
        (Kind::Attempt, Status::Failed, Some(SERVICES[0].name))
    );
    assert_eq!((outcome.request_id.as_str(), outcome.attempts), ("r-1", 7));
    assert_eq!((outcome.key.as_deref(), outcome.completed_at), (Some("appflow:orders"), time(NOW)));
}

#[test]
fn the_outcome_of_a_refused_request_says_why() {
    let text = r#"{"service": "swf", "domain": "d", "domian": 1, "reason": "why", "runId": null}"#;
    let outcome = written(WRITER, &record(text), settlement(Status::Accepted));
    let expected = json!({
        "type": "CancellationOutcome",
        "version": "1",
        "requestId": "sqs-id",
        "service": "swf",
        "operation": "RequestCancelWorkflowExecution",
        "status": "REJECTED",
        "effect": "NONE",
        "violations": [
            {"path": "workflowId", "code": "REQUIRED", "message": "expected a string of 1 to 256 characters, no : / | or control character, not arn, got no such field"},
            {"path": "runId", "code": "WRONG_TYPE", "message": "expected a string, got null"},
            {
                "path": "domian",
                "code": "UNKNOWN_FIELD",
                "message": "no such field; the nearest known one is `domain`",
            },
        ],
        "input": {"service": "swf", "domain": "d", "domian": 1, "reason": "why", "runId": null},
        "reason": "why",
        "attempts": 0,
        "source": {
            "type": "sqs",
            "id": "sqs-id",
            "arn": "arn:aws:sqs:us-east-1:111122223333:requests",
            "receiveCount": 1,
        },
        "requestedAt": "2026-01-02T03:04:05.678Z",
        "completedAt": NOW,
    });
    assert_eq!(outcome.json, expected.to_string());
    assert_eq!((outcome.key, outcome.attempts), (None, 0));
}

#[test]
fn the_outcome_of_a_request_that_is_not_allowed_names_its_target_and_why() {
    let text = r#"{"service": "appflow", "flowName": "orders", "requestId": "r-1", "context": {"a": 1}}"#;
    let Reading::Request(request) = request::read(text, Default::default()) else { panic!("{text}") };
    let violation = |path: &str, code| Violation { path: path.into(), code, message: "why".into() };
    let violations = [
        violation("$", Code::TargetNotAllowed),
        violation("executionIds", Code::CancelAllNotAllowed),
        violation("requestedAt", Code::TooOld),
    ];
    let outcome = WRITER.refused(&record(text), &request, &violations, time(NOW));
    let expected = json!({
        "type": "CancellationOutcome",
        "version": "1",
        "requestId": "r-1",
        "service": "appflow",
        "operation": "CancelFlowExecutions",
        "target": {"key": "appflow:orders", "flowName": "orders"},
        "status": "REJECTED",
        "effect": "NONE",
        "violations": [
            {"path": "$", "code": "TARGET_NOT_ALLOWED", "message": "why"},
            {"path": "executionIds", "code": "CANCEL_ALL_NOT_ALLOWED", "message": "why"},
            {"path": "requestedAt", "code": "TOO_OLD", "message": "why"},
        ],
        "input": {"service": "appflow", "flowName": "orders", "requestId": "r-1", "context": {"a": 1}},
        "context": {"a": 1},
        "attempts": 0,
        "source": {
            "type": "sqs",
            "id": "sqs-id",
            "arn": "arn:aws:sqs:us-east-1:111122223333:requests",
            "receiveCount": 1,
        },
        "requestedAt": "2026-01-02T03:04:05.678Z",
        "completedAt": NOW,
    });
    assert_eq!(outcome.json, expected.to_string());
    assert_eq!(
        (outcome.kind, outcome.status, outcome.service),
        (Kind::LastWord, Status::Rejected, Some(SERVICES[0].name))
    );
    assert_eq!((outcome.key.as_deref(), outcome.attempts), (Some("appflow:orders"), 0));
    assert!(["context", "input"].iter().all(|name| !loggable(&outcome).contains(name)));
}

#[test]
fn violations_carry_the_codes_of_the_contract() {
    for (text, code) in [
        ("nonsense", "NOT_JSON"),
        ("[]", "WRONG_TYPE"),
        ("{}", "REQUIRED"),
        (r#"{"service":"ecs"}"#, "UNKNOWN_VALUE"),
        (r#"{"service":"swf","service":"swf"}"#, "DUPLICATE_FIELD"),
        (r#"{"service":"swf","domain":"d","workflowId":"w","x":1}"#, "UNKNOWN_FIELD"),
        (r#"{"service":"swf","domain":"","workflowId":"w"}"#, "TOO_SHORT"),
        (r#"{"service":"swf","domain":"arn","workflowId":"w"}"#, "BAD_FORMAT"),
        (r#"{"service":"appflow","flowName":"ff","scope":"ALL_ACTIVE","executionIds":["a"]}"#, "CONFLICT"),
        (&json!({"service": "appflow", "flowName": "f".repeat(257)}).to_string(), "TOO_LONG"),
    ] {
        let outcome = document(text, settlement(Status::Accepted));
        assert_eq!(outcome["violations"][0]["code"], code, "{text}");
        assert_eq!(outcome["violations"].as_array().unwrap().len(), 1, "{text}");
        assert_eq!(outcome.get("target"), None, "{text}");
    }
}

#[test]
fn what_is_absent_is_left_out_and_never_null() {
    let bare = Record {
        source: Source { kind: "direct", ..Source::default() },
        ..record(json!({"service": "swf", "domain": "d", "workflowId": "w"}))
    };
    let outcome = parsed(&written(WRITER, &bare, settlement(Status::Accepted)).json);
    let names: Vec<_> = outcome.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "type",
            "version",
            "requestId",
            "service",
            "operation",
            "target",
            "status",
            "effect",
            "attempts",
            "source",
            "requestedAt",
            "completedAt",
        ]
    );
    assert_eq!(outcome["source"], json!({"type": "direct"}));
    let error =
        ReportedError { code: "C".into(), message: "m".into(), service_request_id: None, retry_after: None };
    let failed = Settlement { error: Some(error), ..settlement(Status::Failed) };
    let outcome = parsed(&written(WRITER, &bare, failed).json);
    assert_eq!(outcome["error"], json!({"code": "C", "message": "m"}));
    let refused = document("no json", settlement(Status::Accepted));
    for name in ["service", "operation", "target", "error", "result", "inputTruncated", "truncated"] {
        assert_eq!(refused.get(name), None, "{name}");
    }
}

#[test]
fn each_status_has_its_name_and_its_disposition() {
    for (status, name, disposition) in [
        (Status::Accepted, "ACCEPTED", Disposition::Acknowledge),
        (Status::Partial, "PARTIAL", Disposition::Acknowledge),
        (Status::NotRunning, "NOT_RUNNING", Disposition::Acknowledge),
        (Status::NotFound, "NOT_FOUND", Disposition::Acknowledge),
        (Status::Rejected, "REJECTED", Disposition::Acknowledge),
        (Status::Denied, "DENIED", Disposition::Redeliver),
        (Status::Failed, "FAILED", Disposition::Redeliver),
    ] {
        assert_eq!((status.name(), status.disposition()), (name, disposition));
        let outcome = document(appflow(), settlement(status));
        assert_eq!(outcome["status"], name);
    }
}

#[test]
fn each_effect_has_its_name() {
    for (effect, name) in
        [(Effect::Requested, "REQUESTED"), (Effect::None, "NONE"), (Effect::Unknown, "UNKNOWN")]
    {
        let outcome = document(appflow(), Settlement { effect, ..settlement(Status::Failed) });
        assert_eq!(outcome["effect"], name);
    }
}

#[test]
fn the_last_word_is_what_is_acknowledged_or_was_received_as_often_as_it_may_be() {
    let (last, attempt) = ("CancellationOutcome", "CancellationAttemptFailed");
    for (status, receives, most, kind) in [
        (Status::Accepted, Some(1), Some(3), last),
        (Status::Partial, None, None, last),
        (Status::NotRunning, Some(1), None, last),
        (Status::NotFound, None, Some(3), last),
        (Status::Rejected, Some(1), Some(3), last),
        (Status::Failed, Some(2), Some(3), attempt),
        (Status::Failed, Some(3), Some(3), last),
        (Status::Failed, Some(4), Some(3), last),
        (Status::Failed, Some(1), Some(1), last),
        (Status::Denied, Some(2), Some(3), attempt),
        (Status::Denied, Some(3), Some(3), last),
        // Not set, it is never reached; not known, neither.
        (Status::Failed, Some(u32::MAX), None, attempt),
        (Status::Denied, None, Some(1), attempt),
        (Status::Failed, None, None, attempt),
    ] {
        let mut record = record(appflow());
        record.source.receive_count = receives;
        let outcome = written(Writer { max_receive_count: most, ..WRITER }, &record, settlement(status));
        let case = format!("{status:?} {receives:?} of {most:?}");
        assert_eq!(parsed(&outcome.json)["type"], kind, "{case}");
        assert_eq!(outcome.kind.name(), kind, "{case}");
        assert_eq!(parsed(loggable(&outcome))["type"], kind, "{case}");
    }
    assert_eq!(Kind::LastWord.detail_type(), "Cancellation Outcome");
    assert_eq!(Kind::Attempt.detail_type(), "Cancellation Attempt Failed");
}

#[test]
fn the_requests_own_id_counts_before_that_of_the_envelope() {
    for (request, id) in [
        (json!({"service": "appflow", "flowName": "orders"}), "sqs-id"),
        (json!({"service": "appflow", "flowName": "orders", "requestId": "own"}), "own"),
        (json!({"service": "appflow", "requestId": "own"}), "own"),
        (json!({"requestId": "own"}), "own"),
        (json!({"requestId": "not usable"}), "sqs-id"),
        (json!([]), "sqs-id"),
    ] {
        let outcome = written(WRITER, &record(&request), settlement(Status::Accepted));
        assert_eq!(parsed(&outcome.json)["requestId"], id, "{request}");
        assert_eq!(outcome.request_id, id, "{request}");
    }
}

#[test]
fn the_requests_own_time_counts_where_it_is_earlier() {
    let envelope = "2026-01-02T03:04:05.678Z";
    for (own, counts) in [
        (json!("2026-01-01T00:00:00.000Z"), "2026-01-01T00:00:00.000Z"),
        (json!("2026-01-02T03:04:05.677Z"), "2026-01-02T03:04:05.677Z"),
        (json!("2026-01-02T03:04:05.678Z"), envelope),
        (json!("2026-01-02T03:04:05.679Z"), envelope),
        // In whole seconds, it counts to the end of its second.
        (json!("2026-01-02T03:04:05Z"), envelope),
        (json!("2026-01-02T03:04:04Z"), "2026-01-02T03:04:04.999Z"),
        (json!("2026-01-02T05:04:04+02:00"), "2026-01-02T03:04:04.999Z"),
        (json!("9999-12-31T23:59:59Z"), envelope),
        (json!("0000-01-01T00:00:00.000Z"), "0000-01-01T00:00:00.000Z"),
        (json!("unreadable"), envelope),
        (json!(null), envelope),
    ] {
        let mut request = appflow();
        request["requestedAt"] = own;
        let outcome = document(&request, settlement(Status::Accepted));
        assert_eq!(outcome["requestedAt"], counts, "{request}");
    }
}

#[test]
fn a_context_comes_back_untouched() {
    let context = r#"{"b":1.0,"a":[123456789012345678901234567890,"\u00e9\/"],"a":{"x":1,"x":null}}"#;
    for request in [
        format!(r#"{{"service":"appflow","flowName":"orders","context":{context}}}"#),
        format!(r#"{{"service":"appflow","flowName":"","context":{context}}}"#),
    ] {
        let outcome = written(WRITER, &record(&request), settlement(Status::Accepted));
        assert!(outcome.json.contains(&format!(r#","context":{context},"attempts""#)), "{}", outcome.json);
    }
}

#[test]
fn every_rejected_outcome_carries_its_input_whoever_rejected_it() {
    let long = json!({"service": "swf", "domain": "d", "workflowId": "w", "reason": "é".repeat(4_096)});
    let whole = long.to_string();
    let cut = &whole[..whole.floor_char_boundary(8_192)];
    let unreadable = r#"{"service":"swf","runId":"\ud800"}"#;
    for (text, input, truncated) in [
        (appflow().to_string(), appflow(), None),
        (format!(" {} ", json!({"service": "swf"})), json!({"service": "swf"}), None),
        ("[1]".into(), json!([1]), None),
        ("null".into(), Value::Null, None),
        ("not json".into(), json!("not json"), None),
        (unreadable.into(), json!(unreadable), None),
        (whole.clone(), json!(cut), Some(&json!(true))),
        ("é".repeat(4_096), json!("é".repeat(4_096)), None),
        (format!("x{}", "é".repeat(4_096)), json!(format!("x{}", "é".repeat(4_095))), Some(&json!(true))),
    ] {
        let outcome = document(&text, settlement(Status::Rejected));
        assert_eq!(outcome["status"], "REJECTED");
        assert!(outcome.get("input").is_some());
        assert_eq!(outcome["input"], input);
        assert_eq!(outcome.get("inputTruncated"), truncated);
    }
    let raw = r#"{"service":"swf","a":1.0,"a":2,"service":"swf"}"#;
    let outcome = written(WRITER, &record(raw), settlement(Status::Rejected));
    assert!(outcome.json.contains(&format!("\"input\":{raw},")));
    for status in [Status::Accepted, Status::Partial, Status::NotRunning, Status::NotFound, Status::Failed] {
        assert_eq!(document(appflow(), settlement(status)).get("input"), None);
    }
}

/// What a request for so many runs with ids of so many bytes settles to: every second one accepted.
fn settled_runs(count: usize, bytes: usize, status: Status) -> (Value, Settlement) {
    let ids: Vec<_> = (0..count).map(|index| format!("{index:x>bytes$}")).collect();
    let executions: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(index, id)| {
            json!({"executionId": id, "state": if index % 2 == 0 { "ACCEPTED" } else { "NOT_ANSWERED" }})
        })
        .collect();
    let remaining: Vec<_> = ids.iter().skip(1).step_by(2).collect();
    let settlement = Settlement {
        result: Some(json!({
            "executions": executions,
            "counts": {"requested": count, "accepted": count.div_ceil(2), "notAnswered": count / 2},
        })),
        remaining: Some(json!({"service": "appflow", "flowName": "orders", "executionIds": remaining})),
        ..settlement(status)
    };
    (json!({"service": "appflow", "flowName": "orders", "executionIds": ids}), settlement)
}

#[test]
fn an_outcome_that_is_too_long_leaves_out_ids_in_a_fixed_order_and_keeps_the_counts() {
    // How many of the executions stay, and whether target's ids and `remaining` do.
    for (bytes, truncated, target, executions, remaining) in [
        (20, false, true, 1_000, true),
        (80, true, false, 1_000, true),
        (140, true, false, 500, true),
        (240, true, false, 0, true),
    ] {
        let (request, settlement) = settled_runs(1_000, bytes, Status::Failed);
        let outcome = written(WRITER, &record(&request), settlement);
        assert!(outcome.json.len() <= MOST, "{bytes}: {}", outcome.json.len());
        let document = parsed(&outcome.json);
        assert_eq!(document.get("truncated"), truncated.then_some(&json!(true)), "{bytes}");
        assert_eq!(document["target"].get("executionIds").is_some(), target, "{bytes}");
        assert_eq!(
            (&document["target"]["key"], &document["target"]["flowName"]),
            (&json!("appflow:orders"), &json!("orders"))
        );
        let listed = document["result"].get("executions").map_or(0, |it| it.as_array().unwrap().len());
        assert_eq!(listed, executions, "{bytes}");
        assert_eq!(document["result"].get("executions").is_some(), executions > 0, "{bytes}");
        assert_eq!(document.get("remaining").is_some(), remaining, "{bytes}");
        let counts = json!({"requested": 1_000, "accepted": 500, "notAnswered": 500});
        assert_eq!(document["result"]["counts"], counts, "{bytes}");
        if executions == 500 {
            let left = document["result"]["executions"].as_array().unwrap();
            assert!(left.iter().all(|it| it["state"] == "NOT_ANSWERED"), "{bytes}");
        }
    }
}

#[test]
fn an_outcome_is_truncated_from_one_byte_too_many_on() {
    let length = |bytes: usize, filler: usize| {
        let (mut request, settlement) = settled_runs(1_000, bytes, Status::Partial);
        request["reason"] = json!("r".repeat(filler));
        let outcome = written(WRITER, &record(&request), settlement);
        (outcome.json.len(), parsed(&outcome.json).get("truncated").is_some())
    };
    // Ids that nearly fill the room, and then a reason that fills it.
    let byte_more = length(11, 1).0 - length(10, 1).0;
    let bytes = 10 + (MOST - length(10, 1).0) / byte_more;
    let (shortest, truncated) = length(bytes, 1);
    assert!(!truncated);
    let filler = 1 + MOST - shortest;
    assert_eq!(length(bytes, filler), (MOST, false));
    assert!(length(bytes, filler + 1).0 < MOST);
    assert!(length(bytes, filler + 1).1);
}

#[test]
fn no_outcome_is_longer_than_it_may_be() {
    // Each of these characters takes six bytes in an outcome.
    let wide = |count: usize| "\u{1}".repeat(count);
    let widest = |count: usize| "\u{FFFE}".repeat(count);
    let label = |request: &mut Value| {
        request["reason"] = json!(wide(4_096));
        request["requestedBy"] = json!(widest(256));
        request["context"] = json!({"a": widest(680)});
    };
    let ids: Vec<_> = (0..1_000).map(|index| format!("{index:04}{}", widest(252))).collect();
    let mut valid = json!({"service": "appflow", "flowName": "f".repeat(256), "executionIds": ids});
    label(&mut valid);
    let mut refused = json!({"service": "appflow", "executionIds": vec![wide(257); 1_001]});
    label(&mut refused);
    let unknown: serde_json::Map<_, _> =
        (0..1_001).map(|index| (format!("{}{index}", wide(64)), json!(1))).collect();
    let mut strange = json!(unknown);
    strange["service"] = json!("swf");
    label(&mut strange);
    // What is quoted of each of these takes most room in a message.
    let seen: serde_json::Map<_, _> =
        (0..1_001).map(|index| (format!("\u{200B}{}{index}", "𝒳".repeat(64)), json!(1))).collect();
    let mut seen = json!(seen);
    seen["service"] = json!("swf");
    label(&mut seen);
    let executions: Vec<_> =
        ids.iter().map(|id| json!({"executionId": id, "state": "NOT_ANSWERED"})).collect();
    let error = CallError::service(crate::call_error::Class::Unknown, &wide(999), &wide(9_999));
    let settled = |status| Settlement {
        result: Some(json!({"executions": executions, "counts": {"requested": 1_000, "notAnswered": 1_000}})),
        error: Some(error.clone().into()),
        remaining: Some(json!({"service": "appflow", "flowName": "f", "executionIds": ids})),
        attempts: 200,
        service_request_ids: vec!["x".repeat(36); 200],
        ..settlement(status)
    };
    let odd_envelope = |text: &str| {
        let mut record = record(text);
        record.request_id = wide(1_024);
        let source = &mut record.source;
        let who = &mut source.who;
        for part in [
            &mut source.id,
            &mut source.arn,
            &mut who.account,
            &mut who.event_source,
            &mut who.detail_type,
            &mut who.replay_name,
            &mut who.sender_id,
            &mut who.topic_arn,
        ] {
            *part = Some(wide(1_024));
        }
        record
    };
    let requests = [valid, refused, strange, seen].map(|request| request.to_string());
    for request in requests.into_iter().chain([wide(100_000), widest(9_999)]) {
        for status in [Status::Failed, Status::Rejected] {
            let outcome = written(WRITER, &odd_envelope(&request), settled(status));
            assert!(outcome.json.len() <= MOST, "{}: {}", outcome.json.len(), &outcome.json[..200]);
            assert!(loggable(&outcome).len() <= MOST);
            let document = parsed(&outcome.json);
            if let Some(result) = document.get("result") {
                assert_eq!(result["counts"], json!({"requested": 1_000, "notAnswered": 1_000}));
                assert_eq!(document["truncated"], true);
                assert_eq!((result.get("executions"), document.get("remaining")), (None, None));
            }
        }
    }
}

#[test]
fn whatever_a_service_told_an_outcome_is_no_longer() {
    let ids: Vec<_> = (0..2_000).map(|index| format!("{index:é>256}")).collect();
    for (status, result, told) in [
        (Status::DryRun, json!({"wouldCancel": ids}), Some(json!({"wouldCancelCount": 2_000}))),
        (Status::NotRunning, json!({"runId": "r".repeat(MOST)}), None),
        (
            Status::NotRunning,
            json!({"status": "s".repeat(MOST), "counts": {"requested": 1}}),
            Some(json!({"counts": {"requested": 1}})),
        ),
    ] {
        let outcome =
            written(WRITER, &record(appflow()), Settlement { result: Some(result), ..settlement(status) });
        let document = parsed(&outcome.json);
        assert!(outcome.json.len() <= MOST, "{}", outcome.json.len());
        assert_eq!((document.get("result"), &document["truncated"]), (told.as_ref(), &json!(true)));
    }
}

#[test]
fn what_sqs_cannot_carry_is_escaped_and_means_the_same() {
    let odd = "\u{FFFE}\u{FFFF}\u{0}\u{1f}\\\u{FFFE}";
    let request = json!({
        "service": "swf",
        "domain": "d\u{FFFF}",
        "workflowId": "w",
        "reason": odd,
        "context": {odd: odd},
    });
    for status in [Status::Accepted, Status::Rejected] {
        let outcome = written(WRITER, &record(&request), settlement(status));
        let in_sqs = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
        for text in [outcome.json.as_str(), loggable(&outcome)] {
            assert!(text.chars().all(in_sqs), "{text:?}");
        }
        let document = parsed(&outcome.json);
        assert_eq!(document["reason"], odd);
        assert_eq!(document["context"], json!({odd: odd}));
        assert_eq!(document["target"]["domain"], "d\u{FFFF}");
    }
    let outcome = written(WRITER, &record("\u{FFFF} no json \u{FFFE}"), settlement(Status::Accepted));
    assert!(!outcome.json.contains(['\u{FFFE}', '\u{FFFF}']));
    assert_eq!(parsed(&outcome.json)["input"], "\u{FFFF} no json \u{FFFE}");
}

#[test]
fn what_is_logged_holds_nothing_that_the_requester_wrote_beyond_the_target() {
    let secret = "s3cr3t";
    for flow_name in [json!("orders"), json!(""), json!(format!("{secret} !"))] {
        for status in [Status::Accepted, Status::Rejected] {
            let request = json!({
                "service": "appflow",
                "flowName": flow_name,
                "reason": secret,
                "requestedBy": secret,
                "context": {secret: secret},
            });
            let outcome = written(WRITER, &record(&request), settlement(status));
            assert!(outcome.json.contains(secret));
            assert!(!loggable(&outcome).contains(secret), "{}", loggable(&outcome));
            let mut published = parsed(&outcome.json);
            for name in ["reason", "requestedBy", "context", "input", "inputTruncated"] {
                published.as_object_mut().unwrap().remove(name);
            }
            // A violation is named, and not what it quotes.
            for violation in
                published.get_mut("violations").and_then(Value::as_array_mut).into_iter().flatten()
            {
                violation.as_object_mut().unwrap().remove("message");
            }
            assert_eq!(parsed(loggable(&outcome)), published);
            let elsewhere = Writer { logged: false, ..WRITER };
            assert_eq!(written(elsewhere, &record(&request), settlement(status)).loggable, None);
        }
    }
}
