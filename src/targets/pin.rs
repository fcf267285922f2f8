//! Not a run that began after the request.
//!
//! A request that names no run means those of its moment. Fresh, it goes out as it is, with exactly the
//! API's own meaning; delivered late or again, it is first narrowed to the runs that had started when it
//! was made. That read is no courtesy: where it fails, so does the request, and nothing is called. One read
//! serves all requests of a batch for the same target, each with its own moment.
//! A dry run is here too, since it asks the same and then stops.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::port::Tell;
use super::target::{Reading, Target};
use super::{Asked, Conclusion, Context, LookUp, Settlement, share, status_of};
use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::pace::Priority;
use crate::timestamp::Moment;
use crate::vocabulary::{Effect, Status};

/// A list that was read in part says nothing of the rest. What refuses us, or is not there any more,
/// says so itself.
pub fn incomplete(error: CallError) -> CallError {
    if matches!(error.class, Class::Config | Class::Expired | Class::NotFound) {
        return error;
    }
    let message = format!("the list of runs cannot be read to its end: {}: {}", error.code, error.message);
    let retry_after = error.retry_after;
    CallError { retry_after, ..CallError::own(Class::Retry, Answer::NotAsked, "PinIncomplete", message) }
}

/// What runs are read for, before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    /// To cancel those that the request means.
    Cancel,
    /// To tell which ones it would reach: those of its moment, where it would be pinned.
    DryRun { pinned: bool },
}

impl<C: ?Sized> Reading<'_, C> {
    /// The moment whose runs are meant, where it is not now.
    pub fn since(&self) -> Option<Moment> {
        (self.purpose != Purpose::DryRun { pinned: false }).then_some(self.asked.requested_at)
    }
}

/// Carries requests for one target out whose runs are read first, each for the runs of its own moment, or finds
/// out what it would reach.
pub async fn settle_read<T: Target>(
    target: &T,
    requests: &[Reading<'_, T::Cancellation>],
    context: &Context<'_>,
    tell: Tell<'_>,
) {
    let priority = Priority::highest(requests.iter().map(|reading| reading.asked.priority));
    let mut read = match target.read(requests, &LookUp::needed(context, priority)).await {
        Ok(read) => read.into_iter().collect::<BTreeMap<_, _>>(),
        Err(error) => {
            let unread = |asked: &Asked<'_, _>| Settlement::unread(error.clone(), asked.record, context);
            return requests.iter().for_each(|reading| tell(reading.asked.record, unread(&reading.asked)));
        }
    };
    let reached = requests.iter().filter_map(|Reading { asked, .. }| {
        let read = read.remove(&asked.record)?;
        Some((asked, read.map_err(|settlement| tell(asked.record, *settlement)).ok()?))
    });
    let reached: Vec<_> = reached.collect();
    let asked = reached.iter().map(|(asked, cancellation)| asked.with(cancellation));
    share::settle(target, &asked.collect::<Vec<_>>(), context, tell).await;
}

/// What a read that is no courtesy and failed means for the request.
pub fn unread(error: &CallError) -> Status {
    match status_of(error.class) {
        status @ (Status::Denied | Status::NotFound | Status::Deferred) => status,
        _ => Status::Failed,
    }
}

impl Settlement {
    /// What a dry run found out.
    pub(super) fn dry_run(result: Option<Value>) -> Box<Self> {
        Box::new(Self::without_a_call(Conclusion::<()> { result, ..Conclusion::of(Status::DryRun) }))
    }

    /// The runs that a dry run found the request would reach, and what it would do beyond.
    pub(super) fn would_cancel(run_ids: Vec<String>, beyond: Option<(&str, Value)>) -> Box<Self> {
        let mut result = json!({"wouldCancel": run_ids});
        if let Some((name, value)) = beyond {
            result[name] = value;
        }
        Self::dry_run(Some(result))
    }

    /// Nothing was left to be called.
    pub(super) fn without_a_call<U>(conclusion: Conclusion<U>) -> Self {
        Self {
            effect: Effect::None,
            result: conclusion.result,
            error: conclusion.error.map(ReportedError::from),
            open_ends: conclusion.open_ends,
            went_beyond: conclusion.went_beyond,
            ..Self::of(conclusion.status)
        }
    }

    /// A read that is no courtesy failed. A refusal of what only we asked is no refusal of the request,
    /// which is redelivered.
    pub(super) fn unread(error: CallError, record: usize, context: &Context<'_>) -> Self {
        let status = unread(&error);
        if let (Status::Deferred, Some(place)) = (status, error.retry_after) {
            context.defer(record, place);
        }
        let error = Some(error).filter(|error| error.class != Class::Deferred);
        Self::without_a_call(Conclusion::<()> { error, ..Conclusion::of(status) })
    }
}
