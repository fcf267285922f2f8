//! What became of every run, moment by moment, and by whom: the world looked at again and again.
//!
//! In process it is looked at after each step of each call, so that every change has its delivery. Beside
//! real processes it is looked at often, and a change belongs to whoever was at work then.

use std::collections::BTreeMap;

use countermand::timestamp::Timestamp;
use countermand_simulator::World;

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
    pub state: &'static str,
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
    changed: Option<i64>,
    continues: Option<String>,
}

/// What the history calls a run.
pub fn run_key(key: &str, id: &str) -> String {
    format!("{key}/{id}")
}

impl History {
    /// Takes down what changed since the last look.
    pub fn look(&mut self, world: &World, now: i64, by: By) {
        for run in world.runs() {
            let changes = self.runs.entry(run_key(&run.key, &run.id)).or_default();
            if changes.last().is_none_or(|last| last.state != run.state) {
                changes.push(Change { at: now, by, state: run.state });
            }
        }
    }

    /// Takes down when everything started, once it is over.
    pub fn finish(&mut self, world: &World, base: i64) {
        let ms = |time: Option<countermand_simulator::Timestamp>| {
            time.map_or(i64::MIN, |time| epoch_millis(&time.to_string()) - base)
        };
        let runs = world.runs();
        for run in &runs {
            let start = ms(run.started);
            let continued = runs.iter().find(|other| {
                other.key == run.key
                    && other.id != run.id
                    && other.state == "CONTINUED_AS_NEW"
                    && (ms(other.changed) - start).abs() <= 1_000
            });
            let continues = continued.map(|other| run_key(&other.key, &other.id));
            let changed = run.changed.map(|at| ms(Some(at)));
            self.facts.insert(run_key(&run.key, &run.id), Facts { started: start, changed, continues });
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
    pub fn states(&self, key: &str, (from, to): (i64, i64)) -> Vec<&'static str> {
        let changes = self.runs.get(key).map_or(&[][..], Vec::as_slice);
        let before = changes.iter().rev().find(|change| change.at < from);
        let within = changes.iter().filter(|change| (from..=to).contains(&change.at));
        before
            .map_or([""].into_iter(), |change| [change.state].into_iter())
            .chain(within.map(|change| change.state))
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

    /// When a run was canceled.
    pub fn canceled(&self, key: &str) -> Option<i64> {
        self.since(key, "CANCELED").and_then(|_| self.facts.get(key)?.changed)
    }

    pub fn started(&self, key: &str) -> i64 {
        self.facts.get(key).map_or(i64::MAX, |facts| facts.started)
    }
}

/// Milliseconds since 1970 of a time as it is written.
pub fn epoch_millis(time: &str) -> i64 {
    let epoch = Timestamp::from_millis(0).expect("a time");
    let time = Timestamp::parse(time).expect("a time of the world");
    i64::try_from(time.millis_since(epoch)).expect("a time of this age")
}
