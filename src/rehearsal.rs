//! The first request before the first request.
//!
//! While Lambda starts a function it has a whole processor, and afterwards only what its memory buys. So
//! made-up requests go the way that real ones will go, over a wire that opens connections and sends
//! nothing: credentials are fetched, TLS is set up, each AWS service that requests may reach has its
//! connection, and the code has run once. CloudFlow may be across a border, and is left alone. Nothing
//! depends on a rehearsal: what fails is logged, and the first request tries it again.

use std::time::Duration;

use futures_util::future::join_all;
use lambda_runtime::tracing;
use tokio::time::Instant;

use crate::call_error::Answer;
use crate::config::Config;
use crate::handler::Handler;
use crate::pace::Standing;
use crate::policy::Policy;
use crate::publisher::{Entry, Publisher};
use crate::request::{self, CancelRequest, Reading};
use crate::targets::{Asked, Means, Service};
use crate::timestamp::Timestamp;

/// Longer than any rehearsal may take.
const TIME: Duration = Duration::from_secs(60);

/// What a handler that can reach nobody is configured with: nothing is tried twice.
pub fn config(config: &Config) -> Config {
    Config { max_attempts: 1, ..config.clone() }
}

/// Goes every way that real requests may go, side by side, with the parts of a handler that can reach
/// nobody. The `policy` is that for real requests.
pub async fn rehearse(handler: &Handler, policy: &Policy) {
    let reached = Service::ALL.into_iter().filter(|service| policy.may_allow(service.name()));
    let asked = join_all(reached.filter_map(request).map(|request| ask(handler, request)));
    let destinations = [&handler.publisher, &handler.follow_ups.queue];
    let told = join_all(destinations.map(|destination| tell(handler, destination)));
    let (asked, told) = tokio::join!(asked, told);
    for error in asked.into_iter().chain(told).flatten() {
        tracing::info!(error, "a first call could not be prepared");
    }
}

/// Asks a service; what kept the call from its connection.
async fn ask(handler: &Handler, request: Box<CancelRequest>) -> Option<String> {
    let means = Means {
        retry: &handler.retry,
        pace: &handler.pace,
        until: Instant::now() + TIME,
        max_pages: 0,
        deferred: &|_, _| {},
    };
    let asked = Asked {
        cancellation: &request.cancellation,
        requested_at: Timestamp::from(std::time::SystemTime::now()),
        standing: Standing::Urgent,
        record: 0,
    };
    let settled = handler.targets.settle(&[asked], &means).await;
    let error = settled.into_iter().find_map(|settlement| settlement.error)?;
    Some(format!("{}: {}: {}", request.cancellation.service().name(), error.code, error.message))
}

/// Publishes; what kept the call from its connection. What else went wrong went wrong over the reply, which
/// fits no destination.
async fn tell(handler: &Handler, destination: &Publisher) -> Option<String> {
    let entry = Entry {
        kind: "rehearsal",
        detail_type: "Rehearsal",
        service: None,
        status: None,
        json: "{}",
        delay: Duration::ZERO,
    };
    let sent = destination.publish(&[entry], &handler.retry, Instant::now() + TIME).await;
    let error = sent.into_iter().find_map(Result::err)?;
    matches!(error.answer, Answer::NotAsked | Answer::NotReached).then(|| error.to_string())
}

/// A request that names nothing real; none to a service that is not called ahead.
fn request(service: Service) -> Option<Box<CancelRequest>> {
    let text = match service {
        Service::AppFlow => {
            r#"{"service": "appflow", "flowName": "rehearsal", "executionIds": ["rehearsal"]}"#
        }
        Service::Swf => r#"{"service": "swf", "domain": "rehearsal", "workflowId": "rehearsal"}"#,
        Service::CloudFlow => return None,
    };
    match request::read(text) {
        Reading::Request(request) => Some(request),
        _ => None,
    }
}
