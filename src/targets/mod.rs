//! The services that can be asked to cancel, one file each, and the list of them.
//!
//! A service's file holds its request type with the rules of its fields, its calls, its error codes,
//! and how the answers to its calls become a [`Settlement`]. A new service is such a file and its
//! lines here. Nothing in this module knows how a request arrived or where its outcome goes.

pub mod appflow;
pub mod aws;
pub mod cloudflow;
mod explain;
mod pin;
pub mod swf;

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

pub use self::explain::{LookUp, Unclear};
use self::pin::incomplete;
use crate::call_error::{CallError, Class, ReportedError};
use crate::outcome::{Effect, Status};
use crate::request::fields::Fields;
use crate::retry::Retry;

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
}

/// What a valid request asks to be canceled.
#[derive(Debug, PartialEq)]
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
    /// One call of the operation; a request may need several.
    type Call;
    /// What a successful call tells.
    type Reply;

    /// The calls that a request needs.
    fn calls(&self, cancellation: &Self::Cancellation) -> Vec<Self::Call>;

    /// Makes one attempt of a call.
    ///
    /// # Errors
    /// Every failure, classified by the service's code.
    fn cancel(&self, call: &Self::Call) -> impl Future<Output = Result<Accepted<Self::Reply>, CallError>>;

    /// What the answers to all calls of a request mean for it. They come in the order of the calls.
    fn conclude(&self, cancellation: &Self::Cancellation, answers: Vec<Answered<Self>>) -> Conclusion;
}

/// A call that the service took.
#[derive(Debug)]
pub struct Accepted<Reply> {
    pub reply: Reply,
    pub request_id: Option<String>,
}

/// A call and what became of it.
#[derive(Debug)]
pub struct Answered<T: Target + ?Sized> {
    pub call: T::Call,
    pub result: Result<T::Reply, CallError>,
}

/// What the answers mean.
#[derive(Debug, PartialEq)]
pub struct Conclusion {
    pub status: Status,
    /// A service took at least a part.
    pub taken: bool,
    pub result: Option<Value>,
    pub error: Option<CallError>,
    /// A request that would finish the rest.
    pub remaining: Option<Value>,
    /// What a look-up could tell more.
    pub unclear: Option<Unclear>,
}

/// What became of a request at its service.
#[derive(Debug, PartialEq)]
pub struct Settlement {
    pub status: Status,
    pub effect: Effect,
    pub result: Option<Value>,
    pub error: Option<ReportedError>,
    pub remaining: Option<Value>,
    pub attempts: u32,
    pub service_request_ids: Vec<String>,
    /// What a look-up could tell more.
    pub unclear: Option<Unclear>,
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
            appflow: appflow::AppFlow(aws_sdk_appflow::Client::new(aws)),
            swf: swf::Swf(aws_sdk_swf::Client::new(aws)),
            cloudflow: cloudflow::CloudFlow { endpoint, connector, now: SystemTime::now },
        }
    }

    /// Carries a request out, with all its calls side by side, until `until` at the latest.
    pub async fn settle(&self, cancellation: &Cancellation, retry: &Retry, until: Instant) -> Settlement {
        match cancellation {
            Cancellation::AppFlow(it) => settle(&self.appflow, it, retry, until).await,
            Cancellation::Swf(it) => settle(&self.swf, it, retry, until).await,
            Cancellation::CloudFlow(it) => settle(&self.cloudflow, it, retry, until).await,
        }
    }
}

async fn settle<T: Target>(
    target: &T,
    cancellation: &T::Cancellation,
    retry: &Retry,
    until: Instant,
) -> Settlement {
    let calls = target.calls(cancellation).into_iter().map(async |call| {
        let attempts = retry.run(until, async || target.cancel(&call).await).await;
        (call, attempts)
    });
    let (mut made, mut unanswered, mut request_ids) = (0, false, Vec::new());
    let mut answers = Vec::new();
    for (call, attempts) in join_all(calls).await {
        made += attempts.made;
        unanswered |= attempts.unanswered;
        request_ids.extend(attempts.failed_request_ids);
        let result = attempts.result.map(|accepted| {
            request_ids.extend(accepted.request_id);
            accepted.reply
        });
        answers.push(Answered { call, result });
    }
    let conclusion = target.conclude(cancellation, answers);
    Settlement {
        status: conclusion.status,
        effect: match (conclusion.taken, unanswered) {
            (true, _) => Effect::Requested,
            (false, true) => Effect::Unknown,
            (false, false) => Effect::None,
        },
        result: conclusion.result,
        error: conclusion.error.map(ReportedError::from),
        remaining: conclusion.remaining,
        attempts: made,
        service_request_ids: request_ids,
        unclear: conclusion.unclear,
    }
}

/// The status that a failed call gives its request.
pub fn status_of(class: Class) -> Status {
    match class {
        Class::Throttle | Class::Retry | Class::RetryOnce | Class::Unknown => Status::Failed,
        Class::NotFound => Status::NotFound,
        Class::NotRunning => Status::NotRunning,
        Class::Terminal => Status::Rejected,
        Class::Config => Status::Denied,
    }
}

#[cfg(test)]
mod tests;
