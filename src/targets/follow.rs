//! What has become of runs that were asked to end, and the end of those that go on.
//!
//! These reads are no courtesy: they are what a follow-up is for. Each waits for its permit like a call, and
//! one whose permit is too far away sends its record away, to be redelivered in its place. One serves all
//! requests of a batch that follow a target that is read as a whole, or the same runs. Runs of which nothing is
//! told are unseen, and looked up at the next check. What goes on where its request escalates is ended by its
//! service, run by run, each by its id as it was just seen.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::port::TellSeen;
use super::target::Target;
use super::{Cancellation, Context, LookUp, Runs, Sight};
use crate::call_error::{Answer, CallError, Class};
use crate::contained::contained_in;
use crate::pace::{Deadline, Priority};
use crate::vocabulary::State;

/// A request whose runs are looked up.
pub struct Followed<'a, C: ?Sized = dyn Cancellation> {
    pub cancellation: &'a C,
    pub runs: &'a Runs,
    pub priority: Priority,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
    /// What still runs is to be ended now, for this reason.
    pub escalates: Option<Option<&'a str>>,
}

/// What was seen of the runs and done about them, or the permit was too far away.
pub type Seen = Result<Check, CallError>;

/// What was seen of the runs, and done about those that went on.
#[derive(Debug, Default)]
pub struct Check {
    pub sight: Sight,
    pub forced: Vec<Forced>,
}

/// A run that was to be ended.
#[derive(Clone, Debug)]
pub struct Forced {
    pub run: String,
    pub result: Result<(), CallError>,
    /// A call for it was not answered, and may have been carried out.
    pub unanswered: bool,
}

impl Check {
    /// What is known of the runs now.
    pub fn known(&self) -> Sight {
        let ended = |id: &String| self.forced.iter().any(|it| it.run == *id && it.result.is_ok());
        let known =
            |(id, state): &(String, State)| (id.clone(), if ended(id) { State::Terminated } else { *state });
        self.sight.as_ref().map(|runs| runs.iter().map(known).collect())
    }
}

impl<'a, C: ?Sized> Followed<'a, C> {
    pub(super) fn with<D: ?Sized>(&self, cancellation: &'a D) -> Followed<'a, D> {
        let Self { runs, priority, record, escalates, .. } = *self;
        Followed { cancellation, runs, priority, record, escalates }
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
        // What goes beyond a cancel may have to see more.
        let (key, beyond) = (followed.cancellation.key(), followed.cancellation.goes_beyond());
        same.entry((key, runs, beyond)).or_default().push(followed);
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
        let mut forced = Vec::new();
        for followed in together {
            let record = followed.record;
            if let Some(error) = deferred {
                error.retry_after.inspect(|place| context.defer(record, *place));
                tell(record, Err(error.clone()));
                continue;
            }
            let sight = seen.remove(&record).unwrap_or_else(|| followed.runs.unseen());
            let own = end_all(target, &followed, &sight, &mut forced, context).await;
            tell(record, Ok(Check { sight, forced: own }));
        }
    });
    join_all(reads).await;
}

/// Ends the runs that go on where the request escalates. What was `forced` for another request is not asked again.
async fn end_all<T: Target>(
    target: &T,
    followed: &Followed<'_, T::Cancellation>,
    sight: &Sight,
    forced: &mut Vec<Forced>,
    context: &Context<'_>,
) -> Vec<Forced> {
    let Some(reason) = followed.escalates else { return Vec::new() };
    let mut own = Vec::new();
    let open = sight.iter().flatten().filter(|(_, state)| state.goes_on());
    for (run, _) in open {
        let known = forced.iter().find(|it| it.run == *run).cloned();
        let ended = match known {
            Some(known) => known,
            None => end(target, followed, run, reason, context).await,
        };
        forced.push(ended.clone());
        own.push(ended);
    }
    own
}

async fn end<T: Target>(
    target: &T,
    followed: &Followed<'_, T::Cancellation>,
    run: &str,
    reason: Option<&str>,
    context: &Context<'_>,
) -> Forced {
    let forced = |result, unanswered| Forced { run: run.into(), result, unanswered };
    let service = followed.cancellation.service();
    let Some(beyond) = service.beyond else {
        return forced(Err(CallError::not_served(service.name)), false);
    };
    let until = context.until;
    let limiter = context.pace.limiter(beyond.operation);
    let Ok(waiting) = limiter.join(followed.priority, Deadline::Begun { until }) else {
        return forced(Err(CallError::deadline(Answer::NotAsked)), false);
    };
    let call = async || target.end(followed.cancellation, run, reason).await;
    let attempts = context.retry.run_paced(waiting, until, call).await;
    // Where it is gone at a repeat, an attempt that failed may have ended it.
    let is_gone = attempts.result.as_ref().is_err_and(|error| error.class == Class::NotFound);
    forced(attempts.result, attempts.unanswered || is_gone && attempts.made > 1)
}
