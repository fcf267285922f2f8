//! When a record that goes back to its queue is seen again.
//!
//! Left alone, it would be hidden for the queue's whole visibility timeout. A deferred record comes again
//! when its turn does; a failed one after a while that grows with its receives; a denied one when a person
//! may have mended the reason. This is a courtesy to the queue: where it fails, nothing else changes. It
//! knows records and waits, and nothing of requests.

mod sqs;

use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::arn::Arn;
use crate::event_source::{Record, Settled};
use crate::log;
use crate::outcome::Status;
use crate::retry::Retry;

/// A failed record waits so long after its first receive; the wait doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// No failed record waits longer, and every denied one waits so long.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A record that goes back, by its place in the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    pub record: usize,
    pub when: When,
}

/// When a record is seen again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    At(Instant),
    /// In a queue whose order counts.
    WithTheOneBefore,
}

/// How long a record that was tried and goes back stays hidden; none where it does not go back, and where
/// it was deferred, which was said when its turn was known.
pub fn wait(settled: &Settled, receive_count: Option<u32>) -> Option<Duration> {
    let denied = settled.outcome.as_ref().is_some_and(|outcome| outcome.status == Status::Denied);
    let tried = settled.comes_again() && !settled.in_line;
    tried.then(|| wait_after(denied, receive_count))
}

/// A wait of each its own keeps a batch that failed together from coming back together.
fn wait_after(denied: bool, receive_count: Option<u32>) -> Duration {
    if denied {
        return LONGEST_WAIT;
    }
    let receives = receive_count.unwrap_or(1).clamp(1, 16);
    let ceiling = FIRST_WAIT.saturating_mul(1 << (receives - 1)).min(LONGEST_WAIT);
    ceiling / 2 + (ceiling / 2).mul_f64(fastrand::f64())
}

/// Gives records back to their queues.
pub struct HandBack {
    queues: sqs::Queues,
    /// Its calls must never keep a cancel or an outcome waiting, so they are counted apart.
    retry: Retry,
}

impl HandBack {
    /// Builds the client; `retry` is for its calls alone.
    pub fn connect(aws: &SdkConfig, retry: Retry) -> Self {
        Self { queues: sqs::Queues::connect(aws), retry }
    }

    /// Hides each record as it comes, until no more come or the time is up.
    pub async fn run(&self, records: &[Record], returns: UnboundedReceiver<Return>, until: Instant) {
        let times = unfold((returns, Instant::now()), async |(mut returns, before)| {
            let Return { record, when } = returns.recv().await?;
            let at = match when {
                When::At(at) => at,
                When::WithTheOneBefore => before,
            };
            Some(((record, at), (returns, at)))
        });
        let hide = times.for_each_concurrent(None, async |(place, at)| {
            if let Some(record) = records.get(place) {
                self.hide(record, at, until).await;
            }
        });
        hide.await;
    }

    async fn hide(&self, record: &Record, at: Instant, until: Instant) {
        let arn = record.source.arn.as_deref().and_then(Arn::parse);
        let queue = arn.filter(|arn| arn.service == "sqs" && arn.is_complete());
        let (Some(queue), Some(receipt)) = (queue, &record.receipt_handle) else { return };
        let url = queue.queue_url();
        let call =
            async || self.queues.hide(&url, receipt, at.saturating_duration_since(Instant::now())).await;
        if let Err(error) = self.retry.run(until, call).await.result {
            log::not_hidden(record, &error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_record_waits_longer_with_each_receive_and_by_chance() {
        fastrand::seed(7);
        for (receives, longest) in
            [(None, 5), (Some(1), 5), (Some(2), 10), (Some(3), 20), (Some(7), 300), (Some(u32::MAX), 300)]
        {
            let longest = Duration::from_secs(longest);
            let waits: Vec<Duration> = (0..100).map(|_| wait_after(false, receives)).collect();
            assert!(waits.iter().all(|wait| (longest / 2..=longest).contains(wait)), "{receives:?}");
            assert!(waits.iter().any(|wait| *wait < longest.mul_f64(0.6)), "{receives:?}");
            assert!(waits.iter().any(|wait| *wait > longest.mul_f64(0.9)), "{receives:?}");
        }
    }

    #[test]
    fn a_denied_record_waits_for_a_person() {
        assert_eq!(wait_after(true, Some(1)), Duration::from_secs(300));
    }
}
