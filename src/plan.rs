//! The plan of a batch: which requests go as they are, which are pinned first, and which only rehearsed.
//!
//! It stands between valid requests and calls. Requests that go as they are are planned together, so that
//! they share calls; those that are pinned, target by target, so that a slow read holds up no other. It
//! knows how old a request is and how often it came, and makes no calls itself.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event_source::Record;
use crate::pace::Standing;
use crate::request::CancelRequest;
use crate::targets::{Asked, Means, Settlement, Targets};
use crate::timestamp::Timestamp;

/// How a deployment wants requests to be carried out.
#[derive(Clone, Copy, Debug)]
pub struct Planner {
    /// From this age on, an open-ended request is pinned to the runs of its moment.
    pub pin_after: Duration,
    /// Nothing is ever canceled, only told what would be.
    pub dry_run: bool,
}

/// What is to be done for the requests of a batch.
#[derive(Default)]
pub struct Plan<'a> {
    settled: Vec<Asked<'a>>,
    /// By target.
    pinned: BTreeMap<String, Vec<Asked<'a>>>,
    /// And whether they would be pinned.
    rehearsed: Vec<(Asked<'a>, bool)>,
}

impl Planner {
    /// Plans requests, each with its record's place in the batch and since when it counts.
    pub fn plan<'a>(
        &self,
        requests: impl Iterator<Item = (usize, &'a Record, &'a CancelRequest, Timestamp)>,
        now: Timestamp,
    ) -> Plan<'a> {
        let mut plan = Plan::default();
        for (place, record, request, requested_at) in requests {
            let cancellation = &request.cancellation;
            let asked = Asked { cancellation, requested_at, standing: standing(record), record: place };
            let pinned = cancellation.is_open_ended() && self.is_late(record, requested_at, now);
            if self.dry_run || request.dry_run {
                plan.rehearsed.push((asked, pinned));
            } else if pinned {
                plan.pinned.entry(cancellation.key()).or_default().push(asked);
            } else {
                plan.settled.push(asked);
            }
        }
        // Who was sent away most often takes the first turn.
        plan.settled.sort_by_key(|asked| std::cmp::Reverse(asked.standing.receives().unwrap_or(u32::MAX)));
        plan
    }

    fn is_late(&self, record: &Record, requested_at: Timestamp, now: Timestamp) -> bool {
        let redelivered = record.source.receive_count > Some(1);
        let age = Duration::from_millis(now.millis_since(requested_at));
        redelivered || age > self.pin_after || self.pin_after.is_zero()
    }
}

/// A record that no queue can give back later is urgent.
fn standing(record: &Record) -> Standing {
    match record.receipt_handle {
        Some(_) => Standing::Received(record.source.receive_count.unwrap_or(1)),
        None => Standing::Urgent,
    }
}

impl Plan<'_> {
    /// Carries it out; each settlement comes with its record's place.
    pub async fn carry_out(&self, targets: &Targets, means: &Means<'_>) -> Vec<(usize, Settlement)> {
        let settle = async |requests: &[Asked<'_>]| told(requests, targets.settle(requests, means).await);
        let pin = async |requests: &[Asked<'_>]| told(requests, targets.settle_pinned(requests, means).await);
        let rehearse = async |(asked, pinned): &(Asked<'_>, bool)| {
            (asked.record, targets.rehearse(asked, *pinned, means).await)
        };
        let (settled, pinned, rehearsed) = tokio::join!(
            settle(&self.settled),
            join_all(self.pinned.values().map(|requests| pin(requests))),
            join_all(self.rehearsed.iter().map(rehearse)),
        );
        settled.into_iter().chain(pinned.into_iter().flatten()).chain(rehearsed).collect()
    }
}

fn told(requests: &[Asked<'_>], settlements: Vec<Settlement>) -> Vec<(usize, Settlement)> {
    requests.iter().map(|asked| asked.record).zip(settlements).collect()
}
