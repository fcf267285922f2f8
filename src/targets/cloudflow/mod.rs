//! Alibaba Cloud CloudFlow: `StopExecution`.
//!
//! An RPC-style API with its own signatures, called over the same HTTP connector as the AWS services.
//! Its gateway answers for itself too, with statuses that mislead (a 404 for an unknown access key),
//! so only the code decides. The reply carries the flow's definition, input and output, of which
//! nothing but status and times is read.
//! API: <https://www.alibabacloud.com/help/en/cloudflow/latest/api-fnf-2019-03-15-stopexecution>

pub mod acs3;
mod keys;
pub mod rpc_v1;
mod wire;

use serde_json::{Value, json};

pub use self::keys::{KeySource, Keys};
pub use self::wire::{CloudFlow, Endpoint, Method, Reply, Signature, Word};
use super::{Accepted, Answered, Conclusion, LookUp, Shared, Target, Unclear, share, status_of};
use crate::call_error::{CallError, Class};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::pace::Operation;
use crate::vocabulary::{State, Status};

/// The name of a flow or an execution.
pub const NAME: Text = Text {
    length: 1..=128,
    expected: "letters, digits, _ and -, first a letter or _",
    allows: |text| {
        !text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    },
};

const CAUSE: Text = Text::any(1..=4_096);
const ERROR: Text = Text::any(1..=128);

/// What a request asks of CloudFlow; its one call carries the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cancellation {
    flow_name: String,
    execution_name: String,
    cause: Option<String>,
    error: Option<String>,
}

impl Cancellation {
    /// Takes CloudFlow's fields of a request, in the API's own spelling or in camel case. The
    /// request's reason serves as cause where none is given.
    pub fn read(fields: &mut Fields, reason: Option<&str>) -> Option<Self> {
        let flow_name = fields.required(&["flowName", "FlowName"], &NAME);
        let execution_name = fields.required(&["executionName", "ExecutionName"], &NAME);
        // A cause or error that is not valid is among the violations, which refuse the request.
        let cause = fields.text(&["cause", "Cause"], &CAUSE);
        let error = fields.text(&["error", "Error"], &ERROR);
        Some(Self {
            flow_name: flow_name?,
            execution_name: execution_name?,
            cause: cause.or_else(|| reason.map(String::from)),
            error,
        })
    }

    /// The one execution.
    pub fn named_runs(&self) -> &[String] {
        std::slice::from_ref(&self.execution_name)
    }

    /// The name that policy and outcomes go by.
    pub fn key(&self) -> String {
        format!("cloudflow:{}", self.flow_name)
    }

    /// Whether a flow can have a name, whatever its length.
    pub fn can_name(flow_name: &str) -> bool {
        !flow_name.is_empty() && (NAME.allows)(flow_name)
    }

    /// What was asked, for the outcome.
    pub fn target(&self) -> Value {
        json!({
            "key": self.key(),
            "flowName": self.flow_name,
            "executionName": self.execution_name,
        })
    }

    /// The parameters of the call in the API's spelling, sorted, absent ones left out.
    fn parameters(&self) -> Vec<(&'static str, &str)> {
        [
            ("Cause", self.cause.as_deref()),
            ("Error", self.error.as_deref()),
            ("ExecutionName", Some(self.execution_name.as_str())),
            ("FlowName", Some(self.flow_name.as_str())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

impl Target for CloudFlow {
    type Cancellation = Cancellation;
    type Call = Cancellation;
    type Reply = Reply;

    const OPERATION: Operation = Operation::StopExecution;

    fn ready(&self) -> Result<(), CallError> {
        self.endpoint.as_ref().map(|_| ()).map_err(CallError::not_configured)
    }

    fn calls(&self, requests: &[&Cancellation]) -> Vec<Shared<Cancellation>> {
        share::equal(requests)
    }

    fn part(&self, call: &Cancellation, _: &Cancellation) -> Cancellation {
        call.clone()
    }

    async fn cancel(&self, call: &Cancellation) -> Result<Accepted<Reply>, CallError> {
        let reply: Reply = self.call(Method::Post, "StopExecution", &call.parameters()).await?;
        Ok(Accepted { request_id: reply.request_id.as_ref().map(|id| id.0.clone()), reply })
    }

    fn conclude(&self, cancellation: &Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion {
        let mut conclusion = Conclusion {
            status: Status::Accepted,
            taken: false,
            result: None,
            error: None,
            remaining: None,
            unclear: None,
            open_ends: vec![cancellation.execution_name.clone()],
        };
        for answer in answers {
            match answer.result {
                Ok(reply) => {
                    conclusion.taken = true;
                    conclusion.result = Some(json!(reply)).filter(|result| *result != json!({}));
                }
                Err(error) => {
                    conclusion.status = status_of(error.class);
                    let ended = error.class == Class::NotRunning;
                    conclusion.unclear = ended.then(|| Unclear::CloudFlow(cancellation.clone()));
                    conclusion.error = Some(error.clone());
                }
            }
        }
        conclusion
    }
}

impl CloudFlow {
    /// Asks how an execution that has ended did so. The service could wait for the end with
    /// `WaitTimeSeconds`, up to a minute, which a function that is paid by the millisecond must not.
    /// API: <https://www.alibabacloud.com/help/en/cloudflow/latest/api-fnf-2019-03-15-describeexecution>
    pub async fn look_up(&self, asked: &Cancellation, look_up: &LookUp<'_>) -> Result<Reply, CallError> {
        let names = [("ExecutionName", asked.execution_name.as_str()), ("FlowName", &asked.flow_name)];
        let call = async || self.call(Method::Get, "DescribeExecution", &names).await;
        look_up.read(Operation::DescribeExecution, call).await
    }
}

impl CloudFlow {
    /// The state of an execution. As above, the service is not asked to wait for the end: a follow-up
    /// waits in its queue, where waiting costs nothing.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn state(&self, asked: &Cancellation, look_up: &LookUp<'_>) -> Result<State, CallError> {
        let status = self.look_up(asked, look_up).await?.status;
        Ok(match status.as_ref().map(|status| status.0.as_str()) {
            Some("Stopped") => State::Canceled,
            Some("Succeeded") => State::Succeeded,
            Some("Failed") => State::Failed,
            Some("TimedOut") => State::TimedOut,
            Some("Starting" | "Running") => State::Running,
            _ => State::Unknown,
        })
    }
}

/// What an ended execution's description means for a request.
pub fn explained(asked: &Cancellation, reply: Reply) -> Conclusion {
    let stopped = reply.status.as_ref().is_some_and(|status| status.0 == "Stopped");
    Conclusion {
        status: if stopped { Status::AlreadyCanceled } else { Status::NotRunning },
        taken: false,
        result: Some(json!(reply)).filter(|result| *result != json!({})),
        error: None,
        remaining: None,
        unclear: None,
        open_ends: vec![asked.execution_name.clone()],
    }
}

/// The codes of the service and of the gateway before it. An exact code wins over a prefix.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        "ExecutionAlreadyCompleted" => Class::NotRunning,
        "ExecutionNotExists" | "FlowNotExists" => Class::NotFound,
        "ResourceThrottled" => Class::Throttle,
        "ConcurrentUpdateError"
        | "InternalServerError"
        | "InternalError"
        | "ServiceUnavailable"
        | "SignatureNonceUsed" => Class::Retry,
        "RequestExpired" | "RequestInTheFuture" | "RequestTimeTooSkewed" | "InvalidTimeStamp.Expired" => {
            Class::RetryOnce
        }
        "InvalidArgument" | "EntityTooLarge" | "MissingRequiredParams" => Class::Terminal,
        "ActionNotSupported"
        | "APIVersionNotSupported"
        | "MissingRequiredHeader"
        | "UnsupportedMediaType"
        | "AccessDenied"
        | "InvalidAccessKeyID"
        | "SignatureNotMatch"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "InvalidSignature"
        | "InvalidAccessKeySecret"
        | "MissingSecurityToken"
        | "InvalidAction.NotFound"
        | "NoPermission" => Class::Config,
        code if code.starts_with("Throttling") => Class::Throttle,
        code if ["Forbidden", "InvalidAccessKeyId", "InvalidSecurityToken"]
            .iter()
            .any(|prefix| code.starts_with(prefix)) =>
        {
            Class::Config
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
