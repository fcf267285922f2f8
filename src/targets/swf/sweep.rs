//! The open executions of a domain that a request selects, by their type, a tag or a workflow, or all.

use std::sync::Arc;

use aws_sdk_swf::error::BuildError;
use aws_sdk_swf::primitives::DateTime;
use aws_sdk_swf::types::{
    ExecutionTimeFilter, TagFilter, WorkflowExecutionFilter, WorkflowExecutionInfo, WorkflowTypeFilter,
};
use serde_json::{Value, json};

use super::request::{Cancellation, DOMAIN, WORKFLOW_ID, WhichRun};
use super::runs::MOST_A_PAGE;
use super::{COUNT_OPEN, LIST_CLOSED, LIST_OPEN, SERVICE, Swf, classify};
use crate::call_error::{CallError, cut};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::fields::Fields;
use crate::fields::rules::Text;
use crate::targets::sweep::{self, Answer, Choice, Counted, Found, Listing, Page, Sweeps, Which};
use crate::targets::{LookUp, Service};
use crate::timestamp::Timestamp;

const NAME: Text = Text::any(1..=256);
const VERSION: Text = Text::any(1..=64);

/// What a request selects.
#[derive(Clone, Debug)]
struct Selection {
    domain: String,
    by: By,
}

#[derive(Clone, Debug)]
enum By {
    Type { name: String, version: Option<String> },
    Tag(String),
    Workflow(String),
    All,
}

/// What asks for one execution, or more than a cancel of it.
const INSTEAD_OF: &[&str] = &["workflowId", "runId", "terminateAfterSeconds", "childPolicy"];

const CHOICES: &[Choice<By>] = &[
    ("workflowType", read_type),
    ("tag", |fields| fields.text(&["tag"], &NAME).map(By::Tag)),
    ("workflowId", |fields| fields.text(&["workflowId"], &WORKFLOW_ID).map(By::Workflow)),
    ("all", |fields| sweep::in_words(fields).map(|()| By::All)),
];

fn read_type(fields: &mut Fields) -> Option<By> {
    let text = fields.object("workflowType")?;
    let mut within = Fields::of(text)?;
    let name = within.required(&["name"], &NAME);
    let version = within.text(&["version"], &VERSION);
    let violations = within.finish();
    let is_valid = violations.is_empty();
    fields.violations.within("workflowType", violations);
    name.filter(|_| is_valid).map(|name| By::Type { name, version })
}

/// Takes what selects executions, where a request does; see [`sweep::read`].
pub fn read(fields: &mut Fields) -> Option<Option<Arc<dyn crate::targets::Cancellation>>> {
    sweep::read(fields, INSTEAD_OF, CHOICES, |fields, by| {
        let domain = fields.required(&["domain"], &DOMAIN);
        Some(Selection { domain: domain?, by: by? })
    })
}

impl sweep::Selection for Selection {
    fn service(&self) -> &'static Service {
        &SERVICE
    }

    fn key(&self) -> String {
        format!("swf:{}/*", self.domain)
    }

    fn place(&self) -> (&'static str, &str) {
        ("domain", &self.domain)
    }

    fn by(&self) -> (&'static str, Value) {
        match &self.by {
            By::Type { name, version: None } => ("workflowType", json!({"name": name})),
            By::Type { name, version } => ("workflowType", json!({"name": name, "version": version})),
            By::Tag(tag) => ("tag", json!(tag)),
            By::Workflow(id) => ("workflowId", json!(id)),
            By::All => ("all", json!(true)),
        }
    }
}

/// The filters of one of the lists.
struct Filters {
    domain: String,
    started: ExecutionTimeFilter,
    of_type: Option<WorkflowTypeFilter>,
    tag: Option<TagFilter>,
    execution: Option<WorkflowExecutionFilter>,
}

impl Filters {
    fn of(listing: Listing<'_>) -> Result<Self, CallError> {
        let Selection { domain, by } = listing.selected()?;
        let from = listing.from.map_or(DateTime::from_secs(0), date);
        let (mut of_type, mut tag, mut execution) = (None, None, None);
        match by {
            By::Type { name, version } => {
                let filter = WorkflowTypeFilter::builder().name(name);
                of_type = Some(version.iter().fold(filter, |filter, it| filter.version(it)).build()?);
            }
            By::Tag(name) => tag = Some(TagFilter::builder().tag(name).build()?),
            By::Workflow(id) => {
                execution = Some(WorkflowExecutionFilter::builder().workflow_id(id).build()?);
            }
            By::All => {}
        }
        let started = between(from, Some(date(listing.until)))?;
        Ok(Self { domain: domain.clone(), started, of_type, tag, execution })
    }
}

fn between(oldest: DateTime, latest: Option<DateTime>) -> Result<ExecutionTimeFilter, BuildError> {
    ExecutionTimeFilter::builder().oldest_date(oldest).set_latest_date(latest).build()
}

fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.millis().max(0))
}

impl Sweeps for Swf {
    fn count<'a>(&'a self, of: Listing<'a>, look_up: &'a LookUp<'a>) -> Answer<'a, Option<Counted>> {
        Box::pin(async move {
            let Filters { domain, started, of_type, tag, execution } = Filters::of(of)?;
            let call = async || {
                let call = self.0.count_open_workflow_executions();
                call.domain(&domain)
                    .start_time_filter(started.clone())
                    .set_type_filter(of_type.clone())
                    .set_tag_filter(tag.clone())
                    .set_execution_filter(execution.clone())
                    .send()
                    .await
                    .map_err(|error| client::call_error(error, classify))
            };
            let output = look_up.read(&COUNT_OPEN, call).await?;
            let found = u64::try_from(output.count).unwrap_or_default();
            Ok(Some(Counted { found, more: output.truncated }))
        })
    }

    fn page<'a>(
        &'a self,
        of: Listing<'a>,
        token: Option<String>,
        look_up: &'a LookUp<'a>,
    ) -> Answer<'a, Page> {
        Box::pin(async move {
            let Filters { domain, started, of_type, tag, execution } = Filters::of(of)?;
            let found = |infos: Vec<WorkflowExecutionInfo>| {
                infos.into_iter().filter_map(|info| found(&domain, info)).collect()
            };
            let Which::Asked { since } = of.which else {
                let call = async || {
                    let call = self.0.list_open_workflow_executions();
                    call.domain(&domain)
                        .start_time_filter(started.clone())
                        .set_type_filter(of_type.clone())
                        .set_tag_filter(tag.clone())
                        .set_execution_filter(execution.clone())
                        .maximum_page_size(MOST_A_PAGE)
                        .set_next_page_token(token.clone())
                        .send()
                        .await
                        .map_err(|error| client::call_error(error, classify))
                };
                let output = look_up.read(&LIST_OPEN, call).await?;
                return Ok((found(output.execution_infos), output.next_page_token));
            };
            let closed = between(date(since), None)?;
            let call = async || {
                let call = self.0.list_closed_workflow_executions();
                call.domain(&domain)
                    .close_time_filter(closed.clone())
                    .set_type_filter(of_type.clone())
                    .set_tag_filter(tag.clone())
                    .set_execution_filter(execution.clone())
                    .maximum_page_size(MOST_A_PAGE)
                    .set_next_page_token(token.clone())
                    .send()
                    .await
                    .map_err(|error| client::call_error(error, classify))
            };
            let output = look_up.read(&LIST_CLOSED, call).await?;
            Ok((found(output.execution_infos), output.next_page_token))
        })
    }
}

/// An execution of a list; none where it is not named.
fn found(domain: &str, info: WorkflowExecutionInfo) -> Option<Found> {
    let execution = info.execution?;
    let run_id = cut(&execution.run_id, 64);
    let (domain, workflow_id) = (domain.to_owned(), execution.workflow_id);
    let run = WhichRun::Named([run_id.clone()]);
    let cancellation = Cancellation { domain, workflow_id, run, terminate: None };
    Some(Found {
        id: run_id,
        started_at: to_the_millisecond(&info.start_timestamp),
        asked: Some(info.cancel_requested),
        cancellation: Arc::new(cancellation),
    })
}
