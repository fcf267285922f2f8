//! Amazon SWF: `RequestCancelWorkflowExecution`.
//!
//! The service records the request in the history of an open execution and leaves the rest to its
//! decider, so its empty 200 means "asked", not "canceled". It models no throttling error and
//! answers `UnknownResourceFault` for what never existed and what is closed alike.
//! API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RequestCancelWorkflowExecution.html>

use aws_sdk_swf::error::BuildError;
use aws_sdk_swf::operation::RequestId;
use aws_sdk_swf::primitives::DateTime;
use aws_sdk_swf::types::{
    CloseStatus, ExecutionTimeFilter, WorkflowExecution, WorkflowExecutionFilter, WorkflowExecutionInfo,
};
use serde_json::{Value, json};

use super::aws::{self, ReadableReply};
use super::{Accepted, Answered, Conclusion, LookUp, Target, Unclear, status_of};
use crate::call_error::{Answer, CallError, Class, cut};
use crate::outcome::Status;
use crate::request::fields::Fields;
use crate::request::rules::Text;
use crate::timestamp::Timestamp;

/// Names that break these rules can never have been registered or started.
const DOMAIN: Text = Text {
    length: 1..=256,
    expected: "no : / | or control character, not arn, no white space at the ends",
    allows: |text| can_exist(text) && text.trim() == text,
};

const WORKFLOW_ID: Text =
    Text { length: 1..=256, expected: "no : / | or control character, not arn", allows: can_exist };

const RUN_ID: Text = Text::any(1..=64);

fn can_exist(text: &str) -> bool {
    text != "arn" && !text.chars().any(|character| ":/|".contains(character) || character.is_control())
}

/// What a request asks of SWF.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancellation {
    domain: String,
    workflow_id: String,
    run_id: Option<String>,
}

impl Cancellation {
    /// Takes SWF's fields of a request.
    pub fn read(fields: &mut Fields) -> Option<Self> {
        let domain = fields.required(&["domain"], &DOMAIN);
        let workflow_id = fields.required(&["workflowId"], &WORKFLOW_ID);
        let named = fields.has(&["runId"]);
        let run_id = fields.text(&["runId"], &RUN_ID);
        if named && run_id.is_none() {
            return None;
        }
        Some(Self { domain: domain?, workflow_id: workflow_id?, run_id })
    }

    /// The request means whichever run is open.
    pub fn is_open_ended(&self) -> bool {
        self.run_id.is_none()
    }

    /// The name that policy and outcomes go by.
    pub fn key(&self) -> String {
        format!("swf:{}/{}", self.domain, self.workflow_id)
    }

    /// What was asked, for the outcome.
    pub fn target(&self) -> Value {
        let mut target = json!({
            "key": self.key(),
            "domain": self.domain,
            "workflowId": self.workflow_id,
        });
        if let Some(run_id) = &self.run_id {
            target["runId"] = json!(run_id);
        }
        target
    }
}

/// SWF behind its port.
pub struct Swf(pub aws_sdk_swf::Client);

impl Target for Swf {
    type Cancellation = Cancellation;
    /// A request is one call, with the same names.
    type Call = Cancellation;
    type Reply = ();

    fn calls(&self, cancellation: &Cancellation) -> Vec<Cancellation> {
        vec![cancellation.clone()]
    }

    async fn cancel(&self, call: &Cancellation) -> Result<Accepted<()>, CallError> {
        let output = self
            .0
            .request_cancel_workflow_execution()
            .domain(&call.domain)
            .workflow_id(&call.workflow_id)
            .set_run_id(call.run_id.clone())
            .customize()
            .interceptor(ReadableReply::nothing())
            .send()
            .await
            .map_err(|error| aws::call_error(error, classify))?;
        Ok(Accepted { request_id: output.request_id().map(|id| cut(id, 128)), reply: () })
    }

    fn conclude(&self, cancellation: &Cancellation, answers: Vec<Answered<Self>>) -> Conclusion {
        let error = answers.into_iter().find_map(|answer| answer.result.err());
        // The service's words are a hint, not a contract: only a domain that it names is not looked into.
        let unclear = error.as_ref().is_some_and(|error| {
            error.code == "UnknownResourceFault" && !error.message.starts_with("Unknown domain")
        });
        Conclusion {
            unclear: unclear.then(|| Unclear::Swf(cancellation.clone())),
            status: error.as_ref().map_or(Status::Accepted, |error| status_of(error.class)),
            taken: error.is_none(),
            result: None,
            error,
            remaining: None,
        }
    }
}

/// A run that was found, as far as it matters here.
#[derive(Debug, PartialEq)]
pub struct Run {
    run_id: String,
    /// Absent where the run is open.
    closed: Option<(CloseStatus, Timestamp)>,
}

impl Swf {
    /// Finds the run that a request meant: the one that it names, else the newest closed one.
    /// `DescribeWorkflowExecution` and `ListClosedWorkflowExecutions` refill at 6 a second for a whole
    /// account, so neither is called for a request that was accepted.
    /// API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_DescribeWorkflowExecution.html>
    pub async fn look_up(&self, asked: &Cancellation, look_up: LookUp<'_>) -> Result<Option<Run>, CallError> {
        let found = match &asked.run_id {
            Some(run_id) => {
                look_up.retry.run(look_up.until, async || self.describe(asked, run_id).await).await.result
            }
            None => look_up.retry.run(look_up.until, async || self.newest_closed(asked).await).await.result,
        };
        match found {
            Err(error) if error.class == Class::NotFound => Ok(None),
            found => found,
        }
    }

    async fn describe(&self, asked: &Cancellation, run_id: &str) -> Result<Option<Run>, CallError> {
        let execution = WorkflowExecution::builder().workflow_id(&asked.workflow_id).run_id(run_id).build();
        let execution = execution.map_err(|error| CallError::not_configured(error.to_string()))?;
        let output = self
            .0
            .describe_workflow_execution()
            .domain(&asked.domain)
            .execution(execution)
            .customize()
            .interceptor(ReadableReply::object())
            .send()
            .await
            .map_err(|error| aws::call_error(error, classify))?;
        Ok(output.execution_info.and_then(run_of))
    }

    async fn newest_closed(&self, asked: &Cancellation) -> Result<Option<Run>, CallError> {
        let since_ever = ExecutionTimeFilter::builder().oldest_date(DateTime::from_secs(0)).build();
        let this_one = WorkflowExecutionFilter::builder().workflow_id(&asked.workflow_id).build();
        let wrong = |error: BuildError| CallError::not_configured(error.to_string());
        let output = self
            .0
            .list_closed_workflow_executions()
            .domain(&asked.domain)
            .close_time_filter(since_ever.map_err(wrong)?)
            .execution_filter(this_one.map_err(wrong)?)
            .maximum_page_size(1)
            .customize()
            .interceptor(ReadableReply::object())
            .send()
            .await
            .map_err(|error| aws::call_error(error, classify))?;
        Ok(output.execution_infos.into_iter().next().and_then(run_of))
    }
}

/// What matters of an execution's description.
fn run_of(info: WorkflowExecutionInfo) -> Option<Run> {
    let closed_at = info.close_timestamp.as_ref().and_then(to_the_millisecond);
    Some(Run { run_id: cut(&info.execution?.run_id, 64), closed: info.close_status.zip(closed_at) })
}

/// A time of the service, which comes as a fraction of seconds and is read a little too low.
fn to_the_millisecond(time: &DateTime) -> Option<Timestamp> {
    let millis = (time.as_nanos() + 500_000).div_euclid(1_000_000);
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

/// What a run that was found, or none, means for a request. `since` is when a request that names no
/// run was made: a run that was canceled before was not canceled for it.
pub fn explained(found: Option<Run>, since: Option<Timestamp>) -> Conclusion {
    let (status, result) = match found {
        None => (Status::NotFound, None),
        // The service has just said that there is no such open run; its reads are eventually consistent.
        Some(Run { closed: None, run_id }) => (Status::Failed, Some(json!({"runId": run_id}))),
        Some(Run { closed: Some((close_status, at)), run_id }) => {
            let for_this = close_status == CloseStatus::Canceled && since.is_none_or(|since| at >= since);
            let status = if for_this { Status::AlreadyCanceled } else { Status::NotRunning };
            (status, Some(json!({"runId": run_id, "closeStatus": close_status.as_str()})))
        }
    };
    let message = "SWF knows no open run to cancel, and describes it as open";
    let error = (status == Status::Failed)
        .then(|| CallError::own(Class::Retry, Answer::Received, "StillRunning", message));
    Conclusion { status, taken: false, result, error, remaining: None, unclear: None }
}

/// The faults that SWF sends, modelled or seen; the rest is AWS's common codes.
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

    #[test]
    fn how_a_run_closed_decides_and_for_an_open_ended_request_when() {
        let at = |millis| Timestamp::from_millis(millis).expect("a time");
        let run = |closed| Some(Run { run_id: "r".into(), closed });
        let closed = |status, millis| run(Some((status, at(millis))));
        for (found, since, status) in [
            (None, None, Status::NotFound),
            (run(None), None, Status::Failed),
            (closed(CloseStatus::Canceled, 5), None, Status::AlreadyCanceled),
            (closed(CloseStatus::Canceled, 5), Some(at(5)), Status::AlreadyCanceled),
            (closed(CloseStatus::Canceled, 5), Some(at(6)), Status::NotRunning),
            (closed(CloseStatus::Completed, 5), None, Status::NotRunning),
            (closed(CloseStatus::ContinuedAsNew, 5), Some(at(1)), Status::NotRunning),
            (closed(CloseStatus::Terminated, 5), Some(at(1)), Status::NotRunning),
        ] {
            let conclusion = explained(found, since);
            assert_eq!(conclusion.status, status);
            assert_eq!(conclusion.error.is_some(), status == Status::Failed);
        }
        let result = explained(closed(CloseStatus::TimedOut, 5), None).result;
        assert_eq!(result, Some(json!({"runId": "r", "closeStatus": "TIMED_OUT"})));
    }

    #[test]
    fn times_of_the_service_are_rounded_to_the_millisecond() {
        for (seconds, millis) in [(1_763_601_600.417, 1_763_601_600_417), (0.9996, 1_000), (0.0, 0)] {
            let time = DateTime::from_secs_f64(seconds);
            assert_eq!(to_the_millisecond(&time), Timestamp::from_millis(millis), "{seconds}");
        }
    }
}
