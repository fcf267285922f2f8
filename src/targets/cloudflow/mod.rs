//! Alibaba Cloud CloudFlow: `StopExecution`.
//!
//! An RPC-style API with its own signatures, called over the same HTTP connector as the AWS services.
//! Its gateway answers for itself too, with statuses that mislead (a 404 for an unknown access key),
//! so only the code decides. The reply carries the flow's definition, input and output, of which
//! nothing but status and times is read.
//! API: <https://www.alibabacloud.com/help/en/cloudflow/latest/api-fnf-2019-03-15-stopexecution>

pub mod acs3;
mod config;
mod keys;
mod request;
pub mod rpc_v1;
mod protocol;
mod sweep;

use std::time::SystemTime;

use http::Method;
use serde_json::json;

#[cfg(test)]
pub use self::keys::SUCCESSES as KEPT_KEYS;
pub use self::keys::{KeySource, Keys, Role};
use self::protocol::Reply;
pub use self::protocol::{CloudFlow, Endpoint, Signature, Word};
pub use self::request::Cancellation;
use super::{Accepted, Connect, Description, Service, Single, Stopped, Sweeps};
use crate::call_error::{CallError, Class};
use crate::client::Body;
use crate::pace::{Operation, Quota};
use crate::vocabulary::State;

/// Alibaba Cloud may be across a border, so that no connection is opened ahead.
pub static SERVICE: Service = Service {
    name: "cloudflow",
    cancel: &STOP,
    reads: &[&DESCRIBE, &LIST],
    beyond: None,
    successes: &[
        ("StopExecution", Body::Member(EXECUTION)),
        ("DescribeExecution", Body::Member(EXECUTION)),
        ("ListExecutions", Body::Member(&["Executions", "NextToken"])),
    ],
    key_form: "cloudflow:<flow>",
    is_valid_name: request::is_valid_name,
    read: request::read,
    configure: |variables, placeholder| {
        let endpoint = config::endpoint(variables, placeholder);
        Connect::new(move |config| CloudFlow::connect(config, endpoint.clone(), SystemTime::now))
    },
    rehearsal: None,
};

/// Quotas: <https://www.alibabacloud.com/help/en/cloudflow/product-overview/limits>
const fn operation(name: &'static str, per_second: f64, burst: f64) -> Operation {
    Operation { name, quota: Some(Quota::new(per_second, burst)), in_regions: &[] }
}

const STOP: Operation = operation("cloudflow.StopExecution", 2.0, 10.0);
const DESCRIBE: Operation = operation("cloudflow.DescribeExecution", 5.0, 50.0);
/// Its quota is that of `StopExecution`, which both share.
const LIST: Operation = operation("cloudflow.ListExecutions", 2.0, 10.0);

/// An execution as it is described, and as the service answers to stopping it.
const EXECUTION: &[&str] = &["Status", "StartedTime", "StoppedTime", "Name", "FlowName", "RequestId"];

impl Single for CloudFlow {
    type Cancellation = Cancellation;

    const STOP: &'static Operation = &STOP;
    const DESCRIBE: &'static Operation = &DESCRIBE;
    const UNCLEAR: &'static [&'static str] = &["ExecutionAlreadyCompleted"];

    fn ready(&self) -> Result<(), CallError> {
        self.endpoint.as_ref().map(|_| ()).map_err(CallError::not_configured)
    }

    fn sweeps(&self) -> Option<&dyn Sweeps> {
        Some(self)
    }

    async fn stop(&self, asked: &mut Cancellation) -> Result<Accepted<Stopped>, CallError> {
        let reply: Reply =
            self.call(Method::POST, "StopExecution", &asked.parameters(), &asked.request_id.0).await?;
        let stopped = Stopped { ended_at: None, shown: json!(reply) };
        Ok(Accepted { reply: stopped, request_id: reply.request_id.map(|id| id.0) })
    }

    /// The service could wait for the end with `WaitTimeSeconds`, up to a minute, which a function that is paid by
    /// the millisecond must not; a follow-up waits in its queue, where waiting costs nothing.
    /// API: <https://www.alibabacloud.com/help/en/cloudflow/latest/api-fnf-2019-03-15-describeexecution>
    async fn describe(&self, asked: &Cancellation) -> Result<Description, CallError> {
        let reply: Reply =
            self.call(Method::GET, "DescribeExecution", &asked.names(), &asked.request_id.0).await?;
        let shown = json!(reply);
        let status = reply.status.map(|status| status.0);
        let state = match status.as_deref() {
            Some("Stopped") => State::Canceled,
            Some("Succeeded") => State::Succeeded,
            Some("Failed") => State::Failed,
            Some("TimedOut") => State::TimedOut,
            Some("Starting" | "Running") => State::Running,
            _ => State::Unknown,
        };
        Ok(Description { state, status, ended_at: None, shown })
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
