//! The services that can be asked to cancel, one file each, and the list of them.
//!
//! A service's file holds its request type with the rules of its fields, its calls, its error codes,
//! and how the answers to its calls become a [`Settlement`]. A new service is such a file and its
//! lines here. `share` lets requests share calls; `explain` and `pin` read. Nothing in this module
//! knows how a request arrived or where its outcome goes.

pub mod appflow;
pub mod cloudflow;
mod continued;
mod explain;
mod follow;
mod pages;
mod pin;
mod runs;
mod settlement;
mod share;
pub mod swf;

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::Value;
use tokio::time::Instant;

pub use self::explain::{LookUp, Unclear};
pub use self::follow::{Followed, Seen};
use self::pin::incomplete;
pub use self::pin::{Purpose, Reading};
pub use self::runs::{MOST_RUNS, Runs, Sight};
pub use self::settlement::{Conclusion, Settlement, status_of};
use crate::call_error::CallError;
use crate::contained::contained_in;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::pace::{Operation, Pace, Standing};
use crate::retry::Retry;
use crate::timestamp::{Moment, Timestamp};

/// A service that we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    AppFlow,
    Swf,
    CloudFlow,
}

impl Service {
    pub const ALL: [Self; 3] = [Self::AppFlow, Self::Swf, Self::CloudFlow];

    /// The name that requests and outcomes use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppFlow => "appflow",
            Self::Swf => "swf",
            Self::CloudFlow => "cloudflow",
        }
    }

    /// The operation that cancels.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::AppFlow => "CancelFlowExecutions",
            Self::Swf => "RequestCancelWorkflowExecution",
            Self::CloudFlow => "StopExecution",
        }
    }

    /// How the keys of its targets are made.
    pub const fn key_form(self) -> &'static str {
        match self {
            Self::AppFlow => "appflow:<flow>",
            Self::Swf => "swf:<domain>/<workflow id>",
            Self::CloudFlow => "cloudflow:<flow>",
        }
    }

    /// Whether a target of it can have a key with this behind the service's name.
    pub fn can_name(self, name: &str) -> bool {
        match self {
            Self::AppFlow => appflow::Cancellation::can_name(name),
            Self::Swf => swf::Cancellation::can_name(name),
            Self::CloudFlow => cloudflow::Cancellation::can_name(name),
        }
    }
}

/// What a valid request asks to be canceled.
#[derive(Clone, Debug, PartialEq)]
pub enum Cancellation {
    AppFlow(appflow::Cancellation),
    Swf(swf::Cancellation),
    CloudFlow(cloudflow::Cancellation),
}

impl Cancellation {
    /// Takes a service's own fields; `None` where one of them is not valid, as the violations tell.
    pub fn read(service: Service, fields: &mut Fields, reason: Option<&str>) -> Option<Self> {
        match service {
            Service::AppFlow => appflow::Cancellation::read(fields).map(Self::AppFlow),
            Service::Swf => swf::Cancellation::read(fields).map(Self::Swf),
            Service::CloudFlow => cloudflow::Cancellation::read(fields, reason).map(Self::CloudFlow),
        }
    }

    pub fn service(&self) -> Service {
        match self {
            Self::AppFlow(_) => Service::AppFlow,
            Self::Swf(_) => Service::Swf,
            Self::CloudFlow(_) => Service::CloudFlow,
        }
    }

    /// The name that policy and outcomes go by: `appflow:<flow>`, `swf:<domain>/<workflow id>` or
    /// `cloudflow:<flow>`.
    pub fn key(&self) -> String {
        match self {
            Self::AppFlow(cancellation) => cancellation.key(),
            Self::Swf(cancellation) => cancellation.key(),
            Self::CloudFlow(cancellation) => cancellation.key(),
        }
    }

    /// What the ids are that a request without any can mean, and how many a message carries.
    pub fn runs_rule(&self) -> (&'static Text, usize) {
        match self {
            Self::AppFlow(_) => (&appflow::EXECUTION_ID, MOST_RUNS),
            Self::Swf(_) => (&swf::RUN_ID, MOST_RUNS),
            Self::CloudFlow(_) => (&cloudflow::NAME, 1),
        }
    }

    /// The runs that a request names; none where it means whatever runs.
    pub fn named_runs(&self) -> Option<&[String]> {
        match self {
            Self::AppFlow(cancellation) => cancellation.named_runs(),
            Self::Swf(cancellation) => cancellation.named_runs(),
            Self::CloudFlow(cancellation) => Some(cancellation.named_runs()),
        }
    }

    /// The `target` of an outcome: what was asked, after the key that names it.
    pub fn target(&self) -> Value {
        match self {
            Self::AppFlow(cancellation) => cancellation.target(),
            Self::Swf(cancellation) => cancellation.target(),
            Self::CloudFlow(cancellation) => cancellation.target(),
        }
    }
}

/// A port: one service that can be asked.
pub trait Target {
    /// What a valid request asks of this service.
    type Cancellation;
    /// One call of the operation; a request may need several, and several requests the same.
    type Call;
    /// What a successful call tells.
    type Reply;

    /// The operation that cancels, as its pace knows it.
    const OPERATION: Operation;

    /// Whether calls can be made at all.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self) -> Result<(), CallError> {
        Ok(())
    }

    /// The fewest calls that carry all these requests out, in their order.
    fn calls(&self, requests: &[&Self::Cancellation]) -> Vec<Shared<Self::Call>>;

    /// What of a shared call one of its requests asked for.
    fn part(&self, call: &Self::Call, request: &Self::Cancellation) -> Self::Call;

    /// Makes one attempt of a call.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn cancel(&self, call: &Self::Call) -> impl Future<Output = Result<Accepted<Self::Reply>, CallError>>;

    /// What the answers to all calls that a request is on mean for it.
    fn conclude(&self, request: &Self::Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion;
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
pub struct Answered<'a, T: Target + ?Sized> {
    pub call: &'a T::Call,
    pub result: Result<&'a T::Reply, &'a CallError>,
}

/// A request as it is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub cancellation: &'a Cancellation,
    /// Since when it counts.
    pub requested_at: Moment,
    /// How it stands among those that wait for their turn.
    pub standing: Standing,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

/// What all calls of an invocation share.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    pub retry: &'a Retry,
    pub pace: &'a Pace,
    pub until: Instant,
    /// The time by the calendar.
    pub now: Timestamp,
    /// So many pages are read to explain an outcome.
    pub max_pages: u32,
    /// Told at once which record's turn is too far away, and how long it is best left alone.
    pub deferred: &'a dyn Fn(usize, Duration),
}

impl Means<'_> {
    fn defer(&self, record: usize, place: Duration) {
        (self.deferred)(record, place);
    }
}

/// Every service behind its port.
pub struct Targets {
    pub appflow: appflow::AppFlow,
    pub swf: swf::Swf,
    pub cloudflow: cloudflow::CloudFlow,
}

impl Targets {
    /// Builds the clients, all on one connector. Without its `endpoint`, CloudFlow answers why.
    pub fn connect(
        aws: &SdkConfig,
        endpoint: Result<cloudflow::Endpoint, String>,
        connector: SharedHttpConnector,
    ) -> Self {
        Self {
            appflow: appflow::AppFlow::connect(aws),
            swf: swf::Swf::connect(aws),
            cloudflow: cloudflow::CloudFlow::connect(aws, endpoint, connector, SystemTime::now),
        }
    }

    /// Carries requests out that go as they are. What became of each is `told` with its place as soon as it
    /// is known; of those over which the function itself fails, nothing is.
    pub async fn settle(&self, requests: &[Asked<'_>], means: &Means<'_>, told: &dyn Fn(usize, Settlement)) {
        let appflow = pick(requests, |cancellation| match cancellation {
            Cancellation::AppFlow(it) => Some(it),
            _ => None,
        });
        let swf = pick(requests, |cancellation| match cancellation {
            Cancellation::Swf(it) => Some(it),
            _ => None,
        });
        let cloudflow = pick(requests, |cancellation| match cancellation {
            Cancellation::CloudFlow(it) => Some(it),
            _ => None,
        });
        // What is wrong with one service is wrong with no other.
        let _ = tokio::join!(
            contained_in(share::settle(&self.appflow, &appflow, means, told)),
            contained_in(share::settle(&self.swf, &swf, means, told)),
            contained_in(share::settle(&self.cloudflow, &cloudflow, means, told)),
        );
    }
}

/// The requests of one service, each with its place.
fn pick<'a, C>(
    requests: &[Asked<'a>],
    of_service: impl Fn(&'a Cancellation) -> Option<&'a C>,
) -> Vec<share::Asked<'a, C>> {
    let requests = requests.iter().enumerate();
    requests
        .filter_map(|(place, asked)| {
            Some(share::Asked {
                place,
                cancellation: of_service(asked.cancellation)?,
                standing: asked.standing,
                record: asked.record,
            })
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
