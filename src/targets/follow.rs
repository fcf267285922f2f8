//! What has become of runs that were asked to end.
//!
//! These reads are no courtesy: they are what a follow-up is for. Each waits for its permit like a call, and
//! one whose permit is too far away sends its record away, to be redelivered in its place. One serves all
//! requests of a batch that follow a target that is read as a whole, or the same runs. Nothing is changed here.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::port::TellSeen;
use super::target::Target;
use super::{Cancellation, Context, LookUp, Runs, Sight};
use crate::call_error::{CallError, Class};
use crate::contained::contained_in;
use crate::pace::Priority;

/// A request whose runs are looked up.
pub struct Followed<'a, C: ?Sized = dyn Cancellation> {
    pub cancellation: &'a C,
    pub runs: &'a Runs,
    pub priority: Priority,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

/// What was seen of the runs, or the permit was too far away.
pub type Seen = Result<Sight, CallError>;

impl<'a, C: ?Sized> Followed<'a, C> {
    pub(super) fn with<D: ?Sized>(&self, cancellation: &'a D) -> Followed<'a, D> {
        Followed { cancellation, runs: self.runs, priority: self.priority, record: self.record }
    }
}

/// Looks runs up. What was seen of those of each request is told as soon as it is.
pub async fn follow<T: Target>(
    target: &T,
    requests: Vec<Followed<'_, T::Cancellation>>,
    context: &Context<'_>,
    tell: TellSeen<'_>,
) {
    let mut same: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for followed in requests {
        let runs = (!followed.cancellation.is_read_as_a_whole()).then_some(followed.runs);
        same.entry((followed.cancellation.key(), runs)).or_default().push(followed);
    }
    let reads = same.into_values().map(async |together| {
        let seen = contained_in(follow_together(target, &together, context)).await;
        let unseen = || together.iter().map(|followed| Ok(followed.runs.unseen())).collect();
        let seen: Vec<Seen> = seen.unwrap_or_else(|_| unseen());
        together.iter().zip(seen).for_each(|(followed, seen)| tell(followed.record, seen));
    });
    join_all(reads).await;
}

/// The same for requests that one read serves; there is at least one.
async fn follow_together<T: Target>(
    target: &T,
    requests: &[Followed<'_, T::Cancellation>],
    context: &Context<'_>,
) -> Vec<Seen> {
    let standings = requests.iter().map(|followed| followed.priority);
    let priority = standings.reduce(Priority::or_higher).unwrap_or(Priority::Urgent);
    let (seen, error) = target.follow(requests, &LookUp::needed(context, priority)).await;
    if let Some(error) = error.as_ref().filter(|error| error.class == Class::Deferred) {
        let away = requests.iter().map(|followed| {
            if let Some(place) = error.retry_after {
                context.defer(followed.record, place);
            }
            Err(error.clone())
        });
        return away.collect();
    }
    if let (Some(error), Some(first)) = (error, requests.first()) {
        (context.look_up_failed)(first.cancellation.service(), &error);
    }
    seen.into_iter().map(Ok).collect()
}
