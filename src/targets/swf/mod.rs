//! Amazon SWF: `RequestCancelWorkflowExecution`.
//!
//! The service records the request in the history of an open execution and leaves the rest to its
//! decider, so its empty 200 means "asked", not "canceled". It models no throttling error and
//! answers `UnknownResourceFault` for what never existed and what is closed alike.
//! API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RequestCancelWorkflowExecution.html>

mod meant;
mod runs;

use aws_config::SdkConfig;
use aws_sdk_swf::operation::RequestId;
use serde_json::{Value, json};

pub use self::meant::{From, Meant, explained, is_listed, still_running};
pub use self::runs::Run;
use super::{Accepted, Answered, Conclusion, Shared, Target, Unclear, share, status_of};
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, ReadableReply};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::pace::Operation;
use crate::vocabulary::Status;

/// Names that break these rules can never have been registered or started.
const DOMAIN: Text = Text {
    length: 1..=256,
    expected: "no : / | or control character, not arn, no white space at the ends",
    allows: |text| can_exist(text) && text.trim() == text,
};

const WORKFLOW_ID: Text =
    Text { length: 1..=256, expected: "no : / | or control character, not arn", allows: can_exist };

/// The id of a run.
pub const RUN_ID: Text = Text::any(1..=64);

fn can_exist(text: &str) -> bool {
    text != "arn" && !text.chars().any(|character| ":/|".contains(character) || character.is_control())
}

/// What a request asks of SWF.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

    /// The run that is asked for, where one is.
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// The same, as a list.
    pub fn named_runs(&self) -> Option<&[String]> {
        Some(self.run_id.as_slice()).filter(|runs| !runs.is_empty())
    }

    /// The same request, for a run that was found.
    pub fn of_run(&self, run_id: &str) -> Self {
        Self { run_id: Some(run_id.into()), ..self.clone() }
    }

    /// The request means whichever run is open.
    pub fn is_open_ended(&self) -> bool {
        self.run_id.is_none()
    }

    /// The name that policy and outcomes go by.
    pub fn key(&self) -> String {
        format!("swf:{}/{}", self.domain, self.workflow_id)
    }

    /// Whether a domain and a workflow can have a name, whatever its length.
    pub fn can_name(name: &str) -> bool {
        name.split_once('/').is_some_and(|(domain, workflow_id)| {
            let named = !domain.is_empty() && !workflow_id.is_empty();
            named && (DOMAIN.allows)(domain) && (WORKFLOW_ID.allows)(workflow_id)
        })
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
pub struct Swf(aws_sdk_swf::Client);

impl Swf {
    /// Builds the client.
    pub fn connect(aws: &SdkConfig) -> Self {
        let config = aws_sdk_swf::config::Builder::from(aws).interceptor(ReadableReply);
        Self(aws_sdk_swf::Client::from_conf(config.build()))
    }
}

impl Target for Swf {
    type Cancellation = Cancellation;
    /// A request is one call, with the same names.
    type Call = Cancellation;
    type Reply = ();

    const OPERATION: Operation = Operation::RequestCancelWorkflowExecution;

    fn calls(&self, requests: &[&Cancellation]) -> Vec<Shared<Cancellation>> {
        share::equal(requests)
    }

    fn part(&self, call: &Cancellation, _: &Cancellation) -> Cancellation {
        call.clone()
    }

    async fn cancel(&self, call: &Cancellation) -> Result<Accepted<()>, CallError> {
        let output = self
            .0
            .request_cancel_workflow_execution()
            .domain(&call.domain)
            .workflow_id(&call.workflow_id)
            .set_run_id(call.run_id.clone())
            .send()
            .await
            .map_err(|error| client::call_error(error, classify))?;
        Ok(Accepted { request_id: output.request_id().map(|id| cut(id, 128)), reply: () })
    }

    fn conclude(&self, cancellation: &Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion {
        let error = answers.iter().find_map(|answer| answer.result.err()).cloned();
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
            open_ends: cancellation.run_id.iter().cloned().collect(),
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
