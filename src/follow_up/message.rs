//! The form of a follow-up's message: `CancellationFollowUp`, version 1.
//!
//! It is the request once more, without what is done with, and what has to be known until the next check.
//! Whoever may send to the queue can send one too, so it is read like a request, by the same rules, and
//! can at most have something read, or ended where a request could ask for that. Fields that a later version may add are passed over: two versions of
//! the function can share a queue while one replaces the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ESCALATED_TIME, Escalation, FollowUp, LAST_CHECK};
use crate::call_error::cut;
use crate::fields::Fields;
use crate::fields::rules::{ENVELOPE_ID, Text};
use crate::fields::violation::{Code, Violation, quote};
use crate::marker;
use crate::outcome::to_json;
use crate::publisher::Entry;
use crate::request::{self, CONFIRM_WITHIN_SECONDS, Labels};
use crate::targets::{Beside, Cancellation, Runs};
use crate::timestamp::{Span, Timestamp};

const VERSION: &str = "1";
/// A message of SQS is no longer, in bytes.
const LONGEST_MESSAGE: usize = 1_048_576;

/// A message that is ready to be sent.
pub struct Message {
    kind: &'static str,
    json: String,
    service: &'static str,
    delay: Duration,
}

impl Message {
    /// A message that is seen after a delay, in whole seconds.
    ///
    /// # Errors
    /// It is longer than SQS takes.
    pub fn new(
        kind: &'static str,
        json: String,
        service: &'static str,
        delay: Duration,
    ) -> Result<Self, String> {
        match json.len() {
            0..=LONGEST_MESSAGE => Ok(Self { kind, json, service, delay }),
            got => Err(format!("expected at most {LONGEST_MESSAGE} bytes, got {got}")),
        }
    }

    /// As it travels to the queue.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            kind: self.kind,
            detail_type: "",
            service: Some(self.service),
            status: None,
            json: &self.json,
            delay: self.delay,
        }
    }
}

impl FollowUp {
    /// Reads one, by the rules of a request.
    ///
    /// # Errors
    /// What is wrong with it, by paths and codes alone: whoever wrote it must not write into the log.
    pub fn read(mut fields: Fields) -> Result<Self, String> {
        let (labels, cancellation) = read_request(&mut fields);
        let cancellation = cancellation.filter(|cancellation| cancellation.sweep().is_none());
        let runs =
            cancellation.as_ref().and_then(|cancellation| read_runs(&mut fields, cancellation.as_ref()));
        let outcome_at = fields.required(&["outcomeAt"], &Text::any(0..=usize::MAX));
        let outcome_at = outcome_at.and_then(|text| Timestamp::parse(&text));
        fields.require("within");
        let longest = CONFIRM_WITHIN_SECONDS.end() + ESCALATED_TIME.as_secs();
        let within = fields.number("within", *CONFIRM_WITHIN_SECONDS.start()..=longest);
        let within = within.map(Duration::from_secs);
        let escalation = cancellation.as_ref().and_then(|asked| read_escalation(&mut fields, asked.as_ref()));
        fields.require("check");
        let checks = fields.number("check", 1..=LAST_CHECK.into()).and_then(|check| check.try_into().ok());
        let violations = std::mem::take(&mut fields.violations).into_list();
        match (cancellation, runs, outcome_at, within, checks) {
            (Some(cancellation), Some(runs), Some(outcome_at), Some(within), Some(checks))
                if violations.is_empty() =>
            {
                Ok(Self { labels, cancellation, runs, outcome_at, within, checks, escalation })
            }
            _ => Err(wrong(&violations, "expected runs to follow and an RFC 3339 time as outcomeAt")),
        }
    }

    /// Writes it, as short as it can be: runs that the request names are not repeated, only those left
    /// out that have ended.
    pub fn write(&self) -> String {
        let mut message = asked(marker::FOLLOW_UP, self.cancellation.as_ref());
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                message.insert(name.into(), value);
            }
        };
        if let Some(Escalation { at, runs }) = &self.escalation {
            put("escalatedAt", Some(json!(at)));
            put("escalated", Some(json!(runs)).filter(|_| !runs.is_empty()));
        }
        match (&self.runs, self.ended()) {
            (Runs::Known(_), Some(ended)) => put("ended", Some(json!(ended)).filter(|_| !ended.is_empty())),
            (Runs::Known(runs), None) => put("runs", Some(json!(runs))),
            (Runs::Asked(span), _) => {
                put("calledAt", Some(json!(span.from)));
                put("answeredAt", Some(json!(span.until)));
            }
        }
        put("check", Some(json!(self.checks + 1)));
        put("within", Some(json!(self.within.as_secs())));
        put("outcomeAt", Some(json!(self.outcome_at)));
        labeled(message, &self.labels)
    }

    /// The places of the named runs that are not followed; none where the request does not name them.
    fn ended(&self) -> Option<Vec<usize>> {
        let named = self.cancellation.named_runs()?;
        let Runs::Known(runs) = &self.runs else { return None };
        let followed: BTreeSet<&String> = runs.iter().collect();
        Some((0..named.len()).filter(|&place| !followed.contains(&named[place])).collect())
    }
}

/// What was done about runs that went on; nothing where there is none, or it is not valid.
fn read_escalation(fields: &mut Fields, cancellation: &dyn Cancellation) -> Option<Escalation> {
    cancellation.escalates_after()?;
    let at = Timestamp::parse(&fields.text(&["escalatedAt"], &Text::any(0..=usize::MAX))?)?;
    let (rule, most) = cancellation.runs_rule();
    let named = fields.has(&["escalated"]);
    let runs = if named { fields.texts("escalated", rule, 1..=most)? } else { Vec::new() };
    Some(Escalation { at, runs })
}

/// Reads what every message of ours says of the request that it is about, by the rules of a request.
pub fn read_request(fields: &mut Fields) -> (Labels, Option<Arc<dyn Cancellation>>) {
    let version = fields.required(&["version"], &Text::any(0..=usize::MAX));
    if let Some(version) = version.filter(|version| version != VERSION) {
        let message = format!("expected {VERSION}, got {}", quote(&version));
        fields.violations.add("version", Code::UnknownValue, message);
    }
    let service = request::read_service(fields);
    fields.require("requestId");
    fields.require("requestedAt");
    // What had to be escaped so that it could be sent is longer than it came.
    let labels = request::read_labels(fields, &ENVELOPE_ID, 2 * request::LONGEST_CONTEXT);
    let cancellation = service.and_then(|service| {
        (service.read)(fields, Beside { request_id: labels.request_id.as_deref(), ..Beside::default() })
    });
    (labels, cancellation)
}

/// What is wrong with a message, by paths and codes alone: whoever wrote it must not write into the log.
pub fn wrong(violations: &[Violation], otherwise: &str) -> String {
    let wrong = violations.iter().map(|it| format!("{} {}", it.path, it.code.name()));
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { otherwise.into() } else { cut(&wrong.join(", "), 1_024) }
}

/// The beginning of a message of this type: what was asked.
pub fn asked(kind: &str, cancellation: &dyn Cancellation) -> Map<String, Value> {
    let head = [("type", kind), ("version", VERSION), ("service", cancellation.service().name)];
    let head = head.into_iter().map(|(name, value)| (name.to_owned(), json!(value)));
    let Value::Object(target) = cancellation.target() else { return head.collect() };
    let target = target.into_iter().filter(|(name, _)| name != "key");
    head.chain(target).chain(cancellation.carried()).collect()
}

/// A whole message, with what the request says about itself.
pub fn labeled(mut message: Map<String, Value>, labels: &Labels) -> String {
    let mut put = |name: &str, value: Option<Value>| value.map(|value| message.insert(name.into(), value));
    put("requestId", labels.request_id.as_ref().map(|id| json!(id)));
    put("requestedAt", labels.requested_at.map(|time| json!(time.ends())));
    put("reason", labels.reason.as_ref().map(|reason| json!(reason)));
    put("requestedBy", labels.requested_by.as_ref().map(|who| json!(who)));
    let mut json = to_json(&message);
    // To the letter, as it has to come back: a value would lose repeated names.
    if let (Some(context), Some('}')) = (&labels.context, json.pop()) {
        json.push_str(&format!(",\"context\":{}", context.get()));
    }
    json.push('}');
    json
}

/// The runs of a message; none where they are not valid, or there is none.
fn read_runs(fields: &mut Fields, cancellation: &dyn Cancellation) -> Option<Runs> {
    let runs: Vec<String> = match cancellation.named_runs() {
        None if cancellation.is_open_ended() && fields.has(&["calledAt"]) => {
            let mut time = |name| Timestamp::parse(&fields.required(&[name], &Text::any(0..=usize::MAX))?);
            let (from, until) = (time("calledAt"), time("answeredAt"));
            return Some(Runs::Asked(Span { from: from?, until: until? }));
        }
        None => {
            fields.require("runs");
            let (rule, most) = cancellation.runs_rule();
            let runs = fields.texts("runs", rule, 1..=most)?;
            let mut seen = BTreeSet::new();
            runs.into_iter().filter(|run| seen.insert(run.clone())).collect()
        }
        Some(named) => {
            let ended = fields.places("ended", named.len())?;
            let places = (0..named.len()).filter(|place| !ended.contains(place));
            places.map(|place| named[place].clone()).collect()
        }
    };
    (!runs.is_empty()).then_some(Runs::Known(runs))
}
