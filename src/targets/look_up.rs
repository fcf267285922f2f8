//! Reads for one purpose, each call with a permit.

use std::cell::Cell;

use super::Context;
use crate::call_error::{Answer, CallError};
use crate::pace::{Came, Deadline, Operation, Priority, Waiting};

/// Reads for one purpose. They never change anything at a service.
pub struct LookUp<'a> {
    context: Context<'a>,
    priority: Priority,
    /// The answer is worth a wait, but not the request.
    courtesy: bool,
    /// A first page was read: the rest is worth all the time there is, or it was read for nothing.
    begun: Cell<bool>,
}

impl<'a> LookUp<'a> {
    /// Reads that the outcome can do without.
    pub fn courtesy(context: &Context<'a>) -> Self {
        Self { context: *context, priority: Priority::Urgent, courtesy: true, begun: Cell::new(false) }
    }

    /// Reads without which a request cannot be carried out.
    pub fn needed(context: &Context<'a>, priority: Priority) -> Self {
        Self { context: *context, priority, courtesy: false, begun: Cell::new(false) }
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
    /// The last failure; deferred, where its permit is too far away and nothing was read yet.
    pub async fn read<T>(
        &self,
        operation: &Operation,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let waiting = self.join(operation)?;
        let attempts = self.context.retry.run_paced(waiting, self.context.until, call).await;
        self.begun.set(true);
        attempts.result
    }

    /// The same of an operation that has its permits from the bucket of another one, beside its own.
    ///
    /// # Errors
    /// As above.
    pub async fn read_sharing<T>(
        &self,
        operation: &Operation,
        bucket: &Operation,
        call: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        match self.join(operation)?.permit().await {
            Came::Permit => self.read(bucket, call).await,
            Came::Away(place) => Err(CallError::deferred(place)),
            Came::Never => Err(CallError::deadline(Answer::NotAsked)),
        }
    }

    fn join(&self, operation: &Operation) -> Result<Waiting<'a>, CallError> {
        let (limiter, until) = (self.context.pace.limiter(operation), self.context.until);
        let begun = self.begun.get() && !self.courtesy;
        let deadline = if begun { Deadline::Begun { until } } else { Deadline::First { until } };
        limiter.join(self.priority, deadline).map_err(|place| match begun {
            true => CallError::deadline(Answer::NotAsked),
            false => CallError::deferred(place),
        })
    }
}
