//! Any nesting of envelopes, in any order, with whatever ids and times they have.
//!
//! What must come of it is known from the contract alone, while the envelopes are drawn: of the ids that can
//! be read the innermost, of the times the earliest, and the request to the letter.

use countermand::event_source::{self, Invoked};
use countermand::request::{self, Reading};
use countermand::timestamp::Timestamp;
use fastrand::Rng;
use libtest_mimic::{Failed, Trial};
use serde_json::value::RawValue;

use crate::hostile::texts::quoted;

const ROUNDS: u64 = 4_000;
const NOW: i64 = 1_767_323_045_678;
/// So many envelopes inside a delivery are promised to be opened.
const MOST: usize = 8;

pub fn trials() -> Vec<Trial> {
    let name = "envelopes-in-any-order-leave-the-request-as-old-as-it-is-and-give-the-innermost-id";
    vec![Trial::test(name, || (0..ROUNDS).try_for_each(round))]
}

/// What is known so far, from the inside to the outside.
struct Known {
    id: Option<String>,
    /// When the request was made, at the earliest and at the latest, in milliseconds.
    since: i64,
    by: i64,
}

impl Known {
    fn add(&mut self, (id, time): (Option<String>, Option<(i64, bool)>)) {
        self.id = self.id.take().or(id);
        if let Some((at, whole)) = time {
            self.since = self.since.min(at);
            self.by = self.by.min(if whole { at + 999 } else { at });
        }
    }
}

fn round(seed: u64) -> Result<(), Failed> {
    let random = &mut Rng::with_seed(seed);
    // A time in the future counts as now.
    let mut known = Known { id: None, since: NOW, by: NOW };
    let (own, time) = time(random);
    known.add((None, time));
    let own = time.map_or(String::new(), |_| format!(r#","requestedAt":{own}"#));
    let request = format!(r#"{{ "service" : "swf",  "domain": "d", "workflowId": "w"{own} }}"#);
    let by_queue = random.bool();
    let (mut text, mut looped) = (request.clone(), false);
    for _ in 0..random.usize(..=MOST) {
        let (wrapped, says, kind) = envelope(&text, random);
        // Each text in a text doubles its escapes.
        if wrapped.len() > 100_000 {
            break;
        }
        // A record of Lambda that no queue brings may be the answer to ourselves.
        looped |= kind == Kind::Undelivered && !by_queue;
        text = wrapped;
        known.add(says);
    }
    let event = match by_queue {
        true => {
            let id = format!("m-{seed}");
            let (record, says) = queued(&text, random, Some(&id));
            known.add(says);
            if random.bool() { format!("[{record}]") } else { format!(r#"{{"Records":[{record}]}}"#) }
        }
        false => {
            let (record, says) = of_topic(&text, random);
            known.add(says);
            format!(r#"{{"Records":[{record}]}}"#)
        }
    };
    let wrong = check(&event, &request, &known, looped);
    wrong.map_err(|wrong| format!("seed {seed}: {wrong}: {event}").into())
}

fn check(event: &str, request: &str, known: &Known, looped: bool) -> Result<(), String> {
    let now = Timestamp::from_millis(NOW).expect("a time");
    let event: &RawValue = serde_json::from_str(event).map_err(|error| error.to_string())?;
    let invoked = Invoked { request_id: "lambda-1", now, before: None };
    let mut delivery = event_source::read(event, invoked).map_err(|error| error.to_string())?;
    let record = delivery.records.remove(0);
    let read = match request::read(&record.text, Default::default()) {
        Reading::Ours if looped => return Ok(()),
        Reading::Request(read) if !looped => read,
        reading => return Err(format!("looped: {looped}, got {reading:?}")),
    };
    let at = read.labels.counted_from(record.requested_at);
    let got = (record.text.as_str(), record.request_id.as_str(), at.begins().millis(), at.ends().millis());
    let expected = (request, known.id.as_deref().unwrap_or("lambda-1"), known.since, known.by);
    if got == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {got:?}")) }
}

#[derive(PartialEq)]
enum Kind {
    Undelivered,
    Other,
}

type Says = (Option<String>, Option<(i64, bool)>);

/// A text in one more envelope, and what that says.
fn envelope(text: &str, random: &mut Rng) -> (String, Says, Kind) {
    let (id, id_says) = id(random);
    let (time, time_says) = time(random);
    let (wrapped, says) = match random.u8(..6) {
        0 => (
            format!(
                r#"{{"detail-type":"Cancel Request","id":{id},"time":{time},"source":"s","detail":{text}}}"#
            ),
            (id_says, time_says),
        ),
        1 => (notification(text, &id, &time, random), (id_says, time_says)),
        2 => queued(text, random, None),
        3 => of_topic(text, random),
        4 => {
            let (record, says) =
                if random.bool() { queued(text, random, None) } else { of_topic(text, random) };
            (format!(r#"{{"Records":[{record}]}}"#), says)
        }
        _ => {
            let context = format!(r#"{{"condition":"RetriesExhausted","requestId":{id}}}"#);
            let record =
                format!(r#"{{"timestamp":{time},"requestContext":{context},"requestPayload":{text}}}"#);
            return (record, (id_says, time_says), Kind::Undelivered);
        }
    };
    (wrapped, says, Kind::Other)
}

fn notification(text: &str, id: &str, time: &str, random: &mut Rng) -> String {
    let mark = if random.u8(..8) == 0 { "\u{feff}" } else { "" };
    let message = quoted(&format!("{mark}{text}"));
    format!(r#"{{"Type":"Notification","MessageId":{id},"Timestamp":{time},"Message":{message}}}"#)
}

fn of_topic(text: &str, random: &mut Rng) -> (String, Says) {
    let ((id, id_says), (time, time_says)) = (id(random), time(random));
    let sns = notification(text, &id, &time, random);
    (format!(r#"{{"EventSource":"aws:sns","Sns":{sns}}}"#), (id_says, time_says))
}

/// A record of a queue, whose time is in milliseconds; a delivery has an id.
fn queued(text: &str, random: &mut Rng, own: Option<&str>) -> (String, Says) {
    let (id, id_says) = own.map_or_else(|| id(random), |own| (quoted(own), Some(own.into())));
    let sent = (random.u8(..4) > 0).then(|| moment(random));
    let attributes = sent.map_or(String::new(), |sent| format!(r#""SentTimestamp":"{sent}""#));
    let body = quoted(text);
    (
        format!(
            r#"{{"eventSource":"aws:sqs","messageId":{id},"attributes":{{{attributes}}},"body":{body}}}"#
        ),
        (id_says, sent.map(|sent| (sent, false))),
    )
}

/// An id as JSON, and as it reads.
fn id(random: &mut Rng) -> (String, Option<String>) {
    if random.u8(..3) == 0 {
        let odd = ["null", "7", r#""""#, r#"["id"]"#, r#""\ud800""#];
        return (odd[random.usize(..odd.len())].into(), None);
    }
    let id = format!("{} {}", random.u32(..), ["plain", "\u{e9}", "\"\\"][random.usize(..3)]);
    (quoted(&id), Some(id))
}

/// A time as JSON, and as it reads: in milliseconds, and whether it is known to the second only.
fn time(random: &mut Rng) -> (String, Option<(i64, bool)>) {
    let at = moment(random);
    let time = Timestamp::from_millis(at).expect("a time");
    match random.u8(..4) {
        0 => (["null", "1767323045", r#""soon""#, r#""2026-01-02""#][random.usize(..4)].into(), None),
        1 => (format!("\"{}\"", time.to_seconds()), Some((at.div_euclid(1_000) * 1_000, true))),
        _ => (format!("\"{time}\""), Some((at, false))),
    }
}

/// Some time around now, most in the past, some within a second.
fn moment(random: &mut Rng) -> i64 {
    let most = [1_500, 100_000, 10_000_000_000][random.usize(..3)];
    NOW + random.i64(-most..=most / 4)
}
