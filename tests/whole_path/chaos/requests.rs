//! What is sent: requests good and bad, and what each of them wishes for.
//!
//! A wish is known because the text was made from it, not by reading the text: the checks share no code
//! with the function.

use std::ops::RangeInclusive;

use countermand_simulator::Timestamp;
use fastrand::Rng;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::draw::{at, pick};

pub const FLOWS: usize = 3;
/// Some of them begin in the course of the round.
pub const RUNS: usize = 7;
pub const DOMAIN: &str = "billing";
pub const WORKFLOWS: usize = 3;
pub const CLOUDFLOW: &str = "etl";
pub const EXECUTIONS: usize = 4;

/// A message for the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it is sent.
    pub at: i64,
    pub body: String,
    pub wish: Wish,
    pub dry_run: bool,
    /// When the request, and each envelope around it, says that it was made.
    pub times: Vec<RangeInclusive<i64>>,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Runs of an AppFlow flow; none named are all that are active.
    Runs { flow: String, ids: Option<Vec<String>> },
    /// A run of an SWF workflow; none named is whichever is open.
    Workflow { id: String, run_id: Option<String> },
    /// An execution of the CloudFlow flow.
    Execution { name: String },
    /// Nothing that could be done.
    Invalid,
    /// Nothing: it is one of the function's own messages.
    Ours,
}

pub fn draw(random: &mut Rng, base: Timestamp) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let bursts: Vec<i64> = (0..random.usize(1..4)).map(|_| random.i64(0..60_000)).collect();
    for number in 0..random.usize(3..14) {
        let sent = pick(random, &bursts) + random.i64(0..300);
        let again = (random.u8(..6) == 0).then(|| messages.get(random.usize(..number.max(1)))).flatten();
        let message = match again {
            Some(message) => Message { at: sent, ..message.clone() },
            None => message(random, base, sent, number),
        };
        messages.push(message);
    }
    messages.sort_by_key(|message| message.at);
    messages
}

fn message(random: &mut Rng, base: Timestamp, sent: i64, number: usize) -> Message {
    let wish = wish(random);
    let mut body = body(&wish);
    let dry_run = random.u8(..10) == 0;
    let made_at = (random.u8(..5) == 0).then(|| sent - random.i64(0..200_000));
    let mut times: Vec<_> = made_at.map(|made_at| made_at..=made_at).into_iter().collect();
    let body = match &wish {
        Wish::Invalid => invalid(random),
        Wish::Ours => json!({"type": ours(random), "version": "1", "requestId": "x"}).to_string(),
        _ => {
            if random.bool() {
                body["requestId"] = json!(format!("request-{number}"));
            }
            if dry_run {
                body["dryRun"] = json!(true);
            }
            if let Some(made_at) = made_at {
                body["requestedAt"] = json!(at(base, made_at));
            }
            body.to_string()
        }
    };
    let layers = pick(random, &[0, 0, 1, 2]);
    let body = (0..layers).fold(body, |body, _| envelope(random, base, sent, body, &mut times));
    Message { at: sent, body, wish, dry_run, times }
}

/// A text in an event, whose time is in whole seconds, or in a notification; some have a clock that is wrong.
fn envelope(
    random: &mut Rng,
    base: Timestamp,
    sent: i64,
    text: String,
    times: &mut Vec<RangeInclusive<i64>>,
) -> String {
    let earliest = pick(random, &[0, -2_000, -200_000]);
    let made_at = if random.u8(..5) == 0 { sent + 90_000 } else { sent + random.i64(earliest..=0) };
    let time = at(base, made_at).to_string();
    let Some(detail) = serde_json::from_str::<&RawValue>(&text).ok().filter(|_| random.bool()) else {
        times.push(made_at..=made_at);
        return json!({"Type": "Notification", "Timestamp": time, "Message": text}).to_string();
    };
    let (second, millis) = time.split_once('.').expect("a time with milliseconds");
    let begin = made_at - millis.trim_end_matches('Z').parse::<i64>().expect("milliseconds");
    times.push(begin..=begin + 999);
    format!(r#"{{"detail-type": "Cancel Request", "time": "{second}Z", "detail": {detail}}}"#)
}

fn wish(random: &mut Rng) -> Wish {
    // Most are for one flow, so that they share calls.
    let flow = pick(random, &["flow-0", "flow-0", "flow-0", "flow-1", "flow-2", "nowhere"]).to_owned();
    match random.u8(..20) {
        0..=5 => {
            let mut ids: Vec<String> = (0..RUNS + 1).map(|run| format!("r-{run}")).collect();
            random.shuffle(&mut ids);
            ids.truncate(random.usize(1..5));
            Wish::Runs { flow, ids: Some(ids) }
        }
        6..=10 => Wish::Runs { flow, ids: None },
        11..=15 => {
            let workflow = random.usize(..WORKFLOWS);
            let id = format!("w-{workflow}");
            let runs = ["old-0", "old-1", "open", "open", "new-0", "never"];
            let run_id = random.bool().then(|| format!("w-{workflow}-{}", pick(random, &runs)));
            Wish::Workflow { id, run_id }
        }
        16 | 17 => Wish::Execution { name: format!("e-{}", random.usize(..EXECUTIONS + 1)) },
        18 => Wish::Invalid,
        _ => {
            if random.bool() {
                Wish::Invalid
            } else {
                Wish::Ours
            }
        }
    }
}

fn body(wish: &Wish) -> Value {
    match wish {
        Wish::Runs { flow, ids: Some(ids) } => {
            json!({"service": "appflow", "flowName": flow, "executionIds": ids})
        }
        Wish::Runs { flow, ids: None } => json!({"service": "appflow", "flowName": flow}),
        Wish::Workflow { id, run_id: Some(run_id) } => {
            json!({"service": "swf", "domain": DOMAIN, "workflowId": id, "runId": run_id})
        }
        Wish::Workflow { id, run_id: None } => json!({"service": "swf", "domain": DOMAIN, "workflowId": id}),
        Wish::Execution { name } => {
            json!({"service": "cloudflow", "flowName": CLOUDFLOW, "executionName": name})
        }
        Wish::Invalid | Wish::Ours => Value::Null,
    }
}

fn ours(random: &mut Rng) -> &'static str {
    pick(random, &["CancellationOutcome", "CancellationAttemptFailed", "CancellationConfirmation"])
}

/// Each is nearly a request for runs that are there.
fn invalid(random: &mut Rng) -> String {
    let texts = [
        "",
        "null",
        "[]",
        "{\"service\": \"appflow\", \"flowName\": \"flow-0\"",
        r#"{"service": "appflow", "flowName": "flow-0", "executionIds": []}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "executionIds": null}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "executionIds": "r-0"}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "executionIds": ["r-0", 1]}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "executionIDs": ["r-0"]}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "flowName": "flow-1"}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "scope": "ALL_ACTIVE", "executionIds": ["r-0"]}"#,
        r#"{"service": "appflow", "flowName": "flow-0", "dryRun": "yes"}"#,
        r#"{"service": "appflow", "flowName": "flow-0\ud800"}"#,
        r#"{"service": "swf", "domain": "billing", "workflowId": "w-0", "runId": null}"#,
        r#"{"service": "swf", "domain": "billing", "workflowId": "w-0", "runid": "w-0-open"}"#,
        r#"{"service": "cloudflow", "flowName": "etl", "FlowName": "etl", "executionName": "e-0"}"#,
        r#"{"service": "glue", "flowName": "flow-0"}"#,
        "\u{0}\u{7f}\u{feff}{\"service\": \"appflow\", \"flowName\": \"flow-0\"}",
    ];
    match random.usize(..texts.len() + 2) {
        0 => "[".repeat(20_000),
        1 => format!(r#"{{"service": "appflow", "flowName": "{}"}}"#, "x".repeat(100_000)),
        text => texts[text - 2].into(),
    }
}
