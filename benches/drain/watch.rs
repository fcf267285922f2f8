//! What becomes of a backlog, noted as it happens.

use std::collections::HashMap;

use countermand_simulator::Simulator;
use tokio::time::Instant;

use crate::case::{Case, DEAD};

/// What became of a backlog.
#[derive(Default)]
pub struct Drained {
    /// Seconds and requests done until then.
    pub done: Vec<(f64, usize)>,
    pub calls: u64,
    pub refused: u64,
    pub receives: usize,
    pub most_receives: u32,
    pub dead: usize,
    pub too_late: usize,
}

/// Notes what happens as it happens.
pub struct Watch {
    start: Instant,
    receives: HashMap<String, u32>,
    drained: Drained,
}

impl Watch {
    pub fn start() -> Self {
        Self { start: Instant::now(), receives: HashMap::new(), drained: Drained::default() }
    }

    pub fn received<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        for id in ids {
            self.drained.receives += 1;
            let count = self.receives.entry(id.to_owned()).or_default();
            *count += 1;
            self.drained.most_receives = self.drained.most_receives.max(*count);
        }
    }

    /// So many of a batch will not come again.
    pub fn done(&mut self, count: usize) {
        let before = self.drained.done.last().map_or(0, |(_, done)| *done);
        self.drained.done.push((self.start.elapsed().as_secs_f64(), before + count));
    }

    /// An invocation was cut off.
    pub fn too_late(&mut self) {
        self.drained.too_late += 1;
    }

    pub fn finish(mut self, case: &Case, simulator: &Simulator) -> Drained {
        let counts = simulator.counts().remove(case.service.cancel.name());
        (self.drained.calls, self.drained.refused) =
            counts.map_or((0, 0), |counts| (counts.calls, counts.throttled));
        self.drained.dead = simulator.messages(DEAD).len();
        self.drained
    }
}
