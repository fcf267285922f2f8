//! Abbreviations in a case file, so that a reader sees what matters.
//!
//! `{"<json>": …}` is that JSON as a string, `{"<list>": ["id-{}", 250]}` is `id-0` to `id-249`, objects with
//! such a text too, and `{"<long>": ["x", 5000]}` is that text so many times. `sqs` builds a batch out of its requests.

use serde_json::{Value, json};

/// Spells out every abbreviation.
pub fn expand(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(expand).collect()),
        Value::Object(members) => {
            let abbreviation = members.iter().next().filter(|_| members.len() == 1);
            match abbreviation.map(|(name, value)| (name.as_str(), value)) {
                Some(("<json>", value)) => Value::String(expand(value.clone()).to_string()),
                Some(("<list>", value)) => {
                    let (item, count) = (value[0].to_string(), number(value));
                    let numbered = |index: usize| item.replace("{}", &index.to_string()).parse::<Value>();
                    (0..count).map(|index| numbered(index).expect("an item stays JSON")).collect()
                }
                Some(("<long>", value)) => {
                    let text = value[0].as_str().expect("an abbreviation begins with its text");
                    Value::String(text.repeat(number(value)))
                }
                _ => members.into_iter().map(|(name, value)| (name, expand(value))).collect(),
            }
        }
        value => value,
    }
}

fn number(value: &Value) -> usize {
    let count = value[1].as_u64().expect("an abbreviation ends with a count");
    usize::try_from(count).expect("a count fits")
}

/// The queue that requests come from.
pub const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:cancel-requests";

/// A batch of SQS messages `m-0`, `m-1`, … with these bodies, an object standing for its JSON.
pub fn sqs_event(queue: &str, bodies: &[Value], receive_count: u64, sent_at: u64) -> Value {
    let records = bodies.iter().enumerate().map(|(index, body)| {
        let body = match body {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        json!({
            "messageId": format!("m-{index}"),
            "receiptHandle": format!("receipt-{index}"),
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": receive_count.to_string(),
                "SentTimestamp": sent_at.to_string(),
                "SenderId": "AROAEXAMPLE:rule",
                "ApproximateFirstReceiveTimestamp": sent_at.to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": queue,
            "awsRegion": "us-east-1",
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}
