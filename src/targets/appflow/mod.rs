//! Amazon AppFlow: `CancelFlowExecutions`.
//!
//! One call takes up to 100 ids, and a call without ids ends every active run of the flow, so "no
//! ids" and "all active runs" are different types here and an empty list cannot be built. A 200 may
//! still list ids that the service "couldn't cancel".
//! API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_CancelFlowExecutions.html>

mod tally;

use std::collections::{HashMap, HashSet};

use aws_sdk_appflow::operation::RequestId;
use aws_sdk_appflow::operation::describe_flow_execution_records::DescribeFlowExecutionRecordsOutput;
use aws_sdk_appflow::types::ExecutionStatus;
use serde_json::{Value, json};

pub use self::tally::{State, Tally};
use super::aws::{self, ReadableReply};
use super::{Accepted, Answered, Conclusion, LookUp, Target, status_of};
use crate::call_error::{CallError, Class, cut};
use crate::outcome::Status;
use crate::request::fields::Fields;
use crate::request::rules::Text;
use crate::request::violation::{Code, quote};

/// The service takes so many ids in one call.
const IDS_A_CALL: usize = 100;
/// A page of records has so many at most.
const RECORDS_A_PAGE: i32 = 100;
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
const EXECUTION_ID: Text = Text {
    length: 1..=256,
    expected: "no white space and no control characters",
    allows: |text| !text.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()),
};

/// What a request asks of AppFlow.
#[derive(Debug, PartialEq)]
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

    /// The name that policy and outcomes go by.
    pub fn key(&self) -> String {
        format!("appflow:{}", self.flow_name)
    }

    /// What was asked, for the outcome.
    pub fn target(&self) -> Value {
        let mut target = json!({"key": self.key(), "flowName": self.flow_name});
        match &self.runs {
            Runs::Named(Ids(ids)) => target["executionIds"] = json!(ids),
            Runs::AllActive { in_words: true } => target["scope"] = json!("ALL_ACTIVE"),
            Runs::AllActive { in_words: false } => {}
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
pub struct AppFlow(pub aws_sdk_appflow::Client);

/// One call: at most 100 ids, or none for all active runs.
#[derive(Debug)]
pub struct Call {
    flow_name: String,
    runs: Runs,
}

/// The ids that the service says it could not cancel.
#[derive(Debug, Default)]
pub struct Reply {
    invalid: HashSet<String>,
}

impl Target for AppFlow {
    type Cancellation = Cancellation;
    type Call = Call;
    type Reply = Reply;

    fn calls(&self, cancellation: &Cancellation) -> Vec<Call> {
        let call = |runs| Call { flow_name: cancellation.flow_name.clone(), runs };
        match &cancellation.runs {
            all @ Runs::AllActive { .. } => vec![call(all.clone())],
            Runs::Named(Ids(ids)) => {
                ids.chunks(IDS_A_CALL).map(|ids| call(Runs::Named(Ids(ids.to_vec())))).collect()
            }
        }
    }

    async fn cancel(&self, call: &Call) -> Result<Accepted<Reply>, CallError> {
        let ids = match &call.runs {
            Runs::AllActive { .. } => None,
            Runs::Named(Ids(ids)) => Some(ids.clone()),
        };
        let output = self
            .0
            .cancel_flow_executions()
            .flow_name(&call.flow_name)
            .set_execution_ids(ids)
            .customize()
            .interceptor(ReadableReply::object())
            .send()
            .await
            .map_err(|error| aws::call_error(error, classify))?;
        Ok(Accepted {
            request_id: output.request_id().map(|id| cut(id, 128)),
            reply: Reply { invalid: output.invalid_executions.unwrap_or_default().into_iter().collect() },
        })
    }

    fn conclude(&self, cancellation: &Cancellation, answers: Vec<Answered<Self>>) -> Conclusion {
        match &cancellation.runs {
            Runs::AllActive { .. } => conclude_all_active(answers),
            Runs::Named(_) => conclude_named(cancellation, answers),
        }
    }
}

/// One call without ids: it tells nothing about single runs, only that some could not be canceled.
fn conclude_all_active(answers: Vec<Answered<AppFlow>>) -> Conclusion {
    let mut conclusion = Conclusion {
        status: Status::Accepted,
        taken: true,
        result: None,
        error: None,
        remaining: None,
        unclear: None,
    };
    for answer in answers {
        match answer.result {
            Ok(reply) if reply.invalid.is_empty() => {}
            Ok(_) => conclusion.status = Status::Partial,
            Err(error) => {
                conclusion.status = status_of(error.class);
                conclusion.taken = false;
                conclusion.error = Some(error);
            }
        }
    }
    conclusion
}

fn conclude_named(cancellation: &Cancellation, answers: Vec<Answered<AppFlow>>) -> Conclusion {
    let mut tally = Tally::default();
    for Answered { call, result } in answers {
        let Runs::Named(Ids(ids)) = call.runs else {
            continue;
        };
        tally.add(ids, result);
    }
    tally.conclude(&cancellation.flow_name)
}

/// What AppFlow's answers leave open.
#[derive(Debug, PartialEq)]
pub struct Unclear {
    pub flow_name: String,
    pub tally: Tally,
}

impl AppFlow {
    /// Looks runs up in the flow's records, page by page, until all are found or every page is read.
    /// The order of the records is not documented, so nothing is concluded from it. What could not be
    /// read is left out; the error says why.
    /// API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_DescribeFlowExecutionRecords.html>
    pub async fn look_up(
        &self,
        flow_name: &str,
        mut wanted: HashSet<String>,
        look_up: LookUp<'_>,
    ) -> (HashMap<String, State>, Option<CallError>) {
        let (mut found, mut token) = (HashMap::new(), None);
        for _ in 0..look_up.max_pages {
            let page =
                look_up.retry.run(look_up.until, async || self.records(flow_name, token.clone()).await);
            let page = match page.await.result {
                Ok(page) => page,
                Err(error) => return (found, Some(error)),
            };
            for record in page.flow_executions.unwrap_or_default() {
                let state = record.execution_status.as_ref().and_then(state_of);
                // A run with a status that nobody knows is listed, whatever it does.
                if let Some(id) = record.execution_id.filter(|id| wanted.remove(id)) {
                    found.extend(state.map(|state| (id, state)));
                }
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                found.extend(wanted.drain().map(|id| (id, State::NotListed)));
            }
            if wanted.is_empty() {
                break;
            }
        }
        (found, None)
    }

    async fn records(
        &self,
        flow_name: &str,
        token: Option<String>,
    ) -> Result<DescribeFlowExecutionRecordsOutput, CallError> {
        self.0
            .describe_flow_execution_records()
            .flow_name(flow_name)
            .max_results(RECORDS_A_PAGE)
            .set_next_token(token)
            .customize()
            .interceptor(ReadableReply::object())
            .send()
            .await
            .map_err(|error| aws::call_error(error, classify))
    }
}

/// What a record's status means; none where it is one that nobody knows.
fn state_of(status: &ExecutionStatus) -> Option<State> {
    Some(match status {
        ExecutionStatus::Inprogress => State::StillRunning,
        ExecutionStatus::Cancelstarted | ExecutionStatus::Canceled => State::AlreadyCanceled,
        ExecutionStatus::Successful | ExecutionStatus::Error => State::AlreadyFinished,
        _ => return None,
    })
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
