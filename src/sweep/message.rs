//! The form of the message that asks for a step: `CancellationSweep`, version 1.
//!
//! It is read as a follow-up is, and by the same rules: the request once more, and beside it what came of it.

use std::time::Duration;

use serde_json::json;

use super::{Chain, Counts};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::Code;
use crate::follow_up::{Message, message};
use crate::marker;
use crate::targets::sweep::{Failure, MOST_CARRIED};
use crate::timestamp::Timestamp;

impl Chain {
    /// Reads one, by the rules of a request.
    ///
    /// # Errors
    /// What is wrong with it, by paths and codes alone: whoever wrote it must not write into the log.
    pub fn read(mut fields: Fields) -> Result<Self, String> {
        let (labels, cancellation) = message::read_request(&mut fields);
        let cancellation = cancellation.filter(|cancellation| cancellation.sweep().is_some());
        let mut number = |name| {
            fields.require(name);
            fields.number(name, 0..=u32::MAX.into()).unwrap_or_default()
        };
        let counts = Counts {
            matched: number("matched"),
            accepted: number("accepted"),
            already_canceled: number("alreadyCanceled"),
            not_running: number("notRunning"),
            failed: number("failed"),
        };
        let (steps, idle) = (number("step"), number("idle"));
        let mut time = |name| Timestamp::parse(&fields.required(&[name], &Text::any(0..=usize::MAX))?);
        let (began_at, told_at) = (time("beganAt"), time("toldAt"));
        let failures = read_failures(&mut fields);
        let asked = match fields.has(&["asked"]) {
            true => fields.texts("asked", &Text::any(1..=256), 1..=MOST_CARRIED).unwrap_or_default(),
            false => Vec::new(),
        };
        let violations = std::mem::take(&mut fields.violations).into_list();
        match (cancellation, began_at, told_at) {
            (Some(cancellation), Some(began_at), Some(told_at)) if violations.is_empty() => Ok(Self {
                labels,
                cancellation,
                counts,
                failures,
                asked: asked.into_iter().collect(),
                steps,
                idle: idle.try_into().unwrap_or(u32::MAX),
                began_at,
                told_at,
            }),
            _ => {
                Err(message::wrong(&violations, "expected select, and RFC 3339 times as beganAt and toldAt"))
            }
        }
    }

    /// The message that asks for the next step.
    ///
    /// # Errors
    /// It would be longer than SQS takes.
    pub fn message(&self, delay: Duration) -> Result<Message, String> {
        let service = self.cancellation.service().name;
        Message::new(marker::SWEEP, self.write(), service, delay)
    }

    fn write(&self) -> String {
        let mut message = message::asked(marker::SWEEP, self.cancellation.as_ref());
        let Counts { matched, accepted, already_canceled, not_running, failed } = self.counts;
        let numbers = [
            ("step", self.steps + 1),
            ("matched", matched),
            ("accepted", accepted),
            ("alreadyCanceled", already_canceled),
            ("notRunning", not_running),
            ("failed", failed),
            ("idle", self.idle.into()),
        ];
        let numbers = numbers.map(|(name, number)| (name, json!(number)));
        let times = [("beganAt", json!(self.began_at)), ("toldAt", json!(self.told_at))];
        let lists = [
            (!self.failures.is_empty()).then(|| ("failures", json!(self.failures))),
            (!self.asked.is_empty()).then(|| ("asked", json!(self.asked))),
        ];
        let members = numbers.into_iter().chain(times).chain(lists.into_iter().flatten());
        message.extend(members.map(|(name, value)| (name.to_owned(), value)));
        message::labeled(message, &self.labels)
    }
}

fn read_failures(fields: &mut Fields) -> Vec<Failure> {
    let Some(list) = fields.members.get("failures") else { return Vec::new() };
    let failures: Option<Vec<Failure>> = serde_json::from_str(list.get()).ok();
    let failures = failures.filter(|failures| failures.len() <= MOST_CARRIED);
    if failures.is_none() {
        fields.violations.add("failures", Code::BadFormat, "expected executions, each with its error");
    }
    failures.unwrap_or_default()
}
