//! What an event holds, for the eye: where it came from, and each record with what it asks for, in a
//! line. The function's own reader finds the records; what they ask for is only looked at here, and
//! never judged.

use std::time::SystemTime;

use countermand::event_source::{self, Invoked};
use countermand::timestamp::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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
    /// The request, as JSON where it is JSON.
    pub request: Value,
}

impl Arrival {
    /// Reads an event; `None` where the function itself will refuse it as a whole.
    pub fn read(event: &str) -> Option<Arrival> {
        let raw = RawValue::from_string(event.to_owned()).ok()?;
        let now = Timestamp::from(SystemTime::now());
        let delivery = event_source::read(&raw, Invoked { request_id: "", now }).ok()?;
        // Without a record there is nothing that names the source but the list itself.
        let first = delivery.records.first().map(|record| &record.source);
        Some(Arrival {
            source: first.map_or("sqs", |source| source.kind),
            arn: first.and_then(|source| source.arn.clone()),
            records: delivery
                .records
                .iter()
                .map(|record| Record {
                    id: record.source.id.clone().filter(|id| !id.is_empty()),
                    receive_count: record.source.receive_count,
                    receipt_handle: record.receipt_handle.clone(),
                    request: serde_json::from_str(&record.text)
                        .unwrap_or_else(|_| Value::String(record.text.clone())),
                })
                .collect(),
        })
    }
}

impl Record {
    /// The service that is asked, as the request writes it.
    pub fn service(&self) -> &str {
        self.request.get("service").and_then(Value::as_str).unwrap_or("?")
    }

    /// Whether the request only wants to hear what would be canceled.
    pub fn is_dry_run(&self) -> bool {
        self.request.get("dryRun") == Some(&Value::Bool(true))
    }

    /// What the service is asked to cancel.
    pub fn asks_for(&self) -> String {
        let Value::Object(request) = &self.request else {
            return format!("not a JSON object: {}", cut(&self.request, 60));
        };
        let field = |names: &[&str]| {
            let found = names.iter().find_map(|name| request.get(*name));
            found.map_or_else(|| "?".to_owned(), |value| cut(value, 64))
        };
        match self.service() {
            "appflow" => format!("{}: {}", field(&["flowName"]), runs(request)),
            "swf" => match request.get("runId") {
                Some(run) => {
                    format!("{}/{}, run {}", field(&["domain"]), field(&["workflowId"]), cut(run, 64))
                }
                None => format!("{}/{}", field(&["domain"]), field(&["workflowId"])),
            },
            "cloudflow" => {
                format!("{}/{}", field(&["flowName", "FlowName"]), field(&["executionName", "ExecutionName"]))
            }
            _ => cut(&self.request, 60),
        }
    }
}

fn runs(request: &Map<String, Value>) -> String {
    match request.get("executionIds") {
        Some(Value::Array(ids)) => list(ids.iter().map(|id| cut(id, 40))),
        Some(other) => cut(other, 40),
        None => "all active runs".into(),
    }
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
            (json!({"service": "appflow", "flowName": "orders"}), "orders: all active runs"),
            (
                json!({"service": "appflow", "flowName": "orders", "executionIds": ["1", "2", "3", "4", "5", "6"]}),
                "orders: 1, 2, 3, 4, 5 and 1 more",
            ),
            (json!({"service": "swf", "domain": "d", "workflowId": "w"}), "d/w"),
            (json!({"service": "swf", "domain": "d", "workflowId": "w", "runId": "r"}), "d/w, run r"),
            (json!({"service": "cloudflow", "FlowName": "f", "executionName": "e"}), "f/e"),
            (json!({"service": "appflow"}), "?: all active runs"),
            (json!({"service": "kinesis"}), r#"{"service":"kinesis"}"#),
            (json!("{"), "not a JSON object: {"),
        ];
        for (request, expected) in cases {
            let record = Record { id: None, receive_count: None, receipt_handle: None, request };
            assert_eq!(record.asks_for(), expected);
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
