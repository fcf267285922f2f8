//! SWF's `ListOpenWorkflowExecutions` and `ListClosedWorkflowExecutions`: the runs of a domain that
//! a range of time and at most one other filter let through, newest first unless asked otherwise,
//! page by page. A page token is good for the very request that it was given for. What the first of
//! them lists `CountOpenWorkflowExecutions` counts.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::describe::info;
use super::{CloseStatus, WorkflowExecution, WorkflowStatus};
use super::{reply, unknown};
use crate::fields::{Fields, invalid};
use crate::pages::Page;
use crate::refusal::Failure;
use crate::service::Operation;
use crate::timestamp::Timestamp;
use crate::wire::{Answer, Request};
use crate::work::{Turn, Work};
use crate::world::World;

const LARGEST_PAGE: usize = 1000;

/// One list, of the runs in one of the two states.
struct List {
    domain: String,
    status: WorkflowStatus,
    range: Range,
    filter: Option<Filter>,
    oldest_first: bool,
    most: usize,
    token: Option<String>,
    /// All of the request but the token.
    asked: Value,
}

/// From when to when, both included, in microseconds since the epoch.
struct Range {
    field: TimeField,
    oldest: i64,
    latest: Option<i64>,
}

#[derive(Clone, Copy)]
enum TimeField {
    Start,
    Close,
}

enum Filter {
    WorkflowId(String),
    CloseStatus(CloseStatus),
    Type { name: String, version: Option<String> },
    Tag(String),
}

pub(crate) struct ListOpenWorkflowExecutions(List);

impl ListOpenWorkflowExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let range = Range::read(&body.required_object("startTimeFilter")?, TimeField::Start)?;
        List::read(&body, WorkflowStatus::Open, range).map(ListOpenWorkflowExecutions)
    }
}

impl Work for ListOpenWorkflowExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        self.0.run(turn)
    }
}

pub(crate) struct ListClosedWorkflowExecutions(List);

impl ListClosedWorkflowExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        let body = Fields::of(request)?;
        let range = match (body.object("startTimeFilter")?, body.object("closeTimeFilter")?) {
            (Some(start), None) => Range::read(&start, TimeField::Start)?,
            (None, Some(close)) => Range::read(&close, TimeField::Close)?,
            (Some(_), Some(_)) => {
                return Err(invalid("Cannot specify both a startTimeFilter and a closeTimeFilter"));
            }
            (None, None) => return Err(invalid("Must specify time filter")),
        };
        List::read(&body, WorkflowStatus::Closed, range).map(ListClosedWorkflowExecutions)
    }
}

impl Work for ListClosedWorkflowExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        self.0.run(turn)
    }
}

pub(crate) struct CountOpenWorkflowExecutions(List);

impl CountOpenWorkflowExecutions {
    pub(crate) fn read(request: &Request) -> Result<Self, Failure> {
        ListOpenWorkflowExecutions::read(request).map(|ListOpenWorkflowExecutions(list)| Self(list))
    }
}

impl Work for CountOpenWorkflowExecutions {
    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let (clock, world) = (turn.state.clock, &turn.state.world);
        let as_of = world.as_of(Operation::COUNT_OPEN_WORKFLOW_EXECUTIONS, clock.now());
        let found = self.0.found(world, as_of, clock.started_at())?;
        Ok(reply(&json!({"count": found.len(), "truncated": false})))
    }
}

impl List {
    fn read(body: &Fields, status: WorkflowStatus, range: Range) -> Result<List, Failure> {
        Ok(List {
            domain: body.required("domain", 256)?,
            status,
            range,
            filter: Filter::read(body, status)?,
            oldest_first: body.flag("reverseOrder")?,
            // Zero is as good as nothing: the service then chooses.
            most: body
                .count("maximumPageSize", LARGEST_PAGE)?
                .filter(|most| *most > 0)
                .unwrap_or(LARGEST_PAGE),
            token: body.text("nextPageToken", 2048)?,
            asked: body.without("nextPageToken"),
        })
    }

    /// The runs that the filters let through, each with the moment that it is listed by.
    fn found<'a>(
        &self,
        world: &'a World,
        as_of: Option<Timestamp>,
        began: Timestamp,
    ) -> Result<Vec<(i64, Cow<'a, WorkflowExecution>)>, Failure> {
        let domain = world.swf.get(&self.domain).ok_or_else(|| unknown::domain(&self.domain))?;
        let found = domain
            .executions
            .iter()
            .filter_map(|one| one.as_of(as_of, began))
            .filter(|one| {
                one.status == self.status && self.filter.as_ref().is_none_or(|filter| filter.lets(one))
            })
            .filter_map(|one| Some((self.range.moment(&one, began)?, one)));
        Ok(found.collect())
    }

    fn run(&self, turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        let began = turn.state.clock.started_at();
        let operation = match self.status {
            WorkflowStatus::Open => Operation::LIST_OPEN_WORKFLOW_EXECUTIONS,
            WorkflowStatus::Closed => Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS,
        };
        let as_of = turn.state.world.as_of(operation, turn.state.clock.now());
        let mut found = self.found(&turn.state.world, as_of, began)?;
        // Of two at the same moment, the one written down later is the newer one.
        found.sort_by_key(|(moment, _)| *moment);
        if !self.oldest_first {
            found.reverse();
        }
        let name = |(_, one): &(i64, Cow<WorkflowExecution>)| format!("{}/{}", one.workflow_id, one.run_id);
        let cut = turn.state.world.cut(self.most);
        let pages = &mut turn.state.pages;
        let Page { items, next } = pages
            .turn_named(found, name, &self.asked, self.token.as_deref(), cut)
            .map_err(|_| invalid("Invalid token"))?;
        let infos: Vec<Value> = items.iter().map(|(_, one)| info(one, began)).collect();
        let mut body = json!({"executionInfos": infos});
        if let Some(token) = next {
            body["nextPageToken"] = token.into();
        }
        Ok(reply(&body))
    }
}

impl Range {
    fn read(filter: &Fields, field: TimeField) -> Result<Range, Failure> {
        let range = Range {
            field,
            oldest: filter.required_moment("oldestDate")?,
            latest: filter.moment("latestDate")?,
        };
        // Undocumented, and nothing that anybody could mean.
        if range.latest.is_some_and(|latest| latest < range.oldest) {
            return Err(filter.violated("oldestDate", "Member must not be later than latestDate"));
        }
        Ok(range)
    }

    /// The moment that the run is listed by, where it lies in the range.
    fn moment(&self, execution: &WorkflowExecution, began: Timestamp) -> Option<i64> {
        let (started, closed) = execution.moments(began);
        let moment = match self.field {
            TimeField::Start => started,
            TimeField::Close => closed?,
        };
        let moment = moment.microseconds();
        (moment >= self.oldest && self.latest.is_none_or(|latest| moment <= latest)).then_some(moment)
    }
}

impl Filter {
    fn read(body: &Fields, status: WorkflowStatus) -> Result<Option<Filter>, Failure> {
        let mut filters = Vec::new();
        if let Some(filter) = body.object("executionFilter")? {
            filters.push(Filter::WorkflowId(filter.required("workflowId", 256)?));
        }
        if let Some(filter) = body.object("typeFilter")? {
            // An empty version is as good as none.
            let version = filter.text("version", 64)?.filter(|version| !version.is_empty());
            filters.push(Filter::Type { name: filter.required("name", 256)?, version });
        }
        if let Some(filter) = body.object("tagFilter")? {
            filters.push(Filter::Tag(filter.required("tag", 256)?));
        }
        if status == WorkflowStatus::Closed
            && let Some(filter) = body.object("closeStatusFilter")?
        {
            filters.push(Filter::CloseStatus(filter.required_name("status")?));
        }
        if filters.len() > 1 {
            return Err(invalid("Cannot specify more than one exclusive filters in the same query"));
        }
        Ok(filters.pop())
    }

    fn lets(&self, execution: &WorkflowExecution) -> bool {
        match self {
            Filter::WorkflowId(id) => execution.workflow_id == *id,
            Filter::CloseStatus(status) => execution.close_status == Some(*status),
            Filter::Type { name, version } => {
                let given = &execution.workflow_type;
                given.name == *name && version.as_ref().is_none_or(|version| given.version == *version)
            }
            Filter::Tag(tag) => execution.tags.contains(tag),
        }
    }
}

#[cfg(test)]
mod tests;
