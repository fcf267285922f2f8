use serde_json::{Value, json};

use super::*;
use crate::fields::violation;

fn appflow() -> Value {
    json!({"service": "appflow", "flowName": "orders", "executionIds": ["a", "b"]})
}

fn swf() -> Value {
    json!({"service": "swf", "domain": "billing", "workflowId": "invoice", "runId": "r"})
}

fn cloudflow() -> Value {
    json!({"service": "cloudflow", "flowName": "etl", "executionName": "nightly", "cause": "c", "error": "e"})
}

fn request_to(service: &str) -> Value {
    match service {
        "appflow" => appflow(),
        "swf" => swf(),
        _ => cloudflow(),
    }
}

/// A valid request to a service, with one member set to something else.
fn with(service: &str, name: &str, value: Value) -> String {
    let mut request = request_to(service);
    request[name] = value;
    request.to_string()
}

/// A valid request to a service, with more members as they are written.
fn and(service: &str, members: &str) -> String {
    let request = request_to(service).to_string();
    format!("{},{members}}}", request.strip_suffix('}').unwrap())
}

fn taken(text: &str) -> CancelRequest {
    match read(text, Default::default()) {
        Reading::Request(request) => *request,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> Rejection {
    match read(text, Default::default()) {
        Reading::Rejected(rejection) => *rejection,
        other => panic!("{text}: {other:?}"),
    }
}

/// Path and code of everything that is wrong with a text; nothing where it is a request.
fn broken(text: &str) -> Vec<(String, Code)> {
    match read(text, Default::default()) {
        Reading::Request(_) => Vec::new(),
        Reading::Rejected(rejection) => {
            assert!(!rejection.violations.is_empty(), "{text}");
            rejection.violations.into_iter().map(|it| (it.path, it.code)).collect()
        }
        other => panic!("{text}: {other:?}"),
    }
}

/// Checks paths and codes of violations, whatever their order.
#[track_caller]
fn check(text: &str, expected: &[(&str, Code)]) {
    let shown: String = text.chars().take(300).collect();
    let mut got = broken(text);
    let mut expected: Vec<_> = expected.iter().map(|(path, code)| (path.to_string(), *code)).collect();
    let by_text = |it: &(String, Code)| format!("{it:?}");
    got.sort_by_key(by_text);
    expected.sort_by_key(by_text);
    assert_eq!(got, expected, "{shown}");
}

#[test]
fn the_shortest_requests_say_what_they_ask_for() {
    for (request, target) in [
        (
            json!({"service": "appflow", "flowName": "orders"}),
            json!({"key": "appflow:orders", "flowName": "orders"}),
        ),
        (
            json!({"service": "swf", "domain": "billing", "workflowId": "invoice"}),
            json!({"key": "swf:billing/invoice", "domain": "billing", "workflowId": "invoice"}),
        ),
        (
            json!({"service": "cloudflow", "flowName": "etl", "executionName": "nightly"}),
            json!({"key": "cloudflow:etl", "flowName": "etl", "executionName": "nightly"}),
        ),
    ] {
        let taken = taken(&request.to_string());
        assert_eq!(taken.cancellation.target(), target);
        assert_eq!(taken.cancellation.service().name, request["service"]);
        assert!(taken.labels.request_id.is_none() && taken.labels.context.is_none());
    }
}

#[test]
fn every_field_is_taken() {
    for (service, more, target) in [
        (
            "appflow",
            json!({}),
            json!({"key": "appflow:orders", "flowName": "orders", "executionIds": ["a", "b"]}),
        ),
        (
            "swf",
            json!({}),
            json!({"key": "swf:billing/invoice", "domain": "billing", "workflowId": "invoice", "runId": "r"}),
        ),
        (
            "cloudflow",
            json!({}),
            json!({"key": "cloudflow:etl", "flowName": "etl", "executionName": "nightly"}),
        ),
        (
            "appflow",
            json!({"executionIds": null, "scope": "ALL_ACTIVE"}),
            json!({"key": "appflow:orders", "flowName": "orders", "scope": "ALL_ACTIVE"}),
        ),
    ] {
        let mut request = request_to(service);
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        for (name, value) in json!({
            "requestId": "r-1",
            "requestedAt": "2026-01-02T03:04:05.678Z",
            "reason": "why",
            "requestedBy": "who",
            "context": {"a": 1},
            "dryRun": false,
            "confirm": false,
            "confirmWithinSeconds": 60,
        })
        .as_object()
        .unwrap()
        {
            request[name] = value.clone();
        }
        request.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let CancelRequest { labels, cancellation, .. } = taken(&request.to_string());
        assert_eq!(cancellation.target(), target);
        assert_eq!(labels.request_id.as_deref(), Some("r-1"));
        assert_eq!(labels.requested_at, Moment::parse("2026-01-02T03:04:05.678Z"));
        assert_eq!(labels.reason.as_deref(), Some("why"));
        assert_eq!(labels.requested_by.as_deref(), Some("who"));
        assert_eq!(labels.context.unwrap().get(), r#"{"a":1}"#);
    }
}

#[test]
fn what_is_no_json_object_is_refused_alone() {
    for (text, code) in [
        ("", Code::NotJson),
        (" \n", Code::NotJson),
        ("cancel it", Code::NotJson),
        ("{\"service\":", Code::NotJson),
        ("{\"service\":\"swf\",}", Code::NotJson),
        ("{\"service\":\"swf\"} {}", Code::NotJson),
        ("{service:\"swf\"}", Code::NotJson),
        ("{\"service\":\"s\nw\"}", Code::NotJson),
        ("{\"reason\":\"\\x\"}", Code::NotJson),
        ("\u{feff}{\"service\":\"swf\"}", Code::NotJson),
        ("NaN", Code::NotJson),
        ("{\"\\ud800\":1,\"service\":\"swf\"}", Code::NotJson),
        ("null", Code::WrongType),
        ("true", Code::WrongType),
        ("17", Code::WrongType),
        (" -1.5e3 ", Code::WrongType),
        ("\"{}\"", Code::WrongType),
        ("\"\\ud800\"", Code::WrongType),
        ("[]", Code::WrongType),
        ("[{\"service\":\"swf\"}]", Code::WrongType),
    ] {
        check(text, &[("$", code)]);
        assert_eq!(refused(text).service, None);
    }
}

#[test]
fn a_service_that_is_unusable_is_refused_alone() {
    for (service, code) in [
        ("", Code::Required),
        ("\"service\":null,", Code::WrongType),
        ("\"service\":1,", Code::WrongType),
        ("\"service\":[\"swf\"],", Code::WrongType),
        ("\"service\":\"\",", Code::UnknownValue),
        ("\"service\":\"SWF\",", Code::UnknownValue),
        ("\"service\":\"swf \",", Code::UnknownValue),
        ("\"service\":\"ecs\",", Code::UnknownValue),
        ("\"service\":\"\\udfff\",", Code::BadFormat),
        ("\"service\":\"swf\",\"service\":\"swf\",", Code::DuplicateField),
        ("\"service\":\"swf\",\"service\":\"appflow\",", Code::DuplicateField),
        ("\"Service\":\"swf\",", Code::Required),
    ] {
        let text = format!("{{{service}\"domain\":null,\"nonsense\":1,\"requestId\":\"\"}}");
        check(&text, &[("service", code)]);
        assert_eq!(refused(&text).service, None);
    }
}

#[test]
fn lengths_are_held_in_unicode_scalar_values() {
    for (service, name, least, most, filler) in [
        ("appflow", "requestId", 1, 128, "~"),
        ("swf", "reason", 1, 4_096, "𝒳"),
        ("cloudflow", "requestedBy", 1, 256, "é"),
        ("appflow", "flowName", 2, 256, "f"),
        ("swf", "domain", 1, 256, "é"),
        ("swf", "workflowId", 1, 256, "𝒳"),
        ("swf", "runId", 1, 64, "٣"),
        ("cloudflow", "flowName", 1, 128, "f"),
        ("cloudflow", "executionName", 1, 128, "_"),
        ("cloudflow", "cause", 1, 4_096, "𝒳"),
        ("cloudflow", "error", 1, 128, "é"),
    ] {
        let of_length = |length| with(service, name, json!(filler.repeat(length)));
        check(&of_length(least), &[]);
        check(&of_length(most), &[]);
        check(&of_length(least - 1), &[(name, Code::TooShort)]);
        check(&of_length(most + 1), &[(name, Code::TooLong)]);
    }
    check(&with("appflow", "flowName", json!("")), &[("flowName", Code::TooShort)]);
    for (length, expected) in [(0, Some(Code::TooShort)), (1, None), (256, None), (257, Some(Code::TooLong))]
    {
        let ids = json!(["a", "𝒳".repeat(length)]);
        let expected: Vec<_> = expected.map(|code| ("executionIds[1]", code)).into_iter().collect();
        check(&with("appflow", "executionIds", ids), &expected);
    }
}

#[test]
fn a_string_may_hold_what_its_rule_allows() {
    for (service, name, values) in [
        ("appflow", "requestId", &["!", "~", "a/b:c", "\"\\"][..]),
        ("appflow", "reason", &[" ", "\n\u{0}", "\u{FFFF}"]),
        ("appflow", "requestedBy", &[" ", "\u{7f}"]),
        ("appflow", "flowName", &["ab", "0-", "A_!@#.-", "a9Z"]),
        ("swf", "domain", &["a b", "arn2", "ARN", "\\", "é", "\u{ad}"]),
        ("swf", "workflowId", &[" a ", " ", "arn2", "Arn"]),
        ("swf", "runId", &["arn", "a:/|b", " "]),
        ("cloudflow", "flowName", &["a", "_", "Z-9_", "arn"]),
        ("cloudflow", "executionName", &["a", "_-", "z9"]),
        ("cloudflow", "cause", &[" ", "\u{0}"]),
        ("cloudflow", "error", &[" "]),
    ] {
        for value in values {
            check(&with(service, name, json!(value)), &[]);
        }
    }
    check(&with("appflow", "executionIds", json!(["a\u{a0}b", "\u{85}", "é", "#\u{2003}"])), &[]);
}

#[test]
fn a_string_may_hold_nothing_else() {
    for (service, name, values) in [
        ("appflow", "requestId", &[" ", "a b", "é", "\u{7f}", "a\n"][..]),
        (
            "appflow",
            "flowName",
            &["aé", "flow٣", "-a", "_a", "!!ab!!", "ab\n", "a b", " ab", "a/b", "éa", "a\u{0}"],
        ),
        (
            "swf",
            "domain",
            &[
                "arn", "a:b", "a/b", "a|b", " a", "a ", "\u{a0}a", "a\t", "\u{0}", "\u{1f}a", "\u{7f}",
                "a\u{9f}b",
            ],
        ),
        ("swf", "workflowId", &["arn", "a:b", "a/b", "a|b", "a\n", "\u{0}", "\u{7f}", "\u{80}", "\u{9f}"]),
        ("cloudflow", "flowName", &["1a", "-a", "a.b", "a b", "é", "aé", "a\n", "٣"]),
        ("cloudflow", "executionName", &["9", "-", "a:b", "a\u{0}"]),
    ] {
        for value in values {
            check(&with(service, name, json!(value)), &[(name, Code::BadFormat)]);
        }
    }
    for id in [" ", "a b", "a\t", "\n", "a\r", "\u{0b}a", "\u{0}", "\u{7f}"] {
        check(&with("appflow", "executionIds", json!(["a", id])), &[("executionIds[1]", Code::BadFormat)]);
    }
}

#[test]
fn a_field_that_is_missing_is_named() {
    for (service, missing) in [
        ("appflow", &["flowName"][..]),
        ("swf", &["domain", "workflowId"]),
        ("cloudflow", &["flowName", "executionName"]),
    ] {
        let expected: Vec<_> = missing.iter().map(|name| (*name, Code::Required)).collect();
        check(&json!({"service": service}).to_string(), &expected);
    }
}

#[test]
fn a_wrong_type_is_refused_in_every_field_and_null_is_one() {
    let types = [
        ("a string", json!("x")),
        ("a number", json!(20)),
        ("a boolean", json!(false)),
        ("a list", json!(["x"])),
        ("an object", json!({"x": 1})),
        ("null", Value::Null),
    ];
    for (service, name, right) in [
        ("appflow", "requestId", "a string"),
        ("appflow", "requestedAt", "a string"),
        ("appflow", "reason", "a string"),
        ("appflow", "requestedBy", "a string"),
        ("appflow", "context", "an object"),
        ("appflow", "dryRun", "a boolean"),
        ("appflow", "confirm", "a boolean"),
        ("appflow", "confirmWithinSeconds", "a number"),
        ("appflow", "flowName", "a string"),
        ("appflow", "executionIds", "a list"),
        ("swf", "domain", "a string"),
        ("swf", "workflowId", "a string"),
        ("swf", "runId", "a string"),
        ("cloudflow", "flowName", "a string"),
        ("cloudflow", "FlowName", "a string"),
        ("cloudflow", "executionName", "a string"),
        ("cloudflow", "ExecutionName", "a string"),
        ("cloudflow", "cause", "a string"),
        ("cloudflow", "Cause", "a string"),
        ("cloudflow", "error", "a string"),
        ("cloudflow", "Error", "a string"),
    ] {
        for (kind, value) in types.iter().filter(|(kind, _)| *kind != right) {
            let mut request = request_to(service);
            // The other spelling of the field would be a violation of its own.
            let camel = name[..1].to_lowercase() + &name[1..];
            request.as_object_mut().unwrap().remove(&camel);
            request[name] = value.clone();
            let rejection = refused(&request.to_string());
            let [violation] = &rejection.violations[..] else {
                panic!("{name} as {kind}: {:?}", rejection.violations);
            };
            assert_eq!((violation.path.as_str(), violation.code), (name, Code::WrongType), "{kind}");
            assert!(violation.message.starts_with(&format!("expected {right}")), "{}", violation.message);
            assert!(violation.message.ends_with(&format!("got {kind}")), "{}", violation.message);
        }
    }
    for (_, value) in &types[1..] {
        let mut request = json!({"service": "appflow", "flowName": "orders"});
        request["scope"] = value.clone();
        check(&request.to_string(), &[("scope", Code::WrongType)]);
        let ids = json!(["a", value, "c", value]);
        let expected = [("executionIds[1]", Code::WrongType), ("executionIds[3]", Code::WrongType)];
        check(&with("appflow", "executionIds", ids), &expected);
    }
}

#[test]
fn an_empty_list_of_ids_is_refused() {
    check(&with("appflow", "executionIds", json!([])), &[("executionIds", Code::TooShort)]);
}

#[test]
fn a_request_names_a_thousand_runs_at_most() {
    let ids = |count: usize| json!((0..count).map(|index| index.to_string()).collect::<Vec<_>>());
    let thousand = taken(&with("appflow", "executionIds", ids(1_000)));
    assert_eq!(thousand.cancellation.target()["executionIds"], ids(1_000));
    check(&with("appflow", "executionIds", ids(1_001)), &[("executionIds", Code::TooLong)]);
    // Repeated ids count as often as they are named.
    check(&with("appflow", "executionIds", json!(vec!["a"; 1_001])), &[("executionIds", Code::TooLong)]);
}

#[test]
fn repeated_ids_are_dropped_the_first_of_each_kept() {
    let request = taken(&with("appflow", "executionIds", json!(["b", "a", "b", "B", "a"])));
    assert_eq!(request.cancellation.target()["executionIds"], json!(["b", "a", "B"]));
}

#[test]
fn scope_knows_one_word_and_never_goes_with_ids() {
    let all = |scope: &str| json!({"service": "appflow", "flowName": "orders", "scope": scope}).to_string();
    check(&all("ALL_ACTIVE"), &[]);
    for scope in ["", "all_active", "ALL", "ALL_ACTIVE "] {
        check(&all(scope), &[("scope", Code::UnknownValue)]);
    }
    check(&with("appflow", "scope", json!("ALL_ACTIVE")), &[("scope", Code::Conflict)]);
    let mut request = appflow();
    request["scope"] = json!("ALL_ACTIVE");
    request["executionIds"] = json!([]);
    check(&request.to_string(), &[("scope", Code::Conflict), ("executionIds", Code::TooShort)]);
}

#[test]
fn a_repeated_field_is_refused_whatever_it_holds() {
    for (service, members, path) in [
        ("appflow", r#""flowName":"orders""#, "flowName"),
        ("appflow", r#""flow\u004eame":"other""#, "flowName"),
        ("appflow", r#""executionIds":["a"]"#, "executionIds"),
        ("appflow", r#""executionIds":null"#, "executionIds"),
        ("appflow", r#""scope":"ALL_ACTIVE","scope":"ALL_ACTIVE","executionIds":[]"#, "scope"),
        ("swf", r#""domain":"other""#, "domain"),
        ("swf", r#""workflowId":1"#, "workflowId"),
        ("swf", r#""runId":"r""#, "runId"),
        ("cloudflow", r#""executionName":"nightly""#, "executionName"),
        ("cloudflow", r#""FlowName":"etl""#, "FlowName"),
        ("cloudflow", r#""ExecutionName":"nightly""#, "ExecutionName"),
        ("cloudflow", r#""Cause":"c""#, "Cause"),
        ("cloudflow", r#""Error":"e""#, "Error"),
        ("cloudflow", r#""error":"e","Error":"e","error":"e""#, "error"),
        ("swf", r#""requestId":"1","requestId":"1""#, "requestId"),
        (
            "swf",
            r#""requestedAt":"2026-01-02T03:04:05Z","requestedAt":"2026-01-02T03:04:05Z""#,
            "requestedAt",
        ),
        ("swf", r#""reason":"1","reason":"1""#, "reason"),
        ("swf", r#""requestedBy":"1","requestedBy":"1""#, "requestedBy"),
        ("swf", r#""context":{},"context":{}"#, "context"),
        ("swf", r#""dryRun":false,"dryRun":false"#, "dryRun"),
        ("swf", r#""confirm":false,"confirm":false"#, "confirm"),
        ("swf", r#""confirmWithinSeconds":60,"confirmWithinSeconds":60"#, "confirmWithinSeconds"),
    ] {
        let broken = broken(&and(service, members));
        let duplicates: Vec<_> = broken.iter().filter(|(_, code)| *code == Code::DuplicateField).collect();
        let expected: &[_] = match path {
            // The request names its runs already.
            "scope" => {
                &[("executionIds".to_owned(), Code::DuplicateField), (path.into(), Code::DuplicateField)]
            }
            _ => &[(path.to_owned(), Code::DuplicateField)],
        };
        let mut duplicates: Vec<_> = duplicates.into_iter().cloned().collect();
        duplicates.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(duplicates, expected, "{members}");
    }
}

#[test]
fn a_field_that_nobody_knows_is_refused_and_the_nearest_known_one_named() {
    for (service, name, nearest) in [
        ("appflow", "executionIdz", "executionIds"),
        ("appflow", "executionId", "executionIds"),
        ("appflow", "ExecutionIds", "executionIds"),
        ("appflow", "EXECUTION_IDS", "executionIds"),
        ("appflow", "exceutionIds", "executionIds"),
        ("appflow", "FlowName", "flowName"),
        ("appflow", "scop", "scope"),
        ("swf", "workflowID", "workflowId"),
        ("swf", "run_id", "runId"),
        ("cloudflow", "ExecutionNam", "executionName"),
        ("cloudflow", "cuase", "cause"),
        ("cloudflow", "RequestId", "requestId"),
        ("appflow", "dryrun", "dryRun"),
        ("appflow", "reqestedAt", "requestedAt"),
        ("appflow", "confirmWithinSecond", "confirmWithinSeconds"),
        ("appflow", "Service", "service"),
        ("appflow", "_executionIds", "executionIds"),
        ("appflow", "__execution-id", "executionIds"),
        ("appflow", "_scope", "scope"),
        ("swf", "_dry_run", "dryRun"),
        ("cloudflow", "_CAUSE_", "cause"),
    ] {
        let rejection = refused(&with(service, name, Value::Null));
        let [violation] = &rejection.violations[..] else {
            panic!("{name}: {:?}", rejection.violations);
        };
        assert_eq!((violation.path.as_str(), violation.code), (name, Code::UnknownField));
        assert_eq!(violation.message, format!("no such field; the nearest known one is `{nearest}`"));
    }
}

/// The services that there are, as a message names them.
fn one_of() -> String {
    let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
    format!("expected one of {}", names.join(", "))
}

#[test]
fn the_nearest_field_is_named_only_where_it_is_near() {
    for (service, name, message) in [
        ("appflow", "runId", "no such field"),
        ("appflow", "", "no such field"),
        ("appflow", "datadog", "no such field"),
        ("appflow", "executionIdList", "no such field"),
        ("appflow", "skope", "no such field; the nearest known one is `scope`"),
        ("appflow", "skoppe", "no such field"),
        ("swf", "runIdentity", "no such field"),
        ("swf", "ruid", "no such field; the nearest known one is `runId`"),
        ("swf", "rid", "no such field"),
        ("swf", "runId\u{200b}", r"no such field as `runId\u200b`; the nearest known one is `runId`"),
        ("swf", "\u{feff}x", r"no such field as `\ufeffx`"),
    ] {
        let rejection = refused(&with(service, name, Value::Null));
        let [violation] = &rejection.violations[..] else {
            panic!("{name}: {:?}", rejection.violations);
        };
        assert_eq!((violation.path.as_str(), violation.code), (name, Code::UnknownField));
        assert_eq!(violation.message, message);
    }
    for (name, nearest) in [
        ("sfn", ""),
        ("SWF", "swf"),
        ("swf ", "swf"),
        ("app-flow", "appflow"),
        ("cloud_flow", "cloudflow"),
        ("ecs", ""),
        ("", ""),
        ("step-functions", "stepfunctions"),
    ] {
        let nearest =
            if nearest.is_empty() { String::new() } else { format!("; the nearest is `{nearest}`") };
        let message = format!("{}, got `{name}`{nearest}", one_of());
        assert_eq!(refused(&json!({"service": name}).to_string()).violations[0].message, message);
    }
}

#[test]
fn what_others_put_in_is_ignored_where_it_cannot_be_a_field_that_is_misspelled() {
    for service in ["appflow", "swf", "cloudflow"] {
        for members in [
            r#""_datadog":{"x-datadog-trace-id":"1"}"#,
            r#""_":null,"__":[],"_ ":1"#,
            r#""_X_AMZN_TRACE_ID":"Root=1","_x":"\ud800","_x":1e999"#,
            r#""_id":1,"_type":"CancelRequest","_comment":"service","_\u0064atadog":0"#,
        ] {
            let own = request_to(service).to_string();
            let request = taken(&and(service, members));
            assert_eq!(request.cancellation.target(), taken(&own).cancellation.target(), "{members}");
        }
    }
    check(&and("appflow", r#""_datadog":{},"datadog":{}"#), &[("datadog", Code::UnknownField)]);
    check(r#"{"_service":"swf","domain":"d","workflowId":"w"}"#, &[("service", Code::Required)]);
}

#[test]
fn a_field_that_is_missing_is_asked_for_in_its_form() {
    for (text, message) in [
        (
            r#"{"service":"appflow"}"#,
            "expected a string of 2 to 256 characters, a letter or digit followed by letters, digits and _!@#.-, got no such field",
        ),
        (
            r#"{"service":"cloudflow","flowName":"f"}"#,
            "expected a string of 1 to 128 characters, letters, digits, _ and -, first a letter or _, got no such field",
        ),
        ("{}", &format!("{}, got no such field", one_of())),
    ] {
        assert_eq!(refused(text).violations[0].message, message);
    }
}

#[test]
fn who_sends_something_else_is_told_what_to_send() {
    let fields = &format!("{}, got no such field", one_of());
    let request = swf().to_string();
    let quoted = |text: &str| json!(text).to_string();
    for (text, message) in [
        // What `aws … --generate-cli-skeleton` writes.
        (
            r#"{"flowName":"","executionIds":[""]}"#.to_owned(),
            format!(r#"{fields}; the other fields are those of appflow: add "service": "appflow""#),
        ),
        (
            r#"{"domain":"","workflowId":"","runId":""}"#.into(),
            format!(r#"{fields}; the other fields are those of swf: add "service": "swf""#),
        ),
        (
            r#"{"FlowName":"f","ExecutionName":"e"}"#.into(),
            format!(r#"{fields}; the other fields are those of cloudflow: add "service": "cloudflow""#),
        ),
        (
            r#"{"executionArn":"","cause":"","error":""}"#.into(),
            format!(
                r#"{fields}; the other fields are those of stepfunctions: add "service": "stepfunctions""#
            ),
        ),
        (r#"{"flowName":"etl","executionName":"e","executionIds":["a"]}"#.into(), fields.into()),
        (r#"{"Service":"swf","domain":"d","workflowId":"w"}"#.into(), format!("{fields} but `Service`")),
        (
            format!(r#"{{"httpMethod":"POST","body":{}}}"#, quoted(&request)),
            format!("{fields}; the request seems to be in `body`, and is sent without what is around it"),
        ),
        (
            format!(r#"{{"request":{request}}}"#),
            format!("{fields}; the request seems to be in `request`, and is sent without what is around it"),
        ),
        (format!("[{request}]"), "expected an object, got a list; each request is sent by itself".into()),
        (
            quoted(&request),
            "expected an object, got a string that holds one: it was encoded as JSON twice".into(),
        ),
        (quoted("cancel it"), "expected an object, got a string".into()),
        (quoted("[]"), "expected an object, got a string".into()),
        ("7".into(), "expected an object, got a number".into()),
    ] {
        let violations = refused(&text).violations;
        assert_eq!(violations[0].message, message, "{text}");
        assert_eq!(violations.len(), 1);
    }
}

#[test]
fn what_cannot_be_seen_is_escaped_in_every_message() {
    let odd = "a\u{200b}\u{a0}\u{feff}";
    for text in [
        with("appflow", "flowName", json!(odd)),
        with("appflow", "scope", json!(odd)),
        with("appflow", "requestId", json!(odd)),
        with("appflow", "requestedAt", json!(odd)),
        with("appflow", odd, json!(1)),
        with("cloudflow", "executionName", json!(odd)),
        with("swf", "domain", json!(format!("{odd}:"))),
        json!({"service": odd}).to_string(),
        format!("{odd}{{}}"),
    ] {
        let messages: String = refused(&text).violations.iter().map(|it| it.message.as_str()).collect();
        assert!(messages.contains(r"a\u200b\u00a0\ufeff"), "{messages}");
        assert!(!violation::is_misleading(&messages), "{messages}");
    }
}

#[test]
fn only_cloudflow_is_spelled_in_two_ways() {
    check(r#"{"service":"cloudflow","FlowName":"f","ExecutionName":"e","Cause":"c","Error":"e"}"#, &[]);
    check(r#"{"service":"cloudflow","FlowName":"f","executionName":"e"}"#, &[]);
    let expected = [("FlowName", Code::UnknownField), ("flowName", Code::Required)];
    check(r#"{"service":"appflow","FlowName":"ff"}"#, &expected);
    let expected =
        [("Domain", Code::UnknownField), ("domain", Code::Required), ("workflowId", Code::Required)];
    check(r#"{"service":"swf","Domain":"d"}"#, &expected);
}

#[test]
fn the_path_of_a_violation_is_spelled_as_the_request_spells_it() {
    let text = r#"{"service":"cloudflow","FlowName":"","ExecutionName":"9","Cause":"","Error":1}"#;
    let expected = [
        ("FlowName", Code::TooShort),
        ("ExecutionName", Code::BadFormat),
        ("Cause", Code::TooShort),
        ("Error", Code::WrongType),
    ];
    check(text, &expected);
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let text = json!({
        "service": "appflow",
        "requestId": "",
        "requestedAt": "now",
        "reason": "",
        "requestedBy": 1,
        "context": [],
        "dryRun": 1,
        "confirm": "yes",
        "confirmWithinSeconds": 1,
        "flowName": "é".repeat(300),
        "executionIds": ["ok", "", " ", 4, "x".repeat(257)],
        "scope": "SOME",
        "extra": {},
    })
    .to_string();
    let expected = [
        ("requestId", Code::TooShort),
        ("requestedAt", Code::BadFormat),
        ("reason", Code::TooShort),
        ("requestedBy", Code::WrongType),
        ("context", Code::WrongType),
        ("dryRun", Code::WrongType),
        ("confirm", Code::WrongType),
        ("confirmWithinSeconds", Code::BadFormat),
        ("flowName", Code::TooLong),
        ("flowName", Code::BadFormat),
        ("executionIds[1]", Code::TooShort),
        ("executionIds[2]", Code::BadFormat),
        ("executionIds[3]", Code::WrongType),
        ("executionIds[4]", Code::TooLong),
        ("scope", Code::UnknownValue),
        ("extra", Code::UnknownField),
    ];
    check(&text, &expected);
    assert_eq!(refused(&text).service, Some(SERVICES[0]));
}

#[test]
fn a_violation_says_what_was_expected_and_what_was_got() {
    let long = "x".repeat(65);
    for (text, message) in [
        ("nope".into(), "expected JSON, got `nope`: expected ident at line 1 column 2".to_owned()),
        ("{}".into(), format!("{}, got no such field", one_of())),
        (r#"{"service":"AppFlo"}"#.into(), format!("{}, got `AppFlo`; the nearest is `appflow`", one_of())),
        (with("swf", "runId", json!("")), "expected 1 to 64 characters, got 0".into()),
        (with("swf", "runId", json!(long)), "expected 1 to 64 characters, got 65".into()),
        (with("swf", "runId", json!(7)), "expected a string, got a number".into()),
        (
            and("cloudflow", r#""reason":"\ud800""#),
            r#"expected a string of Unicode characters, got `"\ud800"`"#.into(),
        ),
        (and("cloudflow", r#""Cause":"""#), "expected `cause` once, got it again".into()),
        (
            with("appflow", "flowName", json!("a b")),
            "expected a letter or digit followed by letters, digits and _!@#.-, got `a b`".into(),
        ),
        (with("appflow", "executionIds", json!([])), "expected 1 to 1000 items, got 0".into()),
        (
            with("appflow", "confirmWithinSeconds", json!(-1)),
            "expected a whole number from 15 to 7200, got `-1`".into(),
        ),
        (with("appflow", "requestedAt", json!("today")), "expected an RFC 3339 time, got `today`".into()),
        (
            with("appflow", "requestId", json!("é")),
            "expected printable ASCII characters without blanks, got `é`".into(),
        ),
    ] {
        assert_eq!(refused(&text).violations[0].message, message, "{text}");
    }
}

#[test]
fn a_message_quotes_sixty_four_characters_of_a_value() {
    for (value, quoted) in [
        ("é".repeat(64), format!("`{}`", "é".repeat(64))),
        ("é".repeat(65), format!("`{}…`", "é".repeat(64))),
    ] {
        let expected = |before: &str| format!("{before}, got {quoted}");
        let messages = [
            (with("appflow", "requestedAt", json!(value)), "expected an RFC 3339 time"),
            (
                with("appflow", "requestId", json!(value)),
                "expected printable ASCII characters without blanks",
            ),
            (with("appflow", "scope", json!(value)), "expected ALL_ACTIVE"),
        ];
        for (text, before) in messages {
            assert_eq!(refused(&text).violations[0].message, expected(before));
        }
        let service = refused(&json!({"service": value}).to_string());
        assert!(service.violations[0].message.ends_with(&format!("got {quoted}")));
        let text = refused(&value);
        assert!(text.violations[0].message.starts_with(&format!("expected JSON, got {quoted}:")));
    }
    let digits = "1".repeat(65);
    let number = refused(&and("appflow", &format!(r#""confirmWithinSeconds":{digits}"#)));
    assert!(number.violations[0].message.ends_with(&format!("got `{}…`", &digits[..64])));
}

#[test]
fn a_hundred_violations_are_listed_and_the_rest_is_counted() {
    for (ids, listed, last) in
        [(99, 99, "executionIds[98]"), (100, 100, "executionIds[99]"), (101, 101, "$"), (1_000, 101, "$")]
    {
        let violations = refused(&with("appflow", "executionIds", json!(vec![""; ids]))).violations;
        assert_eq!(violations.len(), listed, "{ids}");
        assert_eq!(violations.last().unwrap().path, last, "{ids}");
        if last == "$" {
            let rest = format!("{} more violations are not listed", ids - 100);
            assert_eq!(violations.last().unwrap().message, rest);
        }
    }
}

#[test]
fn switches_are_booleans_and_the_time_to_confirm_has_its_range() {
    for (name, value, expected) in [
        ("dryRun", "true", None),
        ("dryRun", "false", None),
        ("confirm", "true", None),
        ("confirm", "false", None),
        ("confirmWithinSeconds", "15", None),
        ("confirmWithinSeconds", "7200", None),
        ("confirmWithinSeconds", "14", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "7201", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "0", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "-60", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "60.5", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "1e999", Some(Code::BadFormat)),
        ("confirmWithinSeconds", "18446744073709551631", Some(Code::BadFormat)),
    ] {
        for service in ["appflow", "swf", "cloudflow"] {
            let expected: Vec<_> = expected.map(|code| (name, code)).into_iter().collect();
            check(&and(service, &format!(r#""{name}":{value}"#)), &expected);
        }
    }
}

#[test]
fn a_time_is_rfc_3339() {
    for (time, read) in [
        ("2026-01-02T03:04:05.678Z", Some("2026-01-02T03:04:05.678Z")),
        ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05.999Z")),
        ("2026-01-02T05:04:05.5+02:00", Some("2026-01-02T03:04:05.500Z")),
        ("2026-01-02T03:04:05", None),
        ("2026-01-02", None),
        ("1767323045", None),
        ("", None),
    ] {
        let text = with("swf", "requestedAt", json!(time));
        let expected: &[_] = if read.is_some() { &[] } else { &[("requestedAt", Code::BadFormat)] };
        check(&text, expected);
        if let Some(read) = read {
            assert_eq!(taken(&text).labels.requested_at.unwrap().ends().to_string(), read);
        }
    }
}

#[test]
fn a_context_comes_back_to_the_letter() {
    for context in [
        r#"{}"#,
        r#"{"b":1,"a":2}"#,
        r#"{"a":1,"a":2,"a":{"b":1,"b":2}}"#,
        r#"{"n":[1.0,1e5,-0,0.10,123456789012345678901234567890]}"#,
        r#"{"s":"\u00e9\/\ud834\udd1e\\\" { } , :\t"}"#,
        r#"{"":null,"é":[[],{}]}"#,
    ] {
        let request = taken(&and("appflow", &format!(r#""context":{context}"#)));
        assert_eq!(request.labels.context.unwrap().get(), context);
    }
    let request = taken(&and("appflow", "\"context\": {\n \"a\" : [ 1 ,\t\"x  y \\\" z\" ]\r\n}"));
    assert_eq!(request.labels.context.unwrap().get(), r#"{"a":[1,"x  y \" z"]}"#);
}

#[test]
fn a_context_can_be_carried_wherever_it_goes() {
    let request = taken(&and("swf", "\"context\":{\"\u{FFFE}\":\"a\u{FFFF}\u{FFFD}\"}"));
    let context = request.labels.context.unwrap();
    assert_eq!(context.get(), "{\"\\ufffe\":\"a\\uffff\u{FFFD}\"}");
    // It is as long as it came.
    let longest = format!(r#""context":{{"a":"{}"}}"#, "\u{FFFE}".repeat(680));
    assert_eq!(taken(&and("swf", &longest)).labels.context.unwrap().get().len(), 4_088);
}

#[test]
fn a_context_is_2048_bytes_long_at_most() {
    let context =
        |bytes: usize| format!(r#""context":{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()));
    check(&and("swf", &context(2_048)), &[]);
    let too_long = and("swf", &context(2_049));
    check(&too_long, &[("context", Code::TooLong)]);
    assert!(refused(&too_long).labels.context.is_none());
    // Bytes, not characters; blanks between tokens are nobody's.
    check(&and("swf", &format!(r#""context":{{"a":"{}"}}"#, "é".repeat(1_020))), &[]);
    check(
        &and("swf", &format!(r#""context":{{"a":"{}"}}"#, "é".repeat(1_021))),
        &[("context", Code::TooLong)],
    );
    check(&and("swf", &context(2_048).replace(':', &format!(":{}", " ".repeat(5_000)))), &[]);
}

#[test]
fn a_context_that_nobody_could_read_back_is_refused() {
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for context in [r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#, r#"{"a":1e999}"#, &nested] {
        check(&and("swf", &format!(r#""context":{context}"#)), &[("context", Code::BadFormat)]);
    }
}

#[test]
fn a_lone_surrogate_is_refused_in_every_string() {
    for (service, name) in [
        ("appflow", "requestId"),
        ("appflow", "requestedAt"),
        ("appflow", "reason"),
        ("appflow", "requestedBy"),
        ("appflow", "scope"),
        ("swf", "runId"),
        ("cloudflow", "cause"),
        ("cloudflow", "error"),
    ] {
        let mut request = request_to(service);
        for field in ["executionIds", name] {
            request.as_object_mut().unwrap().remove(field);
        }
        let request = request.to_string();
        let text = format!("{},\"{name}\":\"a\\ud800b\"}}", request.strip_suffix('}').unwrap());
        check(&text, &[(name, Code::BadFormat)]);
    }
    let text = r#"{"service":"appflow","flowName":"orders","executionIds":["a","\udc00\ud800"]}"#;
    check(text, &[("executionIds[1]", Code::BadFormat)]);
}

#[test]
fn a_refused_request_keeps_what_is_valid_of_its_labels() {
    for (text, service) in [
        (r#"{"service":"swf",LABELS}"#, Some(SERVICES[1])),
        (r#"{"service":"other",LABELS}"#, None),
        (r#"{LABELS}"#, None),
    ] {
        let labels = r#""requestId":"r-1","requestedAt":"2026-01-02T03:04:05Z","reason":"why",
            "requestedBy":"","context":{"a":1}"#;
        let rejection = refused(&text.replace("LABELS", labels));
        assert_eq!(rejection.service, service);
        assert_eq!(rejection.labels.request_id.as_deref(), Some("r-1"));
        assert!(rejection.labels.requested_at.is_some());
        assert_eq!(rejection.labels.reason.as_deref(), Some("why"));
        assert_eq!(rejection.labels.requested_by, None);
        assert_eq!(rejection.labels.context.unwrap().get(), r#"{"a":1}"#);
    }
}

#[test]
fn the_reason_is_cloudflows_cause_where_none_is_given() {
    let request = |members: &str| {
        let text = format!(r#"{{"service":"cloudflow","flowName":"f","executionName":"e"{members}}}"#);
        format!("{:?}", taken(&text).cancellation)
    };
    assert_eq!(request(r#","reason":"why""#), request(r#","cause":"why""#));
    assert_eq!(request(r#","reason":"why","Cause":"because""#), request(r#","cause":"because""#));
    assert_ne!(request(r#","reason":"why""#), request(""));
}

#[test]
fn our_own_messages_are_no_requests() {
    for own in ["CancellationOutcome", "CancellationAttemptFailed", "CancellationConfirmation"] {
        for text in [
            format!(r#"{{"type":"{own}"}}"#),
            format!(r#"{{"type":"{own}","service":"swf","domain":null}}"#),
            format!(r#"{{"service":"other","type":1,"type":"{own}"}}"#),
            format!(r#"{{"t\u0079pe":"{own}","type":"else"}}"#),
            format!(r#" {{ "deep": {}{}, "type" : "{own}" }}"#, "[".repeat(500), "]".repeat(500)),
        ] {
            assert!(matches!(read(&text, Default::default()), Reading::Ours), "{text}");
        }
    }
    for other in [
        r#""cancellationOutcome""#,
        r#""CancellationOutcome ""#,
        "null",
        r#"["CancellationOutcome"]"#,
        r#""""#,
    ] {
        check(&and("swf", &format!(r#""type":{other}"#)), &[("type", Code::UnknownField)]);
    }
    check(&and("swf", r#""Type":"CancellationOutcome""#), &[("Type", Code::UnknownField)]);
}

#[test]
fn a_refused_request_comes_back_as_json_where_it_is_short_json() {
    let short = |text: &str| match Input::of(text) {
        (Input::Json(value), false) => value.get().to_owned(),
        other => panic!("{other:?}"),
    };
    for (text, expected) in [
        ("null", "null"),
        (" [1, 2] ", "[1,2]"),
        ("\"a  b\"", "\"a  b\""),
        (r#"{"a": 1, "a": 1.0}"#, r#"{"a":1,"a":1.0}"#),
    ] {
        assert_eq!(short(text), expected);
    }
    let at_the_limit = format!("\"{}\"", "x".repeat(8_190));
    assert_eq!(short(&at_the_limit), at_the_limit);
}

#[test]
fn a_refused_request_comes_back_as_text_where_it_is_long_or_no_json() {
    let long = format!("\"{}\"", "x".repeat(8_191));
    let wide = format!("x{}", "é".repeat(4_096));
    let wider = format!("{}𝒳", "x".repeat(8_189));
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (text, expected, truncated) in [
        ("", "", false),
        ("cancel it", "cancel it", false),
        ("{\"a\":", "{\"a\":", false),
        (r#"["\ud800"]"#, r#"["\ud800"]"#, false),
        (&nested, nested.as_str(), false),
        (&"x".repeat(8_192), &"x".repeat(8_192), false),
        (&"x".repeat(8_193), &"x".repeat(8_192), true),
        (&long, &long[..8_192], true),
        (&wide, &wide[..8_191], true),
        (&wider, &wider[..8_189], true),
    ] {
        match Input::of(text) {
            (Input::Text(input), cut) => assert_eq!((input.as_str(), cut), (expected, truncated)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn json_nested_without_end_ends_nothing() {
    const DEPTH: usize = 200_000;
    let lists = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = format!("{}1{}", "{\"a\":".repeat(DEPTH), "}".repeat(DEPTH));
    check(&lists, &[("$", Code::WrongType)]);
    check(&"[".repeat(DEPTH), &[("$", Code::NotJson)]);
    check(&objects, &[("service", Code::Required)]);
    for deep in [lists, objects] {
        check(&and("swf", &format!("\"extra\":{deep}")), &[("extra", Code::UnknownField)]);
        check(&format!("{{\"service\":{deep}}}"), &[("service", Code::WrongType)]);
        let mut request = r#"{"service":"appflow","flowName":"orders","executionIds":["a","#.to_owned();
        request += &deep;
        request += "]}";
        check(&request, &[("executionIds[1]", Code::WrongType)]);
    }
}

#[test]
fn a_huge_request_is_refused_like_any_other() {
    // Work that grew with the square of this would take minutes.
    const COUNT: usize = 50_000;
    let names: String = (0..COUNT).map(|index| format!(",\"{index}\":0")).collect();
    let name = "é".repeat(COUNT);
    for (text, rest) in [
        (format!("{{\"service\":\"swf\"{names}}}"), COUNT + 2 - 100),
        (with("appflow", "executionIds", json!(vec![""; COUNT])), COUNT + 1 - 100),
        (with("appflow", "executionIds", json!(vec![0; COUNT])), COUNT + 1 - 100),
    ] {
        let violations = refused(&text).violations;
        assert_eq!(violations.len(), 101);
        assert_eq!(violations[100].message, format!("{rest} more violations are not listed"));
    }
    let cut = format!("{}…", "é".repeat(64));
    check(&with("swf", &name, json!(name)), &[(&cut, Code::UnknownField)]);
    check(&with("swf", "runId", json!(name)), &[("runId", Code::TooLong)]);
    let others: String = (0..COUNT / 10).map(|index| format!("\"_execution{index}\":0,")).collect();
    check(&and("appflow", &others[..others.len() - 1]), &[]);
    let same = ",\"x\":0".repeat(COUNT);
    check(&and("swf", &same[1..]), &[("x", Code::UnknownField)]);
    let services = ",\"service\":\"swf\"".repeat(COUNT);
    check(&format!("{{{}}}", &services[1..]), &[("service", Code::DuplicateField)]);
}

#[test]
fn a_destinations_record_is_told_by_its_form_and_what_quotes_one_is_a_request() {
    let record = r#""requestContext": {"condition": "Success"}, "requestPayload": {"service": "swf"}"#;
    let outcome = r#"{"type": "CancellationOutcome"}"#;
    for (text, ours) in [
        (format!("{{{record}}}"), true),
        (format!(r#"{{"version": "1.0", {record}, "responsePayload": {outcome}}}"#), true),
        (format!(r#"{{"service": "swf", {record}}}"#), false),
        (format!(r#"{{"context": {{{record}}}}}"#), false),
        (format!(r#"{{"responsePayload": {outcome}}}"#), false),
        (format!(r#"{{"requestPayload": {outcome}, "responsePayload": {outcome}}}"#), false),
        (r#"{"requestContext": {"condition": "Success"}}"#.to_owned(), false),
        (r#"{"requestContext": {"http": {}}, "requestPayload": 1}"#.to_owned(), false),
        (r#"{"requestContext": "condition", "requestPayload": 1}"#.to_owned(), false),
    ] {
        assert_eq!(matches!(read(&text, Default::default()), Reading::Ours), ours, "{text}");
    }
}

#[test]
fn what_sns_says_of_a_subscription_is_refused_and_nothing_of_it_repeated() {
    let arn = "arn:aws:sns:us-east-1:111122223333:requests";
    for kind in ["SubscriptionConfirmation", "UnsubscribeConfirmation"] {
        let rejection = refused(&format!(
            r#"{{"Type":"{kind}","Token":"secret","TopicArn":"{arn}","SubscribeURL":"https://secret","requestId":"r"}}"#
        ));
        assert!(rejection.is_withheld && rejection.labels.request_id.is_none());
        let [violation] = &rejection.violations[..] else { panic!("{rejection:?}") };
        assert_eq!((violation.path.as_str(), violation.code), ("Type", Code::UnknownValue));
        assert!(violation.message.contains(kind) && violation.message.contains(arn));
        assert!(!violation.message.contains("secret"));
    }
    assert!(!refused(r#"{"Type":"Notification"}"#).is_withheld);
}
