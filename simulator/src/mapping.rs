//! A queue as the event source of a Lambda function: batches of its messages as the events that
//! Lambda's own poller makes of them, and what comes of the messages by the function's reply. It knows
//! nothing of what is in a message, and calls no function: that is done between the two.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::queues::Message;
use crate::{REGION, Reply, Shared, Simulator, sqs};

/// A queue as a function's event source. Clones share the line in which callers wait.
#[derive(Clone)]
pub struct Mapping {
    shared: Arc<Shared>,
    queue: String,
    batch_size: usize,
    visibility: Duration,
    /// Held by the caller whose turn it is; the others get it in the order in which they came.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Messages that were received together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The event, as Lambda hands it to the function.
    pub event: String,
    /// Ids of the messages with their receipts.
    receipts: Vec<(String, String)>,
}

impl Simulator {
    /// The queue as an event source, as Lambda and SQS set one up: 10 messages to a batch, which are
    /// hidden for 30 seconds. Panics where there is no such queue.
    pub fn mapping(&self, queue: &str) -> Mapping {
        self.expect_queue(queue);
        Mapping {
            shared: Arc::clone(&self.shared),
            queue: queue.to_owned(),
            batch_size: 10,
            visibility: Duration::from_secs(30),
            turn: Arc::default(),
        }
    }
}

impl Mapping {
    /// So many messages at most make a batch.
    pub fn batch_size(self, batch_size: usize) -> Mapping {
        assert!(batch_size > 0, "expected batches of at least one message");
        Mapping { batch_size, ..self }
    }

    /// The queue's visibility timeout.
    pub fn visibility(self, visibility: Duration) -> Mapping {
        Mapping { visibility, ..self }
    }

    /// Waits until a message can be seen, and takes as many as there are, up to a batch. Nothing once
    /// the queue holds no message at all, hidden ones included. Of several callers that wait, the one
    /// that came first gets the next batch.
    pub async fn next(&self) -> Option<Batch> {
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.shared.changed.notified();
            let due = {
                let mut state = self.shared.state();
                let due = state.due(&self.queue)?;
                if due <= Instant::now() {
                    let messages = state.receive(&self.queue, self.batch_size, self.visibility);
                    // A message can come due and be dead within the moment between the two.
                    if messages.is_empty() {
                        continue;
                    }
                    return Some(Batch::new(&self.queue, &messages, state.clock));
                }
                due
            };
            // Woken, or when the first can be seen, the queue is looked at once more.
            let _ = timeout_at(due, changed).await;
        }
    }

    /// Deletes what the function is done with: all of the batch but the messages that its reply names.
    /// The others are seen again when their visibility timeout has run out.
    pub fn settle(&self, batch: Batch, reply: &Reply) {
        let Some(failed) = failed(&batch, reply) else {
            return;
        };
        let mut state = self.shared.state();
        for (_, receipt) in batch.receipts.iter().filter(|(id, _)| !failed.contains(id)) {
            state.queues.delete(&self.queue, receipt);
        }
    }
}

impl Batch {
    fn new(queue: &str, messages: &[Message], clock: Clock) -> Batch {
        let records: Vec<_> = messages.iter().map(|message| record(queue, message, clock)).collect();
        Batch {
            event: json!({"Records": records}).to_string(),
            receipts: messages.iter().map(|one| (one.id.clone(), one.receipt.clone())).collect(),
        }
    }

    /// The ids of its messages, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.receipts.iter().map(|(id, _)| id.as_str())
    }
}

fn record(queue: &str, message: &Message, clock: Clock) -> Value {
    let attributes = message.attributes.iter();
    let attributes: Map<_, _> = attributes.map(|(name, value)| (name.clone(), attribute(value))).collect();
    let mut record = json!({
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": sqs::system_attributes(message, clock),
        "messageAttributes": attributes,
    });
    if !message.attributes.is_empty() {
        record["md5OfMessageAttributes"] = json!(sqs::attributes_md5(&message.attributes));
    }
    record["md5OfBody"] = json!(hex::encode(Md5::digest(&message.body)));
    record["eventSource"] = json!("aws:sqs");
    record["eventSourceARN"] = json!(sqs::arn(queue));
    record["awsRegion"] = json!(REGION);
    record
}

/// A message attribute, in Lambda's spelling of the names.
fn attribute(value: &Value) -> Value {
    let mut attribute = json!({"stringListValues": [], "binaryListValues": []});
    let names = [("StringValue", "stringValue"), ("BinaryValue", "binaryValue"), ("DataType", "dataType")];
    for (name, lambdas) in names {
        if let Some(value) = value.get(name) {
            attribute[lambdas] = value.clone();
        }
    }
    attribute
}

/// The ids of the messages that the reply says are not done; nothing where the whole batch is not, as
/// the reply is none or cannot be understood.
fn failed(batch: &Batch, reply: &Reply) -> Option<HashSet<String>> {
    let Reply::Response(text) = reply else {
        return None;
    };
    if text.trim().is_empty() {
        return Some(HashSet::new());
    }
    let named = match serde_json::from_str(text).ok()? {
        Value::Null => Value::Null,
        Value::Object(object) if object.is_empty() => Value::Null,
        Value::Object(mut object) => object.remove("batchItemFailures")?,
        _ => return None,
    };
    match named {
        Value::Null => Some(HashSet::new()),
        Value::Array(items) => {
            let known: HashSet<_> = batch.ids().collect();
            let name = |item: &Value| {
                let id = item.get("itemIdentifier")?.as_str()?;
                known.contains(id).then(|| id.to_owned())
            };
            items.iter().map(name).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
