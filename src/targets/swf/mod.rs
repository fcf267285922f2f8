//! Amazon SWF: `RequestCancelWorkflowExecution`, and `TerminateWorkflowExecution` for what ignores it.
//!
//! The service records the request in the history of an open execution and leaves the rest to its
//! decider, so its empty 200 means "asked", not "canceled"; to terminate asks nobody. It models no throttling error and
//! answers `UnknownResourceFault` for what never existed and what is closed alike.
//! API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RequestCancelWorkflowExecution.html>

mod continued;
mod meant;
mod reads;
mod request;
mod runs;
mod sweep;

use aws_sdk_swf::operation::RequestId;
use serde_json::json;

pub use self::request::{Cancellation, WhichRun};
use super::{Accepted, Answered, Beyond, Calls, Conclusion, Connect, Service, Shared, share, status_of};
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, Body, ReadableReply};
use crate::fields::violation::Code;
use crate::pace::{Operation, Quota};
use crate::vocabulary::Status;

pub static SERVICE: Service = Service {
    name: "swf",
    cancel: &CANCEL,
    reads: &[&DESCRIBE, &LIST_OPEN, &LIST_CLOSED, &COUNT_OPEN],
    beyond: Some(&BEYOND),
    successes: &[
        ("RequestCancelWorkflowExecution", Body::Empty),
        ("TerminateWorkflowExecution", Body::Empty),
        ("DescribeWorkflowExecution", Body::Member(&["executionInfo"])),
        ("ListOpenWorkflowExecutions", Body::Member(&["executionInfos"])),
        ("ListClosedWorkflowExecutions", Body::Member(&["executionInfos"])),
        ("CountOpenWorkflowExecutions", Body::Member(&["count"])),
    ],
    key_form: "swf:<domain>/<workflow id>",
    is_valid_name: request::is_valid_name,
    read: request::read,
    configure: |_, _| Connect::new(|config| Swf::connect(config.aws)),
    rehearsal: Some(r#"{"service": "swf", "domain": "rehearsal", "workflowId": "rehearsal"}"#),
};

/// Quotas: <https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html>
const fn operation(name: &'static str, per_second: f64, burst: f64) -> Operation {
    Operation { name, quota: Some(Quota::new(per_second, burst)), in_regions: &[] }
}

const CANCEL: Operation = operation("swf.RequestCancelWorkflowExecution", 30.0, 2_000.0);
const DESCRIBE: Operation = operation("swf.DescribeWorkflowExecution", 6.0, 2_000.0);
const LIST_OPEN: Operation = operation("swf.ListOpenWorkflowExecutions", 48.0, 200.0);
const LIST_CLOSED: Operation = operation("swf.ListClosedWorkflowExecutions", 6.0, 200.0);
const COUNT_OPEN: Operation = operation("swf.CountOpenWorkflowExecutions", 6.0, 2_000.0);

const TERMINATE: Operation = operation("swf.TerminateWorkflowExecution", 60.0, 2_000.0);

const BEYOND: Beyond = Beyond {
    operation: &TERMINATE,
    field: "terminateAfterSeconds",
    variable: "COUNTERMAND_TERMINATE",
    refused: Code::TerminateNotAllowed,
};

/// SWF behind its port.
pub struct Swf(aws_sdk_swf::Client);

impl Swf {
    /// Builds the client.
    pub fn connect(aws: &aws_config::SdkConfig) -> Self {
        let config = aws_sdk_swf::config::Builder::from(aws).interceptor(ReadableReply(SERVICE.successes));
        Self(aws_sdk_swf::Client::from_conf(config.build()))
    }
}

impl Calls for Swf {
    type Cancellation = Cancellation;
    /// A request is one call, with the same names.
    type Call = Cancellation;
    type Reply = ();
    /// What was called: the service does not say whether it never was or is closed.
    type Unclear = Cancellation;

    const CANCEL: &'static Operation = &CANCEL;

    fn calls(&self, requests: &[&Cancellation]) -> Vec<Shared<Cancellation>> {
        // What comes after the cancel makes no difference to it.
        let plain = requests.iter().map(|&request| Cancellation { terminate: None, ..request.clone() });
        share::equal(&plain.collect::<Vec<_>>().iter().collect::<Vec<_>>())
    }

    fn part(&self, call: &Cancellation, _: &Cancellation) -> Cancellation {
        call.clone()
    }

    async fn cancel(&self, call: &mut Cancellation) -> Result<Accepted<()>, CallError> {
        let output = self
            .0
            .request_cancel_workflow_execution()
            .domain(&call.domain)
            .workflow_id(&call.workflow_id)
            .set_run_id(call.run_id().map(Into::into))
            .send()
            .await
            .map_err(|error| client::call_error(error, classify))?;
        Ok(Accepted { request_id: output.request_id().map(|id| cut(id, 128)), reply: () })
    }

    fn conclude(
        &self,
        cancellation: &Cancellation,
        answers: &[Answered<'_, Self>],
    ) -> Conclusion<Cancellation> {
        let error = answers.iter().find_map(|answer| answer.result.err()).cloned();
        // The service's words are a hint, not a contract: only a domain that it names is not looked into.
        let unclear = error.as_ref().is_some_and(|error| {
            error.code == "UnknownResourceFault" && !error.message.starts_with("Unknown domain")
        });
        let found = match &cancellation.run {
            WhichRun::Found(run_id) => Some(run_id),
            WhichRun::Open | WhichRun::Named(_) => None,
        };
        let status = match &error {
            // It was open a moment ago: that it is not any more says nothing of its end, which a look-up tells.
            Some(_) if unclear && found.is_some() => Status::Failed,
            Some(error) => status_of(error.class),
            None => Status::Accepted,
        };
        Conclusion {
            unclear: unclear.then(|| cancellation.clone()),
            status,
            taken: error.is_none(),
            result: found.map(|run_id| json!({"runId": run_id})),
            error,
            remaining: None,
            open_ends: cancellation.run_id().into_iter().map(String::from).collect(),
            went_beyond: false,
        }
    }
}

/// The faults that SWF sends, modeled or seen; the rest is AWS's common codes.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        "ThrottlingException" | "LimitExceededFault" => Class::Throttle,
        "UnknownResourceFault" => Class::NotFound,
        "ValidationException" => Class::Terminal,
        "OperationNotPermittedFault" | "AccessDeniedException" => Class::Config,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_of_swf_has_its_class() {
        crate::targets::tests::check_codes("swf", classify);
        assert_eq!(classify("Surprise"), None);
    }
}
