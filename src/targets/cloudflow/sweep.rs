//! The running executions of a flow that a request selects, by the beginning of their names, or all.
//!
//! `ListExecutions` takes its permits from where `StopExecution` does, since both share one quota. It does not tell
//! of a running execution whether it was asked to stop. Of what it lists, definition, input and output are not read.
//! API: <https://www.alibabacloud.com/help/en/cloudflow/latest/api-fnf-2019-03-15-listexecutions>

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::request::{CAUSE, Cancellation, ERROR, NAME, RequestId};
use super::{CloudFlow, LIST, SERVICE, STOP};
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::targets::sweep::{self, Answer, Choice, Found, Listing, Page, Sweeps, Which};
use crate::targets::{Beside, LookUp, Service};
use crate::timestamp::Timestamp;

/// A page has so many executions at most.
const LIMIT: &str = "99";
/// In whole seconds a time is up to so much off.
const SECOND: Duration = Duration::from_secs(1);

const PREFIX: Text = Text { length: 1..=128, ..NAME };

/// What a request selects, and what each call carries.
#[derive(Clone, Debug)]
struct Selection {
    flow_name: String,
    /// `None` is all.
    prefix: Option<String>,
    cause: Option<String>,
    error: Option<String>,
    request_id: RequestId,
}

const CHOICES: &[Choice<Option<String>>] = &[
    ("executionNamePrefix", |fields| fields.text(&["executionNamePrefix"], &PREFIX).map(Some)),
    ("all", |fields| sweep::in_words(fields).map(|()| None)),
];

/// Takes what selects executions, where a request does; see [`sweep::read`].
pub fn read(
    fields: &mut Fields,
    beside: Beside<'_>,
) -> Option<Option<Arc<dyn crate::targets::Cancellation>>> {
    sweep::read(fields, &["executionName", "ExecutionName"], CHOICES, |fields, prefix| {
        let flow_name = fields.required(&["flowName", "FlowName"], &NAME);
        let cause = fields.text(&["cause", "Cause"], &CAUSE).or_else(|| beside.reason.map(String::from));
        let error = fields.text(&["error", "Error"], &ERROR);
        let request_id = RequestId(beside.request_id.unwrap_or_default().into());
        Some(Selection { flow_name: flow_name?, prefix: prefix?, cause, error, request_id })
    })
}

impl sweep::Selection for Selection {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("cloudflow:{}", self.flow_name)
    }

    fn place(&self) -> (&'static str, &str) {
        ("flowName", &self.flow_name)
    }

    fn by(&self) -> (&'static str, Value) {
        sweep::by_prefix(self.prefix.as_deref())
    }

    fn words(&self) -> Vec<(&'static str, Option<&str>)> {
        vec![("cause", self.cause.as_deref()), ("error", self.error.as_deref())]
    }
}

/// The part of a reply that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    executions: Vec<Execution>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    name: String,
    started_time: Option<String>,
    stopped_time: Option<String>,
}

impl Sweeps for CloudFlow {
    fn page<'a>(
        &'a self,
        of: Listing<'a>,
        token: Option<String>,
        look_up: &'a LookUp<'a>,
    ) -> Answer<'a, Page> {
        Box::pin(async move {
            let selection: &Selection = of.selected()?;
            let (status, since) = match of.which {
                Which::Open => ("Running", None),
                Which::Asked { since } => ("Stopped", Some(since)),
            };
            // The service may count in whole seconds, and each time is looked at again.
            let from = of.from.map(Timestamp::to_seconds);
            let until = of.until.plus(SECOND).to_seconds();
            let parameters = [
                ("ExecutionNamePrefix", selection.prefix.as_deref()),
                ("FlowName", Some(selection.flow_name.as_str())),
                ("Limit", Some(LIMIT)),
                ("NextToken", token.as_deref()),
                ("StartedTimeBegin", from.as_deref()),
                ("StartedTimeEnd", Some(until.as_str())),
                ("Status", Some(status)),
            ];
            let parameters: Vec<_> =
                parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let id = &selection.request_id.0;
            let call = async || self.call::<Listed>(Method::GET, "ListExecutions", &parameters, id).await;
            let Listed { executions, next_token } = look_up.read_sharing(&LIST, &STOP, call).await?;
            let ended = |one: &Execution| since.is_none() || time(&one.stopped_time) >= since;
            let found = executions.into_iter().filter(ended).map(|one| Found {
                started_at: time(&one.started_time),
                asked: since.map(|_| true),
                cancellation: Arc::new(selection.one(&one.name)),
                id: one.name,
            });
            Ok((found.collect(), next_token))
        })
    }
}

impl Selection {
    /// The request that stops one execution.
    fn one(&self, name: &str) -> Cancellation {
        Cancellation {
            flow_name: self.flow_name.clone(),
            execution_name: [name.into()],
            cause: self.cause.clone(),
            error: self.error.clone(),
            request_id: self.request_id.clone(),
        }
    }
}

fn time(text: &Option<String>) -> Option<Timestamp> {
    Timestamp::parse(text.as_deref()?)
}
