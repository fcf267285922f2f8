//! What changes in the world just before a call, told to its history.

use std::sync::{Arc, Mutex, PoisonError};

use countermand_simulator::{AnyRun, Operation, Simulator, Timestamp, World};
use fastrand::Rng;
use tokio::time::{Duration, sleep};

use super::model::{History, Past, TARGET};

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
            1 | 2 => Self::Ends(["SUCCEEDED", "FAILED", "CANCELED"][random.usize(..3)]),
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
        let one_at_a_time = history.service.one_at_a_time;
        match self {
            Self::Nothing => {}
            // Nobody else cancels a run of a flow.
            Self::Ends("CANCELED") if !one_at_a_time => {}
            Self::Ends(how) => drop(history.close(world, now, how)),
            Self::Continues | Self::ContinuesWithAGap if one_at_a_time => {
                if let Some(before) = history.close(world, now, "CONTINUED_AS_NEW") {
                    history.changes.push("continued");
                    history.gap = Some((before, now));
                    history.gap_began.notify_one();
                }
                if matches!(self, Self::Continues) {
                    history.end_the_gap(world);
                }
            }
            _ => {
                let recently = now - Duration::from_millis(1_500);
                let has_ended = |it: &AnyRun| !is_open(it) && it.changed.is_some_and(|at| at < recently);
                if !one_at_a_time || world.runs().iter().all(has_ended) {
                    history.begin(world, now, None);
                }
            }
        }
    }
}

fn is_open(run: &AnyRun) -> bool {
    ["RUNNING", "CANCELING"].contains(&run.state)
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
            self.begin(world, at, Some(before));
        }
    }

    /// Begins a run, notes it, and gives it a name.
    fn begin(&mut self, world: &mut World, now: Timestamp, continues: Option<String>) {
        let id = format!("n-{}", self.runs.len());
        let began = self.began.map_or(0, |began| millis_between(began, now));
        if continues.is_none() {
            self.changes.push("began");
        }
        (self.service.begin)(world, TARGET, &id, now);
        self.runs.push(Past { id, started: began, ended: None, continues, asked: false });
    }

    /// Closes an open run, and tells which it was.
    fn close(&mut self, world: &mut World, now: Timestamp, how: &str) -> Option<String> {
        let id = world.runs().into_iter().find(is_open)?.id;
        (self.service.set)(world, TARGET, &id, how, now);
        self.runs.iter_mut().find(|known| known.id == id)?.ended = Some((0, "closed"));
        Some(id)
    }
}

fn millis_between(from: Timestamp, to: Timestamp) -> i64 {
    use std::time::SystemTime;
    let since = SystemTime::from(to).duration_since(SystemTime::from(from)).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
