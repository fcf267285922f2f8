use serde_json::{Value, json};

use super::*;
use crate::vocabulary::Status;

const NOW: &str = "2026-01-02T03:04:05.678Z";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:requests";

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn read_text(event: &str) -> Result<Delivery, DeliveryError> {
    let event: &RawValue = serde_json::from_str(event).unwrap();
    read(event, Invoked { request_id: "lambda-id", now: time(NOW), before: None })
}

fn delivery(event: &Value) -> Delivery {
    read_text(&event.to_string()).unwrap()
}

/// A record as a document, so that expectations can be written as one.
fn document(record: &Record) -> Value {
    json!({
        "text": record.text,
        "requestId": record.request_id,
        "requestedAt": record.requested_at.ends(),
        "source": record.source,
    })
}

fn documents(event: &Value) -> Vec<Value> {
    delivery(event).records.iter().map(document).collect()
}

fn only(event: &Value) -> Value {
    let mut documents = documents(event);
    assert_eq!(documents.len(), 1, "{event}");
    documents.remove(0)
}

/// A message as an event source mapping or a pipe hands it over.
fn message(body: Value) -> Value {
    json!({
        "messageId": "sqs-id",
        "receiptHandle": "handle",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1767323000000", "SenderId": "sender"},
        "messageAttributes": {},
        "md5OfBody": "md5",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:requests",
        "awsRegion": "us-east-1",
    })
}

fn queued(body: Value) -> Value {
    json!({"Records": [message(body)]})
}

/// A record as SNS hands it over.
fn notified(message: Value) -> Value {
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:111122223333:requests:subscription",
        "Sns": {
            "Type": "Notification",
            "MessageId": "sns-id",
            "TopicArn": TOPIC,
            "Subject": null,
            "Message": message,
            "Timestamp": "2026-01-02T03:03:30.250Z",
        },
    }]})
}

/// A notification as SNS writes it into a body.
fn notification(message: Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "inner-sns-id",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-01-02T03:03:00.125Z",
    })
}

fn ruled(detail: Value) -> Value {
    json!({
        "version": "0",
        "id": "event-id",
        "detail-type": "Cancel Request",
        "source": "com.example",
        "account": "111122223333",
        "time": "2026-01-02T03:02:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    })
}

/// An envelope as the text of the next one.
fn text(value: Value) -> Value {
    json!(value.to_string())
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

#[test]
fn each_source_is_recognized_and_gives_its_request_id_and_time() {
    let sqs = json!({
        "text": "{\"a\":1}",
        "requestId": "sqs-id",
        "requestedAt": "2026-01-02T03:03:20.000Z",
        "source": {
            "type": "sqs",
            "id": "sqs-id",
            "arn": "arn:aws:sqs:us-east-1:111122223333:requests",
            "receiveCount": 3,
            "senderId": "sender",
        },
    });
    for (event, record) in [
        (queued(json!("{\"a\":1}")), sqs.clone()),
        (json!([message(json!("{\"a\":1}"))]), sqs),
        (
            ruled(json!({"a": 1})),
            json!({
                "text": "{\"a\":1}",
                "requestId": "event-id",
                "requestedAt": "2026-01-02T03:02:00.999Z",
                "source": {
                    "type": "eventbridge",
                    "id": "event-id",
                    "account": "111122223333",
                    "eventSource": "com.example",
                    "detailType": "Cancel Request",
                },
            }),
        ),
        (
            notified(json!("{\"a\":1}")),
            json!({
                "text": "{\"a\":1}",
                "requestId": "sns-id",
                "requestedAt": "2026-01-02T03:03:30.250Z",
                "source": {
                    "type": "sns",
                    "id": "sns-id",
                    "arn": "arn:aws:sns:us-east-1:111122223333:requests:subscription",
                    "topicArn": TOPIC,
                },
            }),
        ),
        (
            json!({"a": 1}),
            json!({
                "text": "{\"a\":1}",
                "requestId": "lambda-id",
                "requestedAt": NOW,
                "source": {"type": "direct", "id": "lambda-id"},
            }),
        ),
    ] {
        assert_eq!(only(&event), record);
    }
}

#[test]
fn whatever_no_source_made_is_a_direct_request() {
    for event in [
        json!(null),
        json!(17),
        json!("text"),
        json!({}),
        json!({"service": "swf", "Records": 1}),
        json!({"Records": null}),
        json!({"Records": {}}),
        json!({"Records": [{"eventSource": "aws:kinesis"}]}),
        json!({"Records": [{"eventSource": "aws:sns"}, {"EventSource": "aws:sqs"}]}),
        json!({"Records": [null, "aws:sqs", ["eventSource", "aws:sqs"], {"eventSource": ["aws:sqs"]}]}),
        json!({"detail-type": "Cancel Request"}),
        json!({"detail": {}}),
        json!({"detailType": "Cancel Request", "detail": {}}),
    ] {
        let record = only(&event);
        assert_eq!(record["source"], json!({"type": "direct", "id": "lambda-id"}));
        assert_eq!(record["text"], event.to_string());
    }
}

#[test]
fn a_list_that_no_queue_made_is_a_batch_of_direct_requests() {
    let direct = |text: &str| (text.to_owned(), json!({"type": "direct", "id": "lambda-id"}));
    let member = ruled(json!({"a": 1}));
    for (event, texts) in [
        (json!([]), vec![]),
        (json!([{}]), vec!["{}"]),
        (json!([1, {"a": 1}, null, [[]]]), vec!["1", r#"{"a":1}"#, "null", "[[]]"]),
        (json!([notified(json!("x"))["Records"][0], {"a": 2}]), vec!["x", r#"{"a":2}"#]),
    ] {
        let records = delivery(&event).records;
        let got: Vec<_> = records.iter().map(|it| (it.text.clone(), json!(it.source))).collect();
        let expected = texts.into_iter().map(|text| match text {
            "x" => ("x".into(), json!({"type": "direct", "id": "lambda-id", "topicArn": TOPIC})),
            text => direct(text),
        });
        assert_eq!(got, expected.collect::<Vec<_>>(), "{event}");
    }
    let of_event = documents(&json!([member]));
    assert_eq!((&of_event[0]["text"], &of_event[0]["requestId"]), (&json!(r#"{"a":1}"#), &json!("event-id")));
    let endless = format!("[{}1]", "1,".repeat(10_000));
    assert_eq!(read_text(&endless).unwrap_err(), DeliveryError::TooManyListed { got: 10_001 });
}

#[test]
fn a_payload_is_handed_on_to_the_letter() {
    let event = "{ \"a\" : 1.0, \"a\": \"\\ud800\" }";
    assert_eq!(read_text(event).unwrap().records[0].text, event);
    let event = r#"{"detail": { "a" : 1.0, "a": "\ud800" }, "detail-type": 1}"#;
    assert_eq!(read_text(event).unwrap().records[0].text, r#"{ "a" : 1.0, "a": "\ud800" }"#);
}

#[test]
fn of_equal_names_in_an_envelope_the_last_counts() {
    let event = r#"[{"eventSource":"aws:kinesis","messageId":"one","body":"1",
        "eventSource":"aws:sqs","messageId":"two","\u0062ody":"2"}]"#;
    let record = document(&read_text(event).unwrap().records[0]);
    assert_eq!((&record["requestId"], &record["text"]), (&json!("two"), &json!("2")));
}

#[test]
fn any_detail_type_is_taken() {
    for detail_type in [json!("Cancel Request"), json!("Anything"), json!(""), json!(null), json!(7)] {
        let event = with(ruled(json!([])), "detail-type", detail_type);
        assert_eq!(only(&event)["source"]["type"], "eventbridge");
        let queued = only(&queued(text(event)));
        assert_eq!((&queued["text"], &queued["requestId"]), (&json!("[]"), &json!("event-id")));
    }
}

#[test]
fn what_an_envelope_lacks_is_taken_from_lambda() {
    let unusable = [json!(null), json!(""), json!(7), json!(["id"]), json!("x".repeat(1_025))];
    for id in unusable {
        for (event, record) in [
            (json!({"id": id, "detail-type": null, "detail": {}}), json!({"type": "eventbridge"})),
            (
                json!({"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": id, "Message": "x"}}]}),
                json!({"type": "sns"}),
            ),
        ] {
            let got = only(&event);
            assert_eq!((&got["requestId"], &got["source"]), (&json!("lambda-id"), &record), "{id}");
        }
    }
    for event in [without(ruled(json!({})), "id"), json!({"Records": [{"EventSource": "aws:sns"}]})] {
        assert_eq!(only(&event)["requestId"], "lambda-id");
    }
}

#[test]
fn a_time_that_cannot_be_read_counts_as_now() {
    for unreadable in [json!(null), json!(""), json!("yesterday"), json!(1_767_323_000), json!("2026-01-02")]
    {
        let sns = json!({"MessageId": "i", "Message": "x", "Timestamp": unreadable});
        for event in [
            with(ruled(json!({})), "time", unreadable.clone()),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": sns}]}),
            json!([with(message(json!("x")), "attributes", json!({"SentTimestamp": unreadable}))]),
            json!([with(message(json!("x")), "attributes", unreadable.clone())]),
            json!([without(message(json!("x")), "attributes")]),
        ] {
            assert_eq!(only(&event)["requestedAt"], NOW, "{event}");
        }
    }
}

#[test]
fn a_time_in_whole_seconds_counts_to_its_end_and_one_in_the_future_as_now() {
    let just_queued =
        |body| json!([with(message(body), "attributes", json!({"SentTimestamp": "1767323045678"}))]);
    for (given, counts) in [
        ("2026-01-02T03:04:04Z", "2026-01-02T03:04:04.999Z"),
        ("2026-01-02T03:04:04.000Z", "2026-01-02T03:04:04.000Z"),
        ("2026-01-02T05:04:04.5+02:00", "2026-01-02T03:04:04.500Z"),
        ("2026-01-02T03:04:05Z", NOW),
        ("2026-01-02T03:04:05.679Z", NOW),
        ("2027-01-01T00:00:00Z", NOW),
        ("9999-12-31T23:59:59Z", NOW),
    ] {
        for event in [
            with(ruled(json!({})), "time", json!(given)),
            just_queued(text(with(ruled(json!({})), "time", json!(given)))),
            just_queued(text(with(notification(json!("x")), "Timestamp", json!(given)))),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "x", "Timestamp": given}}]}),
        ] {
            assert_eq!(only(&event)["requestedAt"], counts, "{given}");
        }
    }
    for (sent, counts) in [
        ("1767323045000", "2026-01-02T03:04:05.000Z"),
        ("1767323045678", NOW),
        ("1767323045679", NOW),
        ("9223372036854775807", NOW),
        ("0", "1970-01-01T00:00:00.000Z"),
    ] {
        let event = json!([with(message(json!("x")), "attributes", json!({"SentTimestamp": sent}))]);
        assert_eq!(only(&event)["requestedAt"], counts, "{sent}");
    }
}

#[test]
fn the_innermost_envelope_gives_id_and_time_and_the_delivery_the_source() {
    let event = || text(ruled(json!({"a": 1})));
    let (event_time, note_time) = ("2026-01-02T03:02:00.999Z", "2026-01-02T03:03:00.125Z");
    let request = || json!("{\"a\":1}");
    for (delivered, source, id, time) in [
        (queued(event()), "sqs", "event-id", event_time),
        (json!([message(event())]), "sqs", "event-id", event_time),
        (queued(text(notification(request()))), "sqs", "inner-sns-id", note_time),
        (queued(text(notification(event()))), "sqs", "event-id", event_time),
        (json!([message(text(notification(event())))]), "sqs", "event-id", event_time),
        (notified(event()), "sns", "event-id", event_time),
        (notified(text(notification(request()))), "sns", "inner-sns-id", note_time),
        (queued(text(notification(text(notification(event()))))), "sqs", "event-id", event_time),
        // Input transformers can leave the quotation marks out.
        (queued(ruled(json!({"a": 1}))), "sqs", "event-id", event_time),
        (queued(notification(json!({"a": 1}))), "sqs", "inner-sns-id", note_time),
    ] {
        let record = only(&delivered);
        assert_eq!(record["text"], request(), "{delivered}");
        assert_eq!((&record["requestId"], &record["requestedAt"]), (&json!(id), &json!(time)), "{delivered}");
        assert_eq!(
            (&record["source"]["type"], &record["source"]["id"]),
            (&json!(source), &json!(format!("{source}-id")))
        );
    }
}

#[test]
fn an_id_or_time_that_cannot_be_read_leaves_that_of_the_envelope_around_it() {
    let sent = "2026-01-02T03:03:20.000Z";
    for (body, id, time) in [
        (without(ruled(json!({})), "id"), "sqs-id", "2026-01-02T03:02:00.999Z"),
        (without(ruled(json!({})), "time"), "event-id", sent),
        (without(without(ruled(json!({})), "id"), "time"), "sqs-id", sent),
        (with(ruled(json!({})), "id", json!("")), "sqs-id", "2026-01-02T03:02:00.999Z"),
        (with(ruled(json!({})), "time", json!("soon")), "event-id", sent),
        (with(notification(json!("{}")), "MessageId", json!(1)), "sqs-id", "2026-01-02T03:03:00.125Z"),
        (
            notification(text(without(without(ruled(json!({})), "id"), "time"))),
            "inner-sns-id",
            "2026-01-02T03:03:00.125Z",
        ),
    ] {
        let record = only(&queued(text(body)));
        assert_eq!((&record["requestId"], &record["requestedAt"]), (&json!(id), &json!(time)));
        assert_eq!(record["text"], "{}");
    }
}

#[test]
fn a_body_that_is_no_envelope_is_the_request() {
    for (body, request) in [
        (json!("{\"a\": 1}"), "{\"a\": 1}"),
        (json!("no json"), "no json"),
        (json!(""), ""),
        (json!("{\"Type\":\"SubscriptionConfirmation\"}"), "{\"Type\":\"SubscriptionConfirmation\"}"),
        (json!("{\"detail\":{}}"), "{\"detail\":{}}"),
        (json!({"a": 1}), "{\"a\":1}"),
        (json!(null), "null"),
        (json!(7), "7"),
        (text(notification(json!(7))), "7"),
        (text(without(notification(json!(7)), "Message")), "null"),
    ] {
        assert_eq!(only(&queued(body.clone()))["text"], request);
        assert_eq!(only(&notified(body))["text"], request);
    }
    assert_eq!(only(&json!([without(message(json!("")), "body")]))["text"], "null");
}

#[test]
fn a_text_in_place_of_a_detail_is_no_request() {
    let detail = json!("{}");
    assert_eq!(only(&ruled(detail.clone()))["text"], detail.to_string());
    assert_eq!(only(&queued(text(ruled(detail.clone()))))["text"], detail.to_string());
}

#[test]
fn a_byte_order_mark_before_a_text_is_skipped() {
    let marked = |value: &Value| json!(format!("\u{feff}{value}"));
    let request = json!({"a": 1});
    for event in [
        queued(marked(&request)),
        queued(marked(&notification(marked(&request)))),
        notified(marked(&ruled(request.clone()))),
    ] {
        assert_eq!(only(&event)["text"], request.to_string(), "{event}");
    }
    assert_eq!(only(&queued(json!("\u{feff}\u{feff}{}")))["text"], "\u{feff}{}");
}

/// The record of an asynchronous invocation, as a destination gets it.
fn undelivered(condition: &str, payload: Value) -> Value {
    json!({
        "version": "1.0",
        "timestamp": "2026-01-02T03:03:10.500Z",
        "requestContext": {
            "requestId": "invocation-id",
            "functionArn": "arn:aws:lambda:us-east-1:111122223333:function:countermand:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "CancelFailed", "errorMessage": "{\"type\":\"CancellationAttemptFailed\"}"},
    })
}

#[test]
fn what_an_asynchronous_invocation_left_behind_is_carried_out_where_a_queue_brings_it() {
    let request = || json!({"a": 1});
    let of_topic = || notified(text(request()));
    for condition in ["RetriesExhausted", "EventAgeExceeded"] {
        let record = |payload| undelivered(condition, payload);
        for (event, id, time) in [
            (queued(text(record(request()))), "invocation-id", "2026-01-02T03:03:10.500Z"),
            (json!([message(text(record(request())))]), "invocation-id", "2026-01-02T03:03:10.500Z"),
            (queued(text(record(ruled(request())))), "event-id", "2026-01-02T03:02:00.999Z"),
            (queued(text(record(of_topic()))), "sns-id", "2026-01-02T03:03:10.500Z"),
            (queued(text(ruled(record(request())))), "invocation-id", "2026-01-02T03:02:00.999Z"),
            (
                queued(text(notification(text(record(request()))))),
                "invocation-id",
                "2026-01-02T03:03:00.125Z",
            ),
        ] {
            let got = only(&event);
            assert_eq!(got["text"], request().to_string(), "{event}");
            assert_eq!((&got["requestId"], &got["requestedAt"]), (&json!(id), &json!(time)), "{event}");
        }
        // By any other way it may be the answer to ourselves.
        for event in [record(request()), ruled(record(request())), notified(text(record(request())))] {
            assert_ours(&event);
        }
    }
    assert_ours(&queued(text(undelivered("Success", request()))));
}

#[test]
fn what_a_redrive_leaves_in_a_queue_is_unwrapped() {
    let request = || json!({"a": 1});
    for (body, id) in [
        (notified(text(request())), "sns-id"),
        (queued(text(request())), "sqs-id"),
        (message(text(ruled(request()))), "event-id"),
        (json!(notified(text(request()))["Records"][0]), "sns-id"),
        (ruled(message(text(request()))), "sqs-id"),
    ] {
        for event in
            [queued(text(body.clone())), notified(text(body.clone())), ruled(body.clone()), json!([body])]
        {
            let got = only(&event);
            assert_eq!(got["text"], request().to_string(), "{event}");
            // A list with a record of a queue is the batch of a pipe.
            assert_eq!(got["requestId"], id, "{event}");
        }
    }
    let two = json!({"Records": [message(json!("{}")), message(json!("{}"))]});
    assert_eq!(only(&queued(text(two.clone())))["text"], two.to_string());
}

#[test]
fn whoever_sent_to_the_queue_is_told_by_the_queue_alone() {
    let inner = with(message(json!("{}")), "attributes", json!({"SenderId": "forged"}));
    assert_eq!(only(&queued(text(inner.clone())))["source"]["senderId"], "sender");
    assert_eq!(only(&notified(text(inner)))["source"]["senderId"], "forged");
}

#[test]
fn a_repeat_is_known_by_the_receive_count_or_by_the_invocation() {
    let read = |event: &Value, before: Option<&str>| {
        let event = RawValue::from_string(event.to_string()).unwrap();
        let invoked = Invoked { request_id: "lambda-id", now: time(NOW), before: before.map(time) };
        let record = super::read(&event, invoked).unwrap().records.remove(0);
        (record.repeated, record.requested_at.ends().to_string())
    };
    let once = json!([with(message(json!("{}")), "attributes", json!({"ApproximateReceiveCount": "1"}))]);
    assert_eq!(read(&once, None), (false, NOW.into()));
    assert!(read(&queued(json!("{}")), None).0);
    assert_eq!(read(&json!({}), None), (false, NOW.into()));
    let inner = with(message(json!("{}")), "attributes", json!({"ApproximateReceiveCount": "2"}));
    for wrapped in [inner, undelivered("RetriesExhausted", json!({}))] {
        let attributes = json!({"ApproximateReceiveCount": "1"});
        assert!(read(&json!([with(message(text(wrapped)), "attributes", attributes)]), None).0);
    }
    let before = "2026-01-02T03:03:04.567Z";
    assert_eq!(read(&json!({}), Some(before)), (true, before.into()));
}

#[test]
fn envelopes_without_end_are_opened_a_few_times_only() {
    let mut body = json!("{}");
    for _ in 0..8 {
        body = notification(body);
    }
    assert_eq!(only(&queued(body.clone()))["text"], "{}");
    assert_eq!(only(&queued(notification(body)))["text"], notification(json!("{}")).to_string());
    // Opening them all would be work that grows with the square of this, and take minutes.
    const DEPTH: usize = 50_000;
    let layers = format!("{}1{}", r#"{"Type":"Notification","Message":"#.repeat(DEPTH), "}".repeat(DEPTH));
    let event = format!(r#"[{{"eventSource":"aws:sqs","messageId":"id","body":{layers}}}]"#);
    assert_eq!(read_text(&event).unwrap().records.len(), 1);
}

#[test]
fn records_that_are_empty_need_nothing() {
    let delivery = delivery(&json!({"Records": []}));
    assert!(delivery.records.is_empty());
    assert_eq!(delivery.respond(&[]).unwrap().get(), r#"{"batchItemFailures":[]}"#);
}

#[test]
fn a_record_without_a_message_id_fails_the_invocation() {
    let right = || message(json!("{}"));
    for wrong in [
        without(right(), "messageId"),
        with(right(), "messageId", json!("")),
        with(right(), "messageId", json!(null)),
        with(right(), "messageId", json!(7)),
        with(right(), "messageId", json!("x".repeat(1_025))),
        json!(null),
        json!("text"),
        json!({}),
    ] {
        let records = json!([right(), wrong, right()]);
        for event in [records.clone(), json!({"Records": records})] {
            let error = read_text(&event.to_string()).unwrap_err();
            assert_eq!(error, DeliveryError::NoMessageId { index: 1 });
            let failure = Failure::from(error);
            assert_eq!(failure.error_type, "InvalidEvent");
            assert_eq!(failure.message, "record 1 of the batch: expected a messageId, got none");
        }
    }
    let surrogate = r#"[{"eventSource":"aws:sqs","messageId":"\ud800"}]"#;
    assert_eq!(read_text(surrogate).unwrap_err(), DeliveryError::NoMessageId { index: 0 });
}

#[test]
fn one_odd_record_never_touches_another() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let odd = [
        r#"{"messageId":"odd"}"#,
        r#"{"messageId":"odd","eventSource":"aws:kinesis","body":[1]}"#,
        r#"{"messageId":"odd","eventSource":"aws:sqs","body":"\ud800"}"#,
        r#"{"messageId":"odd","eventSource":7,"body":"{","attributes":[],"eventSourceARN":{}}"#,
        r#"{"messageId":"odd","messageId":"odd","body":null,"attributes":{"SentTimestamp":"x","ApproximateReceiveCount":"-1"}}"#,
        &format!(r#"{{"messageId":"odd","body":{deep}}}"#),
        &format!(r#"{{"messageId":"odd","body":"{}"}}"#, "x".repeat(1_000_000)),
        &format!(r#"{{"messageId":"odd","body":"x","{}":1}}"#, "x".repeat(100_000)),
    ];
    let right = message(json!("{}"));
    for odd in odd {
        let shown = &odd[..odd.len().min(120)];
        let delivery = read_text(&format!(r#"{{"Records":[{right},{odd},{right}]}}"#)).expect(shown);
        let expected = only(&queued(json!("{}")));
        assert_eq!(document(&delivery.records[0]), expected, "{shown}");
        assert_eq!(document(&delivery.records[2]), expected, "{shown}");
        let odd = document(&delivery.records[1]);
        assert_eq!(odd["source"], json!({"type": "sqs", "id": "odd"}), "{shown}");
        assert_eq!((&odd["requestId"], &odd["requestedAt"]), (&json!("odd"), &json!(NOW)), "{shown}");
    }
    assert_eq!(
        read_text(r#"[{"eventSource":"aws:sqs","messageId":"i","body":"\ud800"}]"#).unwrap().records[0].text,
        r#""\ud800""#
    );
}

#[test]
fn a_source_says_only_what_its_delivery_knows() {
    for (count, known) in [
        (json!("1"), json!(1)),
        (json!("4294967295"), json!(4_294_967_295_u32)),
        (json!("4294967296"), Value::Null),
        (json!("-1"), Value::Null),
        (json!("many"), Value::Null),
        (json!(""), Value::Null),
        (json!(null), Value::Null),
    ] {
        let attributes = json!({"ApproximateReceiveCount": count});
        let record = only(&json!([with(message(json!("x")), "attributes", attributes)]));
        assert_eq!(record["source"].get("receiveCount").cloned().unwrap_or_default(), known, "{count}");
    }
    for arn in [json!(null), json!(7), json!(""), json!("x".repeat(1_025))] {
        let record = only(&json!([with(message(json!("x")), "eventSourceARN", arn)]));
        let expected = json!({"type": "sqs", "id": "sqs-id", "receiveCount": 3, "senderId": "sender"});
        assert_eq!(record["source"], expected);
    }
}

/// What a source says of who asked.
fn who(event: &Value) -> Value {
    let mut source = only(event)["source"].clone();
    for name in ["type", "id", "arn", "receiveCount"] {
        source.as_object_mut().unwrap().remove(name);
    }
    source
}

#[test]
fn a_source_says_who_asked_as_the_innermost_envelope_knows_it() {
    const OTHER: &str = "arn:aws:sns:us-east-1:111122223333:other";
    let request = || json!("{\"a\":1}");
    let event = || ruled(json!({"a": 1}));
    let replayed = || with(event(), "replay-name", json!("replay-1"));
    let other = |message| with(notification(message), "TopicArn", json!(OTHER));
    let of_event =
        json!({"account": "111122223333", "eventSource": "com.example", "detailType": "Cancel Request"});
    let and = |more: Value| {
        let mut all = of_event.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (delivered, expected) in [
        (json!({"a": 1}), json!({})),
        (json!({"account": "111122223333", "source": "com.example"}), json!({})),
        (event(), of_event.clone()),
        (replayed(), and(json!({"replayName": "replay-1"}))),
        (notified(request()), json!({"topicArn": TOPIC})),
        (notified(text(event())), and(json!({"topicArn": TOPIC}))),
        (notified(text(other(request()))), json!({"topicArn": OTHER})),
        (queued(request()), json!({"senderId": "sender"})),
        (json!([message(request())]), json!({"senderId": "sender"})),
        (queued(text(event())), and(json!({"senderId": "sender"}))),
        (json!([message(text(replayed()))]), and(json!({"senderId": "sender", "replayName": "replay-1"}))),
        (queued(text(notification(request()))), json!({"senderId": "sender", "topicArn": TOPIC})),
        (queued(text(notification(text(event())))), and(json!({"senderId": "sender", "topicArn": TOPIC}))),
        (
            queued(text(notification(text(other(text(replayed())))))),
            and(json!({"senderId": "sender", "topicArn": OTHER, "replayName": "replay-1"})),
        ),
        (
            with(event(), "detail", with(event(), "account", json!("444455556666"))),
            and(json!({"account": "444455556666"})),
        ),
    ] {
        assert_eq!(who(&delivered), expected, "{delivered}");
    }
}

#[test]
fn what_cannot_be_read_of_who_asked_is_absent_or_as_the_envelope_around_knows_it() {
    for unreadable in [json!(null), json!(7), json!(""), json!(["x"]), json!("x".repeat(1_025))] {
        for (name, said_as) in [
            ("account", "account"),
            ("source", "eventSource"),
            ("detail-type", "detailType"),
            ("replay-name", "replayName"),
        ] {
            let right = with(ruled(json!({})), "replay-name", json!("replay-1"));
            let expected = without(who(&right), said_as);
            let wrong = with(right, name, unreadable.clone());
            assert_eq!(who(&wrong), expected, "{name} {unreadable}");
            assert_eq!(without(who(&queued(text(wrong))), "senderId"), expected, "{name} {unreadable}");
        }
        let sender = with(message(json!("x")), "attributes", json!({"SenderId": unreadable}));
        assert_eq!(who(&json!([sender])), json!({}), "{unreadable}");
        let mut notified = notified(json!("x"));
        notified["Records"][0]["Sns"]["TopicArn"] = unreadable.clone();
        assert_eq!(who(&notified), json!({}), "{unreadable}");
        let inner = with(notification(json!("x")), "TopicArn", unreadable.clone());
        assert_eq!(who(&queued(text(notification(text(inner)))))["topicArn"], TOPIC, "{unreadable}");
    }
}

#[test]
fn a_list_of_notifications_gives_a_record_for_each() {
    let mut event = notified(json!("one"));
    let records = event["Records"].as_array_mut().unwrap();
    records.push(json!({"EventSource": "aws:sns", "Sns": {"MessageId": "two", "Message": "two"}}));
    records.push(json!(null));
    let got: Vec<_> = documents(&event).iter().map(|it| json!([it["requestId"], it["text"]])).collect();
    assert_eq!(got, [json!(["sns-id", "one"]), json!(["two", "two"]), json!(["lambda-id", "null"])]);
}

#[test]
fn only_a_record_of_a_queue_has_a_receipt_and_the_outermost_envelope_has_it() {
    let receipts = |event: &Value| -> Vec<Option<String>> {
        delivery(event).records.into_iter().map(|record| record.receipt_handle).collect()
    };
    let handle = || Some("handle".to_owned());
    assert_eq!(receipts(&queued(json!("{}"))), [handle()]);
    assert_eq!(receipts(&json!([message(json!("{}"))])), [handle()]);
    assert_eq!(receipts(&queued(text(notification(text(ruled(json!({}))))))), [handle()]);
    let lacking = without(message(json!("{}")), "receiptHandle");
    for odd in [
        lacking.clone(),
        with(lacking.clone(), "receiptHandle", json!("")),
        with(lacking, "receiptHandle", json!(7)),
    ] {
        assert_eq!(receipts(&json!({"Records": [odd, message(json!("{}"))]})), [None, handle()]);
    }
    for event in [notified(json!("{}")), ruled(json!({})), json!({"receiptHandle": "handle"})] {
        assert_eq!(receipts(&event), [None], "{event}");
    }
}

#[test]
fn records_go_side_by_side_but_for_those_of_a_fifo_queue() {
    const FIFO: &str = "arn:aws:sqs:us-east-1:111122223333:requests.fifo";
    let places = |event: &Value| -> Vec<Vec<usize>> {
        delivery(event).turns().into_iter().map(Iterator::collect).collect()
    };
    let in_order = || with(message(json!("{}")), "eventSourceARN", json!(FIFO));
    let batch = |message: fn(Value) -> Value| json!({"Records": vec![message(json!("{}")); 3]});
    assert_eq!(places(&batch(message)), [[0, 1, 2]]);
    for event in [json!({"Records": vec![in_order(); 3]}), json!(vec![in_order(); 3])] {
        assert_eq!(places(&event), [[0], [1], [2]], "{event}");
    }
    for name in [json!("requests.fifo.old"), json!("fifo"), json!(7)] {
        let odd = with(message(json!("{}")), "eventSourceARN", name);
        assert_eq!(places(&json!({"Records": [odd.clone(), odd]})), [[0, 1]]);
    }
}

/// What became of a record, its outcome told by a letter; `~` is one of our own messages.
fn settled(letter: char, published: bool) -> Settled {
    let status = match letter {
        'A' => Status::Accepted,
        'P' => Status::Partial,
        'N' => Status::NotRunning,
        'U' => Status::NotFound,
        'R' => Status::Rejected,
        'D' => Status::Denied,
        'F' => Status::Failed,
        _ => return Settled { outcome: None, done: published, in_line: false },
    };
    let outcome = Document { status, json: format!("{{\"{letter}\":1.0}}") };
    Settled { outcome: Some(outcome), done: published, in_line: false }
}

/// Lower case: its outcome was not published.
fn settled_all(letters: &str) -> Vec<Settled> {
    letters.chars().map(|it| settled(it.to_ascii_uppercase(), !it.is_ascii_lowercase())).collect()
}

#[test]
fn a_queue_is_told_exactly_the_records_that_come_again() {
    for (became, again) in [
        ("A", ""),
        ("APNUR~", ""),
        ("D", "0"),
        ("F", "0"),
        ("AFADA", "13"),
        ("FFFFFFFFFF", "0123456789"),
        // Silence is not safe.
        ("a", "0"),
        ("apnurdf", "0123456"),
        ("AaRr~", "13"),
        ("~~", ""),
    ] {
        let messages: Vec<_> = (0..became.len())
            .map(|index| with(message(json!("{}")), "messageId", json!(index.to_string())))
            .collect();
        let failures: Vec<_> = again.chars().map(|it| json!({"itemIdentifier": it})).collect();
        for event in [json!(messages), json!({"Records": messages})] {
            let response = delivery(&event).respond(&settled_all(became)).unwrap();
            let response: Value = serde_json::from_str(response.get()).unwrap();
            assert_eq!(response, json!({"batchItemFailures": failures}), "{became}");
        }
    }
}

#[test]
fn whoever_invoked_directly_gets_the_outcome_or_a_function_error() {
    for (became, error_type) in [
        ("A", None),
        ("P", None),
        ("N", None),
        ("U", None),
        ("R", None),
        ("F", Some("CancelFailed")),
        ("D", Some("CancelDenied")),
        ("f", Some("CancelFailed")),
        ("d", Some("CancelDenied")),
        ("a", Some("PublishFailed")),
        ("r", Some("PublishFailed")),
    ] {
        let outcome = format!("{{\"{}\":1.0}}", became.to_uppercase());
        for (event, document) in [
            (json!({}), outcome.clone()),
            (ruled(json!({})), outcome.clone()),
            (notified(json!("{}")), format!("[{outcome}]")),
        ] {
            let response = delivery(&event).respond(&settled_all(became));
            let response = response.map(|it| it.get().to_owned());
            let expected = match error_type {
                None => Ok(document),
                Some(error_type) => Err(Failure { error_type, message: document }),
            };
            assert_eq!(response, expected, "{became}");
        }
    }
}

#[test]
fn the_outcomes_of_several_notifications_are_answered_together() {
    let event = json!({"Records": [notified(json!("1"))["Records"][0], notified(json!("2"))["Records"][0]]});
    for (became, error_type, document) in [
        ("AR", None, r#"[{"A":1.0},{"R":1.0}]"#),
        ("A~", None, r#"[{"A":1.0}]"#),
        ("DF", Some("CancelFailed"), r#"[{"D":1.0},{"F":1.0}]"#),
        ("aD", Some("CancelDenied"), r#"[{"A":1.0},{"D":1.0}]"#),
        ("Aa", Some("PublishFailed"), r#"[{"A":1.0},{"A":1.0}]"#),
    ] {
        let expected = match error_type {
            None => Ok(document.to_owned()),
            Some(error_type) => Err(Failure { error_type, message: document.into() }),
        };
        let response = delivery(&event).respond(&settled_all(became));
        assert_eq!(response.map(|it| it.get().to_owned()), expected, "{became}");
    }
}

#[test]
fn one_of_our_own_messages_is_acknowledged_by_every_source() {
    for (event, answer) in [
        (json!({}), "null"),
        (ruled(json!({})), "null"),
        (notified(json!("{}")), "null"),
        (queued(json!("{}")), r#"{"batchItemFailures":[]}"#),
        (json!([message(json!("{}"))]), r#"{"batchItemFailures":[]}"#),
    ] {
        assert_eq!(delivery(&event).respond(&settled_all("~")).unwrap().get(), answer);
    }
}

#[test]
fn our_own_messages_are_recognized_in_every_envelope() {
    let own = || json!({"type": "CancellationAttemptFailed", "version": "1", "service": "swf"});
    for event in [
        own(),
        ruled(own()),
        queued(text(own())),
        queued(own()),
        json!([message(text(own()))]),
        notified(text(own())),
        queued(text(ruled(own()))),
        queued(text(notification(text(own())))),
        queued(text(notification(text(ruled(own()))))),
        notified(text(ruled(own()))),
        queued(text(message(text(own())))),
        queued(text(notified(text(own())))),
        queued(text(undelivered("RetriesExhausted", own()))),
        json!([own()]),
    ] {
        assert_ours(&event);
    }
}

fn assert_ours(event: &Value) {
    let delivery = delivery(event);
    let reading = crate::request::read(&delivery.records[0].text, Default::default());
    assert!(matches!(reading, crate::request::Reading::Ours), "{event}");
}
