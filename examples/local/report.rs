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
    /// Outcomes, and the confirmations of requests that were followed.
    pub outcomes: Vec<Value>,
    /// The records of a batch that come again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub going_back: Vec<GoingBack>,
    pub response: Answer,
    /// Every request was taken, found canceled, or a dry run, and all of it was told.
    pub succeeded: bool,
}

/// A record that its queue gives again.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GoingBack {
    pub id: String,
    /// What it asks for, in a few words.
    pub asks_for: String,
    /// Absent where neither an outcome nor the log tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its outcome is known, and could not be published.
    pub unpublished: bool,
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
            calls.into_iter().partition(|call| call.operation.starts_with("sqs.ChangeMessageVisibility"));
        let going_back = going_back(&response, arrived.as_ref(), &outcomes, &hidden, log);
        let succeeded = response.acknowledges() && outcomes.iter().all(is_success);
        Report { event, arrived, calls, outcomes, going_back, response, succeeded }
    }

    /// How many documents say what, in the order in which it comes up.
    pub fn statuses(&self) -> Vec<(&str, usize)> {
        let mut statuses: Vec<(&str, usize)> = Vec::new();
        for status in self.outcomes.iter().filter_map(|outcome| outcome["status"].as_str()) {
            match statuses.iter_mut().find(|(known, _)| *known == status) {
                Some((_, count)) => *count += 1,
                None => statuses.push((status, 1)),
            }
        }
        statuses
    }
}

/// Whether a document says that what was asked for is on its way, or done.
pub fn is_success(document: &Value) -> bool {
    let good = [
        "ACCEPTED",
        "PARTIAL",
        "ALREADY_CANCELED",
        "DRY_RUN",
        "CONFIRMED",
        "ENDED_OTHERWISE",
        "FORCED",
        "COMPLETED",
    ];
    if document["type"] == "CancellationProgress" {
        return true;
    }
    document["status"].as_str().is_some_and(|status| good.contains(&status))
}

/// The records that a batch's answer names, with what is known of each. The log has a line for each outcome,
/// those included that were not published: one that waits, and one that nobody took.
fn going_back(
    answer: &Answer,
    arrived: Option<&Arrival>,
    outcomes: &[Value],
    hidden: &[Call],
    log: &[String],
) -> Vec<GoingBack> {
    let Answer::Response(response) = answer else { return Vec::new() };
    let failures = response["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
    let records = arrived.map_or(&[][..], |arrived| arrived.records.as_slice());
    let one = |failure: &Value| {
        let id = failure["itemIdentifier"].as_str().unwrap_or_default();
        let record = records.iter().find(|record| record.id.as_deref() == Some(id));
        let outcome = outcomes.iter().find(|outcome| outcome["source"]["id"] == id);
        let told = outcome.and_then(|outcome| outcome["status"].as_str()).map(String::from);
        let logged = record.and_then(|record| logged_status(log, &record.request_id));
        let receipt = record.and_then(|record| record.receipt_handle.as_deref());
        GoingBack {
            id: id.into(),
            asks_for: record.map_or_else(String::new, |record| record.asks_for.clone()),
            unpublished: told.is_none() && logged.as_deref().is_some_and(|status| status != "DEFERRED"),
            status: told.or(logged),
            seen_again_in_seconds: receipt.and_then(|receipt| hidden_for(hidden, receipt)),
        }
    };
    failures.iter().map(one).collect()
}

/// For how many seconds the function asked its queue to hide a record.
fn hidden_for(calls: &[Call], receipt: &str) -> Option<u64> {
    let entries = calls.iter().flat_map(|call| match call.request["Entries"].as_array() {
        Some(entries) => entries.as_slice(),
        None => std::slice::from_ref(&call.request),
    });
    let mut own = entries.filter(|entry| entry["ReceiptHandle"] == receipt);
    own.next_back()?["VisibilityTimeout"].as_u64()
}

/// The status in the function's line about a request.
fn logged_status(log: &[String], request_id: &str) -> Option<String> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut fields = lines.map(|line| line["fields"].clone());
    let line = fields.find(|it| it["message"] == "outcome" && it["requestId"] == request_id)?;
    line["status"].as_str().map(String::from)
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
    let told = ["CancellationOutcome", "CancellationAttemptFailed", "CancellationConfirmation"];
    value["type"].as_str().is_some_and(|kind| told.contains(&kind))
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
    fn what_goes_back_is_told_by_its_outcome_or_by_the_log() {
        let arrived = Arrival::read(include_str!("../../events/sqs-mixed-batch.json")).unwrap();
        let record = |record: usize| &arrived.records[record];
        let id = |place: usize| record(place).id.clone().unwrap();
        let outcomes = [json!({"status": "FAILED", "source": {"id": id(1)}})];
        let call = json!({"at": 5, "operation": "sqs.ChangeMessageVisibilityBatch", "requestId": "r", "request": {
            "Entries": [{"ReceiptHandle": record(3).receipt_handle, "VisibilityTimeout": 7}]}});
        let hidden = [serde_json::from_value(call).unwrap()];
        let failures: Vec<_> = (0..4).map(|place| json!({"itemIdentifier": id(place)})).collect();
        let answer = Answer::Response(json!({"batchItemFailures": failures}));
        let line = |place: usize, status: &str| {
            let fields =
                json!({"message": "outcome", "requestId": record(place).request_id, "status": status});
            json!({"fields": fields}).to_string()
        };
        let log = [line(3, "DEFERRED"), "text".into(), line(0, "ACCEPTED")];
        let expected = [
            (Some("ACCEPTED"), true, None),
            (Some("FAILED"), false, None),
            (None, false, None),
            (Some("DEFERRED"), false, Some(7)),
        ];
        let expected =
            expected.into_iter().enumerate().map(|(place, (status, unpublished, seconds))| GoingBack {
                id: id(place),
                asks_for: record(place).asks_for.clone(),
                status: status.map(String::from),
                unpublished,
                seen_again_in_seconds: seconds,
            });
        let got = going_back(&answer, Some(&arrived), &outcomes, &hidden, &log);
        assert_eq!(got, expected.collect::<Vec<_>>());
    }

    #[test]
    fn only_what_was_taken_canceled_or_rehearsed_and_told_is_a_success() {
        let error = |message: &str| Reply::FunctionError {
            error_type: "CancelFailed".into(),
            error_message: message.into(),
        };
        let batch = || Reply::Response(r#"{"batchItemFailures":[]}"#.into());
        let outcome = |status: &str| vec![json!({"type": "CancellationOutcome", "status": status})];
        let cases = [
            (batch(), vec![], true),
            (Reply::Response(r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#.into()), vec![], false),
            (Reply::Response("null".into()), vec![], true),
            (error("{}"), vec![], false),
            (Reply::TimedOut, vec![], false),
            (batch(), outcome("ACCEPTED"), true),
            (batch(), outcome("PARTIAL"), true),
            (batch(), outcome("ALREADY_CANCELED"), true),
            (batch(), outcome("DRY_RUN"), true),
            (batch(), outcome("REJECTED"), false),
            (batch(), outcome("NOT_FOUND"), false),
            (batch(), outcome("NOT_RUNNING"), false),
            (batch(), [outcome("ACCEPTED"), outcome("DENIED")].concat(), false),
            (batch(), vec![json!({"type": "CancellationConfirmation", "status": "STILL_RUNNING"})], false),
        ];
        for (reply, published, expected) in cases {
            let distinct = published.into_iter().enumerate().map(|(place, mut outcome)| {
                outcome["requestId"] = json!(place);
                outcome
            });
            let published: Vec<_> = distinct.collect();
            assert_eq!(report(reply.clone(), &published, &[]).succeeded, expected, "{reply:?} {published:?}");
        }
    }
}
