//! The port behind which each service stands, whichever it is.
//!
//! A request is told of by its record, never by its place among others, and once. One that a port does not know
//! as its own, or tells nothing of, has failed.

use std::any::Any;

use futures_util::future::LocalBoxFuture;

use super::target::Target;
use super::{Asked, Cancellation, Context, Followed, Reading, Seen, Settled, Settlement, Sweeps};
use super::{explain, follow, pin, share};
use crate::call_error::CallError;
use crate::contained::told_once;

/// Told what became of each request, by its record's place in the batch, as soon as it is known.
pub type Tell<'a> = &'a dyn Fn(usize, Settlement);
/// Told what was seen for each request that is followed, in the same way.
pub type TellSeen<'a> = &'a dyn Fn(usize, Seen);
/// Done once every request is told of.
pub type Work<'a> = LocalBoxFuture<'a, ()>;

/// A service that can be asked. What is wrong with one request, or one target, is wrong with no other.
pub trait Port {
    /// How its executions are swept, where they can be.
    fn sweeps(&self) -> Option<&dyn Sweeps>;

    /// Carries requests out that go as they are.
    fn settle<'a>(&'a self, asked: Vec<Asked<'a>>, context: &'a Context<'a>, tell: Tell<'a>) -> Work<'a>;

    /// Carries requests for one target out whose runs are read first, or finds out what they would reach.
    fn read<'a>(&'a self, asked: Vec<&'a Reading<'a>>, context: &'a Context<'a>, tell: Tell<'a>) -> Work<'a>;

    /// Asks what the answers left open.
    fn explain<'a>(&'a self, settled: Vec<Settled<'a>>, context: &'a Context<'a>, tell: Tell<'a>)
    -> Work<'a>;

    /// Looks up how far runs are that were asked to end.
    fn follow<'a>(
        &'a self,
        asked: Vec<Followed<'a>>,
        context: &'a Context<'a>,
        tell: TellSeen<'a>,
    ) -> Work<'a>;
}

impl<T: Target> Port for T {
    fn sweeps(&self) -> Option<&dyn Sweeps> {
        Target::sweeps(self)
    }

    fn settle<'a>(&'a self, asked: Vec<Asked<'a>>, context: &'a Context<'a>, tell: Tell<'a>) -> Work<'a> {
        Box::pin(async move {
            let own = asked.into_iter().filter_map(|asked| own(asked, tell)).collect::<Vec<_>>();
            let records = own.iter().map(|asked| asked.record);
            let settle = async |tell: Tell<'_>| share::settle(self, &own, context, tell).await;
            told_once(records, tell, |_, error| Settlement::broken(error), settle).await;
        })
    }

    fn read<'a>(&'a self, asked: Vec<&'a Reading<'a>>, context: &'a Context<'a>, tell: Tell<'a>) -> Work<'a> {
        Box::pin(async move {
            let own = asked.into_iter().filter_map(|Reading { asked, purpose }| {
                Some(Reading { asked: own(*asked, tell)?, purpose: *purpose })
            });
            let own = own.collect::<Vec<_>>();
            let records = own.iter().map(|reading| reading.asked.record);
            let settle = async |tell: Tell<'_>| pin::settle_read(self, &own, context, tell).await;
            told_once(records, tell, |_, error| Settlement::broken(error), settle).await;
        })
    }

    fn explain<'a>(
        &'a self,
        settled: Vec<Settled<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a>,
    ) -> Work<'a> {
        Box::pin(explain::explain(self, settled, context, tell))
    }

    fn follow<'a>(
        &'a self,
        asked: Vec<Followed<'a>>,
        context: &'a Context<'a>,
        tell: TellSeen<'a>,
    ) -> Work<'a> {
        Box::pin(async move {
            let own = asked.into_iter().filter_map(|followed| {
                let own = concrete(followed.cancellation);
                Some(followed.with(own.map_err(|error| tell(followed.record, Err(error))).ok()?))
            });
            follow::follow(self, own.collect(), context, tell).await;
        })
    }
}

/// The request as its service knows it.
fn own<'a, C: Cancellation>(asked: Asked<'a>, tell: Tell<'_>) -> Option<Asked<'a, C>> {
    let own = concrete(asked.cancellation).map_err(|error| tell(asked.record, Settlement::broken(error)));
    Some(asked.with(own.ok()?))
}

/// What a request to this service asks.
///
/// # Errors
/// It is a request to another one.
pub fn concrete<C: Cancellation>(cancellation: &dyn Cancellation) -> Result<&C, CallError> {
    let asked: &dyn Any = cancellation;
    asked.downcast_ref().ok_or_else(|| CallError::not_served(cancellation.service().name))
}
