//! Cancel requests that somebody hostile might send, and what must hold of each however it is read.
//!
//! It knows the fields of the contract; how a request arrives is the business of [`super::events`].

use countermand::fields::violation::is_misleading;
use countermand::follow_up::FollowUp;
use countermand::request::{self, CancelRequest, Input, Reading, Rejection};
use countermand::sweep::Chain;
use countermand::targets::Runs;
use serde_json::{Map, Value, json};

use super::draw::Draw;
use super::texts;
use crate::services::{self, SERVICES};

/// What makes a follow-up of a request.
const FOLLOW_UP: &str = r#""type":"CancellationFollowUp","version":"1","check":1,"within":60,"outcomeAt":"2026-01-02T03:04:05.678Z","requestId":"r","requestedAt":"2026-01-02T03:04:05.678Z""#;

/// Fields of any request, some that are none, and for each what it may well be.
const FIELDS: [(&str, &str); 24] = [
    ("type", r#""CancellationFollowUp""#),
    ("check", "14"),
    ("ended", "[0]"),
    ("runs", r#"["r"]"#),
    ("service", r#""swf""#),
    ("requestId", r#""r-1""#),
    ("requestedAt", r#""2026-01-02T03:04:05.678Z""#),
    ("requestedAt", r#""0000-01-01T00:00:00+00:00""#),
    ("requestedAt", r#""9999-12-31T23:59:59Z""#),
    ("reason", r#""it ran away""#),
    ("requestedBy", r#""ops""#),
    ("context", r#"{"a":[1,2.5,"\u00e9"]}"#),
    ("dryRun", "true"),
    ("confirm", "false"),
    ("confirmWithinSeconds", "60"),
    ("__proto__", "{}"),
    ("_datadog", r#"{"x-datadog-trace-id":"1"}"#),
    ("_", "null"),
    (MISSPELLED[0], r#""ops""#),
    (MISSPELLED[1], "true"),
    (MISSPELLED[2], "null"),
    ("context", "{\"\u{FFFE}\":{\"_\":[\"\u{FFFF}\"]}}"),
    ("requestedBy", "\"\u{FEFF}\u{A0}\u{FFFF}\""),
    (r"s\u0065rvice", r#""swf""#),
];

/// Those that are near to a field and none.
const MISSPELLED: [&str; 3] = ["_requestedby", "_dry-run", "reason\u{200B}"];

/// A request: a valid one, with fields added that may be hostile, and sometimes spoilt as a text.
pub fn request(draw: &mut Draw) -> String {
    let valid = valid(draw).trim_matches(['{', '}']);
    let mut members = if draw.once_in(4) { vec![] } else { vec![valid.to_owned()] };
    if draw.once_in(8) {
        members.push(FOLLOW_UP.into());
    }
    for _ in 0..draw.below(5) {
        let (name, value) = draw.pick(&FIELDS);
        let (name, value) = if draw.once_in(2) { field(draw) } else { (name.to_owned(), value.to_owned()) };
        let value = if draw.once_in(2) { texts::json(draw) } else { value };
        members.push(format!("\"{name}\":{value}"));
    }
    let text = format!("{{{}}}", members.join(","));
    texts::spoilt(text, draw)
}

/// A request that nothing is wrong with.
fn valid(draw: &mut Draw) -> &'static str {
    let service = draw.pick(&SERVICES);
    draw.pick(service.requests)
}

/// A field of one service or another, with what it may well be.
fn field(draw: &mut Draw) -> (String, String) {
    let fields: Map<String, Value> = serde_json::from_str(valid(draw)).expect("a request is an object");
    let place = draw.below(fields.len());
    let (name, value) = fields.into_iter().nth(place).expect("a request has fields");
    (name, value.to_string())
}

/// Checks bytes as a request, and a request that is drawn from them.
pub fn check(bytes: &[u8]) {
    check_text(&String::from_utf8_lossy(bytes));
    check_text(&request(&mut Draw::new(bytes)));
}

/// Whatever the text, it is refused in words that can be told, or it is a request that everybody reads
/// the same way.
pub fn check_text(text: &str) {
    match request::read(text, Default::default()) {
        Reading::Ours => assert!(text.contains("type") || text.contains("\\u") || text.contains("Payload")),
        Reading::Rejected(rejection) => check_rejection(&rejection, text),
        Reading::Request(request) => check_request(&request, text),
        Reading::FollowUp(fields) => match FollowUp::read(*fields) {
            Ok(follow_up) => {
                let no_run = matches!(&follow_up.runs, Runs::Known(runs) if runs.is_empty());
                assert!(!no_run && (1..=14).contains(&follow_up.checks));
                check_labels(&follow_up.labels);
            }
            Err(wrong) => assert!((1..=1_024).contains(&wrong.chars().count())),
        },
        Reading::Sweep(fields) => match Chain::read(*fields) {
            Ok(chain) => check_labels(&chain.labels),
            Err(wrong) => assert!((1..=1_024).contains(&wrong.chars().count())),
        },
    }
}

fn check_rejection(rejection: &Rejection, text: &str) {
    let violations = &rejection.violations;
    assert!((1..=101).contains(&violations.len()), "{} violations", violations.len());
    for violation in violations {
        let (path, message) = (violation.path.chars().count(), violation.message.chars().count());
        assert!((1..=65).contains(&path), "a path of {path} characters");
        assert!((1..=256).contains(&message), "a message of {message} characters");
        assert!(!is_misleading(&violation.message), "what nobody sees in {}", violation.message);
    }
    let (input, cut) = Input::of(text);
    assert_told(&json!({"violations": violations}).to_string());
    assert_told(&serde_json::to_string(&input).expect("an input can be written"));
    check_labels(&rejection.labels);
    if let Input::Text(kept) = input {
        assert!(kept.len() <= 8_192 && text.starts_with(&kept) && cut == (kept != text));
    }
}

fn check_labels(labels: &request::Labels) {
    let within = |label: &Option<String>, most| {
        assert!(label.as_ref().is_none_or(|label| (1..=most).contains(&label.chars().count())));
    };
    within(&labels.request_id, 128);
    within(&labels.reason, 4_096);
    within(&labels.requested_by, 256);
    if let Some(context) = &labels.context {
        // What had to be escaped so that a queue can carry it is twice as long.
        assert!(context.get().len() <= 4_096 && !context.get().contains(['\u{FFFE}', '\u{FFFF}']));
        assert_told(context.get());
    }
}

fn check_request(request: &CancelRequest, text: &str) {
    check_labels(&request.labels);
    // A valid request is JSON to everybody, but for what others put in and nobody reads.
    let Ok(value) = text.parse::<Value>() else { return assert!(text.contains('_'), "{text}") };
    let target = request.cancellation.target();
    assert_eq!(value["service"], request.cancellation.service().name);
    assert_eq!(request.dry_run, value["dryRun"] == true);
    assert_eq!(target["key"], request.cancellation.key());
    // What ends every run of a flow is a request that names none, and nothing else.
    let names = services::of(&value).map_or("", |service| service.names);
    let is_named =
        value.as_object().is_some_and(|fields| fields.keys().any(|it| it.eq_ignore_ascii_case(names)));
    assert_eq!(target.get(names).is_some(), is_named);
    check_repeated(request, target);
    // What may be a field that is misspelled is never passed over.
    assert!(MISSPELLED.iter().all(|name| value.get(name).is_none()), "{text}");
    let end = text.rfind('}').expect("an object ends");
    let misspelled = format!("{},\"executionId\":[\"run-1\"]}}", &text[..end]);
    assert!(
        matches!(request::read(&misspelled, Default::default()), Reading::Rejected(_)),
        "a field that is none is ignored"
    );
}

/// The target that an outcome shows is, sent again, the same request.
fn check_repeated(request: &CancelRequest, mut target: Value) {
    let fields = target.as_object_mut().expect("a target is an object");
    fields.remove("key");
    fields.insert("service".into(), request.cancellation.service().name.into());
    let Reading::Request(again) = request::read(&target.to_string(), Default::default()) else {
        panic!("the target {target} is no request");
    };
    assert_eq!(again.cancellation.target(), request.cancellation.target());
}

/// What an outcome holds can be read where EventBridge delivers the outcome, and where a destination of
/// Lambda reports that.
fn assert_told(part: &str) {
    let delivered = format!(r#"{{"requestPayload":{{"detail":{{"part":{part}}}}}}}"#);
    assert!(delivered.parse::<Value>().is_ok(), "nobody can read {part}");
}
