//! As fast as a service allows, and no faster.
//!
//! Each operation has a [`Lane`] in which its calls wait for their turn, at a pace that starts from the
//! published quota, or finds it. The lanes outlive an invocation. Who finds the lane too long gets a
//! place in line instead, which says when to come again. A pace knows operations and time, and nothing
//! of requests, calls or queues.

mod bucket;
mod lane;
mod line;
pub mod operation;

use std::collections::BTreeMap;

pub use self::lane::{Came, Lane, Patience, Waiting};
pub use self::line::Standing;
pub use self::operation::{Operation, Quota};

/// The lanes of every operation that has one.
#[derive(Debug)]
pub struct Pace {
    lanes: BTreeMap<&'static str, Lane>,
    /// That of all operations which nobody declared.
    undeclared: Lane,
}

impl Pace {
    /// One of so many `processes`, which share the quotas of the account; `rates` stand in for those
    /// that are published.
    pub fn new(
        operations: impl IntoIterator<Item = &'static Operation>,
        rates: &BTreeMap<&'static str, Quota>,
        processes: u32,
    ) -> Self {
        let lane = |operation: &'static Operation| {
            let known = rates.get(operation.name).copied().or(operation.quota);
            (operation.name, Lane::new(known, processes))
        };
        Self { lanes: operations.into_iter().map(lane).collect(), undeclared: Lane::new(None, processes) }
    }

    pub fn lane(&self, operation: &Operation) -> &Lane {
        self.lanes.get(operation.name).unwrap_or(&self.undeclared)
    }
}
