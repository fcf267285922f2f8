//! A flow's execution records: what AppFlow tells of the runs of a flow, page by page.
//!
//! The order of the records is not documented, so nothing is concluded from it. Looking runs up may
//! stop once all are found; pinning requests reads every page or gives up. One reading serves all that
//! is asked of a flow, and of each record only what was asked for outlives its page: a flow can have
//! tens of thousands. Nothing is changed here.
//! API: <https://docs.aws.amazon.com/appflow/1.0/APIReference/API_DescribeFlowExecutionRecords.html>

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_appflow::operation::describe_flow_execution_records::DescribeFlowExecutionRecordsOutput;
use aws_sdk_appflow::types::{ExecutionRecord, ExecutionStatus};

use super::{AppFlow, Cancellation, DESCRIBE_RECORDS, Ids, Runs, State, classify};
use crate::call_error::{CallError, Class};
use crate::client;
use crate::client::error::to_the_millisecond;
use crate::targets::pages::Tokens;
use crate::targets::{LookUp, incomplete};
use crate::timestamp::{Moment, Span, Timestamp};
use crate::vocabulary;

/// A page of records has so many at most.
const RECORDS_A_PAGE: i32 = 100;

/// The runs that a request is about, as the records have them.
#[derive(Default)]
pub struct Found {
    in_progress: Vec<String>,
    canceled: Vec<String>,
}

/// What has become of runs that were asked to end.
pub struct Seen {
    /// Of those that were named, as far as they could be read.
    pub states: BTreeMap<String, vocabulary::State>,
    /// Of those that were running in each of the spans; nothing where not every record could be read.
    pub running: Option<Vec<Vec<(String, vocabulary::State)>>>,
    pub error: Option<CallError>,
}

impl Cancellation {
    /// The same request for the runs that were found, which had started when it was made.
    pub fn pinned(&self, found: Found) -> Self {
        let runs = Runs::Pinned { in_progress: Ids::new(found.in_progress), canceled: found.canceled };
        Self { runs, ..self.clone() }
    }

    /// The runs of those found that the request would reach.
    pub fn would_cancel(&self, found: Found) -> Vec<String> {
        let Runs::Named(Ids(ids)) = &self.runs else { return found.in_progress };
        let running: HashSet<String> = found.in_progress.into_iter().collect();
        ids.iter().filter(|id| running.contains(*id)).cloned().collect()
    }
}

/// A flow's records, read for one purpose.
pub struct Records<'a> {
    pub appflow: &'a AppFlow,
    pub flow_name: &'a str,
    pub look_up: &'a LookUp<'a>,
}

impl Records<'_> {
    /// Looks runs up to explain what became of them. What could not be read is left out; the error says
    /// why.
    pub async fn explain(&self, mut wanted: HashSet<&str>) -> (HashMap<String, State>, Option<CallError>) {
        let mut found = HashMap::new();
        let read = self.every_record(self.look_up.context().max_pages, |id, record| {
            if wanted.remove(id.as_str())
                && let Some(state) = record.execution_status.as_ref().and_then(state_of)
            {
                found.insert(id, state);
            }
            wanted.is_empty()
        });
        let read = read.await;
        if read == Ok(Read::ToTheEnd) {
            found.extend(wanted.into_iter().map(|id| (id.to_owned(), State::NotListed)));
        }
        (found, read.err())
    }

    /// Looks runs up to say how far they are on their way to their end, as many pages as it takes: those
    /// that are wanted, and those that were running in each span.
    pub async fn seen(&self, mut wanted: HashSet<&str>, spans: &[Span]) -> Seen {
        let (mut states, mut running) = (BTreeMap::new(), vec![Vec::new(); spans.len()]);
        let read = self.every_record(u32::MAX, |id, record| {
            let state = how_far(record.execution_status.as_ref());
            for (span, running) in spans.iter().zip(&mut running) {
                if was_running(&record, *span) {
                    running.push((id.clone(), state));
                }
            }
            if wanted.remove(id.as_str()) {
                states.insert(id, state);
            }
            wanted.is_empty() && spans.is_empty()
        });
        let read = read.await;
        let is_gone = read.as_ref().is_err_and(|error| error.class == Class::NotFound);
        let is_read = is_gone || read == Ok(Read::ToTheEnd);
        if is_read {
            let unlisted = wanted.into_iter().map(|id| (id.to_owned(), vocabulary::State::NotFound));
            states.extend(unlisted);
        }
        Seen { states, running: is_read.then_some(running), error: read.err().filter(|_| !is_gone) }
    }

    /// The runs that each of several requests is about, of which one has a time where it means the runs of
    /// its moment: those that had started by then, and those that were canceled since. A run without a
    /// known start is not meant.
    ///
    /// # Errors
    /// A list that cannot be read to its end.
    pub async fn meant(&self, since: &[Option<Moment>]) -> Result<Vec<Found>, CallError> {
        let mut found: Vec<Found> = since.iter().map(|_| Found::default()).collect();
        let read = self.every_record(u32::MAX, |id, record| {
            let state = record.execution_status.as_ref().and_then(state_of);
            let (started_at, updated_at) = (at(&record.started_at), at(&record.last_updated_at));
            for (since, found) in since.iter().zip(&mut found) {
                let is_meant = since.is_none_or(|since| started_at.is_some_and(|at| at <= since.ends()));
                let since_then = since.is_some_and(|since| updated_at.is_some_and(|at| at >= since.begins()));
                match state.filter(|_| is_meant) {
                    Some(State::StillRunning) => found.in_progress.push(id.clone()),
                    Some(State::AlreadyCanceled) if since_then => found.canceled.push(id.clone()),
                    _ => {}
                }
            }
            false
        });
        read.await.map(|_| found)
    }

    /// Shows every record that names a run, until it is enough, or so many pages are read.
    ///
    /// # Errors
    /// A list that cannot be read to its end.
    async fn every_record(
        &self,
        most_pages: u32,
        mut is_enough: impl FnMut(String, ExecutionRecord) -> bool,
    ) -> Result<Read, CallError> {
        let (mut tokens, mut token) = (Tokens::default(), None);
        for number in 0..most_pages {
            let page = self.page(token).await;
            let page = page.map_err(|error| if number == 0 { error } else { incomplete(error) })?;
            for mut record in page.flow_executions.unwrap_or_default() {
                let Some(id) = record.execution_id.take() else { continue };
                if is_enough(id, record) {
                    return Ok(Read::Enough);
                }
            }
            token = tokens.next(page.next_token).map_err(incomplete)?;
            if token.is_none() {
                return Ok(Read::ToTheEnd);
            }
        }
        Ok(Read::Enough)
    }

    async fn page(&self, token: Option<String>) -> Result<DescribeFlowExecutionRecordsOutput, CallError> {
        let call = async || {
            let call = self.appflow.0.describe_flow_execution_records();
            call.flow_name(self.flow_name)
                .max_results(RECORDS_A_PAGE)
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|error| client::call_error(error, classify))
        };
        self.look_up.read(&DESCRIBE_RECORDS, call).await
    }
}

/// How far a flow's records were read.
#[derive(Debug, PartialEq)]
enum Read {
    ToTheEnd,
    /// As far as was needed, or allowed.
    Enough,
}

fn at(time: &Option<aws_sdk_appflow::primitives::DateTime>) -> Option<Timestamp> {
    time.as_ref().and_then(to_the_millisecond)
}

/// Whether a run had started by the end of a span and not ended before it. The last update of one that has
/// ended is its end.
fn was_running(record: &ExecutionRecord, span: Span) -> bool {
    let had_started = at(&record.started_at).is_some_and(|at| at <= span.until);
    let has_ended = how_far(record.execution_status.as_ref()).has_ended();
    let ended_before = has_ended && at(&record.last_updated_at).is_none_or(|at| at < span.from);
    had_started && !ended_before
}

/// What a record's status means for a run that was asked to end. One with a status that nobody knows is
/// listed, whatever it does.
fn how_far(status: Option<&ExecutionStatus>) -> vocabulary::State {
    match status {
        Some(ExecutionStatus::Inprogress) => vocabulary::State::Running,
        Some(ExecutionStatus::Cancelstarted) => vocabulary::State::Canceling,
        Some(ExecutionStatus::Canceled) => vocabulary::State::Canceled,
        Some(ExecutionStatus::Successful) => vocabulary::State::Succeeded,
        Some(ExecutionStatus::Error) => vocabulary::State::Failed,
        Some(_) | None => vocabulary::State::Unknown,
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
