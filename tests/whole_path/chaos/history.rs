//! What became of every run, moment by moment, and by whom: the world looked at again and again.
//!
//! In process it is looked at after each step of each call, so that every change has its delivery. Beside
//! real processes it is looked at often, and a change belongs to whoever was at work then.

use std::collections::BTreeMap;

use countermand::timestamp::Timestamp;
use countermand_simulator::{CloseStatus, WorkflowStatus, World};

use super::requests::{CLOUDFLOW, DOMAIN};

/// Who changed a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// Nobody that the function knows of.
    World,
    /// A call; of this delivery, where that is known.
    Call(Option<usize>),
}

/// A run is in this state from then on.
#[derive(Clone, Debug)]
pub struct Change {
    pub at: i64,
    pub by: By,
    pub state: String,
}

/// Of each run, by its key, its states in order.
#[derive(Debug, Default)]
pub struct History {
    runs: BTreeMap<String, Vec<Change>>,
    /// What is known of the times of a run, and of the run that it continues.
    facts: BTreeMap<String, Facts>,
}

#[derive(Clone, Debug)]
struct Facts {
    started: i64,
    /// Of a workflow's run that is closed.
    closed: Option<i64>,
    continues: Option<String>,
}

pub fn run_key(flow: &str, id: &str) -> String {
    format!("appflow:{flow}/{id}")
}

pub fn workflow_key(id: &str, run_id: &str) -> String {
    format!("swf:{id}/{run_id}")
}

pub fn execution_key(name: &str) -> String {
    format!("cloudflow:{name}")
}

impl History {
    /// Takes down what changed since the last look.
    pub fn look(&mut self, world: &World, now: i64, by: By) {
        for (key, state) in states(world) {
            let changes = self.runs.entry(key).or_default();
            if changes.last().is_none_or(|last| last.state != state) {
                changes.push(Change { at: now, by, state });
            }
        }
    }

    /// Takes down when everything started, once it is over.
    pub fn finish(&mut self, world: &World, base: i64) {
        let ms = |time: Option<countermand_simulator::Timestamp>| {
            time.map_or(i64::MIN, |time| epoch_millis(&time.to_string()) - base)
        };
        for (name, flow) in &world.appflow {
            for run in &flow.runs {
                let facts = Facts { started: ms(run.started_at), closed: None, continues: None };
                self.facts.insert(run_key(name, &run.execution_id), facts);
            }
        }
        let runs = &world.swf[DOMAIN].executions;
        for run in runs {
            let start = ms(run.started_at);
            let continued = runs.iter().find(|other| {
                other.workflow_id == run.workflow_id
                    && other.run_id != run.run_id
                    && other.close_status == Some(CloseStatus::ContinuedAsNew)
                    && (ms(other.closed_at) - start).abs() <= 1_000
            });
            let continues = continued.map(|other| workflow_key(&other.workflow_id, &other.run_id));
            self.facts.insert(
                workflow_key(&run.workflow_id, &run.run_id),
                Facts { started: start, closed: run.closed_at.map(|at| ms(Some(at))), continues },
            );
        }
    }

    /// Every change that a call made.
    pub fn by_calls(&self) -> impl Iterator<Item = (&str, &Change)> {
        let changes =
            self.runs.iter().flat_map(|(key, changes)| changes.iter().map(move |it| (key.as_str(), it)));
        changes.filter(|(_, change)| change.by != By::World)
    }

    /// The keys of the runs whose key begins so.
    pub fn keys<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.runs.keys().map(String::as_str).filter(move |key| key.starts_with(prefix))
    }

    /// Every state of a run within a time; where there is none, it was not there yet.
    pub fn states<'a>(&'a self, key: &str, (from, to): (i64, i64)) -> Vec<&'a str> {
        let changes = self.runs.get(key).map_or(&[][..], Vec::as_slice);
        let before = changes.iter().rev().find(|change| change.at < from);
        let within = changes.iter().filter(|change| (from..=to).contains(&change.at));
        before
            .map_or([""].into_iter(), |change| [change.state.as_str()].into_iter())
            .chain(within.map(|change| change.state.as_str()))
            .collect()
    }

    /// When a run came into that state.
    pub fn since(&self, key: &str, state: &str) -> Option<i64> {
        self.runs.get(key)?.iter().find(|change| change.state == state).map(|change| change.at)
    }

    /// Whether a run had started by then, or continues one that had.
    pub fn had_started(&self, key: &str, time: i64) -> bool {
        let Some(facts) = self.facts.get(key) else { return false };
        let continued = facts.continues.as_ref();
        facts.started <= time || continued.is_some_and(|before| self.had_started(before, time))
    }

    /// When a workflow's run was closed as canceled.
    pub fn canceled(&self, key: &str) -> Option<i64> {
        self.since(key, "Canceled").and_then(|_| self.facts.get(key)?.closed)
    }

    pub fn started(&self, key: &str) -> i64 {
        self.facts.get(key).map_or(i64::MAX, |facts| facts.started)
    }
}

fn states(world: &World) -> Vec<(String, String)> {
    let runs = world.appflow.iter().flat_map(|(name, flow)| {
        flow.runs.iter().map(move |run| (run_key(name, &run.execution_id), format!("{:?}", run.status)))
    });
    let workflows = world.swf.get(DOMAIN).into_iter().flat_map(|domain| &domain.executions).map(|run| {
        let state = match (run.status, run.close_status) {
            (WorkflowStatus::Open, _) if run.cancel_requested => "Asked".into(),
            (WorkflowStatus::Closed, Some(status)) => format!("{status:?}"),
            _ => "Open".into(),
        };
        (workflow_key(&run.workflow_id, &run.run_id), state)
    });
    let executions = world.cloudflow.get(CLOUDFLOW).into_iter().flat_map(|flow| &flow.executions);
    let executions = executions.map(|one| (execution_key(&one.name), format!("{:?}", one.status)));
    runs.chain(workflows).chain(executions).collect()
}

/// Milliseconds since 1970 of a time as it is written.
pub fn epoch_millis(time: &str) -> i64 {
    let epoch = Timestamp::from_millis(0).expect("a time");
    let time = Timestamp::parse(time).expect("a time of the world");
    i64::try_from(time.millis_since(epoch)).expect("a time of this age")
}
