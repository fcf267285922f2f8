//! What was seen of a round: every delivery and how it ended, every call, every outcome, and what is left.
//!
//! It is what the checks judge, and the same whether the function ran in this process or in others.

use std::collections::HashMap;

use countermand_simulator::{Call, Operation, Reply};
use serde_json::Value;

use super::history::{By, History};
use super::requests::Message;

/// A batch that was handed to the function.
#[derive(Debug)]
pub struct Delivery {
    /// The messages and their receive counts.
    pub records: Vec<(String, u32)>,
    pub began: i64,
    pub ended: i64,
    pub end: End,
    /// So many outcomes were out when it ended.
    pub told: usize,
    /// What a call of it that panicked was to send.
    pub panicked: Option<String>,
}

#[derive(Debug)]
pub enum End {
    /// It is under way.
    None,
    /// Lambda got the response.
    Answered(Reply),
    /// The function answered, and Lambda did not hear it.
    Unheard(Reply),
    /// The process ended.
    Died,
    /// A panic reached the runtime.
    Panicked,
    /// The deadline passed.
    TooLate,
}

impl End {
    pub fn name(&self) -> &'static str {
        match self {
            End::None => "none",
            End::Answered(_) => "answered",
            End::Unheard(_) => "unheard",
            End::Died => "died",
            End::Panicked => "panicked",
            End::TooLate => "too late",
        }
    }
}

/// A message as it was sent.
#[derive(Debug)]
pub struct Sent {
    pub id: String,
    pub message: Message,
    /// Since when the request counts.
    pub since: i64,
    /// What had started by then is meant; later than that only where its time is known to the second.
    pub by: i64,
}

/// A call, and the delivery that it was made for, where that is known.
#[derive(Debug)]
pub struct Made {
    pub call: Call,
    pub by: By,
    /// Whether the answer arrived, where that is known.
    pub heard: Option<bool>,
}

impl Made {
    /// The service took it, and so it answered, heard or not.
    pub fn taken(&self) -> bool {
        self.call.status == Some(200) && self.call.fault.as_deref() != Some("reply")
    }

    /// Its answer may not have arrived, or may not have been one.
    pub fn unheard(&self) -> bool {
        self.call.fault.is_some() || self.heard == Some(false)
    }
}

pub struct Observed {
    pub sent: Vec<Sent>,
    pub deliveries: Vec<Delivery>,
    pub calls: Vec<Made>,
    pub history: History,
    /// Outcomes in the order in which they came out.
    pub told: Vec<Value>,
    /// How often each dead message was received.
    pub dead: HashMap<String, u32>,
    /// The queue never got empty.
    pub stuck: bool,
    /// Times are known so exactly, in milliseconds.
    pub blur: i64,
}

/// A message in one delivery.
pub struct Receipt<'a> {
    pub sent: &'a Sent,
    pub number: usize,
    pub delivery: &'a Delivery,
    pub count: u32,
    /// What was told of it, with its place among all that was.
    pub told: Vec<(usize, &'a Value)>,
}

impl Observed {
    pub fn receipts<'a>(&'a self, sent: &'a Sent) -> impl Iterator<Item = Receipt<'a>> {
        self.deliveries.iter().enumerate().filter_map(move |(number, delivery)| {
            let (_, count) = delivery.records.iter().find(|(id, _)| *id == sent.id)?;
            let own =
                |told: &Value| told["source"]["id"] == *sent.id && told["source"]["receiveCount"] == *count;
            let told = self.told.iter().enumerate().filter(|(_, told)| own(told)).collect();
            Some(Receipt { sent, number, delivery, count: *count, told })
        })
    }

    pub fn every_receipt(&self) -> impl Iterator<Item = Receipt<'_>> {
        self.sent.iter().flat_map(|sent| self.receipts(sent))
    }

    /// Whether something at that time can be a delivery's doing.
    pub fn can_be(&self, by: By, at: i64, delivery: usize) -> bool {
        match by {
            By::World => false,
            By::Call(Some(number)) => number == delivery,
            By::Call(None) => {
                let (from, to) = self.time(&self.deliveries[delivery]);
                (from..=to).contains(&at)
            }
        }
    }

    /// The time of a delivery, as exactly as it is known.
    pub fn time(&self, delivery: &Delivery) -> (i64, i64) {
        (delivery.began - self.blur, delivery.ended + self.blur)
    }

    /// The calls of some operations that can have been made in a delivery.
    pub fn calls_of<'a>(
        &'a self,
        delivery: usize,
        operations: &'a [Operation],
    ) -> impl Iterator<Item = &'a Made> {
        let own = move |made: &&Made| {
            let at = i64::try_from(made.call.at).unwrap_or(i64::MAX);
            self.can_be(made.by, at, delivery)
        };
        let asked =
            move |made: &&Made| operations.iter().any(|operation| operation.name() == made.call.operation);
        self.calls.iter().filter(own).filter(asked)
    }
}

impl Delivery {
    /// What it answered and Lambda heard: the messages that come again.
    pub fn response(&self) -> Option<Vec<&str>> {
        match &self.end {
            End::Answered(reply) => named(reply),
            _ => None,
        }
    }

    /// The same, heard or not.
    pub fn answer(&self) -> Option<Vec<&str>> {
        match &self.end {
            End::Answered(reply) | End::Unheard(reply) => named(reply),
            _ => None,
        }
    }

    pub fn died(&self) -> bool {
        matches!(self.end, End::Died)
    }
}

/// The messages that a response names, by splitting its one possible form.
fn named(reply: &Reply) -> Option<Vec<&str>> {
    let Reply::Response(text) = reply else { return None };
    let list = text.strip_prefix(r#"{"batchItemFailures":["#)?.strip_suffix("]}")?;
    let items = list.split(',').filter(|item| !item.is_empty());
    items.map(|item| item.strip_prefix(r#"{"itemIdentifier":""#)?.strip_suffix(r#""}"#)).collect()
}
