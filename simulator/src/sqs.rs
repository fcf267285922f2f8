//! SQS's sending operations, awsJson 1.0: what a message may hold and how large it may be, and the
//! checksums that clients compare. Batches are in `entries`, receiving is in `receive`, giving back
//! what was received in `visibility`.

mod entries;
mod receive;
mod visibility;

use std::collections::BTreeMap;
use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use crate::ledger::Published;
use crate::queues;
use crate::refusal::{Failure, json_error};
use crate::service::{AWS_HEADERS, Operation, Service, Spec, aws_request_id, aws_target, aws_unknown_action};
use crate::sigv4::Door;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};
use crate::{ACCOUNT_ID, REGION, batch};
use entries::Entries;

pub(crate) use receive::{DeleteMessage, GetQueueUrl, ReceiveMessage, system_attributes};
pub(crate) use visibility::{ChangeMessageVisibility, ChangeMessageVisibilityBatch};

const DOOR: Door = Door { scope: "sqs", content_type: "application/x-amz-json-1.0", names: &[] };

impl Operation {
    pub const SEND_MESSAGE_BATCH: Operation = Operation(&Spec {
        name: "sqs.SendMessageBatch",
        read: |request| Ok(Box::new(SendMessageBatch::read(request)?)),
        takes_entries: true,
        about: |request| batch::entries(request["Entries"].as_array().map_or(0, Vec::len)),
    });
    pub const SEND_MESSAGE: Operation = Operation(&Spec {
        name: "sqs.SendMessage",
        read: |request| Ok(Box::new(SendMessage::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
    pub const RECEIVE_MESSAGE: Operation = Operation(&Spec {
        name: "sqs.ReceiveMessage",
        read: |request| Ok(Box::new(ReceiveMessage::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
    pub const DELETE_MESSAGE: Operation = Operation(&Spec {
        name: "sqs.DeleteMessage",
        read: |request| Ok(Box::new(DeleteMessage::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
    pub const CHANGE_MESSAGE_VISIBILITY: Operation = Operation(&Spec {
        name: "sqs.ChangeMessageVisibility",
        read: |request| Ok(Box::new(ChangeMessageVisibility::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
    pub const CHANGE_MESSAGE_VISIBILITY_BATCH: Operation = Operation(&Spec {
        name: "sqs.ChangeMessageVisibilityBatch",
        read: |request| Ok(Box::new(ChangeMessageVisibilityBatch::read(request)?)),
        takes_entries: true,
        about: |request| batch::entries(request["Entries"].as_array().map_or(0, Vec::len)),
    });
    pub const GET_QUEUE_URL: Operation = Operation(&Spec {
        name: "sqs.GetQueueUrl",
        read: |request| Ok(Box::new(GetQueueUrl::read(request)?)),
        takes_entries: false,
        about: |_| String::new(),
    });
}

/// The service.
pub(crate) static SERVICE: Service = Service {
    name: "sqs",
    operations: &[
        Operation::SEND_MESSAGE_BATCH,
        Operation::SEND_MESSAGE,
        Operation::RECEIVE_MESSAGE,
        Operation::DELETE_MESSAGE,
        Operation::CHANGE_MESSAGE_VISIBILITY,
        Operation::CHANGE_MESSAGE_VISIBILITY_BATCH,
        Operation::GET_QUEUE_URL,
    ],
    runs: None,
    action: |request| aws_target(request, "AmazonSQS"),
    admit: |request, state| DOOR.admit(request, state),
    throttled: (400, "RequestThrottled", "The request was denied due to request throttling."),
    internal_error: "InternalFailure",
    refuse: |Failure { status, code, message, .. }, _| {
        let sender = if *status < 500 { "Sender" } else { "Receiver" };
        json_error(*status, "application/x-amz-json-1.0", &format!("com.amazonaws.sqs#{code}"), message)
            .with_header("x-amzn-query-error", format!("{};{sender}", query_code(code)))
    },
    unknown_action: aws_unknown_action,
    request_id: aws_request_id,
    headers: AWS_HEADERS,
};

/// SQS answers in JSON and names, in a header, the code that its older protocol had.
fn query_code(code: &str) -> String {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue".into(),
        "BatchEntryIdsNotDistinct"
        | "BatchRequestTooLong"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "MessageNotInflight"
        | "TooManyEntriesInBatchRequest"
        | "UnsupportedOperation" => format!("AWS.SimpleQueueService.{code}"),
        _ => code.to_owned(),
    }
}

const LARGEST: usize = 1_048_576;

fn answer(reply: &Value) -> Answer {
    Answer::new(200, "application/x-amz-json-1.0", reply.to_string())
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidParameterValue", message)
}

fn missing(field: &str) -> Failure {
    Failure::new(400, "MissingParameter", format!("The request must contain the parameter {field}."))
}

fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    request.json_object().map_err(|message| Failure::new(400, "SerializationException", message))
}

fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Result<&'a str, Failure> {
    body.get(field).and_then(Value::as_str).ok_or_else(|| missing(field))
}

fn number(body: &Map<String, Value>, field: &str, default: u64, most: u64) -> Result<u64, Failure> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_u64().filter(|value| *value <= most).ok_or_else(|| {
            invalid(format!(
                "Value {value} for parameter {field} is invalid. Reason: Must be between 0 and {most}."
            ))
        }),
    }
}

fn does_not_exist() -> Failure {
    Failure::new(400, "QueueDoesNotExist", "The specified queue does not exist.")
}

/// The queue's name out of `QueueUrl`, which must be one of this account.
fn queue(body: &Map<String, Value>) -> Result<String, Failure> {
    let url = text(body, "QueueUrl")?;
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let name = path.and_then(|path| path.strip_prefix(ACCOUNT_ID)?.strip_prefix('/'));
    name.map(Into::into).ok_or_else(does_not_exist)
}

fn exists(turn: &Turn<'_>, queue: &str) -> Result<(), Failure> {
    let known = turn.state.world.queues.iter().any(|known| known == queue);
    if known { Ok(()) } else { Err(does_not_exist()) }
}

pub(crate) fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue}")
}

/// A message that may be sent.
struct Outgoing {
    body: String,
    attributes: Map<String, Value>,
    delay: Duration,
    size: usize,
}

impl Outgoing {
    fn read(entry: &Map<String, Value>) -> Result<Outgoing, Failure> {
        let body = text(entry, "MessageBody")?.to_owned();
        if body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if !body.chars().all(is_xml) {
            return Err(Failure::new(
                400,
                "InvalidMessageContents",
                "Message contains characters outside the allowed set.",
            ));
        }
        let mut size = body.len();
        let attributes = match entry.get("MessageAttributes") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) => return Err(invalid("MessageAttributes: expected an object")),
        };
        if attributes.len() > 10 {
            return Err(invalid("Number of message attributes exceeds the allowed maximum [10]."));
        }
        for (name, value) in &attributes {
            let (kind, content) = attribute(value);
            if kind.is_empty() || content.is_empty() || !content.chars().all(is_xml) {
                return Err(invalid(format!(
                    "The message attribute '{name}' must contain a type and a value."
                )));
            }
            size += name.len() + kind.len() + content.len();
        }
        if size > LARGEST {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {LARGEST} bytes."
            );
            return Err(invalid(message));
        }
        let delay = Duration::from_secs(number(entry, "DelaySeconds", 0, 900)?);
        Ok(Outgoing { body, attributes, delay, size })
    }

    /// Puts the message into the queue and answers what the service says about it.
    fn deliver(&self, turn: &mut Turn<'_>, queue: &str) -> Map<String, Value> {
        let attributes = self.attributes.iter();
        turn.state.published.push(Published {
            destination: format!("queue:{queue}"),
            source: None,
            detail_type: None,
            attributes: attributes
                .map(|(name, value)| (name.clone(), attribute(value).1.to_owned()))
                .collect(),
            body: self.body.clone(),
        });
        let message = queues::Message::new(self.body.clone(), self.attributes.clone(), self.delay);
        let mut reply = Map::from_iter([
            ("MessageId".into(), json!(message.id)),
            ("MD5OfMessageBody".into(), json!(hex::encode(Md5::digest(&self.body)))),
        ]);
        if !self.attributes.is_empty() {
            reply.insert("MD5OfMessageAttributes".into(), json!(attributes_md5(&self.attributes)));
        }
        turn.state.queues.send(queue, message);
        reply
    }
}

/// The characters that XML 1.0 can hold, and SQS takes.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// An attribute's type and its value as text.
fn attribute(value: &Value) -> (&str, &str) {
    let part = |name: &str| value.get(name).and_then(Value::as_str);
    let content = part("StringValue").or(part("BinaryValue")).unwrap_or_default();
    (part("DataType").unwrap_or_default(), content)
}

/// The checksum over names, types and values, each with its length, in the order of the names; a
/// byte before the value tells text from binary.
pub(crate) fn attributes_md5(attributes: &Map<String, Value>) -> String {
    fn add(digest: &mut Md5, bytes: &[u8]) {
        digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(bytes);
    }
    let mut digest = Md5::new();
    for (name, value) in attributes.iter().collect::<BTreeMap<_, _>>() {
        let (kind, content) = attribute(value);
        add(&mut digest, name.as_bytes());
        add(&mut digest, kind.as_bytes());
        if kind.starts_with("Binary") {
            digest.update([2]);
            add(&mut digest, &base64_simd::STANDARD.decode_to_vec(content).unwrap_or_default());
        } else {
            digest.update([1]);
            add(&mut digest, content.as_bytes());
        }
    }
    hex::encode(digest.finalize())
}

pub(crate) struct SendMessage {
    queue: String,
    message: Outgoing,
}

impl SendMessage {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        Ok(SendMessage { queue: queue(&body)?, message: Outgoing::read(&body)? })
    }
}

impl Work for SendMessage {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        let reply = self.message.deliver(turn, &self.queue);
        Ok(answer(&Value::Object(reply)))
    }
}

pub(crate) struct SendMessageBatch {
    queue: String,
    entries: Entries<Outgoing>,
}

impl SendMessageBatch {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        let queue = queue(&body)?;
        let entries = Entries::read(&body, Outgoing::read)?;
        batch::check_size(entries.fine().map(|message| message.size).sum(), LARGEST)?;
        Ok(SendMessageBatch { queue, entries })
    }
}

impl Work for SendMessageBatch {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        Ok(self.entries.run(turn, |turn, message| Ok(message.deliver(turn, &self.queue))))
    }
}

#[cfg(test)]
mod tests;
