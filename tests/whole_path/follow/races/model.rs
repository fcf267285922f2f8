//! What the services' own documents say of runs, and nothing of how the function reads them.
//!
//! SWF: at most one run of a workflow is open. One that closes as `CONTINUED_AS_NEW` is continued by a run
//! that starts then; SWF may know no open run for a moment between the two. A call without a run id means
//! the one that is open as it arrives. Lists are eventually consistent: they tell of the past.
//! AppFlow: a call without ids means every active run. Records come late, in no order.

use std::collections::BTreeSet;
use std::sync::Arc;

use countermand_simulator::{Timestamp, World};
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Duration;

use crate::services::Service;

/// What all runs of a round are of.
pub const TARGET: &str = "orders";

/// A run, its times in milliseconds from the beginning of the round.
#[derive(Clone, Debug)]
pub struct Past {
    pub id: String,
    pub started: i64,
    pub ended: Option<(i64, &'static str)>,
    /// The run that it continues.
    pub continues: Option<String>,
    /// It was asked to end: first before the round, and in the end within it.
    pub asked: bool,
}

#[derive(Clone, Debug)]
pub struct History {
    pub service: &'static Service,
    pub began: Option<Timestamp>,
    pub runs: Vec<Past>,
    pub changes: Vec<&'static str>,
    /// A run that closed as continued, and what continues it has not begun.
    pub gap: Option<(String, Timestamp)>,
    pub gap_began: Arc<Notify>,
}

impl History {
    pub fn draw(service: &'static Service, random: &mut Rng, lags: bool) -> Self {
        let runs = if service.one_at_a_time {
            one_after_the_other(random, lags)
        } else {
            side_by_side(service, random)
        };
        Self { service, began: None, runs, changes: Vec::new(), gap: None, gap_began: Arc::default() }
    }

    pub fn begun(&self, now: Timestamp) -> Self {
        let mut history = Self { began: Some(now), ..self.clone() };
        let runs = self.world(now).runs();
        for run in &mut history.runs {
            run.asked = runs.iter().any(|it| it.id == run.id && it.asked);
        }
        history
    }

    pub fn world(&self, now: Timestamp) -> World {
        let mut world = World::default();
        for run in &self.runs {
            (self.service.begin)(&mut world, TARGET, &run.id, at(now, run.started));
            if let Some((end, state)) = run.ended {
                (self.service.set)(&mut world, TARGET, &run.id, state, at(now, end));
            }
        }
        world
    }

    /// The same, with how each run stands in the end.
    pub fn ended(&self, world: &World) -> Self {
        let (mut history, runs) = (self.clone(), world.runs());
        for run in &mut history.runs {
            let now = runs.iter().find(|it| it.id == run.id);
            run.asked = now.is_some_and(|now| now.asked) && !run.asked;
            let state = now.map_or("RUNNING", |now| now.state);
            run.ended = (!["RUNNING", "CANCELING"].contains(&state)).then_some((0, state));
        }
        history
    }

    /// The runs that a request means that was made then, and those that continue them.
    pub fn meant(&self, requested_at: Timestamp) -> BTreeSet<&str> {
        let had_started =
            |run: &&Past| self.began.is_some_and(|began| at(began, run.started) <= requested_at);
        let mut ids = self.runs.iter().filter(had_started).map(|run| run.id.as_str());
        match self.service.one_at_a_time {
            true => self.continued(ids.next_back().into_iter().collect()),
            false => ids.collect(),
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

/// Runs of a workflow.
fn one_after_the_other(random: &mut Rng, lags: bool) -> Vec<Past> {
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
        let status = ["CONTINUED_AS_NEW", "CONTINUED_AS_NEW", "CANCELED", "SUCCEEDED"][random.usize(..4)];
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
    runs
}

/// Runs of a flow.
fn side_by_side(service: &Service, random: &mut Rng) -> Vec<Past> {
    let run = |number: usize, random: &mut Rng| {
        let started = -random.i64(15_000..300_000);
        let how = ["", "", "CANCELED", "SUCCEEDED", "FAILED"][random.usize(..5)];
        let ended = service.states.contains(&how).then(|| (started + random.i64(0..-started - 13_000), how));
        Past { id: format!("r-{number}"), started, ended, continues: None, asked: false }
    };
    (0..random.usize(..5)).map(|number| run(number, random)).collect()
}

fn at(began: Timestamp, millis: i64) -> Timestamp {
    let apart = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { began - apart } else { began + apart }
}
