//! SQS's operations on the visibility of messages that were received, awsJson 1.0: a consumer keeps a
//! message for longer, or gives it back at once.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::entries::Entries;
use super::{body, exists, invalid, missing, number, queue, text};
use crate::queues::Unchanged;
use crate::refusal::Failure;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};

/// What is asked for one message.
struct Change {
    receipt: String,
    hidden_for: Duration,
}

impl Change {
    fn read(fields: &Map<String, Value>) -> Result<Change, Failure> {
        let receipt = text(fields, "ReceiptHandle")?.to_owned();
        if receipt.is_empty() {
            return Err(missing("ReceiptHandle"));
        }
        if fields.get("VisibilityTimeout").is_none_or(Value::is_null) {
            return Err(missing("VisibilityTimeout"));
        }
        let seconds = number(fields, "VisibilityTimeout", 0, 43_200)?;
        Ok(Change { receipt, hidden_for: Duration::from_secs(seconds) })
    }

    fn make(&self, turn: &mut Turn<'_>, queue: &str) -> Result<(), Failure> {
        let Change { receipt, hidden_for } = self;
        // The service tells a receipt that it once issued from one that it never did.
        if Uuid::try_parse(receipt).is_err() {
            return Err(Failure::new(
                404,
                "ReceiptHandleIsInvalid",
                format!("The input receipt handle \"{receipt}\" is not a valid receipt handle."),
            ));
        }
        let changed = turn.state.queues.change_visibility(queue, receipt, *hidden_for, Instant::now());
        changed.map_err(|unchanged| match unchanged {
            Unchanged::Gone => invalid(format!(
                "Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is \
                 not available for visibility timeout change."
            )),
            Unchanged::NotInFlight => {
                Failure::new(400, "MessageNotInflight", "The specified message isn't in flight.")
            }
            Unchanged::TooLong => invalid(format!(
                "Value {} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the \
                 message is beyond the limit [43200 seconds].",
                hidden_for.as_secs()
            )),
        })
    }
}

pub(crate) struct ChangeMessageVisibility {
    queue: String,
    change: Change,
}

impl ChangeMessageVisibility {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        Ok(ChangeMessageVisibility { queue: queue(&body)?, change: Change::read(&body)? })
    }
}

impl Work for ChangeMessageVisibility {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        self.change.make(turn, &self.queue)?;
        Ok(Answer::new(200, "application/x-amz-json-1.0", ""))
    }
}

pub(crate) struct ChangeMessageVisibilityBatch {
    queue: String,
    entries: Entries<Change>,
}

impl ChangeMessageVisibilityBatch {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = body(request)?;
        Ok(ChangeMessageVisibilityBatch {
            queue: queue(&body)?,
            entries: Entries::read(&body, Change::read)?,
        })
    }
}

impl Work for ChangeMessageVisibilityBatch {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        exists(turn, &self.queue)?;
        Ok(self.entries.run(turn, |turn, change| {
            change.make(turn, &self.queue)?;
            Ok(Map::new())
        }))
    }
}
