//! The messages that wait in the simulated queues: what was sent can be received, is hidden for its
//! visibility timeout, goes to the dead-letter queue where it was received too often, and is gone
//! once deleted. Whoever waits for a change is woken. It knows messages, not the wire.

mod queue;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::world::Redrive;
use queue::Queue;
pub(crate) use queue::{Message, Unchanged};

#[derive(Debug, Default)]
pub(crate) struct Queues {
    by_name: HashMap<String, Queue>,
    /// How many messages were ever sent.
    sent: u64,
    changed: Arc<Notify>,
}

impl Queues {
    /// What wakes those who wait.
    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(crate) fn send(&mut self, queue: &str, message: Message) {
        self.sent += 1;
        self.by_name.entry(queue.to_owned()).or_default().put(self.sent, message);
        self.changed.notify_waiters();
    }

    /// What the queue holds, hidden or not, in the order in which it can be received.
    pub(crate) fn messages(&self, queue: &str) -> impl Iterator<Item = &Message> {
        self.by_name.get(queue).into_iter().flat_map(Queue::messages)
    }

    /// When a message of the queue can be received, which may be long ago; nothing where it holds
    /// none. Those that were received too often are moved away first.
    pub(crate) fn due(&mut self, queue: &str, redrive: Option<&Redrive>, now: Instant) -> Option<Instant> {
        let from = self.by_name.get_mut(queue)?;
        let mut dead = Vec::new();
        if let Some(redrive) = redrive {
            dead.extend(std::iter::from_fn(|| from.take_dead(queue, redrive.max_receive_count, now)));
        }
        let due = from.due();
        if let Some(redrive) = redrive.filter(|_| !dead.is_empty()) {
            let to = self.by_name.entry(redrive.dead_letter_queue.clone()).or_default();
            dead.into_iter().for_each(|(number, message)| to.put(number, message));
            self.changed.notify_waiters();
        }
        due
    }

    /// Takes up to `most` visible messages, those first that were visible first, and hides them.
    pub(crate) fn receive(
        &mut self,
        queue: &str,
        most: usize,
        hidden_for: Duration,
        redrive: Option<&Redrive>,
        now: Instant,
    ) -> Vec<Message> {
        // All are taken before one is hidden: hidden for no time at all, it would be the next again.
        let numbers: Vec<_> = std::iter::from_fn(|| {
            self.due(queue, redrive, now)?;
            self.by_name.get_mut(queue)?.next(now)
        })
        .take(most)
        .collect();
        let Some(queue) = self.by_name.get_mut(queue) else {
            return Vec::new();
        };
        numbers.into_iter().filter_map(|number| queue.receive(number, hidden_for, now)).collect()
    }

    /// Deletes the message with this receipt; a receipt that is outdated deletes nothing.
    pub(crate) fn delete(&mut self, queue: &str, receipt: &str) {
        if self.by_name.get_mut(queue).is_some_and(|queue| queue.delete(receipt)) {
            self.changed.notify_waiters();
        }
    }

    /// Hides the message with this receipt for so long from now; for no time, shows it.
    pub(crate) fn change_visibility(
        &mut self,
        queue: &str,
        receipt: &str,
        hidden_for: Duration,
        now: Instant,
    ) -> Result<(), Unchanged> {
        let queue = self.by_name.get_mut(queue).ok_or(Unchanged::Gone)?;
        queue.change_visibility(receipt, hidden_for, now)?;
        self.changed.notify_waiters();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
