//! Amazon AppFlow: `CancelFlowExecutions`.
//!
//! One call takes up to 100 ids, and a call without ids ends every active run of the flow, so "no
//! ids" and "all active runs" are different types here and an empty list cannot be built. A 200 may
//! still list ids that the service "couldn't cancel".
//! API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_CancelFlowExecutions.html>

mod merge;
mod records;
mod tally;

use std::collections::HashSet;

use aws_config::SdkConfig;
use aws_sdk_appflow::operation::RequestId;
use serde_json::{Value, json};

pub use self::records::Followed;
pub use self::tally::{State, Tally};
use super::{Accepted, Answered, Conclusion, Shared, Target, status_of};
use crate::call_error::{CallError, Class, cut};
use crate::client::{self, ReadableReply};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::fields::violation::{Code, quote};
use crate::pace::Operation;
use crate::vocabulary::Status;

/// A request may name so many runs.
const MOST_IDS: usize = 1_000;

/// Java's `[a-zA-Z0-9][\w!@#.-]+` over the whole string: ASCII, and never one character alone.
const FLOW_NAME: Text = Text {
    length: 2..=256,
    expected: "a letter or digit followed by letters, digits and _!@#.-",
    allows: |text| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_!@#.-".contains(&byte))
    },
};

/// Java's `\S+`, which knows ASCII blanks only; control characters are refused with them.
pub const EXECUTION_ID: Text = Text {
    length: 1..=256,
    expected: "no white space and no control characters",
    allows: |text| !text.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()),
};

/// What a request asks of AppFlow.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancellation {
    flow_name: String,
    runs: Runs,
}

/// Which runs of the flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs {
    AllActive {
        /// The request said so by its `scope`, not only by leaving the ids out.
        in_words: bool,
    },
    Named(Ids),
    /// All active runs, pinned to those that were meant when the request was made.
    Pinned {
        in_progress: Option<Ids>,
        /// Canceled since the request was made.
        canceled: Vec<String>,
    },
}

impl Runs {
    /// The ids that a call names.
    fn ids(&self) -> &[String] {
        match self {
            Self::Named(Ids(ids)) | Self::Pinned { in_progress: Some(Ids(ids)), .. } => ids,
            Self::AllActive { .. } | Self::Pinned { in_progress: None, .. } => &[],
        }
    }
}

/// At least one id, none twice, in the order asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ids(Vec<String>);

impl Ids {
    /// `None` where there is no id.
    fn new(ids: Vec<String>) -> Option<Self> {
        let mut seen = HashSet::new();
        let ids: Vec<_> = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
        (!ids.is_empty()).then_some(Self(ids))
    }
}

impl Cancellation {
    /// Takes AppFlow's fields of a request.
    pub fn read(fields: &mut Fields) -> Option<Self> {
        let flow_name = fields.required(&["flowName"], &FLOW_NAME);
        let in_words = read_scope(fields);
        let runs = read_runs(fields, in_words);
        Some(Self { flow_name: flow_name?, runs: runs? })
    }

    /// Which runs are asked for.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The ids, where the request has any.
    pub fn named_runs(&self) -> Option<&[String]> {
        match &self.runs {
            Runs::Named(Ids(ids)) => Some(ids),
            Runs::AllActive { .. } | Runs::Pinned { .. } => None,
        }
    }

    /// The name that policy and outcomes go by.
    pub fn key(&self) -> String {
        format!("appflow:{}", self.flow_name)
    }

    /// Whether a flow can have a name, whatever its length.
    pub fn can_name(flow_name: &str) -> bool {
        (FLOW_NAME.allows)(flow_name)
    }

    /// What was asked, for the outcome.
    pub fn target(&self) -> Value {
        let mut target = json!({"key": self.key(), "flowName": self.flow_name});
        match &self.runs {
            Runs::Named(Ids(ids)) => target["executionIds"] = json!(ids),
            Runs::AllActive { in_words: true } => target["scope"] = json!("ALL_ACTIVE"),
            Runs::AllActive { in_words: false } | Runs::Pinned { .. } => {}
        }
        target
    }
}

/// Whether the request says in words that all active runs are meant; `None` where the field is not valid.
fn read_scope(fields: &mut Fields) -> Option<bool> {
    let given = fields.has(&["scope"]);
    let scope = fields.text(&["scope"], &Text::any(0..=usize::MAX));
    if !given {
        return Some(false);
    }
    let scope = scope?;
    if scope != "ALL_ACTIVE" {
        let message = format!("expected ALL_ACTIVE, got {}", quote(&scope));
        fields.violations.add("scope", Code::UnknownValue, message);
        return None;
    }
    if fields.has(&["executionIds"]) {
        let message = "expected either scope or executionIds, got both";
        fields.violations.add("scope", Code::Conflict, message);
        return None;
    }
    Some(true)
}

/// The runs that the request names; `None` where the list is not valid, which never means all of them.
fn read_runs(fields: &mut Fields, in_words: Option<bool>) -> Option<Runs> {
    let named = fields.has(&["executionIds"]);
    let ids = fields.texts("executionIds", &EXECUTION_ID, 1..=MOST_IDS);
    if !named {
        return in_words.map(|in_words| Runs::AllActive { in_words });
    }
    Ids::new(ids?).map(Runs::Named)
}

/// AppFlow behind its port.
pub struct AppFlow(aws_sdk_appflow::Client);

/// One call: at most 100 ids, or none for all active runs.
#[derive(Debug, PartialEq)]
pub struct Call {
    flow_name: String,
    runs: Runs,
}

/// The ids that the service says it could not cancel.
#[derive(Debug, Default)]
pub struct Reply {
    invalid: HashSet<String>,
}

impl AppFlow {
    /// Builds the client.
    pub fn connect(aws: &SdkConfig) -> Self {
        let config = aws_sdk_appflow::config::Builder::from(aws).interceptor(ReadableReply);
        Self(aws_sdk_appflow::Client::from_conf(config.build()))
    }
}

impl Target for AppFlow {
    type Cancellation = Cancellation;
    type Call = Call;
    type Reply = Reply;

    const OPERATION: Operation = Operation::CancelFlowExecutions;

    fn calls(&self, requests: &[&Cancellation]) -> Vec<Shared<Call>> {
        merge::calls(requests)
    }

    fn part(&self, call: &Call, request: &Cancellation) -> Call {
        merge::part(call, request)
    }

    async fn cancel(&self, call: &Call) -> Result<Accepted<Reply>, CallError> {
        let ids = match &call.runs {
            // A call is built with ids or for all active runs, never otherwise.
            Runs::AllActive { .. } | Runs::Pinned { .. } => None,
            Runs::Named(Ids(ids)) => Some(ids.clone()),
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

    fn conclude(&self, cancellation: &Cancellation, answers: &[Answered<'_, Self>]) -> Conclusion {
        match &cancellation.runs {
            Runs::AllActive { .. } => conclude_all_active(answers),
            Runs::Named(_) | Runs::Pinned { .. } => conclude_named(cancellation, answers),
        }
    }
}

/// One call without ids: it tells nothing about single runs, only that some could not be canceled.
fn conclude_all_active(answers: &[Answered<'_, AppFlow>]) -> Conclusion {
    let mut conclusion = Conclusion {
        status: Status::Accepted,
        taken: true,
        result: None,
        error: None,
        remaining: None,
        unclear: None,
        open_ends: Vec::new(),
    };
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

fn conclude_named(cancellation: &Cancellation, answers: &[Answered<'_, AppFlow>]) -> Conclusion {
    let canceled = match &cancellation.runs {
        Runs::Pinned { canceled, .. } => canceled.as_slice(),
        _ => &[],
    };
    let answers = answers.iter().map(|Answered { call, result }| (call.runs.ids(), *result));
    let tally = Tally::new(canceled, cancellation.runs.ids(), answers);
    tally.conclude(&cancellation.flow_name)
}

/// What AppFlow's answers leave open.
#[derive(Debug, PartialEq)]
pub struct Unclear {
    pub flow_name: String,
    pub tally: Tally,
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
