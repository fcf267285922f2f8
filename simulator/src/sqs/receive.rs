//! SQS's receiving side, awsJson 1.0: messages that the function sent can be taken out again, as a
//! consumer of outcomes would, with long polling.

use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{answer, arn, attributes_md5, body, exists, invalid, missing, number, queue, text};
use crate::ACCOUNT_ID;
use crate::clock::Clock;
use crate::queues::Message;
use crate::refusal::Failure;
use crate::wire::{Answer, Request};
use crate::work::{State, Turn, Work};

pub(crate) struct ReceiveMessage {
    queue: String,
    most: usize,
    hidden_for: Duration,
    wait: Duration,
    system_attributes: Vec<String>,
    attributes: Vec<String>,
}

impl ReceiveMessage {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        let most = number(&body, "MaxNumberOfMessages", 1, 10)?;
        if most == 0 {
            return Err(invalid(
                "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10.",
            ));
        }
        let mut system_attributes = names(&body, "MessageSystemAttributeNames");
        system_attributes.extend(names(&body, "AttributeNames"));
        Ok(ReceiveMessage {
            queue: queue(&body)?,
            most: usize::try_from(most).unwrap_or(1),
            hidden_for: Duration::from_secs(number(&body, "VisibilityTimeout", 30, 43_200)?),
            wait: Duration::from_secs(number(&body, "WaitTimeSeconds", 0, 20)?),
            system_attributes,
            attributes: names(&body, "MessageAttributeNames"),
        })
    }

    fn describe(&self, message: &Message, clock: Clock) -> Value {
        let mut reply = json!({
            "MessageId": message.id,
            "ReceiptHandle": message.receipt,
            "Body": message.body,
            "MD5OfBody": hex::encode(Md5::digest(&message.body)),
        });
        let mut system = system_attributes(message, clock);
        system.retain(|name, _| wanted(&self.system_attributes, name));
        if !system.is_empty() {
            reply["Attributes"] = Value::Object(system);
        }
        let attributes: Map<_, _> = message
            .attributes
            .iter()
            .filter(|(name, _)| wanted(&self.attributes, name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !attributes.is_empty() {
            reply["MD5OfMessageAttributes"] = json!(attributes_md5(&attributes));
            reply["MessageAttributes"] = Value::Object(attributes);
        }
        reply
    }
}

/// What the queue itself knows of a message that was received.
pub(crate) fn system_attributes(message: &Message, clock: Clock) -> Map<String, Value> {
    let milliseconds = |moment: Instant| {
        let since = clock.at(moment).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_millis().to_string()
    };
    let first_received = message.first_received.unwrap_or(message.sent);
    let mut attributes = Map::from_iter([
        ("ApproximateReceiveCount".into(), json!(message.receive_count.to_string())),
        ("SentTimestamp".into(), json!(milliseconds(message.sent))),
        ("SenderId".into(), json!(format!("AROASIMULATOR:{ACCOUNT_ID}"))),
        ("ApproximateFirstReceiveTimestamp".into(), json!(milliseconds(first_received))),
    ]);
    if let Some(queue) = &message.dead_in {
        attributes.insert("DeadLetterQueueSourceArn".into(), json!(arn(queue)));
    }
    attributes
}

fn names(body: &Map<String, Value>, field: &str) -> Vec<String> {
    let names = body.get(field).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(Into::into).collect()
}

fn wanted(names: &[String], name: &str) -> bool {
    names.iter().any(|wanted| match wanted.as_str() {
        "All" | ".*" => true,
        prefix if prefix.ends_with(".*") => name.starts_with(prefix.trim_end_matches('*')),
        other => other == name,
    })
}

impl Work for ReceiveMessage {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        let messages = turn.state.receive(&self.queue, self.most, self.hidden_for);
        let clock = turn.state.clock;
        let messages: Vec<_> = messages.iter().map(|message| self.describe(message, clock)).collect();
        // An empty list is left out, as the service does.
        let reply = if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) };
        Ok(answer(&reply))
    }

    fn patience(&self) -> Duration {
        self.wait
    }

    /// There is nothing to wait for where the queue does not exist.
    fn due(&self, state: &mut State) -> Option<Instant> {
        match state.world.queues.contains(&self.queue) {
            true => state.due(&self.queue),
            false => Some(Instant::now()),
        }
    }
}

pub(crate) struct DeleteMessage {
    queue: String,
    receipt: String,
}

impl DeleteMessage {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        Ok(DeleteMessage { queue: queue(&body)?, receipt: text(&body, "ReceiptHandle")?.to_owned() })
    }
}

impl Work for DeleteMessage {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        if self.receipt.is_empty() {
            return Err(missing("ReceiptHandle"));
        }
        turn.state.queues.delete(&self.queue, &self.receipt);
        Ok(Answer::new(200, "application/x-amz-json-1.0", ""))
    }
}

pub(crate) struct GetQueueUrl {
    queue: String,
}

impl GetQueueUrl {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        Ok(GetQueueUrl { queue: text(&body, "QueueName")?.to_owned() })
    }
}

impl Work for GetQueueUrl {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        Ok(answer(&json!({"QueueUrl": format!("{}/{ACCOUNT_ID}/{}", turn.base_url, self.queue)})))
    }
}
