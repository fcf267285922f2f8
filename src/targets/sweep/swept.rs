//! What came of a step of a sweep.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MOST_CARRIED;
use crate::call_error::{ReportedError, cut};

/// What is kept of the words of a failure, which travels from step to step.
const LONGEST_MESSAGE: usize = 256;

/// What came of a step.
#[derive(Debug, Default)]
pub struct Swept {
    pub accepted: u64,
    pub already_canceled: u64,
    pub not_running: u64,
    /// Those that failed for good.
    pub failures: Vec<Failure>,
    /// Why one failed for now, which is tried again.
    pub held_up: Option<ReportedError>,
    /// The service wants to be left alone for so long.
    pub wait: Option<Duration>,
    /// Those that were asked and are still listed as if they were not.
    pub asked: BTreeSet<String>,
    /// The sweep is over.
    pub end: Option<End>,
    pub attempts: u32,
    pub throttles: u32,
}

/// How a sweep is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// The list was read to its end, and nothing in it was left to be asked.
    Done,
    /// As many were asked as may be.
    Bounded,
}

/// An execution that failed for good, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub execution_id: String,
    pub error: Why,
}

/// The service's words for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub code: String,
    pub message: String,
}

impl Failure {
    /// The execution failed for good with this error.
    pub fn of(execution_id: &str, error: ReportedError) -> Self {
        let error = Why { code: error.code, message: cut(&error.message, LONGEST_MESSAGE) };
        Self { execution_id: execution_id.into(), error }
    }
}

impl Swept {
    /// One failed for now.
    pub fn hold_up(&mut self, error: ReportedError) {
        self.wait = self.wait.max(error.retry_after);
        self.held_up = Some(error);
    }

    /// One was asked, and its list does not show it. Of more than a message can carry some are asked again, which is harmless.
    pub fn carry(&mut self, id: &str) {
        if self.asked.len() < MOST_CARRIED {
            self.asked.insert(id.into());
        }
    }
}
