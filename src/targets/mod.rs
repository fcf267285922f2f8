//! The services that can be asked to cancel: a folder for each, and the list of them.
//!
//! A service's folder holds all that is peculiar to it: its request type with the rules of its fields, its calls,
//! error codes and quotas, what its answers mean and how its runs are read. What it tells of itself is a
//! [`Service`] and a [`Target`], or a [`Single`] where that is enough. `share` lets requests share calls; `pin`,
//! `explain` and `follow` read. Nothing in this module knows how a request arrived or where its outcome goes.

pub mod appflow;
pub mod cloudflow;
mod explain;
mod follow;
mod look_up;
mod pages;
mod pin;
mod port;
mod runs;
mod service;
mod settlement;
mod share;
mod single;
pub mod stepfunctions;
pub mod sweep;
pub mod swf;
mod target;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

pub use self::explain::Settled;
pub use self::follow::{Check, Followed, Forced, Seen};
pub use self::look_up::LookUp;
pub use self::pin::Purpose;
use self::pin::{incomplete, unread};
pub use self::port::{Port, Tell, TellSeen};
pub use self::runs::{MOST_RUNS, Runs, Sight};
pub use self::service::{Beside, Beyond, Cancellation, ClientConfig, Connect, Service};
pub use self::settlement::{Conclusion, Settlement, status_of};
pub use self::single::{Description, Single, Stopped};
use self::sweep::{Counted, Step, Swept};
pub use self::sweep::{Sweep, Sweeps};
pub use self::target::{Accepted, Answered, Calls, Question, Read, Reading, Shared, Target};
use crate::call_error::{CallError, Class};
use crate::contained::contained_in;
use crate::invocation::Invocation;
use crate::pace::{Pace, Priority};
use crate::retry::Retry;
use crate::timestamp::{Moment, Timestamp};

/// The services, as errors name them.
pub static SERVICES: &[&Service] =
    &[&appflow::SERVICE, &swf::SERVICE, &cloudflow::SERVICE, &stepfunctions::SERVICE];

/// A request as it is asked for.
pub struct Asked<'a, C: ?Sized = dyn Cancellation> {
    pub cancellation: &'a C,
    /// Since when it counts.
    pub requested_at: Moment,
    /// How it stands among those that wait for their permit.
    pub priority: Priority,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

impl<C: ?Sized> Clone for Asked<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized> Copy for Asked<'_, C> {}

impl<C: ?Sized> Asked<'_, C> {
    fn with<'a, D: ?Sized>(&self, cancellation: &'a D) -> Asked<'a, D> {
        let Self { requested_at, priority, record, .. } = *self;
        Asked { cancellation, requested_at, priority, record }
    }
}

/// What all calls of an invocation share.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub retry: &'a Retry,
    pub pace: &'a Pace,
    pub until: Instant,
    /// When the stage of these calls began, by the calendar.
    pub now: Timestamp,
    pub invocation: &'a Invocation,
    /// So many pages are read to explain an outcome.
    pub max_pages: u32,
    /// Told at once which record's permit is too far away, and how long it is best left alone.
    pub deferred: &'a dyn Fn(usize, Duration),
    /// Told of a look-up that failed and without which the outcomes stand.
    pub look_up_failed: &'a dyn Fn(&Service, &CallError),
}

impl Context<'_> {
    fn defer(&self, record: usize, place: Duration) {
        (self.deferred)(record, place);
    }
}

/// Every service behind its port.
pub struct Targets(Vec<(&'static Service, Box<dyn Port>)>);

impl Targets {
    /// Builds the clients, all on one configuration.
    pub fn connect(services: &[(&'static Service, Connect)], config: &ClientConfig<'_>) -> Self {
        Self(services.iter().map(|(service, connect)| (*service, connect.connect(config))).collect())
    }

    /// Carries requests out that go as they are. What became of each is told once, as soon as it is known.
    pub async fn settle(&self, requests: &[Asked<'_>], context: &Context<'_>, tell: Tell<'_>) {
        let refuse = |asked: Asked<'_>, error| tell(asked.record, Settlement::broken(error));
        let own = self.sorted(requests.iter().copied(), |asked| asked.cancellation, refuse);
        join_all(own.map(|(port, own)| port.settle(own, context, tell))).await;
    }

    /// Carries requests for one target out whose runs are read first, each for the runs of its own moment,
    /// or finds out what it would reach.
    pub async fn settle_read(&self, requests: &[Reading<'_>], context: &Context<'_>, tell: Tell<'_>) {
        let refuse = |reading: &Reading<'_>, error| tell(reading.asked.record, Settlement::broken(error));
        let own = self.sorted(requests, |reading| reading.asked.cancellation, refuse);
        join_all(own.map(|(port, own)| port.read(own, context, tell))).await;
    }

    /// Asks what the answers left open, all questions side by side, and mends the settlements.
    pub async fn explain(&self, settled: Vec<Settled<'_>>, context: &Context<'_>, tell: Tell<'_>) {
        let leave = |(asked, settlement): Settled<'_>, _| tell(asked.record, settlement);
        let own = self.sorted(settled, |(asked, _)| asked.cancellation, leave);
        join_all(own.map(|(port, own)| port.explain(own, context, tell))).await;
    }

    /// Looks up how far runs are that were asked to end.
    pub async fn follow(&self, requests: Vec<Followed<'_>>, context: &Context<'_>, tell: TellSeen<'_>) {
        let refuse = |followed: Followed<'_>, error| tell(followed.record, Err(error));
        let own = self.sorted(requests, |followed| followed.cancellation, refuse);
        join_all(own.map(|(port, own)| port.follow(own, context, tell))).await;
    }

    /// Counts what a sweep would reach, and rehearses it where that is all. Nothing is asked.
    ///
    /// # Errors
    /// What became of the request, where it ends here.
    pub async fn count(
        &self,
        asked: Asked<'_, Sweep>,
        dry_run: bool,
        context: &Context<'_>,
    ) -> Result<Counted, Box<Settlement>> {
        let counted = async {
            let (_, sweeps) = self.sweeper(asked.cancellation)?;
            sweep::count(sweeps, asked, dry_run, &LookUp::needed(context, asked.priority)).await
        };
        let counted = contained_in(counted).await.and_then(|counted| counted);
        match counted {
            Ok((counted, None)) => Ok(counted),
            Ok((_, Some(dry_run))) => Err(Settlement::dry_run(Some(dry_run))),
            Err(error) => Err(Box::new(Settlement::unread(error, asked.record, context))),
        }
    }

    /// Takes a step of a sweep.
    ///
    /// # Errors
    /// Why nothing was asked.
    pub async fn sweep(&self, step: &Step<'_>, context: &Context<'_>) -> Result<Swept, CallError> {
        let stepped = async {
            let (port, sweeps) = self.sweeper(step.sweep)?;
            sweep::step(port, sweeps, step, context).await
        };
        let stepped = contained_in(stepped).await.and_then(|stepped| stepped);
        if let Err(error) = &stepped {
            match (error.class, error.retry_after) {
                (Class::Deferred, Some(place)) => context.defer(step.record, place),
                _ => (context.look_up_failed)(step.sweep.service(), error),
            }
        }
        stepped
    }

    fn sweeper(&self, sweep: &Sweep) -> Result<(&dyn Port, &dyn Sweeps), CallError> {
        let service = sweep.service();
        let port = self.0.iter().find(|(known, _)| *known == service).map(|(_, port)| port.as_ref());
        let sweeper = port.and_then(|port| Some((port, port.sweeps()?)));
        sweeper.ok_or_else(|| CallError::not_served(service.name))
    }

    /// Each port with the requests for its service. Those for which there is none are refused.
    fn sorted<R>(
        &self,
        requests: impl IntoIterator<Item = R>,
        asked: impl Fn(&R) -> &dyn Cancellation,
        refuse: impl Fn(R, CallError),
    ) -> impl Iterator<Item = (&dyn Port, Vec<R>)> {
        let mut own: Vec<Vec<R>> = self.0.iter().map(|_| Vec::new()).collect();
        for request in requests {
            let service = asked(&request).service();
            match self.0.iter().position(|(known, _)| *known == service) {
                Some(place) => own[place].push(request),
                None => refuse(request, CallError::not_served(service.name)),
            }
        }
        self.0.iter().map(|(_, port)| port.as_ref()).zip(own).filter(|(_, own)| !own.is_empty())
    }
}

#[cfg(test)]
pub(crate) mod tests;
