//! Amazon AppFlow: `CancelFlowExecutions`, and `StopFlow` where a request deactivates.
//!
//! One call takes up to 100 ids, and a call without ids ends every active run of the flow, so "no
//! ids" and "all active runs" are different types here and an empty list cannot be built. A 200 may
//! still list ids that the service "couldn't cancel".
//! API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_CancelFlowExecutions.html>

mod deactivate;
mod merge;
mod reads;
mod records;
mod request;
mod tally;

use std::collections::HashSet;

use aws_sdk_appflow::operation::RequestId;

use self::deactivate::Deactivation;
pub use self::request::{Cancellation, Ids, Runs};
pub use self::tally::{State, Tally};
use super::{Accepted, Answered, Beyond, Calls, Conclusion, Connect, Service, Shared, status_of, unread};
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, Body, ReadableReply};
use crate::fields::violation::Code;
use crate::pace::Operation;
use crate::vocabulary::Status;

pub static SERVICE: Service = Service {
    name: "appflow",
    cancel: &CANCEL,
    reads: &[&DESCRIBE_RECORDS],
    beyond: Some(&BEYOND),
    successes: &[
        ("CancelFlowExecutions", Body::Object(&["invalidExecutions"])),
        ("StopFlow", Body::Object(&["flowArn", "flowStatus"])),
        ("DescribeFlowExecutionRecords", Body::Object(&["flowExecutions", "nextToken"])),
    ],
    key_form: "appflow:<flow>",
    is_valid_name: request::is_valid_name,
    read: request::read,
    configure: |_, _| Connect::new(|config| AppFlow::connect(config.aws)),
    rehearsal: Some(r#"{"service": "appflow", "flowName": "rehearsal", "executionIds": ["rehearsal"]}"#),
};

/// AppFlow publishes no quotas for its API.
const CANCEL: Operation = Operation { name: "appflow.CancelFlowExecutions", quota: None, in_regions: &[] };
const DESCRIBE_RECORDS: Operation =
    Operation { name: "appflow.DescribeFlowExecutionRecords", quota: None, in_regions: &[] };

const STOP_FLOW: Operation = Operation { name: "appflow.StopFlow", quota: None, in_regions: &[] };

const BEYOND: Beyond = Beyond {
    operation: &STOP_FLOW,
    field: "deactivate",
    variable: "COUNTERMAND_DEACTIVATE",
    refused: Code::DeactivateNotAllowed,
};

/// AppFlow behind its port.
pub struct AppFlow(aws_sdk_appflow::Client);

#[derive(Debug, PartialEq)]
pub struct Call {
    flow_name: String,
    step: Step,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    StopFlow,
    CancelAllActive,
    /// At most 100.
    Cancel(Ids),
}

impl Call {
    fn ids(&self) -> &[String] {
        match &self.step {
            Step::Cancel(Ids(ids)) => ids,
            Step::StopFlow | Step::CancelAllActive => &[],
        }
    }
}

/// The ids that the service says it could not cancel.
#[derive(Debug, Default)]
pub struct Reply {
    invalid: HashSet<String>,
}

impl AppFlow {
    /// Builds the client.
    pub fn connect(aws: &aws_config::SdkConfig) -> Self {
        let config =
            aws_sdk_appflow::config::Builder::from(aws).interceptor(ReadableReply(SERVICE.successes));
        Self(aws_sdk_appflow::Client::from_conf(config.build()))
    }
}

impl Calls for AppFlow {
    type Cancellation = Cancellation;
    type Call = Call;
    type Reply = Reply;
    type Unclear = Tally;

    const CANCEL: &'static Operation = &CANCEL;

    fn calls(&self, requests: &[&Cancellation]) -> Vec<Shared<Call>> {
        merge::calls(requests)
    }

    fn goes_first(&self, call: &Call) -> Option<&'static Operation> {
        (call.step == Step::StopFlow).then_some(&STOP_FLOW)
    }

    fn part(&self, call: &Call, request: &Cancellation) -> Call {
        merge::part(call, request)
    }

    async fn cancel(&self, call: &mut Call) -> Result<Accepted<Reply>, CallError> {
        let ids = match &call.step {
            Step::StopFlow => return self.stop_flow(&call.flow_name).await,
            Step::CancelAllActive => None,
            Step::Cancel(Ids(ids)) => Some(ids.clone()),
        };
        let output = self
            .0
            .cancel_flow_executions()
            .flow_name(&call.flow_name)
            .set_execution_ids(ids)
            .send()
            .await
            .map_err(|error| client::call_error(error, classify))?;
        Ok(Accepted {
            request_id: output.request_id().map(|id| cut(id, 128)),
            reply: Reply { invalid: output.invalid_executions.unwrap_or_default().into_iter().collect() },
        })
    }

    fn conclude(&self, cancellation: &Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion<Tally> {
        let (stops, cancels): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.call.step == Step::StopFlow);
        let deactivation = stops.first().and_then(|answer| Deactivation::of(answer.result));
        let conclusion = match &cancellation.runs {
            Runs::AllActive { .. } => conclude_all_active(&cancels),
            Runs::Unread(error) => Conclusion { error: Some(error.clone()), ..Conclusion::of(unread(error)) },
            Runs::Named(_) | Runs::Pinned { .. } => {
                return conclude_named(cancellation, &cancels, deactivation);
            }
        };
        match deactivation {
            Some(deactivation) => deactivation.beside(conclusion),
            None => conclusion,
        }
    }
}

impl AppFlow {
    /// Makes one attempt to deactivate a flow.
    async fn stop_flow(&self, flow_name: &str) -> Result<Accepted<Reply>, CallError> {
        let output = self.0.stop_flow().flow_name(flow_name).send().await;
        let output = output.map_err(|error| client::call_error(error, classify))?;
        let request_id = output.request_id().map(|id| cut(id, 128));
        Ok(Accepted { request_id, reply: Reply::default() })
    }
}

/// One call without ids: it tells nothing about single runs, only that some could not be canceled.
fn conclude_all_active(answers: &[&Answered<'_, AppFlow>]) -> Conclusion<Tally> {
    let mut conclusion = Conclusion { taken: true, ..Conclusion::of(Status::Accepted) };
    for answer in answers {
        match answer.result {
            Ok(reply) if reply.invalid.is_empty() => {}
            Ok(_) => conclusion.status = Status::Partial,
            Err(error) => {
                conclusion.status = status_of(error.class);
                conclusion.taken = false;
                conclusion.error = Some(error.clone());
            }
        }
    }
    conclusion
}

fn conclude_named(
    cancellation: &Cancellation,
    answers: &[&Answered<'_, AppFlow>],
    deactivation: Option<Deactivation>,
) -> Conclusion<Tally> {
    let canceled = match &cancellation.runs {
        Runs::Pinned { canceled, .. } => canceled.as_slice(),
        _ => &[],
    };
    let answers = answers.iter().map(|Answered { call, result, .. }| (call.ids(), *result));
    let mut tally = Tally::new(canceled, cancellation.runs.ids(), answers);
    tally.deactivation = deactivation;
    tally.conclude(&cancellation.flow_name)
}

/// The codes that AppFlow models; the rest is AWS's common ones.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        "ThrottlingException" => Class::Throttle,
        "InternalServerException" | "ConflictException" => Class::Retry,
        "ResourceNotFoundException" => Class::NotFound,
        "ValidationException" | "UnsupportedOperationException" => Class::Terminal,
        "AccessDeniedException" => Class::Config,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
