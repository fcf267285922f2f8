//! What a service tells of itself, so that requests to it can be carried out, pinned, explained and followed.

use super::{Asked, Cancellation, Conclusion, Followed, LookUp, Purpose, Settlement, Sight, Sweeps};
use crate::call_error::CallError;
use crate::pace::Operation;
use crate::timestamp::Timestamp;

/// The calls by which a service cancels.
pub trait Calls {
    /// What a valid request asks of it.
    type Cancellation;
    /// One call; a request may need several, and several requests the same.
    type Call;
    /// What a successful call tells.
    type Reply;
    /// What a look-up could tell more of a request.
    type Unclear: 'static;

    /// The operation that cancels, as its pace knows it.
    const CANCEL: &'static Operation;

    /// Whether calls can be made at all.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<(), CallError> {
        Ok(())
    }

    /// The fewest calls that carry all these requests out, in their order.
    fn calls(&self, requests: &[&Self::Cancellation]) -> Vec<Shared<Self::Call>>;

    /// The operation of a call that is no cancel. It goes first: the cancels of its requests wait until it was
    /// attempted once, whatever came of that.
    fn goes_first(&self, _: &Self::Call) -> Option<&'static Operation> {
        None
    }

    /// What of a shared call one of its requests asked for.
    fn part(&self, call: &Self::Call, request: &Self::Cancellation) -> Self::Call;

    /// Makes one attempt of a call, and may change what the next one asks.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn cancel(&self, call: &mut Self::Call)
    -> impl Future<Output = Result<Accepted<Self::Reply>, CallError>>;

    /// What the answers to all calls that a request is on mean for it.
    fn conclude(
        &self,
        request: &Self::Cancellation,
        answers: &[Answered<'_, Self>],
    ) -> Conclusion<Self::Unclear>;
}

/// A call and the requests that are on it, by their place.
#[derive(Debug, PartialEq)]
pub struct Shared<Call> {
    pub call: Call,
    pub requests: Vec<usize>,
}

/// A call that the service took.
#[derive(Debug)]
pub struct Accepted<Reply> {
    pub reply: Reply,
    pub request_id: Option<String>,
}

/// A call and what became of it.
pub struct Answered<'a, T: Calls + ?Sized> {
    pub call: &'a T::Call,
    pub result: Result<&'a T::Reply, &'a CallError>,
    /// When the first attempt of it was made; none where none was.
    pub began: Option<Timestamp>,
    /// An earlier attempt, or the delivery before, may have done it.
    pub repeated: bool,
}

/// A service that we ask. One of which a request is an execution, a call and a description implements
/// [`Single`](super::Single) instead, from which all of this follows.
pub trait Target: Calls<Cancellation: Cancellation> {
    /// How its executions are swept, where they can be.
    fn sweeps(&self) -> Option<&dyn Sweeps> {
        None
    }

    /// Reads runs for requests to one target, before anything is asked; there is at least one request. What
    /// comes of it is told with the record of each.
    ///
    /// # Errors
    /// A read that failed; it was for all of them, and so is the failure.
    fn read(
        &self,
        requests: &[Reading<'_, Self::Cancellation>],
        look_up: &LookUp<'_>,
    ) -> impl Future<Output = Result<Vec<Read<Self::Cancellation>>, CallError>>;

    /// Asks what the answers left open, and mends the settlements; there is at least one question, and more
    /// only where a target is read as a whole.
    ///
    /// # Errors
    /// A read that failed. What was found nevertheless is taken over before.
    fn explain(
        &self,
        questions: &mut [Question<'_, Self>],
        look_up: &LookUp<'_>,
    ) -> impl Future<Output = Result<(), CallError>>;

    /// Looks up how far the runs are that were asked to end, for requests that one read serves; there is at
    /// least one. What is seen is told with the record of each, beside a read that failed.
    fn follow(
        &self,
        requests: &[Followed<'_, Self::Cancellation>],
        look_up: &LookUp<'_>,
    ) -> impl Future<Output = (Vec<(usize, Sight)>, Option<CallError>)>;

    /// Makes one attempt to end a run that goes on in spite of its cancel, for a request that escalates. A run that
    /// is not open any more is not found.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn end(
        &self,
        asked: &Self::Cancellation,
        _run: &str,
        _reason: Option<&str>,
    ) -> impl Future<Output = Result<(), CallError>> {
        let service = asked.service().name;
        async move { Err(CallError::not_served(service)) }
    }
}

/// A request for which runs are read.
pub struct Reading<'a, C: ?Sized = dyn Cancellation> {
    pub asked: Asked<'a, C>,
    pub purpose: Purpose,
}

/// A record, and the request for the runs that were found for it, or what became of one that is not to be
/// carried out.
pub type Read<C> = (usize, Result<C, Box<Settlement>>);

/// What the answers to a request left open.
pub struct Question<'a, T: Calls + ?Sized> {
    pub asked: Asked<'a, T::Cancellation>,
    /// Taken by who explains it.
    pub unclear: T::Unclear,
    pub settlement: Settlement,
}
