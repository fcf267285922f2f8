//! EventBridge's `PutEvents`, awsJson 1.1: entries fail one by one inside a 200, a request fails as
//! a whole where it has too many entries or bytes. What reaches a bus is recorded as published.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::batch::entries;
use crate::ledger::Published;
use crate::refusal::{Failure, json_error};
use crate::service::{AWS_HEADERS, Operation, Service, Spec, aws_request_id, aws_target, aws_unknown_action};
use crate::sigv4::Door;
use crate::sigv4::resource_name;
use crate::wire::{Answer, Request};
use crate::work::{FailingEntries, Turn, Work};

const LARGEST_REQUEST: usize = 1_048_576;

const DOOR: Door = Door { scope: "events", content_type: "application/x-amz-json-1.1", names: &[] };

impl Operation {
    pub const PUT_EVENTS: Operation = Operation(&Spec {
        name: "eventbridge.PutEvents",
        read: |request| Ok(Box::new(PutEvents::read(request)?)),
        takes_entries: true,
        about: |request| entries(request["Entries"].as_array().map_or(0, Vec::len)),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "eventbridge",
    operations: &[Operation::PUT_EVENTS],
    runs: None,
    action: |request| aws_target(request, "AWSEvents"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "ThrottlingException", "Rate exceeded"),
    internal_error: "InternalFailure",
    refuse: |Failure { status, code, message, .. }, _| {
        json_error(*status, "application/x-amz-json-1.1", code, message)
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

pub(crate) struct PutEvents {
    entries: Vec<Map<String, Value>>,
}

impl PutEvents {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let mut body = request.json_object().map_err(serialization)?;
        let Some(Value::Array(entries)) = body.remove("Entries") else {
            return Err(validation(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must not be null",
            ));
        };
        let entries: Vec<_> = entries
            .into_iter()
            .map(|entry| match entry {
                Value::Object(entry) => Ok(entry),
                _ => Err(serialization("Entries: expected objects".into())),
            })
            .collect::<Result<_, _>>()?;
        if !(1..=10).contains(&entries.len()) {
            return Err(validation(&format!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length \
                 between 1 and 10, got {}",
                entries.len()
            )));
        }
        let total: usize = entries.iter().map(size).sum();
        if total >= LARGEST_REQUEST {
            return Err(validation("Total size of the entries in the request is over the limit."));
        }
        Ok(PutEvents { entries })
    }
}

/// The size of an entry, counted as the service counts it.
fn size(entry: &Map<String, Value>) -> usize {
    let text = |field: &str| text(entry, field).map_or(0, str::len);
    let time = if entry.contains_key("Time") { 14 } else { 0 };
    let resources = match entry.get("Resources") {
        Some(Value::Array(resources)) => resources.iter().filter_map(Value::as_str).map(str::len).sum(),
        _ => 0,
    };
    time + text("Source") + text("DetailType") + text("Detail") + resources
}

fn text<'a>(entry: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    entry.get(field).and_then(Value::as_str)
}

fn validation(message: &str) -> Failure {
    Failure::new(400, "ValidationException", message)
}

fn serialization(message: String) -> Failure {
    Failure::new(400, "SerializationException", message)
}

/// What is wrong with an entry, as its error code and message.
fn flaw(entry: &Map<String, Value>, buses: &[String]) -> Option<(&'static str, String)> {
    for field in ["Source", "DetailType", "Detail"] {
        if text(entry, field).is_none_or(str::is_empty) {
            let message = format!("Parameter {field} is not valid. Reason: {field} is a required argument.");
            return Some(("InvalidArgument", message));
        }
    }
    if text(entry, "Source").is_some_and(|source| source.starts_with("aws.")) {
        return Some(("NotAuthorizedForSourceException", "Not authorized for the source.".into()));
    }
    if text(entry, "DetailType").is_some_and(|detail_type| detail_type.chars().count() > 128) {
        let message = "Parameter DetailType is not valid. Reason: Detail type is longer than 128 characters.";
        return Some(("InvalidArgument", message.into()));
    }
    let detail = text(entry, "Detail").unwrap_or_default();
    if serde_json::from_str::<BTreeMap<String, Value>>(detail).is_err() {
        return Some(("MalformedDetail", "Detail is malformed.".into()));
    }
    let bus = bus(entry);
    // Every account has the default bus.
    if bus.is_none_or(|bus| bus != "default" && !buses.iter().any(|known| known == bus)) {
        let message = "Parameter EventBusName is not valid. Reason: the event bus does not exist.";
        return Some(("InvalidArgument", message.into()));
    }
    None
}

fn bus(entry: &Map<String, Value>) -> Option<&str> {
    resource_name(text(entry, "EventBusName").unwrap_or("default"), "events", "event-bus/")
}

impl Work for PutEvents {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let mut results = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(failing) = FailingEntries::of(turn, index) {
                results.push(json!({"ErrorCode": failing.code, "ErrorMessage": failing.message}));
                continue;
            }
            if let Some((code, message)) = flaw(entry, &turn.state.world.buses) {
                results.push(json!({"ErrorCode": code, "ErrorMessage": message}));
                continue;
            }
            turn.state.published.push(Published {
                destination: format!("bus:{}", bus(entry).unwrap_or_default()),
                source: text(entry, "Source").map(Into::into),
                detail_type: text(entry, "DetailType").map(Into::into),
                attributes: BTreeMap::new(),
                body: text(entry, "Detail").unwrap_or_default().to_owned(),
            });
            results.push(json!({"EventId": Uuid::new_v4().to_string()}));
        }
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        let reply = json!({"FailedEntryCount": failed, "Entries": results});
        Ok(Answer::new(200, "application/x-amz-json-1.1", reply.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::request;
    use crate::work::State;
    use crate::world::World;

    fn read(body: &Value) -> Result<PutEvents, Failure> {
        PutEvents::read(&request("POST", "/", &[], &body.to_string()))
    }

    fn entry(changes: Value) -> Value {
        let mut entry = json!({"Source": "countermand", "DetailType": "Cancellation Outcome", "Detail": "{\"a\":1}", "EventBusName": "outcomes"});
        for (name, value) in changes.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    }

    #[test]
    fn entries_fail_one_by_one() {
        let mut state = State::new(World::seeded());
        let cases = [
            (json!({}), Value::Null),
            (
                json!({"EventBusName": "arn:aws:events:us-east-1:111122223333:event-bus/outcomes"}),
                Value::Null,
            ),
            (json!({"EventBusName": null}), Value::Null),
            (json!({"EventBusName": "nothing"}), json!("InvalidArgument")),
            (
                json!({"EventBusName": "arn:aws:events:eu-west-1:111122223333:event-bus/outcomes"}),
                json!("InvalidArgument"),
            ),
            (json!({"Source": "aws.swf"}), json!("NotAuthorizedForSourceException")),
            (json!({"DetailType": "x".repeat(129)}), json!("InvalidArgument")),
            (json!({"DetailType": "x".repeat(128)}), Value::Null),
            (json!({"Detail": "[]"}), json!("MalformedDetail")),
            (json!({"Detail": ""}), json!("InvalidArgument")),
        ];
        let entries: Vec<_> = cases.iter().map(|(changes, _)| entry(changes.clone())).collect();
        let mut turn =
            Turn { state: &mut state, request_id: "id-1", base_url: "http://127.0.0.1", failing: None };
        let answer = read(&json!({"Entries": entries})).unwrap().run(&mut turn).unwrap();
        let reply: Value = serde_json::from_slice(&answer.body).unwrap();
        for (index, (changes, code)) in cases.iter().enumerate() {
            assert_eq!(reply["Entries"][index]["ErrorCode"], *code, "{changes}");
            assert_eq!(reply["Entries"][index]["EventId"].is_string(), code.is_null(), "{changes}");
        }
        assert_eq!(reply["FailedEntryCount"], 6);
        assert_eq!(state.published.len(), 4);
        assert_eq!(state.published[1].destination, "bus:outcomes");
    }

    #[test]
    fn requests_fail_as_a_whole() {
        let large = entry(json!({"Detail": format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST_REQUEST / 2))}));
        let cases = [
            (json!({}), "ValidationException"),
            (json!({"Entries": []}), "ValidationException"),
            (json!({"Entries": vec![entry(json!({})); 11]}), "ValidationException"),
            (json!({"Entries": [large, large]}), "ValidationException"),
            (json!({"Entries": ["x"]}), "SerializationException"),
        ];
        for (body, code) in cases {
            assert_eq!(read(&body).err().map(|failure| failure.code).as_deref(), Some(code));
        }
        assert!(read(&json!({"Entries": vec![entry(json!({})); 10]})).is_ok());
    }
}
