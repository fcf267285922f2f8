//! What became of a request: what the answers of its service mean, and all that is told of it.
//!
//! Each target draws its conclusion; [`super::share`] makes it a settlement; look-ups mend it. This module
//! knows no service.

use std::any::Any;

use serde_json::Value;
use tokio::time::Instant;

use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::vocabulary::{Effect, Status};

/// What the answers mean.
#[derive(Debug, PartialEq)]
pub struct Conclusion<Unclear> {
    pub status: Status,
    /// A service took at least a part.
    pub taken: bool,
    pub result: Option<Value>,
    pub error: Option<CallError>,
    /// A request that would finish the rest.
    pub remaining: Option<Value>,
    /// What a look-up could tell more.
    pub unclear: Option<Unclear>,
    /// The runs whose end is not known from this: those that a follow-up looks up.
    pub open_ends: Vec<String>,
    /// More than a cancel was done.
    pub went_beyond: bool,
}

impl<Unclear> Conclusion<Unclear> {
    /// Nothing is known but the status.
    pub fn of(status: Status) -> Self {
        Self {
            status,
            taken: false,
            result: None,
            error: None,
            remaining: None,
            unclear: None,
            open_ends: Vec::new(),
            went_beyond: false,
        }
    }
}

/// What became of a request at its service. Nothing is known of one by default.
#[derive(Debug, Default)]
pub struct Settlement {
    pub status: Status,
    pub effect: Effect,
    pub result: Option<Value>,
    pub error: Option<ReportedError>,
    pub remaining: Option<Value>,
    pub attempts: u32,
    /// Attempts that were answered by throttling.
    pub throttles: u32,
    pub service_request_ids: Vec<String>,
    /// What a look-up could tell more, in its service's own terms.
    pub unclear: Option<Box<dyn Any>>,
    /// The runs whose end is not known from this.
    pub open_ends: Vec<String>,
    /// More than a cancel was done.
    pub went_beyond: bool,
    /// From the first attempt until the last answer, where one took something.
    pub called: Option<(Instant, Instant)>,
}

impl Settlement {
    /// Nothing is known but the status.
    pub fn of(status: Status) -> Self {
        Self { status, ..Self::default() }
    }

    /// The function failed over the request; what was asked for it by then is not known.
    pub fn broken(error: CallError) -> Self {
        let effect = if error.answer == Answer::NotAsked { Effect::None } else { Effect::Unknown };
        Self { effect, error: Some(ReportedError::from(error)), ..Self::of(Status::Failed) }
    }
}

/// The status that a failed call gives its request.
pub fn status_of(class: Class) -> Status {
    match class {
        Class::Throttle | Class::Retry | Class::Unknown => Status::Failed,
        Class::NotFound => Status::NotFound,
        Class::NotRunning => Status::NotRunning,
        Class::Terminal => Status::Rejected,
        Class::Config | Class::RetryOnce | Class::Expired | Class::KeysRefused => Status::Denied,
        Class::Deferred => Status::Deferred,
    }
}
