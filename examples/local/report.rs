//! What became of one event, put together from what the simulator saw and the function said: its
//! calls, its outcomes, its answer to Lambda. The report is data; how it looks is `screen`'s work.

use std::time::Duration;

use countermand_simulator::{Call, Published, Reply};
use serde::Serialize;
use serde_json::Value;

use crate::arrival::Arrival;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub event: String,
    /// Absent where the function refuses the event as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrived: Option<Arrival>,
    /// With times from the moment at which the event was handed over.
    pub calls: Vec<Call>,
    pub outcomes: Vec<Value>,
    /// The records of a batch that come again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub going_back: Vec<GoingBack>,
    pub response: Answer,
    /// Every record was acknowledged.
    pub acknowledged: bool,
}

/// A record that its queue gives again.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GoingBack {
    pub id: String,
    pub status: String,
    /// Absent where only the queue's own visibility timeout says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_again_in_seconds: Option<u64>,
}

/// What Lambda heard.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "value", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    Response(Value),
    FunctionError {
        error_type: String,
        /// JSON where it is JSON.
        error_message: Value,
    },
    InitError {
        error_type: String,
        error_message: String,
    },
    TimedOut,
    /// The function's process ended without an answer.
    Died {
        how: String,
        last_words: Vec<String>,
    },
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        match reply {
            Reply::Response(text) => Answer::Response(value(&text)),
            Reply::FunctionError { error_type, error_message } => {
                Answer::FunctionError { error_type, error_message: value(&error_message) }
            }
            Reply::InitError { error_type, error_message } => Answer::InitError { error_type, error_message },
            Reply::TimedOut => Answer::TimedOut,
        }
    }
}

/// JSON where the text is JSON, else the text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

impl Answer {
    /// Whether each record was acknowledged: a batch names those that were not, everything else
    /// reports an error.
    fn acknowledges(&self) -> bool {
        match self {
            Answer::Response(response) => {
                let failures = response.get("batchItemFailures").and_then(Value::as_array);
                failures.is_none_or(Vec::is_empty)
            }
            _ => false,
        }
    }
}

impl Report {
    /// Puts a report together. `handed_over` is the simulator's age when the event was handed over,
    /// `log` what the function wrote since then.
    pub fn new(
        event: String,
        arrived: Option<Arrival>,
        (mut calls, published): (Vec<Call>, Vec<Published>),
        handed_over: Duration,
        response: Answer,
        log: &[String],
    ) -> Report {
        let offset = u64::try_from(handed_over.as_millis()).unwrap_or(u64::MAX);
        for call in &mut calls {
            call.at = call.at.saturating_sub(offset);
        }
        let mut outcomes = Vec::new();
        let published = published.iter().map(|message| value(&message.body));
        let logged = log.iter().filter_map(|line| logged_outcome(line));
        // One outcome can be seen in several places, and published twice where a reply was lost.
        for outcome in published.chain(answered(&response)).chain(logged).filter(is_outcome) {
            if !outcomes.iter().any(|known| is_same(known, &outcome)) {
                outcomes.push(outcome);
            }
        }
        // The small world has no such queue; what counts is what the function asks for.
        let (hidden, calls): (Vec<Call>, Vec<Call>) =
            calls.into_iter().partition(|call| call.operation == "sqs.ChangeMessageVisibility");
        let going_back = going_back(&response, arrived.as_ref(), &outcomes, &hidden);
        let acknowledged = response.acknowledges();
        Report { event, arrived, calls, outcomes, going_back, response, acknowledged }
    }
}

/// The records that a batch's answer names. One without an outcome was deferred: that is not published.
fn going_back(
    answer: &Answer,
    arrived: Option<&Arrival>,
    outcomes: &[Value],
    hidden: &[Call],
) -> Vec<GoingBack> {
    let Answer::Response(response) = answer else { return Vec::new() };
    let failures = response["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
    let one = |failure: &Value| {
        let id = failure["itemIdentifier"].as_str().unwrap_or_default();
        let outcome = outcomes.iter().find(|outcome| outcome["source"]["id"] == id);
        let status = outcome.and_then(|outcome| outcome["status"].as_str()).unwrap_or("DEFERRED");
        let records = arrived.map_or(&[][..], |arrived| arrived.records.as_slice());
        let record = records.iter().find(|record| record.id.as_deref() == Some(id));
        let receipt = record.and_then(|record| record.receipt_handle.as_deref());
        let call =
            hidden.iter().find(|call| receipt.is_some() && call.request["ReceiptHandle"].as_str() == receipt);
        GoingBack {
            id: id.into(),
            status: status.into(),
            seen_again_in_seconds: call.and_then(|call| call.request["VisibilityTimeout"].as_u64()),
        }
    };
    failures.iter().map(one).collect()
}

/// The outcomes in the answer itself.
fn answered(answer: &Answer) -> Vec<Value> {
    match answer {
        Answer::Response(Value::Array(outcomes)) => outcomes.clone(),
        Answer::FunctionError { error_message: Value::Array(outcomes), .. } => outcomes.clone(),
        Answer::Response(outcome) | Answer::FunctionError { error_message: outcome, .. } => {
            vec![outcome.clone()]
        }
        _ => Vec::new(),
    }
}

/// The outcome in a line of the function's log, which holds it where it is published nowhere.
pub fn logged_outcome(line: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    serde_json::from_str(fields.get("outcome")?.as_str()?).ok()
}

fn is_outcome(value: &Value) -> bool {
    matches!(value["type"].as_str(), Some("CancellationOutcome" | "CancellationAttemptFailed"))
}

/// Whether both tell of one request of one record.
fn is_same(one: &Value, other: &Value) -> bool {
    ["requestId", "source", "completedAt", "target"].iter().all(|field| one[field] == other[field])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(response: Reply, published: &[Value], log: &[String]) -> Report {
        let published = published
            .iter()
            .map(|body| {
                let message = json!({"destination": "bus:outcomes", "body": body.to_string()});
                serde_json::from_value(message).unwrap()
            })
            .collect();
        let call = json!({"at": 105, "operation": "o", "request": {}, "requestId": "r"});
        let calls = vec![serde_json::from_value(call).unwrap()];
        let handed_over = Duration::from_millis(100);
        Report::new("e.json".into(), None, (calls, published), handed_over, response.into(), log)
    }

    #[test]
    fn an_outcome_seen_in_several_places_is_one_outcome() {
        let outcome =
            |id: &str| json!({"type": "CancellationOutcome", "requestId": id, "status": "ACCEPTED"});
        let line = json!({"fields": {"message": "outcome", "outcome": outcome("b").to_string()}}).to_string();
        let response = Reply::Response(outcome("a").to_string());
        let report =
            report(response, &[outcome("a"), outcome("a"), json!({"type": "Other"})], &[line, "text".into()]);
        let ids: Vec<_> = report.outcomes.iter().map(|outcome| &outcome["requestId"]).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(report.calls[0].at, 5);
    }

    #[test]
    fn what_goes_back_without_an_outcome_was_deferred() {
        let arrived = Arrival::read(include_str!("../../events/sqs-mixed-batch.json")).unwrap();
        let id = |record: usize| arrived.records[record].id.clone().unwrap();
        let outcomes = [json!({"status": "FAILED", "source": {"id": id(1)}})];
        let call = json!({"at": 5, "operation": "sqs.ChangeMessageVisibility", "requestId": "r", "request": {
            "ReceiptHandle": arrived.records[3].receipt_handle, "VisibilityTimeout": 7}});
        let hidden = [serde_json::from_value(call).unwrap()];
        let failures = json!([{"itemIdentifier": id(1)}, {"itemIdentifier": id(3)}]);
        let answer = Answer::Response(json!({"batchItemFailures": failures}));
        let expected = [(1, "FAILED", None), (3, "DEFERRED", Some(7))].map(|(record, status, seconds)| {
            GoingBack { id: id(record), status: status.into(), seen_again_in_seconds: seconds }
        });
        assert_eq!(going_back(&answer, Some(&arrived), &outcomes, &hidden), expected);
    }

    #[test]
    fn only_an_answer_without_failures_acknowledges() {
        let error = |message: &str| Reply::FunctionError {
            error_type: "CancelFailed".into(),
            error_message: message.into(),
        };
        let cases = [
            (Reply::Response(r#"{"batchItemFailures":[]}"#.into()), true),
            (Reply::Response(r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#.into()), false),
            (Reply::Response("null".into()), true),
            (Reply::Response(r#"{"type":"CancellationOutcome"}"#.into()), true),
            (error("{}"), false),
            (Reply::TimedOut, false),
        ];
        for (reply, expected) in cases {
            assert_eq!(report(reply.clone(), &[], &[]).acknowledged, expected, "{reply:?}");
        }
    }
}
