//! Reads for one purpose, each call in its turn.

use std::cell::Cell;

use super::Context;
use crate::call_error::{Answer, CallError};
use crate::pace::{Operation, Patience, Standing};

/// Reads for one purpose. They never change anything at a service.
pub struct LookUp<'a> {
    context: Context<'a>,
    standing: Standing,
    /// The answer is worth a wait, but not the request.
    courtesy: bool,
    /// A first page was read: the rest is worth all the time there is, or it was read for nothing.
    begun: Cell<bool>,
}

impl<'a> LookUp<'a> {
    /// Reads that the outcome can do without.
    pub fn courtesy(context: &Context<'a>) -> Self {
        Self { context: *context, standing: Standing::Urgent, courtesy: true, begun: Cell::new(false) }
    }

    /// Reads without which a request cannot be carried out.
    pub fn needed(context: &Context<'a>, standing: Standing) -> Self {
        Self { context: *context, standing, courtesy: false, begun: Cell::new(false) }
    }

    /// The same in the middle of a request, which is then worth all the time there is.
    pub fn begun(self) -> Self {
        self.begun.set(true);
        self
    }

    pub fn context(&self) -> &Context<'a> {
        &self.context
    }

    /// Makes one call, attempts and all.
    ///
    /// # Errors
    /// The last failure; deferred, where its turn is too far away and nothing was read yet.
    pub async fn read<T>(
        &self,
        operation: &Operation,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (lane, until) = (self.context.pace.lane(operation), self.context.until);
        let begun = self.begun.get() && !self.courtesy;
        let patience = if begun { Patience::Begun { until } } else { Patience::First { until } };
        let waiting = match lane.join(self.standing, patience) {
            Ok(waiting) => waiting,
            Err(_) if begun => return Err(CallError::deadline(Answer::NotAsked)),
            Err(place) => return Err(CallError::deferred(place)),
        };
        let attempts = self.context.retry.run_paced(waiting, until, call).await;
        self.begun.set(true);
        attempts.result
    }
}
