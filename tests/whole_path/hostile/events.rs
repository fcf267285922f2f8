//! Events that carry hostile requests, in hostile envelopes, and what must hold of each however it is read.
//!
//! It knows the forms in which Lambda delivers; what is in a request is the business of [`super::requests`].

use countermand::event_source::{self, Delivery, Invoked, Record};
use countermand::outcome::Writer;
use countermand::request::{self, Reading};
use countermand::timestamp::Timestamp;
use serde_json::value::RawValue;

use super::draw::Draw;
use super::texts::quoted;
use super::{requests, texts};

/// A request that nothing is wrong with.
pub const GOOD: &str = r#"{"service":"swf","domain":"billing","workflowId":"invoice-2041"}"#;

/// Checks bytes as an event, and an event that is drawn from them.
pub fn check(bytes: &[u8]) {
    check_text(&String::from_utf8_lossy(bytes));
    let draw = &mut Draw::new(bytes);
    match draw.below(3) {
        0 => check_batch(draw),
        1 => check_text(&notifications(draw)),
        _ => check_text(&wrapped(draw)),
    }
}

/// An event that is JSON is read, whatever is in it; Lambda delivers nothing else.
pub fn check_text(event: &str) {
    let Ok(event) = serde_json::from_str::<&RawValue>(event) else { return };
    let Ok(delivery) = event_source::read(event, invoked()) else {
        assert!(event.get().contains("aws:sqs") || event.get().contains("\\u"), "only a queue needs an id");
        return;
    };
    check_delivery(&delivery);
    for record in &delivery.records {
        requests::check_text(&record.text);
        check_refusal(record);
    }
}

/// Where a request is refused, its outcome is one that every destination takes.
fn check_refusal(record: &Record) {
    let Reading::Rejected(rejection) = request::read(&record.text, Default::default()) else { return };
    let writer = Writer { max_receive_count: None, logged: false };
    let json = writer.rejected(record, &rejection, invoked().now).json;
    assert!(json.len() <= 200_000, "an outcome of {} bytes", json.len());
    assert!(
        !json.contains(|it| it < ' ' || ['\u{FFFE}', '\u{FFFF}'].contains(&it)),
        "no queue carries {json}"
    );
}

fn invoked() -> Invoked<'static> {
    let now = Timestamp::from_millis(1_767_323_045_678).expect("a time that can be written");
    Invoked { request_id: "lambda-1", now, before: None }
}

fn check_delivery(delivery: &Delivery) {
    for record in &delivery.records {
        assert!((1..=1_024).contains(&record.request_id.len()));
        assert!(record.requested_at.ends() <= invoked().now, "a time in the future counts as now");
        let source = serde_json::to_string(&record.source).expect("a source can be written");
        assert!(source.len() < 65_536, "a source is short");
    }
    let turns: Vec<usize> = delivery.turns().into_iter().flatten().collect();
    assert!(turns.into_iter().eq(0..delivery.records.len()), "every record has its turn, in order");
}

/// Good records between hostile ones stay what they are, whatever stands beside them.
fn check_batch(draw: &mut Draw) {
    let mut records = Vec::new();
    for index in 0..1 + draw.below(6) {
        let good = draw.once_in(3);
        let text = if good { GOOD.into() } else { wrapped(draw) };
        // A body is a string; what is none must not cost the others theirs.
        let body = if good || !draw.once_in(8) { quoted(&text) } else { texts::json(draw) };
        let attributes = if good || !draw.once_in(4) { "{}".into() } else { texts::json(draw) };
        records.push((good, format!(
            r#"{{"messageId":"m-{index}","eventSource":"aws:sqs","body":{body},"attributes":{attributes}}}"#
        )));
    }
    let list = records.iter().map(|(_, record)| record.as_str()).collect::<Vec<_>>().join(",");
    let event = if draw.once_in(3) { format!("[{list}]") } else { format!(r#"{{"Records":[{list}]}}"#) };
    check_text(&event);
    let event = RawValue::from_string(event).expect("a batch is JSON");
    let delivery = event_source::read(&event, invoked()).expect("every record has its id");
    assert_eq!(delivery.records.len(), records.len());
    for (index, ((good, _), record)) in records.iter().zip(&delivery.records).enumerate() {
        assert_eq!(record.source.id, Some(format!("m-{index}")));
        let valid = matches!(request::read(&record.text, Default::default()), Reading::Request(_));
        assert!(!good || valid, "a good record is refused beside a hostile one");
    }
}

/// What a topic delivers.
fn notifications(draw: &mut Draw) -> String {
    let sns = notification(wrapped(draw), draw);
    format!(r#"{{"Records":[{{"EventSource":"aws:sns","Sns":{sns}}}]}}"#)
}

/// A hostile text in some envelopes, or in more than anybody opens.
fn wrapped(draw: &mut Draw) -> String {
    let text = if draw.once_in(4) { texts::any(draw) } else { requests::request(draw) };
    let layers = draw.pick(&[0, 0, 1, 2, 3, 10]);
    (0..layers).fold(text, |text, _| match draw.once_in(2) {
        // Each notification doubles the escapes of what is in it.
        _ if text.len() > 20_000 => text,
        true => notification(text, draw),
        false => event(text, draw),
    })
}

fn notification(text: String, draw: &mut Draw) -> String {
    let (id, time) = (id(draw), time(draw));
    format!(r#"{{"Type":"Notification","MessageId":{id},"Timestamp":{time},"Message":{}}}"#, quoted(&text))
}

fn event(text: String, draw: &mut Draw) -> String {
    let (id, time) = (id(draw), time(draw));
    format!(r#"{{"id":{id},"time":{time},"detail-type":"Cancel Request","source":{id},"detail":{text}}}"#)
}

fn id(draw: &mut Draw) -> String {
    match draw.once_in(4) {
        true => texts::json(draw),
        false => r#""id-1""#.into(),
    }
}

fn time(draw: &mut Draw) -> String {
    match draw.once_in(4) {
        true => texts::json(draw),
        false => draw
            .pick(&[
                r#""2026-01-02T03:04:05Z""#,
                r#""9999-12-31T23:59:59.999Z""#,
                r#""0000-01-01T00:00:00Z""#,
            ])
            .into(),
    }
}
