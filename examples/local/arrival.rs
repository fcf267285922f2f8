//! What an event holds, for the eye: where it came from, and each record with what it asks for, in a
//! line. The function's own reader finds the records and reads the requests, so that nothing is shown
//! here that it would not do.

use std::time::SystemTime;

use countermand::event_source::{self, Invoked};
use countermand::request::{self, CancelRequest, Reading};
use countermand::timestamp::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What arrived.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// `eventbridge`, `sqs`, `sns` or `direct`.
    pub source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    pub records: Vec<Record>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_count: Option<u32>,
    /// Names this receive when the record is given back.
    #[serde(skip)]
    pub receipt_handle: Option<String>,
    /// What its outcome goes by.
    pub request_id: String,
    /// The request, as JSON where it is JSON.
    pub request: Value,
    /// In a few words.
    #[serde(skip)]
    pub asks_for: String,
    #[serde(skip)]
    pub dry_run: bool,
}

impl Arrival {
    /// Reads an event; `None` where the function itself will refuse it as a whole.
    pub fn read(event: &str) -> Option<Arrival> {
        let raw = event_source::payload(event.as_bytes()).ok()?;
        let now = Timestamp::from(SystemTime::now());
        let delivery = event_source::read(&raw, Invoked { request_id: "", now, before: None }).ok()?;
        // Without a record there is nothing that names the source but the list itself.
        let first = delivery.records.first().map(|record| &record.source);
        Some(Arrival {
            source: first.map_or("sqs", |source| source.kind),
            arn: first.and_then(|source| source.arn.clone()),
            records: delivery.records.iter().map(Record::of).collect(),
        })
    }
}

impl Record {
    fn of(record: &event_source::Record) -> Record {
        let request =
            serde_json::from_str(&record.text).unwrap_or_else(|_| Value::String(record.text.clone()));
        let (asks_for, dry_run) = match request::read(&record.text, Default::default()) {
            Reading::Request(asked) => (asks_for(&asked), asked.dry_run),
            Reading::Ours => ("a message of the function's own".into(), false),
            Reading::FollowUp(_) => ("a check of its own".into(), false),
            Reading::Sweep(_) => ("a step of its own".into(), false),
            Reading::Rejected(_) => ("no valid request".into(), false),
        };
        Record {
            id: record.source.id.clone().filter(|id| !id.is_empty()),
            receive_count: record.source.receive_count,
            receipt_handle: record.receipt_handle.clone(),
            request_id: request["requestId"].as_str().unwrap_or(&record.request_id).into(),
            request,
            asks_for,
            dry_run,
        }
    }

    /// The service that is asked, as the request writes it.
    pub fn service(&self) -> &str {
        self.request.get("service").and_then(Value::as_str).unwrap_or("?")
    }
}

/// The target without its service, and the runs that are meant.
fn asks_for(asked: &CancelRequest) -> String {
    let key = asked.cancellation.key();
    let target = key.split_once(':').map_or(key.as_str(), |(_, target)| target);
    if let Some(sweep) = asked.cancellation.sweep() {
        let (by, value) = sweep.selection.by();
        let value = if value == true { String::new() } else { format!(" {}", cut(&value, 60)) };
        return format!("{target}: {by}{value}, at most {}", sweep.bounds.max_executions);
    }
    match asked.cancellation.named_runs() {
        Some([arn]) if arn.starts_with("arn:") && is_named(target, arn) => target.into(),
        Some(runs) => format!("{target}: {}", list(runs.iter().map(|run| cut(&run.as_str().into(), 40)))),
        None => format!("{target}: every active run"),
    }
}

/// Whether a key says it: a name, or the last part of an ARN.
pub fn is_named(key: &str, name: &str) -> bool {
    key.contains(name)
        || name.starts_with("arn:") && name.rsplit(':').next().is_some_and(|last| key.ends_with(last))
}

/// A value in a few characters: text as it is, anything else as JSON.
pub fn cut(value: &Value, most: usize) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let clean = text.replace(char::is_control, " ");
    match clean.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &clean[..end]),
        None => clean,
    }
}

/// The first few of many, and how many more there are.
pub fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let more = items.len().saturating_sub(SHOWN);
    let shown: Vec<_> = items.take(SHOWN).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_request_becomes_a_line() {
        let cases = [
            (json!({"service": "appflow", "flowName": "orders", "executionIds": ["a", "b"]}), "orders: a, b"),
            (json!({"service": "appflow", "flowName": "orders"}), "orders: every active run"),
            (
                json!({"service": "appflow", "flowName": "orders", "executionIds": ["1", "2", "3", "4", "5", "6"]}),
                "orders: 1, 2, 3, 4, 5 and 1 more",
            ),
            (json!({"service": "swf", "domain": "d", "workflowId": "w"}), "d/w: every active run"),
            (json!({"service": "swf", "domain": "d", "workflowId": "w", "runId": "r"}), "d/w: r"),
            (json!({"service": "cloudflow", "FlowName": "f", "executionName": "e"}), "f: e"),
            (
                json!({"service": "stepfunctions", "executionArn": "arn:aws:states:us-east-1:111122223333:execution:m:e"}),
                "m/e",
            ),
            // What is misspelled is not what would be done without it.
            (json!({"service": "appflow", "flowName": "orders", "executionIdz": ["a"]}), "no valid request"),
            (json!({"service": "kinesis"}), "no valid request"),
            (json!("{"), "no valid request"),
        ];
        for (request, expected) in cases {
            let text = request.as_str().map_or_else(|| request.to_string(), str::to_owned);
            let event = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": text}]});
            let arrival = Arrival::read(&event.to_string()).unwrap();
            assert_eq!(arrival.records[0].asks_for, expected);
        }
    }

    #[test]
    fn an_event_tells_where_it_came_from() {
        let event = include_str!("../../events/sqs-mixed-batch.json");
        let arrival = Arrival::read(event).unwrap();
        assert_eq!((arrival.source, arrival.records.len()), ("sqs", 4));
        assert_eq!(arrival.records[1].receive_count, Some(2));
        let empty = Arrival::read(r#"{"Records": []}"#).unwrap();
        assert!(empty.records.is_empty());
    }
}
