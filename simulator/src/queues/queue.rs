//! One queue: its messages, found by number, by receipt and by when they can be seen, so that a
//! queue of a hundred thousand costs a call no more than one of ten.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

/// So long can a message be hidden at most, counted from its receive.
const LONGEST_HIDDEN: Duration = Duration::from_secs(43_200);

/// A message in a queue, and the receipt of its last receive.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    /// As they were sent: name to `{"DataType", "StringValue"}`.
    pub(crate) attributes: Map<String, Value>,
    pub(crate) sent: Instant,
    pub(crate) first_received: Option<Instant>,
    /// Over all queues that it was in.
    pub(crate) receive_count: u32,
    pub(crate) receipt: String,
    pub(crate) visible_from: Instant,
    /// The queue that it was moved out of, as it had been received there too often.
    pub(crate) dead_in: Option<String>,
    received_here: u32,
    received: Option<Instant>,
}

impl Message {
    pub(crate) fn new(body: String, attributes: Map<String, Value>, delay: Duration) -> Message {
        let now = Instant::now();
        Message {
            id: Uuid::new_v4().to_string(),
            body,
            attributes,
            sent: now,
            first_received: None,
            receive_count: 0,
            receipt: String::new(),
            visible_from: now + delay,
            dead_in: None,
            received_here: 0,
            received: None,
        }
    }

    /// The message as it arrives in the dead-letter queue of that queue.
    fn dead(self, queue: &str, now: Instant) -> Message {
        Message {
            receipt: String::new(),
            visible_from: now,
            dead_in: Some(queue.to_owned()),
            received_here: 0,
            received: None,
            ..self
        }
    }
}

/// Why a message's visibility was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// No message has this receipt: deleted, moved, or received again since.
    Gone,
    NotInFlight,
    /// It would be hidden for longer than any message can be.
    TooLong,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By the number of their sending.
    messages: HashMap<u64, Message>,
    by_receipt: HashMap<String, u64>,
    /// By when they can be seen, those sent earlier first.
    order: BTreeSet<(Instant, u64)>,
}

impl Queue {
    pub(super) fn put(&mut self, number: u64, message: Message) {
        self.order.insert((message.visible_from, number));
        self.messages.insert(number, message);
    }

    /// All of them, in the order in which they can be received.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.order.iter().filter_map(|(_, number)| self.messages.get(number))
    }

    /// When the first of them can be received; nothing where there is none.
    pub(super) fn due(&self) -> Option<Instant> {
        self.order.first().map(|(visible_from, _)| *visible_from)
    }

    /// Takes the first message out of the order, if it can be seen; `receive` puts it back.
    pub(super) fn next(&mut self, now: Instant) -> Option<u64> {
        let first = *self.order.first().filter(|(visible_from, _)| *visible_from <= now)?;
        self.order.remove(&first);
        Some(first.1)
    }

    pub(super) fn receive(&mut self, number: u64, hidden_for: Duration, now: Instant) -> Option<Message> {
        self.show_from(number, now + hidden_for);
        let message = self.messages.get_mut(&number)?;
        message.receive_count += 1;
        message.received_here += 1;
        message.received = Some(now);
        message.first_received.get_or_insert(now);
        self.by_receipt.remove(&message.receipt);
        message.receipt = Uuid::new_v4().to_string();
        self.by_receipt.insert(message.receipt.clone(), number);
        Some(message.clone())
    }

    /// Takes out the first message with its number, if it can be seen and was received so often
    /// already; `queue` is this one's name.
    pub(super) fn take_dead(&mut self, queue: &str, most: u32, now: Instant) -> Option<(u64, Message)> {
        let (_, number) = *self.order.first().filter(|(visible_from, _)| *visible_from <= now)?;
        self.messages.get(&number).filter(|message| message.received_here >= most)?;
        Some((number, self.remove(number)?.dead(queue, now)))
    }

    /// Whether there was one with this receipt.
    pub(super) fn delete(&mut self, receipt: &str) -> bool {
        let number = self.by_receipt.get(receipt).copied();
        number.and_then(|number| self.remove(number)).is_some()
    }

    pub(super) fn change_visibility(
        &mut self,
        receipt: &str,
        hidden_for: Duration,
        now: Instant,
    ) -> Result<(), Unchanged> {
        let number = *self.by_receipt.get(receipt).ok_or(Unchanged::Gone)?;
        let message = self.messages.get(&number).ok_or(Unchanged::Gone)?;
        if message.visible_from <= now {
            return Err(Unchanged::NotInFlight);
        }
        if message.received.is_some_and(|received| now + hidden_for > received + LONGEST_HIDDEN) {
            return Err(Unchanged::TooLong);
        }
        self.show_from(number, now + hidden_for);
        Ok(())
    }

    fn show_from(&mut self, number: u64, visible_from: Instant) {
        if let Some(message) = self.messages.get_mut(&number) {
            self.order.remove(&(message.visible_from, number));
            message.visible_from = visible_from;
            self.order.insert((visible_from, number));
        }
    }

    fn remove(&mut self, number: u64) -> Option<Message> {
        let message = self.messages.remove(&number)?;
        self.by_receipt.remove(&message.receipt);
        self.order.remove(&(message.visible_from, number));
        Some(message)
    }
}
