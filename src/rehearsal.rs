//! The first request before the first request.
//!
//! While Lambda starts a function it has a whole processor, and afterwards only what its memory buys. So
//! made-up requests go the way that real ones will go, over a wire that opens connections and asks no service
//! anything: credentials are fetched, each AWS service that requests may reach and each destination has its
//! connection, and the code has run once.
//! Of a cold start's 7.4 ms of CPU, 0.9 instead of 3.6 are then left to the first invocation; in all, it costs 2 to
//! 4 % more.
//! Nothing depends on a rehearsal: what fails is logged, and the first request tries it again.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::call_error::CallError;
use crate::config::Config;
use crate::handler::Handler;
use crate::invocation::Invocation;
use crate::log;
use crate::pace::Priority;
use crate::policy::Policy;
use crate::publisher::{Entry, Publisher};
use crate::request::{self, CancelRequest, Reading};
use crate::start_up::prepare;
use crate::targets::{Asked, Context, SERVICES, Service};

/// Longer than any rehearsal may take.
const TIME: Duration = Duration::from_secs(60);

/// What a handler that can reach nobody is configured with: nothing is tried twice, and nothing waits for
/// anything else.
pub fn config(config: &Config) -> Config {
    Config { max_attempts: 1, max_in_flight_calls: 10, ..config.clone() }
}

/// Goes every way that real requests may go, side by side, with the parts of a handler that can reach
/// nobody. The `policy` is that for real requests.
pub async fn rehearse(handler: Handler, policy: &Policy) {
    let reached = SERVICES.iter().filter(|service| policy.may_allow(service));
    let asked = reached.filter_map(|service| {
        let request = request(service)?;
        Some(prepare(service.name, ask(&handler, request)))
    });
    let destinations =
        [("the destination", &handler.publisher), ("the follow-up queue", &handler.follow_ups.queue)];
    let told = destinations.map(|(name, destination)| prepare(name, tell(&handler, destination)));
    tokio::join!(join_all(asked), join_all(told));
}

/// Asks a service. The reply may fit no operation; that it cannot be read says that the connection is open.
async fn ask(handler: &Handler, request: Box<CancelRequest>) -> Result<(), String> {
    let now = SystemTime::now();
    let invocation = Invocation::begin(now, now + TIME, Duration::ZERO);
    let context = Context {
        retry: &handler.retry,
        pace: &handler.pace,
        until: invocation.calls_until,
        now: invocation.now(),
        invocation: &invocation,
        max_pages: 0,
        deferred: &|_, _| {},
        look_up_failed: &log::look_up_failed,
    };
    let asked = Asked {
        cancellation: request.cancellation.as_ref(),
        requested_at: context.now.into(),
        priority: Priority::Urgent,
        record: 0,
    };
    let failed = Cell::new(None);
    handler.targets.settle(&[asked], &context, &|_, settlement| failed.set(settlement.error)).await;
    match failed.into_inner().filter(|error| error.code != CallError::UNREADABLE) {
        Some(error) => Err(format!("{}: {}", error.code, error.message)),
        None => Ok(()),
    }
}

/// Publishes; the same goes for the reply.
async fn tell(handler: &Handler, destination: &Publisher) -> Result<(), String> {
    let entry = Entry {
        kind: "rehearsal",
        detail_type: "Rehearsal",
        service: None,
        status: None,
        json: "{}",
        delay: Duration::ZERO,
    };
    let sent = destination.publish(&[entry], &handler.retry, Instant::now() + TIME).await;
    match sent.into_iter().find_map(Result::err) {
        Some(error) if error.code != CallError::UNREADABLE => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// A request that names nothing real; none to a service that is not called ahead.
fn request(service: &Service) -> Option<Box<CancelRequest>> {
    match request::read(service.rehearsal?, Default::default()) {
        Reading::Request(request) => Some(request),
        _ => None,
    }
}
