//! The running executions of a state machine that a request selects, by the beginning of their names, or all.
//!
//! One that was redriven counts from its redrive. What was stopped is not listed any more.
//! API: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html>

use std::sync::Arc;

use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus};
use serde_json::Value;

use super::request::{CAUSE, Cancellation, ERROR, STATE_MACHINE_ARN, check_region, machine_of};
use super::{LIST, SERVICE, StepFunctions, classify};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::targets::service::SharedCancellation;
use crate::targets::sweep::{self, Answer, Choice, Found, Listing, Page, Sweeps, Which};
use crate::targets::{Beside, LookUp, Service};

const PREFIX: Text = Text::any(1..=80);
const MOST_A_PAGE: i32 = 1_000;

/// What a request selects, and what each call carries.
#[derive(Clone, Debug)]
struct Selection {
    machine_arn: String,
    /// `None` is all.
    prefix: Option<String>,
    cause: Option<String>,
    error: Option<String>,
}

const CHOICES: &[Choice<Option<String>>] = &[
    ("executionNamePrefix", |fields| fields.text(&["executionNamePrefix"], &PREFIX).map(Some)),
    ("all", |fields| sweep::in_words(fields).map(|()| None)),
];

/// Takes what selects executions, where a request does; see [`sweep::read`].
pub fn read(fields: &mut Fields, beside: Beside<'_>) -> Option<Option<SharedCancellation>> {
    sweep::read(fields, &["executionArn"], CHOICES, |fields, prefix| {
        let machine_arn = fields.required(&["stateMachineArn"], &STATE_MACHINE_ARN);
        if let Some(arn) = &machine_arn {
            check_region("stateMachineArn", arn, beside.region, &mut fields.violations);
        }
        let cause = fields.text(&["cause"], &CAUSE).or_else(|| beside.reason.map(String::from));
        let error = fields.text(&["error"], &ERROR);
        Some(Selection { machine_arn: machine_arn?, prefix: prefix?, cause, error })
    })
}

impl sweep::Selection for Selection {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("stepfunctions:{}/*", machine_of(&self.machine_arn).unwrap_or_default())
    }

    fn place(&self) -> (&'static str, &str) {
        ("stateMachineArn", &self.machine_arn)
    }

    fn by(&self) -> (&'static str, Value) {
        sweep::by_prefix(self.prefix.as_deref())
    }

    fn words(&self) -> Vec<(&'static str, Option<&str>)> {
        vec![("cause", self.cause.as_deref()), ("error", self.error.as_deref())]
    }
}

impl Sweeps for StepFunctions {
    fn page<'a>(
        &'a self,
        of: Listing<'a>,
        token: Option<String>,
        look_up: &'a LookUp<'a>,
    ) -> Answer<'a, Page> {
        Box::pin(async move {
            let selection: &Selection = of.selected()?;
            let (status, since) = match of.which {
                Which::Open => (ExecutionStatus::Running, None),
                Which::Asked { since } => (ExecutionStatus::Aborted, Some(since)),
            };
            let call = async || {
                let call = self.0.list_executions().state_machine_arn(&selection.machine_arn);
                call.status_filter(status.clone())
                    .max_results(MOST_A_PAGE)
                    .set_next_token(token.clone())
                    .send()
                    .await
                    .map_err(|error| client::call_error(error, classify))
            };
            let output = look_up.read(&LIST, call).await?;
            let prefix = selection.prefix.as_deref().unwrap_or_default();
            let ended = |one: &ExecutionListItem| {
                since.is_none() || one.stop_date.as_ref().and_then(to_the_millisecond) >= since
            };
            let meant = |one: &ExecutionListItem| one.name.starts_with(prefix) && ended(one);
            let found = output.executions.into_iter().filter(meant).map(|one| Found {
                started_at: to_the_millisecond(&one.start_date)
                    .max(one.redrive_date.as_ref().and_then(to_the_millisecond)),
                asked: since.map(|_| true),
                cancellation: Arc::new(selection.one(&one.execution_arn)),
                id: one.execution_arn,
            });
            Ok((found.collect(), output.next_token))
        })
    }
}

impl Selection {
    /// The request that stops one execution.
    fn one(&self, arn: &str) -> Cancellation {
        Cancellation {
            execution_arn: [arn.into()],
            cause: self.cause.clone(),
            error: self.error.clone(),
            cause_omitted: false,
        }
    }
}
