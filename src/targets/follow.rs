//! What has become of runs that were asked to end.
//!
//! These reads are no courtesy: they are what a follow-up is for. Each waits for its permit like a call, and
//! one whose permit is too far away sends its record away, to be redelivered in its place. One serves all
//! requests of a batch that follow a target that is read as a whole, or the same runs. Runs of which nothing is
//! told are unseen, and looked up at the next check. Nothing is changed here.

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
        let priority = Priority::highest(together.iter().map(|followed| followed.priority));
        let look_up = LookUp::needed(context, priority);
        let (seen, error) = contained_in(target.follow(&together, &look_up)).await.unwrap_or_default();
        let deferred = error.as_ref().filter(|error| error.class == Class::Deferred);
        if let (Some(error), None, Some(first)) = (&error, deferred, together.first()) {
            (context.look_up_failed)(first.cancellation.service(), error);
        }
        let mut seen: BTreeMap<_, _> = seen.into_iter().collect();
        for Followed { runs, record, .. } in together {
            if let Some(place) = deferred.and_then(|error| error.retry_after) {
                context.defer(record, place);
            }
            let mut seen = || seen.remove(&record).unwrap_or_else(|| runs.unseen());
            tell(record, deferred.map_or_else(|| Ok(seen()), |error| Err(error.clone())));
        }
    });
    join_all(reads).await;
}
