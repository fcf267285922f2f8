//! Where outcomes, confirmations and our messages to ourselves go: one file per kind of destination, and the
//! batching that they share.
//!
//! A destination says what one call may carry and sends it; it reports each entry, since all three
//! services can fail an entry inside a 200. [`Publisher`] packs outcomes into as few calls as that
//! allows and sends again only what failed and may succeed. It knows no request.

mod destination;
pub mod eventbridge;
pub mod sns;
pub mod sqs;

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use futures_util::future::join_all;
use tokio::time::Instant;

pub use self::destination::{Destination, DestinationKind};
use crate::arn::Arn;
use crate::call_error::{CallError, Class};
use crate::client::error::{common, throttling};
use crate::client::{Body, ReadableReply, Successes, queue_url};
use crate::contained::contained_in;
use crate::retry::{Retry, Taken};

/// What the successes of each kind of destination say.
pub const EVENT_BUS: Successes = &[("PutEvents", Body::Member(&["Entries", "FailedEntryCount"]))];
pub const TOPIC: Successes = &[("PublishBatch", Body::Xml)];
pub const QUEUE: Successes = &[("SendMessageBatch", Body::Member(&["Successful", "Failed"]))];

/// A message of ours and what a destination shows of it outside.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its `type`.
    pub kind: &'static str,
    pub detail_type: &'static str,
    /// A request without a usable service has none.
    pub service: Option<&'static str>,
    pub status: Option<&'static str>,
    pub json: &'a str,
    /// A queue hides it for so long; whole seconds, at most 15 minutes.
    pub delay: Duration,
}

/// Each of them takes so many entries in one call.
const MOST_ENTRIES: usize = 10;

/// A port: how one kind of destination is reached.
pub trait Transport {
    /// All entries of a call together are no longer, in bytes, counted as the service counts.
    const LONGEST_CALL: usize;

    /// What an entry counts against the limit in bytes.
    fn size(&self, entry: &Entry) -> usize {
        size_with_attributes(entry)
    }

    /// Sends entries in one call, and says of each whether it was taken.
    ///
    /// # Errors
    /// A call that failed as a whole.
    fn send(&self, entries: &[Entry<'_>]) -> impl Future<Output = Result<Taken, CallError>>;
}

/// The destination that a deployment has chosen.
pub enum Publisher {
    EventBus(eventbridge::EventBus),
    Topic(sns::Topic),
    Queue(sqs::Queue),
    /// Outcomes are only logged.
    Nowhere,
}

/// An outcome that did not reach its destination.
pub type Unpublished = CallError;

impl Publisher {
    /// Builds the client of the chosen destination, in the destination's region. `source` names us
    /// on an event bus.
    pub fn connect(aws: &SdkConfig, destination: Option<Destination>, source: String) -> Self {
        let Some(Destination { kind, arn, region }) = destination else {
            return Self::Nowhere;
        };
        let there = aws.to_builder().region(Region::new(region)).build();
        match kind {
            DestinationKind::EventBus => {
                let config =
                    aws_sdk_eventbridge::config::Builder::from(&there).interceptor(ReadableReply(EVENT_BUS));
                let client = aws_sdk_eventbridge::Client::from_conf(config.build());
                Self::EventBus(eventbridge::EventBus { client, arn, source })
            }
            DestinationKind::Topic => {
                let config = aws_sdk_sns::config::Builder::from(&there).interceptor(ReadableReply(TOPIC));
                Self::Topic(sns::Topic { client: aws_sdk_sns::Client::from_conf(config.build()), arn })
            }
            DestinationKind::Queue => {
                let url = Arn::parse(&arn).map(|arn| queue_url(&arn)).unwrap_or_default();
                let config = aws_sdk_sqs::config::Builder::from(&there).interceptor(ReadableReply(QUEUE));
                Self::Queue(sqs::Queue { client: aws_sdk_sqs::Client::from_conf(config.build()), url })
            }
        }
    }

    /// Publishes messages until `until` at the latest; one result for each, in their order.
    pub async fn publish(
        &self,
        entries: &[Entry<'_>],
        retry: &Retry,
        until: Instant,
    ) -> Vec<Result<(), Unpublished>> {
        match self {
            Self::EventBus(bus) => publish(bus, entries, retry, until).await,
            Self::Topic(topic) => publish(topic, entries, retry, until).await,
            Self::Queue(queue) => publish(queue, entries, retry, until).await,
            Self::Nowhere => entries.iter().map(|_| Ok(())).collect(),
        }
    }
}

async fn publish<D: Transport>(
    destination: &D,
    entries: &[Entry<'_>],
    retry: &Retry,
    until: Instant,
) -> Vec<Result<(), Unpublished>> {
    let sizes: Vec<usize> = entries.iter().map(|entry| destination.size(entry)).collect();
    let batches = pack(&sizes, D::LONGEST_CALL);
    let sent = batches.iter().map(|batch| send(destination, entries, batch, retry, until));
    let results = join_all(sent).await.into_iter().flatten();
    let mut results: Vec<_> = batches.iter().flatten().zip(results).collect();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Sends the entries of these indices in one call. One that is refused as a whole, as what is too large is by a
/// destination with an older limit, goes in two parts, down to single entries: none decides for another.
async fn send<D: Transport>(
    destination: &D,
    entries: &[Entry<'_>],
    batch: &[usize],
    retry: &Retry,
    until: Instant,
) -> Taken {
    let call = async |left: &[usize]| {
        let entries: Vec<Entry> = left.iter().map(|&place| entries[batch[place]]).collect();
        destination.send(&entries).await
    };
    let sent = contained_in(retry.run_together(batch.len(), until, call)).await;
    let sent = sent.unwrap_or_else(|error| batch.iter().map(|_| Err(error.clone())).collect());
    let refused = |sent: &Result<(), CallError>| sent.as_ref().is_err_and(may_be_too_large);
    if batch.len() < 2 || !sent.iter().all(refused) {
        return sent;
    }
    let halves = batch.chunks(batch.len().div_ceil(2));
    let halves = halves.map(|half| Box::pin(send(destination, entries, half, retry, until)));
    join_all(halves).await.concat()
}

/// Whether a refusal may be about the size of the call: by a code of its own, or by that of any invalid request.
fn may_be_too_large(error: &CallError) -> bool {
    let words = ["TooLong", "TooLarge", "HTTP413", "InvalidParameter"];
    words.iter().any(|word| error.code.contains(word)) || error.class == Class::Terminal
}

/// Puts each entry, by its index, into the first batch that has room for it: a large one must not
/// close a batch that smaller ones behind it could fill. An entry that is too large by itself still
/// gets its call, for the service to judge.
fn pack(sizes: &[usize], longest: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    // Those that have room, and how long they are.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let room = open.iter().position(|(_, bytes)| bytes.saturating_add(*size) <= longest);
        let place = room.unwrap_or_else(|| {
            open.push((batches.len(), 0));
            batches.push(Vec::new());
            open.len() - 1
        });
        let (batch, bytes) = &mut open[place];
        batches[*batch].push(index);
        *bytes += size;
        if batches[*batch].len() == MOST_ENTRIES {
            open.remove(place);
        }
    }
    batches
}

/// The message attributes that SNS and SQS carry, so that subscribers can filter.
fn attributes<'a>(entry: &Entry<'a>) -> impl Iterator<Item = (&'static str, &'a str)> {
    [("type", Some(entry.kind)), ("service", entry.service), ("status", entry.status)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
}

/// The size of a message as SNS and SQS count it: the body, and of each attribute its name, type and value.
fn size_with_attributes(entry: &Entry) -> usize {
    let attributes: usize =
        attributes(entry).map(|(name, value)| name.len() + "String".len() + value.len()).sum();
    entry.json.len() + attributes
}

/// A failed entry as SNS and SQS report it: its id, code, message and whether the fault is ours.
pub type FailedEntry<'a> = (&'a str, &'a str, Option<&'a str>, bool);

/// What a reply of SNS or SQS says of each entry, whose id is its place. One that it passes over counts as failed.
pub fn entry_results<'a>(
    count: usize,
    taken: impl Iterator<Item = &'a str>,
    failed: impl Iterator<Item = FailedEntry<'a>>,
) -> Taken {
    let (taken, failed): (Vec<&str>, Vec<FailedEntry>) = (taken.collect(), failed.collect());
    let result = |place: usize| {
        let id = place.to_string();
        if let Some((_, code, message, our_fault)) = failed.iter().find(|entry| entry.0 == id) {
            let class = entry_class(code, *our_fault);
            return Err(CallError::service(class, code, message.unwrap_or_default()));
        }
        let unread = || CallError::unreadable("a result for each entry");
        taken.contains(&id.as_str()).then_some(()).ok_or_else(unread)
    };
    (0..count).map(result).collect()
}

/// The class of an entry's code. One that nobody knows may pass where the service says that the
/// fault is its own.
fn entry_class(code: &str, our_fault: bool) -> Class {
    let unknown = if our_fault { Class::Terminal } else { Class::Retry };
    common(code).or_else(|| throttling(code)).unwrap_or(unknown)
}

#[cfg(test)]
mod tests;
