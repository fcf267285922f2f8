//! As fast as a service allows, and no faster.
//!
//! Each operation has a [`Limiter`] in which its calls wait for their permit, at a pace that starts from the
//! published quota, or finds it. The limiters outlive an invocation. Who finds the limiter too long gets a
//! place in line instead, which says when to be redelivered. A pace knows operations and time, and nothing
//! of requests, calls or queues.

mod bucket;
mod limiter;
mod line;
pub mod operation;

use std::collections::BTreeMap;

pub use self::limiter::{Came, Deadline, Limiter, Waiting};
pub use self::line::Priority;
pub use self::operation::{Operation, Quota};

/// The limiters of every operation that has one.
#[derive(Debug)]
pub struct Pace {
    limiters: BTreeMap<&'static str, Limiter>,
    /// That of all operations which nobody declared.
    undeclared: Limiter,
}

impl Pace {
    /// One of so many `processes`, which share the quotas of the account in the `region`; `rates` stand in for
    /// those that are published.
    pub fn new(
        operations: impl IntoIterator<Item = &'static Operation>,
        region: Option<&str>,
        rates: &BTreeMap<&'static str, Quota>,
        processes: u32,
    ) -> Self {
        let limiter = |operation: &'static Operation| {
            let known = rates.get(operation.name).copied().or_else(|| operation.quota_in(region));
            (operation.name, Limiter::new(known, processes))
        };
        Self {
            limiters: operations.into_iter().map(limiter).collect(),
            undeclared: Limiter::new(None, processes),
        }
    }

    pub fn limiter(&self, operation: &Operation) -> &Limiter {
        self.limiters.get(operation.name).unwrap_or(&self.undeclared)
    }
}
