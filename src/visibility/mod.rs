//! When a record that goes back to its queue is seen again.
//!
//! Left alone, it would be hidden for the queue's whole visibility timeout. A deferred record is redelivered
//! when its permit is due; a failed one after a while that grows with its receives; a denied one when a person
//! may have mended the reason. This is a courtesy to the queue: where it fails, nothing else changes. It
//! knows records and waits, and nothing of requests.

mod sqs;

#[cfg(test)]
pub use self::sqs::SUCCESSES;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::unfold;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::arn::Arn;
use crate::client;
use crate::event_source::{Record, Settled};
use crate::log;
use crate::retry::Retry;
use crate::vocabulary::Status;

/// A failed record waits so long after its first receive; the wait doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// No failed record waits longer, and every denied one waits so long.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Visibility ends at most 12 hours after a receive; a quarter of an hour less leaves time for the invocation.
const FURTHEST: Duration = Duration::from_secs(12 * 3_600 - 900);
/// Once all else is done, the response waits so long at most for calls that hide records.
pub const GRACE: Duration = Duration::from_secs(1);

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

/// How long a record that was tried and goes back stays hidden: at least as long as was `asked` for. None
/// where it does not go back, and where it was deferred, which was said when its permit was known.
pub fn wait(settled: &Settled, receive_count: Option<u32>, asked: Option<Duration>) -> Option<Duration> {
    let denied = settled.outcome.as_ref().is_some_and(|outcome| outcome.status == Status::Denied);
    let tried = settled.is_redelivered() && !settled.in_line;
    tried.then(|| wait_after(denied, receive_count, asked.unwrap_or_default()))
}

/// A wait of each its own keeps a batch that failed together from coming back together.
fn wait_after(denied: bool, receive_count: Option<u32>, asked: Duration) -> Duration {
    let receives = receive_count.unwrap_or(1).clamp(1, 16);
    let ceiling = FIRST_WAIT.saturating_mul(1 << (receives - 1)).min(LONGEST_WAIT);
    let chance = fastrand::f64();
    let own = if denied { LONGEST_WAIT } else { ceiling / 2 + (ceiling / 2).mul_f64(chance) };
    let asked = if asked.is_zero() { asked } else { asked.saturating_add(FIRST_WAIT.mul_f64(chance)) };
    own.max(asked).min(FURTHEST)
}

/// Gives records back to their queues.
pub struct Visibility {
    queues: sqs::Queues,
    /// Its calls must never keep a cancel or an outcome waiting, so they are counted apart.
    retry: Retry,
}

impl Visibility {
    /// Builds the client; `retry` is for its calls alone.
    pub fn connect(aws: &SdkConfig, retry: Retry) -> Self {
        Self { queues: sqs::Queues::connect(aws), retry }
    }

    /// Hides each record as it comes, those together that come together, until no more come or the time is up.
    pub async fn run(&self, records: &[Record], returns: UnboundedReceiver<Return>, until: Instant) {
        let known = unfold((returns, Instant::now()), async |(mut returns, mut before)| {
            let mut known = Vec::with_capacity(sqs::MOST_ENTRIES);
            if returns.recv_many(&mut known, sqs::MOST_ENTRIES).await == 0 {
                return None;
            }
            let at = |Return { record, when }| {
                if let When::At(at) = when {
                    before = at;
                }
                (record, before)
            };
            Some((known.into_iter().map(at).collect::<Vec<_>>(), (returns, before)))
        });
        let hide = known.for_each_concurrent(None, async |known| {
            let mut queues: BTreeMap<String, Vec<Hidden<'_>>> = BTreeMap::new();
            for (place, at) in known {
                let hidden = records.get(place).and_then(|record| Hidden::of(record, at));
                let Some((url, hidden)) = hidden else { continue };
                queues.entry(url).or_default().push(hidden);
            }
            join_all(queues.iter().map(|(url, hidden)| self.hide(url, hidden, until))).await;
        });
        hide.await;
    }

    async fn hide(&self, url: &str, hidden: &[Hidden<'_>], until: Instant) {
        let call = async |left: &[usize]| {
            let now = Instant::now();
            let left = left.iter().map(|&place| &hidden[place]);
            let left = left.map(|it| (it.receipt, it.at.saturating_duration_since(now)));
            self.queues.hide(url, &left.collect::<Vec<_>>()).await
        };
        let done = self.retry.run_together(hidden.len(), until, call).await;
        for (hidden, done) in hidden.iter().zip(done) {
            if let Err(error) = done {
                log::not_hidden(hidden.record, &error);
            }
        }
    }
}

/// A record that is to be hidden from its queue.
struct Hidden<'a> {
    record: &'a Record,
    receipt: &'a str,
    at: Instant,
}

impl<'a> Hidden<'a> {
    /// And the URL of its queue; none where it came from no queue.
    fn of(record: &'a Record, at: Instant) -> Option<(String, Self)> {
        let queue = record.source.arn.as_deref().and_then(Arn::parse);
        let queue = queue.filter(|arn| arn.service == "sqs" && arn.is_complete())?;
        let receipt = record.receipt_handle.as_deref()?;
        Some((client::queue_url(&queue), Self { record, receipt, at }))
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
            let waits: Vec<Duration> =
                (0..100).map(|_| wait_after(false, receives, Duration::ZERO)).collect();
            assert!(waits.iter().all(|wait| (longest / 2..=longest).contains(wait)), "{receives:?}");
            assert!(waits.iter().any(|wait| *wait < longest.mul_f64(0.6)), "{receives:?}");
            assert!(waits.iter().any(|wait| *wait > longest.mul_f64(0.9)), "{receives:?}");
        }
    }

    #[test]
    fn a_denied_record_waits_for_a_person() {
        assert_eq!(wait_after(true, Some(1), Duration::ZERO), Duration::from_secs(300));
    }

    #[test]
    fn no_record_is_seen_before_the_time_that_was_asked_for() {
        fastrand::seed(7);
        for (denied, receives, asked, least, most) in [
            (false, 1, 120, 120, 125),
            (false, 7, 10, 150, 300),
            (false, 1, 1, 2, 6),
            (true, 1, 120, 300, 300),
            (true, 1, 600, 600, 605),
            (false, 1, u64::MAX, 42_300, 42_300),
        ] {
            let waits = (0..100).map(|_| wait_after(denied, Some(receives), Duration::from_secs(asked)));
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
            assert!(waits.clone().all(|wait| (least..=most).contains(&wait)), "{asked}");
            assert!(least == most || waits.clone().any(|wait| wait > least), "{asked}");
        }
    }
}
