//! A flow's execution records: what AppFlow tells of the runs of a flow, page by page.
//!
//! The order of the records is not documented, so nothing is concluded from it. Looking runs up may
//! stop once all are found; pinning a request reads every page or gives up. Nothing is changed here.
//! API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_DescribeFlowExecutionRecords.html>

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_appflow::operation::describe_flow_execution_records::DescribeFlowExecutionRecordsOutput;
use aws_sdk_appflow::types::{ExecutionRecord, ExecutionStatus};

use super::{AppFlow, Cancellation, Ids, Runs, State, classify};
use crate::call_error::{CallError, Class};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::follow_up;
use crate::pace::Operation;
use crate::targets::{LookUp, incomplete};
use crate::timestamp::Moment;

/// A page of records has so many at most.
const RECORDS_A_PAGE: i32 = 100;

impl AppFlow {
    /// Looks runs up to explain what became of them. What could not be read is left out; the error says
    /// why.
    pub async fn look_up(
        &self,
        flow_name: &str,
        wanted: HashSet<&str>,
        look_up: &LookUp<'_>,
    ) -> (HashMap<String, State>, Option<CallError>) {
        let (found, error) = self.find(flow_name, wanted, look_up.max_pages(), look_up).await;
        let state = |status: Option<ExecutionStatus>| match status {
            Some(status) => state_of(&status),
            None => Some(State::NotListed),
        };
        (found.into_iter().filter_map(|(id, status)| Some((id, state(status)?))).collect(), error)
    }

    /// Looks runs up to say how far they are on their way to their end, as many pages as it takes.
    pub async fn states(
        &self,
        asked: &Cancellation,
        wanted: HashSet<&str>,
        look_up: &LookUp<'_>,
    ) -> (BTreeMap<String, follow_up::State>, Option<CallError>) {
        let unlisted = || wanted.iter().map(|id| ((*id).to_owned(), follow_up::State::NotFound)).collect();
        let (found, error) = self.find(&asked.flow_name, wanted.clone(), u32::MAX, look_up).await;
        if error.as_ref().is_some_and(|error| error.class == Class::NotFound) {
            return (unlisted(), None);
        }
        (found.into_iter().map(|(id, status)| (id, how_far(status.as_ref()))).collect(), error)
    }

    /// Reads pages until all runs are found, every page is read, or so many are. A run that is on none of
    /// them all has no status.
    async fn find(
        &self,
        flow_name: &str,
        mut wanted: HashSet<&str>,
        most_pages: u32,
        look_up: &LookUp<'_>,
    ) -> (HashMap<String, Option<ExecutionStatus>>, Option<CallError>) {
        let (mut found, mut token, mut seen) = (HashMap::new(), None, HashSet::new());
        for _ in 0..most_pages {
            let page = match self.page(flow_name, token, look_up).await {
                Ok(page) => page,
                Err(error) => return (found, Some(error)),
            };
            for record in page.flow_executions.unwrap_or_default() {
                let (Some(id), status) = (record.execution_id, record.execution_status) else { continue };
                if wanted.remove(id.as_str()) {
                    // A run with a status that nobody knows is listed, whatever it does.
                    found.insert(id, Some(status.unwrap_or_else(|| "".into())));
                }
            }
            token = page.next_token;
            if token.is_none() {
                found.extend(wanted.drain().map(|id| (id.to_owned(), None)));
            }
            if wanted.is_empty() || token.clone().is_some_and(|token| !seen.insert(token)) {
                break;
            }
        }
        (found, None)
    }

    /// The runs that a request for all active runs means if it was made at `since`: those that had
    /// started by then. A run without a known start is not meant.
    ///
    /// # Errors
    /// A list that cannot be read to its end.
    pub async fn pin(
        &self,
        asked: &Cancellation,
        since: Moment,
        look_up: &LookUp<'_>,
    ) -> Result<Cancellation, CallError> {
        let records = self.every_record(&asked.flow_name, look_up).await?;
        let (mut in_progress, mut canceled) = (Vec::new(), Vec::new());
        for record in records {
            let started_by_then = started_by(&record, since);
            let updated_at = record.last_updated_at.as_ref().and_then(to_the_millisecond);
            let (Some(id), true) = (record.execution_id, started_by_then) else { continue };
            match record.execution_status.as_ref().and_then(state_of) {
                Some(State::StillRunning) => in_progress.push(id),
                Some(State::AlreadyCanceled) if updated_at.is_some_and(|at| at >= since.begins()) => {
                    canceled.push(id)
                }
                _ => {}
            }
        }
        let runs = Runs::Pinned { in_progress: Ids::new(in_progress), canceled };
        Ok(Cancellation { flow_name: asked.flow_name.clone(), runs })
    }

    /// The ids of the runs that a request would reach now; made at `since` where it would be pinned.
    ///
    /// # Errors
    /// A list that cannot be read to its end.
    pub async fn would_cancel(
        &self,
        asked: &Cancellation,
        since: Option<Moment>,
        look_up: &LookUp<'_>,
    ) -> Result<Vec<String>, CallError> {
        let records = self.every_record(&asked.flow_name, look_up).await?;
        let running = records.into_iter().filter(|record| {
            record.execution_status.as_ref().and_then(state_of) == Some(State::StillRunning)
        });
        Ok(match &asked.runs {
            Runs::Named(Ids(ids)) => {
                let running: HashSet<String> = running.filter_map(|record| record.execution_id).collect();
                ids.iter().filter(|id| running.contains(*id)).cloned().collect()
            }
            _ => running
                .filter(|record| since.is_none_or(|since| started_by(record, since)))
                .filter_map(|record| record.execution_id)
                .collect(),
        })
    }

    async fn every_record(
        &self,
        flow_name: &str,
        look_up: &LookUp<'_>,
    ) -> Result<Vec<ExecutionRecord>, CallError> {
        let (mut records, mut token, mut seen) = (Vec::new(), None, HashSet::new());
        loop {
            let first = seen.is_empty();
            let page = self.page(flow_name, token, look_up).await;
            let page = page.map_err(|error| if first { error } else { incomplete(error) })?;
            records.extend(page.flow_executions.unwrap_or_default());
            token = page.next_token;
            match &token {
                None => return Ok(records),
                // A token that comes again leads in a circle.
                Some(next) if !seen.insert(next.clone()) => {
                    return Err(incomplete(CallError::unreadable("pages that come to an end")));
                }
                Some(_) => {}
            }
        }
    }

    async fn page(
        &self,
        flow_name: &str,
        token: Option<String>,
        look_up: &LookUp<'_>,
    ) -> Result<DescribeFlowExecutionRecordsOutput, CallError> {
        let call = async || {
            self.0
                .describe_flow_execution_records()
                .flow_name(flow_name)
                .max_results(RECORDS_A_PAGE)
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        let mut page = look_up.read(Operation::DescribeFlowExecutionRecords, call).await?;
        page.next_token = page.next_token.filter(|token| !token.is_empty());
        Ok(page)
    }
}

/// Whether a run had started at a time; one without a known start had not.
fn started_by(record: &ExecutionRecord, time: Moment) -> bool {
    record.started_at.as_ref().and_then(to_the_millisecond).is_some_and(|at| at <= time.ends())
}

/// What a record's status means for a run that was asked to end; none where it is listed nowhere.
fn how_far(status: Option<&ExecutionStatus>) -> follow_up::State {
    match status {
        None => follow_up::State::NotFound,
        Some(ExecutionStatus::Inprogress) => follow_up::State::Running,
        Some(ExecutionStatus::Cancelstarted) => follow_up::State::Canceling,
        Some(ExecutionStatus::Canceled) => follow_up::State::Canceled,
        Some(ExecutionStatus::Successful) => follow_up::State::Succeeded,
        Some(ExecutionStatus::Error) => follow_up::State::Failed,
        Some(_) => follow_up::State::Unknown,
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
