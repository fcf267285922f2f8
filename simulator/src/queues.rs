//! The messages that wait in the simulated queues: what was sent can be received, is hidden for its
//! visibility timeout, and is gone once deleted. It knows messages, not the wire.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

/// A message in a queue, and the receipt of its last receive.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    /// As they were sent: name to `{"DataType", "StringValue"}`.
    pub(crate) attributes: Map<String, Value>,
    pub(crate) sent: SystemTime,
    pub(crate) first_received: Option<SystemTime>,
    pub(crate) receive_count: u32,
    pub(crate) receipt: String,
    visible_from: Instant,
}

impl Message {
    pub(crate) fn new(body: String, attributes: Map<String, Value>, delay: Duration) -> Message {
        Message {
            id: Uuid::new_v4().to_string(),
            body,
            attributes,
            sent: SystemTime::now(),
            first_received: None,
            receive_count: 0,
            receipt: String::new(),
            visible_from: Instant::now() + delay,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Queues(HashMap<String, Vec<Message>>);

impl Queues {
    pub(crate) fn send(&mut self, queue: &str, message: Message) {
        self.0.entry(queue.to_owned()).or_default().push(message);
    }

    pub(crate) fn has_visible(&self, queue: &str, now: Instant) -> bool {
        self.0.get(queue).into_iter().flatten().any(|message| message.visible_from <= now)
    }

    /// Takes up to `most` visible messages and hides them.
    pub(crate) fn receive(
        &mut self,
        queue: &str,
        most: usize,
        hidden_for: Duration,
        now: Instant,
    ) -> Vec<Message> {
        let waiting = self.0.entry(queue.to_owned()).or_default().iter_mut();
        waiting
            .filter(|message| message.visible_from <= now)
            .take(most)
            .map(|message| {
                message.visible_from = now + hidden_for;
                message.receive_count += 1;
                message.first_received.get_or_insert_with(SystemTime::now);
                message.receipt = Uuid::new_v4().to_string();
                message.clone()
            })
            .collect()
    }

    /// Deletes the message with this receipt; a receipt that is outdated deletes nothing.
    pub(crate) fn delete(&mut self, queue: &str, receipt: &str) {
        self.0.entry(queue.to_owned()).or_default().retain(|message| message.receipt != receipt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_hidden_then_seen_again_until_deleted() {
        let mut queues = Queues::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        queues.send("q", Message::new("one".into(), Map::new(), Duration::ZERO));
        queues.send("q", Message::new("late".into(), Map::new(), Duration::from_secs(50)));
        let hidden = Duration::from_secs(30);
        assert_eq!(queues.receive("q", 10, hidden, after(1)).len(), 1);
        assert!(queues.receive("q", 10, hidden, after(2)).is_empty());
        let again = queues.receive("q", 10, hidden, after(31));
        assert_eq!((again[0].body.as_str(), again[0].receive_count), ("one", 2));
        queues.delete("q", &again[0].receipt);
        let left: Vec<_> =
            queues.receive("q", 10, hidden, after(99)).into_iter().map(|one| one.body).collect();
        assert_eq!(left, ["late"]);
    }
}
