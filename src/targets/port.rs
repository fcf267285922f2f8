//! The port behind which each service stands, whichever it is.
//!
//! A request is told of by its record, never by its place among others. One that a port does not know as its
//! own is told of by nobody, which the handler makes a failure.

use std::any::Any;

use futures_util::future::LocalBoxFuture;

use super::target::Target;
use super::{Asked, Cancellation, Context, Followed, Reading, Seen, Settled, Settlement};
use super::{explain, follow, pin, share};
use crate::call_error::CallError;
use crate::contained::contained_in;

/// Told of each request by its record's place in the batch, as soon as it is known.
pub type Tell<'a, T> = &'a dyn Fn(usize, T);

/// A service that can be asked. What is wrong with one request, or one target, is wrong with no other.
pub trait Port {
    /// Carries requests out that go as they are.
    fn settle<'a>(
        &'a self,
        requests: Vec<Asked<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()>;

    /// Carries requests for one target out whose runs are read first, or finds out what they would reach.
    fn settle_read<'a>(
        &'a self,
        requests: &'a [Reading<'a>],
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()>;

    /// Asks what the answers left open.
    fn explain<'a>(
        &'a self,
        settled: Vec<Settled<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()>;

    /// Looks up how far runs are that were asked to end.
    fn follow<'a>(
        &'a self,
        requests: Vec<Followed<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Seen>,
    ) -> LocalBoxFuture<'a, ()>;
}

impl<T: Target> Port for T {
    fn settle<'a>(
        &'a self,
        requests: Vec<Asked<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let own = requests.into_iter().filter_map(|asked| own(asked, tell)).collect::<Vec<_>>();
            // Of whom nothing is told then, the function failed over.
            let _ = contained_in(share::settle(self, &own, context, tell)).await;
        })
    }

    fn settle_read<'a>(
        &'a self,
        requests: &'a [Reading<'a>],
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let own = requests.iter().filter_map(|Reading { asked, purpose }| {
                Some(Reading { asked: own(*asked, tell)?, purpose: *purpose })
            });
            let own = own.collect::<Vec<_>>();
            let _ = contained_in(pin::settle_read(self, &own, context, tell)).await;
        })
    }

    fn explain<'a>(
        &'a self,
        settled: Vec<Settled<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Settlement>,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(explain::explain(self, settled, context, tell))
    }

    fn follow<'a>(
        &'a self,
        requests: Vec<Followed<'a>>,
        context: &'a Context<'a>,
        tell: Tell<'a, Seen>,
    ) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let own = requests.into_iter().filter_map(|followed| match concrete(followed.cancellation) {
                Some(cancellation) => Some(followed.with(cancellation)),
                None => {
                    tell(followed.record, Err(CallError::not_served(followed.cancellation.service().name)));
                    None
                }
            });
            follow::follow(self, own.collect(), context, tell).await;
        })
    }
}

/// The request as its service knows it.
fn own<'a, C: Cancellation>(asked: Asked<'a>, tell: Tell<'_, Settlement>) -> Option<Asked<'a, C>> {
    let own = concrete(asked.cancellation).map(|cancellation| asked.with(cancellation));
    if own.is_none() {
        let error = CallError::not_served(asked.cancellation.service().name);
        tell(asked.record, Settlement::broken(error));
    }
    own
}

/// What a request to this service asks; none where it is a request to another one.
pub fn concrete<C: Cancellation>(cancellation: &dyn Cancellation) -> Option<&C> {
    let cancellation: &dyn Any = cancellation;
    cancellation.downcast_ref()
}
