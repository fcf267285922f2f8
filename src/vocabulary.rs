//! The words of outcomes and confirmations: status, effect, the state of a run, and what a status means for
//! the record.

use serde::Serialize;

/// What became of a request; failed where nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Accepted,
    Partial,
    AlreadyCanceled,
    NotRunning,
    NotFound,
    Rejected,
    DryRun,
    Denied,
    #[default]
    Failed,
    Deferred,
}

/// What happens to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Acknowledge,
    Redeliver,
}

impl Status {
    /// The table: what is final is acknowledged, what may go better or needs a person goes back.
    pub fn disposition(self) -> Disposition {
        match self {
            Self::Accepted
            | Self::Partial
            | Self::AlreadyCanceled
            | Self::NotRunning
            | Self::NotFound
            | Self::Rejected
            | Self::DryRun => Disposition::Acknowledge,
            Self::Denied | Self::Failed | Self::Deferred => Disposition::Redeliver,
        }
    }

    /// As outcomes write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Partial => "PARTIAL",
            Self::AlreadyCanceled => "ALREADY_CANCELED",
            Self::NotRunning => "NOT_RUNNING",
            Self::NotFound => "NOT_FOUND",
            Self::Rejected => "REJECTED",
            Self::DryRun => "DRY_RUN",
            Self::Denied => "DENIED",
            Self::Failed => "FAILED",
            Self::Deferred => "DEFERRED",
        }
    }
}

/// Whether the request changed something; of several calls the greatest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Effect {
    None,
    #[default]
    Unknown,
    Requested,
}

/// What was found of a run, in the order in which `counts` has the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Canceled,
    Succeeded,
    Failed,
    TimedOut,
    Terminated,
    ContinuedAsNew,
    /// The service does not know it, or no more.
    NotFound,
    /// Its cancellation is under way.
    Canceling,
    Running,
    /// It could not be looked up, or is in a state that nobody knows.
    Unknown,
}

impl State {
    /// As an execution's `state` has it, and as `counts` does.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Canceled => ("CANCELED", "canceled"),
            Self::Succeeded => ("SUCCEEDED", "succeeded"),
            Self::Failed => ("FAILED", "failed"),
            Self::TimedOut => ("TIMED_OUT", "timedOut"),
            Self::Terminated => ("TERMINATED", "terminated"),
            Self::ContinuedAsNew => ("CONTINUED_AS_NEW", "continuedAsNew"),
            Self::NotFound => ("NOT_FOUND", "notFound"),
            Self::Canceling => ("CANCELING", "canceling"),
            Self::Running => ("RUNNING", "running"),
            Self::Unknown => ("UNKNOWN", "unknown"),
        }
    }

    /// It is known to run.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Canceling | Self::Running)
    }

    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Canceling | Self::Running | Self::Unknown)
    }
}
