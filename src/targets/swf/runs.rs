//! The runs of a workflow: what SWF tells of open and closed ones.
//!
//! `DescribeWorkflowExecution` and `ListClosedWorkflowExecutions` refill at 6 a second for a whole
//! account, so neither is called for a request that was accepted as it came. All reads are eventually
//! consistent. Nothing is changed here.
//! API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_ListClosedWorkflowExecutions.html>

use std::cmp::Reverse;
use std::time::Duration;

use aws_sdk_swf::error::BuildError;
use aws_sdk_swf::primitives::DateTime;
use aws_sdk_swf::types::{
    CloseStatus, ExecutionStatus, ExecutionTimeFilter, WorkflowExecution, WorkflowExecutionFilter,
    WorkflowExecutionInfo,
};

use super::{Cancellation, DESCRIBE, LIST_CLOSED, LIST_OPEN, Swf, classify};
use crate::call_error::{CallError, Class, cut};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::targets::LookUp;
use crate::targets::pages::Tokens;
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::State;

/// A continuation starts within so long of the end of the run that it continues.
const CONTINUES_WITHIN: Duration = Duration::from_secs(1);
/// A page of closed runs has so many at most.
pub const MOST_A_PAGE: i32 = 1_000;

/// A run that was found, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub run_id: String,
    pub started_at: Option<Timestamp>,
    /// Absent where the run is open.
    pub closed: Option<Closed>,
    pub cancel_requested: bool,
}

/// How and when a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    pub status: CloseStatus,
    pub at: Option<Timestamp>,
}

impl Run {
    /// What is known of a run; none where the description names none.
    fn of(info: WorkflowExecutionInfo) -> Option<Self> {
        let is_closed = info.execution_status == ExecutionStatus::Closed || info.close_status.is_some();
        let closed = is_closed.then(|| Closed {
            status: info.close_status.unwrap_or_else(|| "".into()),
            at: info.close_timestamp.as_ref().and_then(to_the_millisecond),
        });
        Some(Self {
            run_id: cut(&info.execution?.run_id, 64),
            started_at: to_the_millisecond(&info.start_timestamp),
            closed,
            cancel_requested: info.cancel_requested,
        })
    }

    /// One that was found open, and nothing else is known of it.
    pub fn open(run_id: &str) -> Self {
        Self { run_id: run_id.into(), started_at: None, closed: None, cancel_requested: false }
    }

    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    pub fn started_by(&self, time: Moment) -> bool {
        self.started_at.is_some_and(|started_at| started_at <= time.ends())
    }

    /// It is closed, and another run goes on with its work.
    pub fn is_continued(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.status == CloseStatus::ContinuedAsNew)
    }

    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed.as_ref()?.at
    }

    /// Whether a run that started at this time continues this one.
    pub fn goes_on_at(&self, start: Timestamp) -> bool {
        let Some(end) = self.closed_at().filter(|_| self.is_continued()) else { return false };
        let apart = end.millis_since(start).max(start.millis_since(end));
        u128::from(apart) <= CONTINUES_WITHIN.as_millis()
    }

    /// How far it is, for those who asked it to end.
    pub fn state(&self) -> State {
        match self.closed.as_ref().map(|closed| &closed.status) {
            None if self.cancel_requested => State::Canceling,
            None => State::Running,
            Some(CloseStatus::Canceled) => State::Canceled,
            Some(CloseStatus::Completed) => State::Succeeded,
            Some(CloseStatus::Failed) => State::Failed,
            Some(CloseStatus::TimedOut) => State::TimedOut,
            Some(CloseStatus::Terminated) => State::Terminated,
            Some(CloseStatus::ContinuedAsNew) => State::ContinuedAsNew,
            Some(_) => State::Unknown,
        }
    }
}

/// A workflow whose runs are read for one purpose.
#[derive(Clone, Copy)]
pub struct Workflow<'a> {
    pub swf: &'a Swf,
    pub asked: &'a Cancellation,
    pub look_up: &'a LookUp<'a>,
}

/// Some of a list of runs, and the token of the next page.
pub type Page = (Vec<Run>, Option<String>);

impl Workflow<'_> {
    /// The run that the request names, else the one that closed last.
    ///
    /// # Errors
    /// A read that failed. What the service does not know is no error.
    pub async fn run(&self) -> Result<Option<Run>, CallError> {
        let found = match self.asked.run_id() {
            Some(run_id) => self.described(run_id).await,
            None => self.newest_closed().await,
        };
        match found {
            Err(error) if error.class == Class::NotFound => Ok(None),
            found => found,
        }
    }

    /// One run; none where its description tells nothing of it.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn described(&self, run_id: &str) -> Result<Option<Run>, CallError> {
        let execution = WorkflowExecution::builder().workflow_id(&self.asked.workflow_id).run_id(run_id);
        let execution = execution.build()?;
        let call = async || {
            let call = self.swf.0.describe_workflow_execution();
            call.domain(&self.asked.domain)
                .execution(execution.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = self.look_up.read(&DESCRIBE, call).await?;
        Ok(output.execution_info.and_then(Run::of))
    }

    async fn newest_closed(&self) -> Result<Option<Run>, CallError> {
        let (mut tokens, mut token) = (Tokens::default(), None);
        loop {
            let (runs, next) = self.closed(1, token).await?;
            token = tokens.next(next)?;
            if token.is_none() || !runs.is_empty() {
                return Ok(runs.into_iter().next());
            }
        }
    }

    /// A page of open runs.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn open(&self, token: Option<String>) -> Result<Page, CallError> {
        let (since_ever, this_one) = (since_ever()?, self.only()?);
        let call = async || {
            let call = self.swf.0.list_open_workflow_executions();
            call.domain(&self.asked.domain)
                .start_time_filter(since_ever.clone())
                .execution_filter(this_one.clone())
                .set_next_page_token(token.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = self.look_up.read(&LIST_OPEN, call).await?;
        Ok((output.execution_infos.into_iter().filter_map(Run::of).collect(), output.next_page_token))
    }

    /// A page of closed runs, the last to close first.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn closed(&self, most: i32, token: Option<String>) -> Result<Page, CallError> {
        let (since_ever, this_one) = (since_ever()?, self.only()?);
        let call = async || {
            let call = self.swf.0.list_closed_workflow_executions();
            call.domain(&self.asked.domain)
                .close_time_filter(since_ever.clone())
                .execution_filter(this_one.clone())
                .maximum_page_size(most)
                .set_next_page_token(token.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = self.look_up.read(&LIST_CLOSED, call).await?;
        let mut runs: Vec<Run> = output.execution_infos.into_iter().filter_map(Run::of).collect();
        // Of two that closed at once, the one that started later is the newer one.
        runs.sort_by_key(|run| Reverse((run.closed_at(), run.started_at)));
        Ok((runs, output.next_page_token))
    }

    fn only(&self) -> Result<WorkflowExecutionFilter, BuildError> {
        WorkflowExecutionFilter::builder().workflow_id(&self.asked.workflow_id).build()
    }
}

fn since_ever() -> Result<ExecutionTimeFilter, BuildError> {
    ExecutionTimeFilter::builder().oldest_date(DateTime::from_secs(0)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_service_are_rounded_to_the_millisecond() {
        for (seconds, millis) in [(1_763_601_600.417, 1_763_601_600_417), (0.9996, 1_000), (0.0, 0)] {
            let time = DateTime::from_secs_f64(seconds);
            assert_eq!(to_the_millisecond(&time), Timestamp::from_millis(millis), "{seconds}");
        }
    }
}
