//! What changes in the world just before a call, told to its history.

use std::sync::{Arc, Mutex, PoisonError};

use countermand_simulator::{
    Operation, Run, RunStatus, Simulator, Timestamp, WorkflowExecution, WorkflowStatus, World,
};
use fastrand::Rng;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::model::{History, Past};

/// What happens just before a call.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Nothing,
    Ends(&'static str),
    Continues,
    /// What continues the run is there a little later.
    ContinuesWithAGap,
    Begins,
}

impl Change {
    pub fn draw(random: &mut Rng, gap: bool) -> Self {
        match random.u8(..8) {
            0 => Self::Nothing,
            1 | 2 => Self::Ends(["COMPLETED", "FAILED", "CANCELED"][random.usize(..3)]),
            3 | 4 => Self::Continues,
            5 if gap => Self::ContinuesWithAGap,
            _ => Self::Begins,
        }
    }

    /// Sets it up to happen just before that call.
    pub fn happen_before(
        self,
        simulator: &Simulator,
        operation: Operation,
        number: u32,
        history: &Arc<Mutex<History>>,
    ) {
        let history = Arc::clone(history);
        simulator.before(operation, number, move |world, now| {
            let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
            self.happen(world, now, &mut history);
        });
    }

    fn happen(self, world: &mut World, now: Timestamp, history: &mut History) {
        match (history.is_flow, self) {
            (_, Self::Nothing) => {}
            (true, Self::Ends(how)) => {
                let runs = world.appflow.values_mut().flat_map(|flow| &mut flow.runs);
                let run = { runs }.find(|run| run.status == RunStatus::InProgress);
                if let Some(run) = run {
                    run.status = if how == "FAILED" { RunStatus::Error } else { RunStatus::Successful };
                    run.last_updated_at = Some(now);
                }
            }
            (true, _) => {
                let run = Run {
                    started_at: Some(now),
                    ..Run::new(history.begin(now, None), RunStatus::InProgress)
                };
                world.appflow.values_mut().for_each(|flow| flow.runs.push(run.clone()));
            }
            (false, Self::Ends(how)) => drop(close(world, now, how, history)),
            (false, Self::Continues | Self::ContinuesWithAGap) => {
                if let Some(before) = close(world, now, "CONTINUED_AS_NEW", history) {
                    history.changes.push("continued");
                    history.gap = Some((before, now));
                    history.gap_began.notify_one();
                }
                if matches!(self, Self::Continues) {
                    history.end_the_gap(world);
                }
            }
            (false, Self::Begins) => {
                let recently = now - Duration::from_millis(1_500);
                let mut runs = world.swf.values().flat_map(|domain| &domain.executions);
                let is_free = runs.all(|run| run.closed_at.is_some_and(|closed| closed < recently));
                if is_free {
                    let id = history.begin(now, None);
                    open(world, now, &id);
                }
            }
        }
    }
}

/// What continues a run is there a while after that has closed.
pub async fn end_the_gap(simulator: &Simulator, history: &Mutex<History>) {
    let began = Arc::clone(&history.lock().unwrap_or_else(PoisonError::into_inner).gap_began);
    began.notified().await;
    sleep(Duration::from_millis([10, 50, 2_500][fastrand::usize(..3)])).await;
    let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
    simulator.change(|world| history.end_the_gap(world));
}

impl History {
    fn end_the_gap(&mut self, world: &mut World) {
        if let Some((before, at)) = self.gap.take() {
            let id = self.begin(at, Some(before));
            open(world, at, &id);
        }
    }

    /// Notes a run that begins, and gives it a name.
    fn begin(&mut self, now: Timestamp, continues: Option<String>) -> String {
        let id = format!("n-{}", self.runs.len());
        let began = self.began.map_or(0, |began| millis_between(began, now));
        if continues.is_none() {
            self.changes.push("began");
        }
        self.runs.push(Past { id: id.clone(), started: began, ended: None, continues, asked: false });
        id
    }
}

fn millis_between(from: Timestamp, to: Timestamp) -> i64 {
    use std::time::SystemTime;
    let since = SystemTime::from(to).duration_since(SystemTime::from(from)).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Closes the open run, and tells which it was.
fn close(world: &mut World, now: Timestamp, how: &str, history: &mut History) -> Option<String> {
    let mut runs = world.swf.values_mut().flat_map(|domain| &mut domain.executions);
    let run = runs.find(|run| run.status == WorkflowStatus::Open)?;
    run.status = WorkflowStatus::Closed;
    run.close_status = serde_json::from_value(json!(how)).ok();
    run.closed_at = Some(now);
    let known = history.runs.iter_mut().find(|known| known.id == run.run_id)?;
    known.ended = Some((0, "closed"));
    Some(run.run_id.clone())
}

fn open(world: &mut World, now: Timestamp, id: &str) {
    let run = WorkflowExecution { started_at: Some(now), ..WorkflowExecution::open("w", id) };
    world.swf.values_mut().for_each(|domain| domain.executions.push(run.clone()));
}
