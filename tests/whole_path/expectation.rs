//! What a case expects to have happened, and its comparison with what did.
//!
//! It knows the simulator's ledger and what was published, and nothing of how the function was run.

use countermand_simulator::{Reply, Simulator};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::matching::{difference, difference_in_any_order};

/// What must have happened. What is not named is not looked at, but for `response` and `error`: the
/// one that is not named must not have come.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expectation {
    #[serde(deserialize_with = "even_null")]
    response: Option<Value>,
    /// A function error: its type, and its message as JSON where it is JSON.
    error: Option<Value>,
    /// A part of the message of an init error.
    init_error: Option<String>,
    /// Every call to a service that cancels, in any order.
    calls: Option<Vec<Value>>,
    /// The operations of those calls, in the order in which they arrived.
    order: Option<Vec<String>>,
    /// Every call that publishes, in order.
    publish_calls: Option<Vec<Value>>,
    /// Every record that was given back to its queue: its receipt handle, and for how many seconds.
    given_back: Option<Vec<Value>>,
    /// The operations of the calls that gave them back.
    give_back_calls: Option<Vec<Value>>,
    /// Every message that arrived, its body as JSON.
    published: Option<Vec<Value>>,
    /// How long the answer took, in milliseconds.
    pub took_ms: Option<Value>,
    /// Parts of the log.
    log: Vec<String>,
    /// What the log says once and not again.
    log_once: Vec<String>,
    /// What the log must not hold.
    not_in_log: Vec<String>,
    /// The state afterwards.
    world: Option<Value>,
}

/// `null` is a response like any other.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Expectation {
    /// The first difference between what must have happened and what did.
    pub fn difference(&self, simulator: &Simulator, reply: Reply, log: &str) -> Option<String> {
        let calls: Vec<Value> = simulator.ledger().iter().map(|call| json!(call)).collect();
        let (giving_back, calls): (Vec<Value>, Vec<Value>) = calls.into_iter().partition(|call| {
            let operation = call["operation"].as_str().unwrap_or_default();
            operation.starts_with("sqs.ChangeMessageVisibility")
        });
        let given_back: Vec<Value> = giving_back
            .iter()
            .flat_map(|call| match &call["request"]["Entries"] {
                Value::Array(entries) => entries.clone(),
                _ => vec![call["request"].clone()],
            })
            .map(|entry| json!([entry["ReceiptHandle"], entry["VisibilityTimeout"]]))
            .collect();
        let give_back_calls: Vec<&Value> = giving_back.iter().map(|call| &call["operation"]).collect();
        let (publishing, canceling): (Vec<Value>, Vec<Value>) = calls.into_iter().partition(|call| {
            let operation = call["operation"].as_str().unwrap_or_default();
            ["eventbridge.", "sns.", "sqs."].iter().any(|service| operation.starts_with(service))
        });
        let published: Vec<Value> = simulator
            .published()
            .iter()
            .map(|message| {
                let mut value = json!(message);
                value["body"] = serde_json::from_str(&message.body).unwrap_or_default();
                value
            })
            .collect();
        let world = json!(simulator.world());
        self.check_reply(reply)
            .or_else(|| difference_in_any_order(self.calls.as_ref()?, &canceling, "calls"))
            .or_else(|| {
                let arrived: Vec<&Value> = canceling.iter().map(|call| &call["operation"]).collect();
                difference(&json!(self.order.as_ref()?), &json!(arrived), "order")
            })
            .or_else(|| difference(&json!(self.publish_calls.as_ref()?), &json!(publishing), "publishCalls"))
            .or_else(|| difference_in_any_order(self.given_back.as_ref()?, &given_back, "givenBack"))
            .or_else(|| {
                difference(&json!(self.give_back_calls.as_ref()?), &json!(give_back_calls), "giveBackCalls")
            })
            .or_else(|| difference(&json!(self.published.as_ref()?), &json!(published), "published"))
            .or_else(|| difference(self.world.as_ref()?, &world, "world"))
            .or_else(|| {
                self.log.iter().find(|part| !log.contains(*part)).map(|part| format!("log: expected {part}"))
            })
            .or_else(|| {
                let wrong = self.log_once.iter().find(|part| log.matches(part.as_str()).count() != 1);
                wrong.map(|part| format!("log: expected {part} once"))
            })
            .or_else(|| {
                let found = self.not_in_log.iter().find(|part| log.contains(*part));
                found.map(|part| format!("log: expected no {part}"))
            })
    }

    fn check_reply(&self, reply: Reply) -> Option<String> {
        let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        match (reply, &self.response, &self.error, &self.init_error) {
            (Reply::Response(text), Some(expected), None, None) => {
                difference(expected, &json(text), "response")
            }
            (Reply::FunctionError { error_type, error_message }, None, Some(expected), None) => {
                let actual = json!({"errorType": error_type, "errorMessage": json(error_message)});
                difference(expected, &actual, "error")
            }
            (Reply::InitError { error_message, .. }, None, None, Some(part)) => (!error_message
                .contains(part))
            .then(|| format!("initError: expected {part}, got {error_message}")),
            (reply, ..) => Some(format!("expected a reply of another kind, got {reply:?}")),
        }
    }
}
