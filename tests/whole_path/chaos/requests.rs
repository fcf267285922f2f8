//! What is sent: requests good and bad, and what each of them wishes for.
//!
//! A wish is known because the text was made from it, not by reading the text: the checks share no code
//! with the function.

use std::ops::RangeInclusive;

use countermand_simulator::Timestamp;
use fastrand::Rng;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::services::draw::{Wanted, at, pick};
use crate::services::{SERVICES, Service};

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
#[derive(Clone, Debug)]
pub enum Wish {
    For(Wanted),
    /// Nothing that could be done.
    Invalid,
    /// Nothing: it is one of the function's own messages.
    Ours,
}

pub fn draw(random: &mut Rng, base: Timestamp) -> Vec<Message> {
    // One service gets more than the others, so that its requests meet.
    let favorite = pick(random, &SERVICES);
    let mut messages: Vec<Message> = Vec::new();
    let bursts: Vec<i64> = (0..random.usize(1..4)).map(|_| random.i64(0..60_000)).collect();
    for number in 0..random.usize(3..14) {
        let sent = pick(random, &bursts) + random.i64(0..300);
        let again = (random.u8(..6) == 0).then(|| messages.get(random.usize(..number.max(1)))).flatten();
        let message = match again {
            Some(message) => Message { at: sent, ..message.clone() },
            None => {
                let service = if random.bool() { favorite } else { pick(random, &SERVICES) };
                message(random, base, sent, number, service)
            }
        };
        messages.push(message);
    }
    messages.sort_by_key(|message| message.at);
    messages
}

fn message(
    random: &mut Rng,
    base: Timestamp,
    sent: i64,
    number: usize,
    service: &'static Service,
) -> Message {
    let wanted = Wanted::draw(random, service);
    let mut body = wanted.request();
    let wish = match random.u8(..40) {
        0..=2 => Wish::Invalid,
        3 => Wish::Ours,
        _ => Wish::For(wanted.clone()),
    };
    let dry_run = random.u8(..10) == 0;
    let made_at = (random.u8(..5) == 0).then(|| sent - random.i64(0..200_000));
    let mut times: Vec<_> = made_at.map(|made_at| made_at..=made_at).into_iter().collect();
    let body = match &wish {
        Wish::Invalid => invalid(random, &wanted),
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

fn ours(random: &mut Rng) -> &'static str {
    pick(random, &["CancellationOutcome", "CancellationAttemptFailed", "CancellationConfirmation"])
}

/// Each is nearly that request.
fn invalid(random: &mut Rng, wanted: &Wanted) -> String {
    let request = wanted.request();
    let text = request.to_string();
    let names = wanted.service.names;
    let with = |name: &str, value: Value| {
        let mut request = request.clone();
        request[name] = value;
        request.to_string()
    };
    match random.u8(..16) {
        0 => String::new(),
        1 => "null".into(),
        2 => "[]".into(),
        3 => text[..text.len() - 1].into(),
        4 => with(names, json!([])),
        5 => with(names, Value::Null),
        6 => with(names, json!(["r-0", 1])),
        7 => with(&names.to_lowercase(), json!("r-0")),
        8 => with("dryRun", json!("yes")),
        9 => with("service", json!("glue")),
        10 => with("scope", json!("SOME")),
        11 => text.replacen('{', r#"{"service":"glue","#, 1),
        12 => text.replacen('{', r#"{"reason":"\ud800","#, 1),
        13 => format!("\u{0}\u{7f}\u{feff}{text}"),
        14 => "[".repeat(20_000),
        _ => with("requestedBy", json!("x".repeat(100_000))),
    }
}
