//! The inputs, as a table: sample events, each at a time of its own, with and without time for its calls.
//!
//! An invocation that has no time left does what there is to do for a record before its call: it is decoded,
//! validated, planned and joins its limiter. A refused one has its outcome written too; the others go back
//! without. That is our own code alone, so that a few lines too many show. With time, the calls are built, signed and read by the clients too, and their
//! outcomes published.

use std::time::Duration;

use serde_json::{Value, json};

/// An event, and what comes of it.
pub struct Input {
    pub name: &'static str,
    /// A file of `events/`.
    file: &'static str,
    /// So many copies of its first record, each with an id of its own; as it is without.
    copies: Option<usize>,
    /// The body of each copy, in place of the record's own.
    body: Option<fn(usize) -> Value>,
    /// The wall clock, in seconds: shortly after the event was sent, so that no request is late.
    pub now: u64,
    /// What is left of the invocation's time.
    pub given: Duration,
    pub expected: Expected,
}

/// What shows that an input went the way that it is named after.
#[derive(Debug, PartialEq)]
pub struct Expected {
    /// Calls to services, the publishing of outcomes included.
    pub calls: usize,
    /// Records that come again.
    pub go_back: usize,
}

pub const INPUTS: [Input; 10] = [
    uncalled("uncalled.eventbridge-swf-one-run", "eventbridge-swf-one-run", 1_763_631_013, 1),
    uncalled("uncalled.sqs-appflow-partial", "sqs-appflow-partial", 1_763_601_752, 1),
    uncalled("uncalled.sqs-appflow-bad-request", "sqs-appflow-bad-request", 1_763_601_911, 1),
    uncalled("uncalled.sqs-mixed-batch", "sqs-mixed-batch", 1_763_636_401, 4),
    uncalled("uncalled.sqs-cloudflow-backlog", "sqs-cloudflow-backlog", 1_795_161_001, 10),
    Input {
        copies: Some(10),
        ..uncalled("uncalled.sqs-appflow-ten", "sqs-appflow-partial", 1_763_601_752, 10)
    },
    called("called.sqs-appflow-partial", "sqs-appflow-partial", 1_763_601_752, 3),
    called("called.sqs-mixed-batch", "sqs-mixed-batch", 1_763_636_401, 5),
    called("called.sqs-cloudflow-backlog", "sqs-cloudflow-backlog", 1_795_161_001, 12),
    Input {
        copies: Some(40),
        body: Some(interleaved),
        ..called("called.sqs-appflow-interleaved", "sqs-appflow-partial", 1_763_601_752, 105)
    },
];

const fn uncalled(name: &'static str, file: &'static str, now: u64, go_back: usize) -> Input {
    let expected = Expected { calls: 0, go_back };
    Input { name, file, copies: None, body: None, now, given: Duration::ZERO, expected }
}

const fn called(name: &'static str, file: &'static str, now: u64, calls: usize) -> Input {
    let expected = Expected { calls, go_back: 0 };
    Input { name, file, copies: None, body: None, now, given: Duration::from_secs(30), expected }
}

/// The first ten requests name ten thousand ids between them, which take a hundred calls; each of the others is on
/// every call, with ten ids.
fn interleaved(number: usize) -> Value {
    let id = |place: usize| match number {
        0..10 => number * 1_000 + place,
        _ => place * 10 + number % 10,
    };
    let ids: Vec<String> = (0..1_000).map(|place| format!("r{}", id(place))).collect();
    json!({"service": "appflow", "flowName": "orders", "executionIds": ids})
}

impl Input {
    /// The event's text.
    pub fn event(&self) -> String {
        let path = format!("{}/events/{}.json", env!("CARGO_MANIFEST_DIR"), self.file);
        let text = std::fs::read_to_string(path).expect("a sample event can be read");
        let Some(copies) = self.copies else { return text };
        let mut event: Value = serde_json::from_str(&text).expect("an event is JSON");
        let record = event["Records"][0].clone();
        let copy = |number: usize| {
            let mut copy = record.clone();
            copy["messageId"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
            if let Some(body) = self.body {
                copy["body"] = json!(body(number).to_string());
            }
            copy
        };
        event["Records"] = (0..copies).map(copy).collect();
        event.to_string()
    }
}
