//! What the services' own documents say of runs, and nothing of how the function reads them.
//!
//! SWF: at most one run of a workflow is open. One that closes as `CONTINUED_AS_NEW` is continued by a run
//! that starts then; SWF may know no open run for a moment between the two. A call without a run id means
//! the one that is open as it arrives. Lists are eventually consistent: they tell of the past.
//! AppFlow: a call without ids means every active run. Records come late, in no order.

use std::collections::BTreeSet;
use std::sync::Arc;

use countermand_simulator::{CloseStatus, Operation, RunStatus, Timestamp, World};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Duration;

pub const WORKFLOW_READS: [Operation; 3] = [
    Operation::LIST_OPEN_WORKFLOW_EXECUTIONS,
    Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS,
    Operation::DESCRIBE_WORKFLOW_EXECUTION,
];
pub const FLOW_READS: [Operation; 1] = [Operation::DESCRIBE_FLOW_EXECUTION_RECORDS];
/// What rounds of flows can meet.
pub const MET_BY_FLOWS: [&str; 8] = [
    "ACCEPTED",
    "ALREADY_CANCELED",
    "NOT_RUNNING",
    "CONFIRMED",
    "ENDED_OTHERWISE",
    "STILL_RUNNING",
    "began",
    "lagged",
];

/// A run, its times in milliseconds from the beginning of the round.
#[derive(Clone, Debug)]
pub struct Past {
    pub id: String,
    pub started: i64,
    pub ended: Option<(i64, &'static str)>,
    /// The run that it continues.
    pub continues: Option<String>,
    pub asked: bool,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub is_flow: bool,
    pub began: Option<Timestamp>,
    pub runs: Vec<Past>,
    pub changes: Vec<&'static str>,
    /// A run that closed as continued, and what continues it has not begun.
    pub gap: Option<(String, Timestamp)>,
    pub gap_began: Arc<Notify>,
}

impl History {
    /// Runs of a workflow, one after the other.
    pub fn of_workflow(random: &mut Rng, lags: bool) -> Self {
        // A list that lags tells of a run that has been there for a while.
        let last_start = if lags { -25_000 } else { -2_000 };
        let mut runs: Vec<Past> = Vec::new();
        let mut start = -random.i64(2_500..300_000);
        for number in 0..random.usize(..5) {
            let before = runs.last().filter(|run| run.is_continued());
            if start > if before.is_some() { -500 } else { last_start } {
                break;
            }
            let end = start + [1_500, 20_000, 90_000][random.usize(..3)];
            let status = ["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "CANCELED", "COMPLETED"][random.usize(..4)];
            let goes_on = status == "CONTINUED_AS_NEW";
            let is_open = end > -500 || random.u8(..4) == 0;
            let continues = before.map(|run| run.id.clone());
            let ended = (!is_open).then_some((end, status));
            runs.push(Past { id: format!("r-{number}"), started: start, ended, continues, asked: false });
            if is_open {
                break;
            }
            start = end + if goes_on { [0, 700] } else { [1_500, 30_000] }[random.usize(..2)];
        }
        // What was continued is continued by something.
        if let Some(last) = runs.last_mut().filter(|run| run.is_continued()) {
            last.ended = None;
        }
        Self { runs, ..Self::default() }
    }

    /// Runs of a flow, side by side.
    pub fn of_flow(random: &mut Rng, _: bool) -> Self {
        let run = |number: usize, random: &mut Rng| {
            let started = -random.i64(15_000..300_000);
            let how = ["", "", "Canceled", "Successful", "Error"][random.usize(..5)];
            let ended = (!how.is_empty()).then(|| (started + random.i64(0..-started - 13_000), how));
            Past { id: format!("r-{number}"), started, ended, continues: None, asked: false }
        };
        let runs = (0..random.usize(..5)).map(|number| run(number, random)).collect();
        Self { is_flow: true, runs, ..Self::default() }
    }

    pub fn cancel(&self) -> Operation {
        match self.is_flow {
            true => Operation::CANCEL_FLOW_EXECUTIONS,
            false => Operation::REQUEST_CANCEL_WORKFLOW_EXECUTION,
        }
    }

    pub fn request(&self) -> Value {
        match self.is_flow {
            true => json!({"service": "appflow", "flowName": "orders"}),
            false => json!({"service": "swf", "domain": "billing", "workflowId": "w"}),
        }
    }

    pub fn begun(&self, now: Timestamp) -> Self {
        Self { began: Some(now), ..self.clone() }
    }

    pub fn world(&self, now: Timestamp) -> Value {
        let at = |millis: i64| json!(at(now, millis));
        let execution = |run: &Past| match run.ended {
            None => {
                json!({"workflowId": "w", "runId": run.id, "status": "OPEN", "startedAt": at(run.started)})
            }
            Some((end, status)) => json!({"workflowId": "w", "runId": run.id, "status": "CLOSED",
                "startedAt": at(run.started), "closedAt": at(end), "closeStatus": status}),
        };
        let record = |run: &Past| {
            let (updated, status) = run.ended.unwrap_or((run.started, "InProgress"));
            json!({"executionId": run.id, "status": status, "startedAt": at(run.started), "lastUpdatedAt": at(updated)})
        };
        match self.is_flow {
            true => json!({"appflow": {"orders": {"runs": self.runs.iter().map(record).collect::<Vec<_>>()}},
                "appflowRecordsOrder": "shuffled", "mostPerPage": 2}),
            false => {
                json!({"swf": {"billing": {"executions": self.runs.iter().map(execution).collect::<Vec<_>>()}},
                "mostPerPage": 2})
            }
        }
    }

    /// The same, with how each run stands in the end.
    pub fn ended(&self, world: &World) -> Self {
        let mut history = self.clone();
        for run in &mut history.runs {
            let state = state_in(world, &run.id);
            // Nobody else cancels a run of a flow.
            run.asked = state.1 || (self.is_flow && run.ended.is_none() && state.0 == "CANCELED");
            run.ended = (!["RUNNING", "CANCELING"].contains(&state.0)).then_some((0, state.0));
        }
        history
    }

    /// The runs that a request means that was made then, and those that continue them.
    pub fn meant(&self, requested_at: Timestamp) -> BTreeSet<&str> {
        let had_started =
            |run: &&Past| self.began.is_some_and(|began| at(began, run.started) <= requested_at);
        let mut ids = self.runs.iter().filter(had_started).map(|run| run.id.as_str());
        match self.is_flow {
            true => ids.collect(),
            // The one of its moment.
            false => self.continued(ids.next_back().into_iter().collect()),
        }
    }

    /// These runs and those that continue them.
    pub fn continued<'a>(&'a self, mut ids: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        for run in &self.runs {
            if run.continues.as_ref().is_some_and(|before| ids.contains(before.as_str())) {
                ids.insert(&run.id);
            }
        }
        ids
    }

    /// The runs that had begun so many milliseconds after the beginning, and those that continue them.
    pub fn there_at(&self, millis: u64) -> BTreeSet<&str> {
        let had_begun = |run: &&Past| run.started <= i64::try_from(millis).unwrap_or(i64::MAX);
        self.continued(self.runs.iter().filter(had_begun).map(|run| run.id.as_str()).collect())
    }

    /// Those of these that have not ended.
    pub fn running<'a>(&self, ids: &BTreeSet<&'a str>) -> impl Iterator<Item = &'a str> {
        let has_ended = |id: &str| self.runs.iter().any(|run| run.id == id && run.ended.is_some());
        ids.iter().copied().filter(move |id| !has_ended(id))
    }

    pub fn is_asked(&self, id: &str) -> bool {
        self.runs.iter().any(|run| run.id == id && run.asked)
    }

    /// The runs that were asked to end and have ended since, or are about to.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().filter(|run| run.asked).map(|run| run.id.as_str())
    }

    /// In a confirmation's words.
    pub fn state(&self, id: &str) -> &'static str {
        let run = self.runs.iter().find(|run| run.id == id);
        run.map_or("NOT_FOUND", |run| run.ended.map_or("RUNNING", |(_, state)| state))
    }
}

impl Past {
    fn is_continued(&self) -> bool {
        self.ended.is_some_and(|(_, how)| how == "CONTINUED_AS_NEW")
    }
}

fn at(began: Timestamp, millis: i64) -> Timestamp {
    let apart = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { began - apart } else { began + apart }
}

/// How a run stands in the world, in a confirmation's words, and whether a call reached it.
fn state_in(world: &World, id: &str) -> (&'static str, bool) {
    let execution = world.swf.values().flat_map(|domain| &domain.executions).find(|it| it.run_id == id);
    let run = world.appflow.values().flat_map(|flow| &flow.runs).find(|run| run.execution_id == id);
    match (execution, run.map(|run| run.status)) {
        (Some(execution), _) => {
            let state = match execution.close_status {
                None if execution.cancel_requested => "CANCELING",
                None => "RUNNING",
                Some(CloseStatus::Canceled) => "CANCELED",
                Some(CloseStatus::ContinuedAsNew) => "CONTINUED_AS_NEW",
                Some(CloseStatus::Failed) => "FAILED",
                Some(CloseStatus::Terminated) => "TERMINATED",
                Some(_) => "SUCCEEDED",
            };
            (state, execution.cancel_requested)
        }
        (None, Some(RunStatus::CancelStarted)) => ("CANCELING", true),
        (None, Some(RunStatus::Canceled)) => ("CANCELED", false),
        (None, Some(RunStatus::Successful)) => ("SUCCEEDED", false),
        (None, Some(RunStatus::Error)) => ("FAILED", false),
        (None, _) => ("RUNNING", false),
    }
}

/// The runs that a call names; none where it means whatever runs.
pub fn named(request: &Value) -> Option<Vec<String>> {
    let ids = request["executionIds"].as_array();
    let ids = ids.map(|ids| ids.iter().filter_map(|id| id.as_str().map(String::from)).collect());
    ids.or_else(|| request["runId"].as_str().map(|id| vec![id.into()]))
}
