//! What befalls a world behind the function's back: runs begin and end by themselves, what is being
//! canceled ends, workflows go on in a new run. It knows worlds, and nothing of requests.

use countermand_simulator::{
    CloseStatus, CloudflowStatus, Run, RunStatus, Timestamp, WorkflowExecution, WorkflowStatus, World,
};
use fastrand::Rng;

use super::draw::pick;
use super::requests::{CLOUDFLOW, DOMAIN, EXECUTIONS, FLOWS, RUNS, WORKFLOWS};

/// It happens where it can, and is nothing elsewhere.
#[derive(Clone, Debug)]
pub enum Event {
    RunBegins {
        flow: String,
        id: String,
    },
    RunEnds {
        flow: String,
        id: String,
        status: RunStatus,
    },
    /// Runs whose cancel started are canceled.
    RunsSettle,
    /// The decider closes the open run; one that was asked to cancel is mostly canceled.
    WorkflowCloses {
        id: String,
        status: CloseStatus,
        heeds: bool,
        next: String,
    },
    WorkflowBegins {
        id: String,
        run_id: String,
    },
    ExecutionEnds {
        name: String,
        status: CloudflowStatus,
    },
}

pub fn draw(random: &mut Rng) -> Vec<(i64, Event)> {
    let mut events: Vec<_> =
        (0..random.usize(..25)).map(|number| (random.i64(0..150_000), event(random, number))).collect();
    events.sort_by_key(|(at, _)| *at);
    events
}

fn event(random: &mut Rng, number: usize) -> Event {
    let flow = format!("flow-{}", random.usize(..FLOWS));
    let workflow = random.usize(..WORKFLOWS);
    match random.u8(..12) {
        0..=3 => Event::RunBegins { flow, id: format!("r-{}", random.usize(RUNS - 2..RUNS)) },
        4 => {
            let status = pick(random, &[RunStatus::Successful, RunStatus::Error]);
            Event::RunEnds { flow, id: format!("r-{}", random.usize(..RUNS)), status }
        }
        5 => Event::RunsSettle,
        6 | 7 => Event::WorkflowCloses {
            id: format!("w-{workflow}"),
            status: pick(random, &[CloseStatus::Completed, CloseStatus::Failed, CloseStatus::ContinuedAsNew]),
            heeds: random.u8(..4) > 0,
            next: format!("w-{workflow}-next-{number}"),
        },
        8..=10 => Event::WorkflowBegins {
            id: format!("w-{workflow}"),
            run_id: format!("w-{workflow}-{}", pick(random, &["new-0", "new-1", "new-2"])),
        },
        _ => {
            use CloudflowStatus::{Failed, Succeeded, TimedOut};
            let name = format!("e-{}", random.usize(..EXECUTIONS));
            Event::ExecutionEnds { name, status: pick(random, &[Succeeded, Failed, TimedOut]) }
        }
    }
}

impl Event {
    pub fn happen(&self, world: &mut World, now: Timestamp) {
        match self {
            Event::RunBegins { flow, id } => {
                let runs = world.appflow.get_mut(flow).map(|flow| &mut flow.runs);
                if let Some(runs) = runs.filter(|runs| runs.iter().all(|run| run.execution_id != *id)) {
                    let run = Run::new(id.clone(), RunStatus::InProgress);
                    runs.push(Run { started_at: Some(now), last_updated_at: Some(now), ..run });
                }
            }
            Event::RunEnds { flow, id, status } => {
                let runs = world.appflow.get_mut(flow).into_iter().flat_map(|flow| &mut flow.runs);
                for run in runs.filter(|run| run.execution_id == *id && run.status == RunStatus::InProgress) {
                    (run.status, run.last_updated_at) = (*status, Some(now));
                }
            }
            Event::RunsSettle => {
                let runs = world.appflow.values_mut().flat_map(|flow| &mut flow.runs);
                for run in runs.filter(|run| run.status == RunStatus::CancelStarted) {
                    (run.status, run.last_updated_at) = (RunStatus::Canceled, Some(now));
                }
            }
            Event::WorkflowCloses { id, status, heeds, next } => {
                let Some(run) = open(world, id) else { return };
                let canceled = run.cancel_requested && *heeds;
                let status = if canceled { CloseStatus::Canceled } else { *status };
                run.status = WorkflowStatus::Closed;
                run.close_status = Some(status);
                run.closed_at = Some(now);
                if status == CloseStatus::ContinuedAsNew {
                    begin(world, id, next, now);
                }
            }
            Event::WorkflowBegins { id, run_id } => {
                if open(world, id).is_none() && ended_long_ago(world, id, now) {
                    begin(world, id, run_id, now);
                }
            }
            Event::ExecutionEnds { name, status } => {
                let flow = world.cloudflow.get_mut(CLOUDFLOW).into_iter();
                for execution in flow.flat_map(|flow| &mut flow.executions) {
                    let active =
                        matches!(execution.status, CloudflowStatus::Running | CloudflowStatus::Starting);
                    if execution.name == *name && active {
                        (execution.status, execution.stopped_time) = (*status, Some(now));
                    }
                }
            }
        }
    }
}

fn open<'a>(world: &'a mut World, id: &str) -> Option<&'a mut WorkflowExecution> {
    let mut runs = world.swf.get_mut(DOMAIN)?.executions.iter_mut();
    runs.find(|run| run.workflow_id == id && run.status == WorkflowStatus::Open)
}

/// A run that began just as another one continued as new would be taken for its continuation.
fn ended_long_ago(world: &World, id: &str, now: Timestamp) -> bool {
    let mut runs = world.swf[DOMAIN].executions.iter().filter(|run| run.workflow_id == id);
    runs.all(|run| run.closed_at.is_none_or(|end| end + std::time::Duration::from_millis(1_500) < now))
}

fn begin(world: &mut World, id: &str, run_id: &str, now: Timestamp) {
    let runs = world.swf.get_mut(DOMAIN).map(|domain| &mut domain.executions);
    let taken = |run: &WorkflowExecution| run.workflow_id == id && run.run_id == run_id;
    if let Some(runs) = runs.filter(|runs| !runs.iter().any(taken)) {
        runs.push(WorkflowExecution { started_at: Some(now), ..WorkflowExecution::open(id, run_id) });
    }
}
