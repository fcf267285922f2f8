//! The runs of a workflow: what SWF tells of open and closed ones.
//!
//! `DescribeWorkflowExecution` and `ListClosedWorkflowExecutions` refill at 6 a second for a whole
//! account, so neither is called for a request that was accepted as it came. All reads are eventually
//! consistent. Nothing is changed here.
//! API: <https://docs.aws.amazon.com/amazonswf/latest/apireference/API_ListClosedWorkflowExecutions.html>

use std::time::Duration;

use aws_sdk_swf::error::BuildError;
use aws_sdk_swf::primitives::DateTime;
use aws_sdk_swf::types::{
    CloseStatus, ExecutionStatus, ExecutionTimeFilter, WorkflowExecution, WorkflowExecutionFilter,
    WorkflowExecutionInfo,
};
use serde_json::json;

use super::{Cancellation, Swf, classify};
use crate::call_error::{Answer, CallError, Class, cut};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::follow_up::State;
use crate::outcome::Status;
use crate::pace::Operation;
use crate::targets::{Conclusion, LookUp, incomplete};
use crate::timestamp::{Moment, Timestamp};

/// A continuation starts within so long of the end of the run that it continues.
const CONTINUES_WITHIN: Duration = Duration::from_secs(1);

/// A run that was found, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    run_id: String,
    started_at: Option<Timestamp>,
    /// Absent where the run is open.
    closed: Option<(CloseStatus, Timestamp)>,
}

/// The run that a request without a run id means.
#[derive(Debug, PartialEq)]
pub enum Meant {
    /// This one is open.
    Open(String),
    /// None is open; this is what is known.
    Not(Box<Conclusion>),
}

impl Meant {
    /// No open run is meant; the newest closed one that had started tells how it ended.
    fn not(newest: Option<Run>, since: Moment) -> Self {
        Self::Not(Box::new(explained(newest, Some(since))))
    }
}

impl Run {
    /// What is known of a run; none where the description names none.
    fn of(info: WorkflowExecutionInfo) -> Option<Self> {
        let closed_at = info.close_timestamp.as_ref().and_then(to_the_millisecond);
        Some(Self {
            run_id: cut(&info.execution?.run_id, 64),
            started_at: to_the_millisecond(&info.start_timestamp),
            closed: info.close_status.zip(closed_at),
        })
    }

    fn started_by(&self, time: Moment) -> bool {
        self.started_at.is_some_and(|started_at| started_at <= time.ends())
    }

    /// Whether a run that started at this time continues this one.
    fn goes_on_at(&self, start: Timestamp) -> bool {
        let Some((CloseStatus::ContinuedAsNew, end)) = self.closed else { return false };
        let apart = end.millis_since(start).max(start.millis_since(end));
        u128::from(apart) <= CONTINUES_WITHIN.as_millis()
    }
}

impl Swf {
    /// Finds the run that a request meant: the one that it names, else the newest closed one.
    ///
    /// # Errors
    /// A read that failed. What the service does not know is no error.
    pub async fn look_up(
        &self,
        asked: &Cancellation,
        look_up: &LookUp<'_>,
    ) -> Result<Option<Run>, CallError> {
        let found = match &asked.run_id {
            Some(run_id) => self.described(asked, run_id, look_up).await.map(|info| info.and_then(Run::of)),
            None => self.closed(asked, 1, None, look_up).await.map(|(runs, _)| runs.into_iter().next()),
        };
        match found {
            Err(error) if error.class == Class::NotFound => Ok(None),
            found => found,
        }
    }

    /// The run that a request means if it was made at `since`: the open one, if it had started by then
    /// or continues one that had; else the newest closed one that had started by then tells how it ended.
    ///
    /// # Errors
    /// A read that failed, or a list that does not come to an end.
    pub async fn pin(
        &self,
        asked: &Cancellation,
        since: Moment,
        look_up: &LookUp<'_>,
    ) -> Result<Meant, CallError> {
        let open = self.open(asked, look_up).await?;
        if let Some(run) = open.as_ref().filter(|run| run.started_by(since)) {
            return Ok(Meant::Open(run.run_id.clone()));
        }
        // Back through the runs that the open one continues, and on to the newest that had started.
        let mut continued_at = open.as_ref().and_then(|run| run.started_at);
        let (mut token, mut read) = (None, 0);
        loop {
            let page = self.closed(asked, 1_000, token, look_up).await;
            let (runs, next) = page.map_err(|error| if read == 0 { error } else { incomplete(error) })?;
            for run in runs {
                // At most one run of a workflow is open, so only the one that closed last before a start
                // can be continued by it.
                let continues = continued_at.is_some_and(|start| run.goes_on_at(start));
                match (run.started_by(since), &open) {
                    (true, Some(open)) if continues => return Ok(Meant::Open(open.run_id.clone())),
                    (true, _) => return Ok(Meant::not(Some(run), since)),
                    (false, _) => continued_at = run.started_at.filter(|_| continues),
                }
            }
            read += 1;
            token = next;
            match token {
                None => return Ok(Meant::not(None, since)),
                Some(_) if read == MOST_PAGES => {
                    return Err(incomplete(CallError::unreadable("pages that come to an end")));
                }
                Some(_) => {}
            }
        }
    }

    /// The run that is open now; there is at most one of a workflow.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn open_run_id(
        &self,
        asked: &Cancellation,
        look_up: &LookUp<'_>,
    ) -> Result<Option<String>, CallError> {
        Ok(self.open(asked, look_up).await?.map(|run| run.run_id))
    }

    /// The state of the one run.
    ///
    /// # Errors
    /// A read that failed.
    pub async fn state(
        &self,
        asked: &Cancellation,
        runs: &[String],
        look_up: &LookUp<'_>,
    ) -> Result<State, CallError> {
        let run_id = runs.first().map(String::as_str).unwrap_or_default();
        let info = self.described(asked, run_id, look_up).await?;
        Ok(info.map_or(State::Unknown, |info| state_of(&info)))
    }

    /// Whether a run that was found is open.
    pub fn is_open(run: &Run) -> bool {
        run.closed.is_none()
    }

    async fn described(
        &self,
        asked: &Cancellation,
        run_id: &str,
        look_up: &LookUp<'_>,
    ) -> Result<Option<WorkflowExecutionInfo>, CallError> {
        let execution = WorkflowExecution::builder().workflow_id(&asked.workflow_id).run_id(run_id).build();
        let execution = execution.map_err(wrong)?;
        let call = async || {
            self.0
                .describe_workflow_execution()
                .domain(&asked.domain)
                .execution(execution.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = look_up.read(Operation::DescribeWorkflowExecution, call).await?;
        Ok(output.execution_info)
    }

    async fn open(&self, asked: &Cancellation, look_up: &LookUp<'_>) -> Result<Option<Run>, CallError> {
        let (since_ever, this_one) = (since_ever()?, this_one(asked)?);
        let call = async || {
            self.0
                .list_open_workflow_executions()
                .domain(&asked.domain)
                .start_time_filter(since_ever.clone())
                .execution_filter(this_one.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = look_up.read(Operation::ListOpenWorkflowExecutions, call).await?;
        Ok(output.execution_infos.into_iter().find_map(Run::of))
    }

    /// A page of closed runs, the last to close first, and the token of the next one.
    async fn closed(
        &self,
        asked: &Cancellation,
        most: i32,
        token: Option<String>,
        look_up: &LookUp<'_>,
    ) -> Result<(Vec<Run>, Option<String>), CallError> {
        let (since_ever, this_one) = (since_ever()?, this_one(asked)?);
        let call = async || {
            self.0
                .list_closed_workflow_executions()
                .domain(&asked.domain)
                .close_time_filter(since_ever.clone())
                .execution_filter(this_one.clone())
                .maximum_page_size(most)
                .set_next_page_token(token.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let output = look_up.read(Operation::ListClosedWorkflowExecutions, call).await?;
        let runs = output.execution_infos.into_iter().filter_map(Run::of).collect();
        Ok((runs, output.next_page_token.filter(|token| !token.is_empty())))
    }
}

/// What a description says of a run that was asked to end.
fn state_of(info: &WorkflowExecutionInfo) -> State {
    match (&info.execution_status, &info.close_status) {
        (ExecutionStatus::Open, _) if info.cancel_requested => State::Canceling,
        (ExecutionStatus::Open, _) => State::Running,
        (_, Some(CloseStatus::Canceled)) => State::Canceled,
        (_, Some(CloseStatus::Completed)) => State::Succeeded,
        (_, Some(CloseStatus::Failed)) => State::Failed,
        (_, Some(CloseStatus::TimedOut)) => State::TimedOut,
        (_, Some(CloseStatus::Terminated)) => State::Terminated,
        (_, Some(CloseStatus::ContinuedAsNew)) => State::ContinuedAsNew,
        _ => State::Unknown,
    }
}

/// More pages than this of one workflow's closed runs are a circle, not a list.
const MOST_PAGES: u32 = 1_000;

fn since_ever() -> Result<ExecutionTimeFilter, CallError> {
    ExecutionTimeFilter::builder().oldest_date(DateTime::from_secs(0)).build().map_err(wrong)
}

fn this_one(asked: &Cancellation) -> Result<WorkflowExecutionFilter, CallError> {
    WorkflowExecutionFilter::builder().workflow_id(&asked.workflow_id).build().map_err(wrong)
}

fn wrong(error: BuildError) -> CallError {
    CallError::not_configured(error.to_string())
}

/// What a run that was found, or none, means for a request. `since` is when a request that names no
/// run was made: a run that was canceled before was not canceled for it.
pub fn explained(found: Option<Run>, since: Option<Moment>) -> Conclusion {
    let open_ends = found.iter().map(|run| run.run_id.clone()).collect();
    let (status, result) = match found {
        None => (Status::NotFound, None),
        // The service has just said that there is no such open run; its reads are eventually consistent.
        Some(Run { closed: None, run_id, .. }) => (Status::Failed, Some(json!({"runId": run_id}))),
        Some(Run { closed: Some((close_status, at)), run_id, .. }) => {
            let for_this =
                close_status == CloseStatus::Canceled && since.is_none_or(|since| at >= since.begins());
            let status = if for_this { Status::AlreadyCanceled } else { Status::NotRunning };
            (status, Some(json!({"runId": run_id, "closeStatus": close_status.as_str()})))
        }
    };
    let message = "SWF knows no open run to cancel, and describes it as open";
    let error = (status == Status::Failed)
        .then(|| CallError::own(Class::Retry, Answer::Received, "StillRunning", message));
    Conclusion { status, taken: false, result, error, remaining: None, unclear: None, open_ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_run_closed_decides_and_for_an_open_ended_request_when() {
        let at = |millis| Timestamp::from_millis(millis).expect("a time");
        let run = |closed| Some(Run { run_id: "r".into(), started_at: None, closed });
        let closed = |status, millis| run(Some((status, at(millis))));
        for (found, since, status) in [
            (None, None, Status::NotFound),
            (run(None), None, Status::Failed),
            (closed(CloseStatus::Canceled, 5), None, Status::AlreadyCanceled),
            (closed(CloseStatus::Canceled, 5), Some(at(5).into()), Status::AlreadyCanceled),
            (closed(CloseStatus::Canceled, 5), Some(at(6).into()), Status::NotRunning),
            (closed(CloseStatus::Completed, 5), None, Status::NotRunning),
            (closed(CloseStatus::ContinuedAsNew, 5), Some(at(1).into()), Status::NotRunning),
            (closed(CloseStatus::Terminated, 5), Some(at(1).into()), Status::NotRunning),
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
