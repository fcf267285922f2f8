//! A workflow that goes on in a new run while its cancel is under way.
//!
//! A run that closes as continued has not ended: what was asked of the workflow is asked of the run that
//! continues it, in the time that is left, and of the next one where that is continued too. Where it is
//! not shown yet, or no time is left, the request is redelivered.

use super::Cancellation;
use super::meant::{From, still_running};
use super::runs::{Run, Workflow};
use crate::call_error::CallError;
use crate::targets::{Asked, LookUp, Settlement, share};

/// A workflow that is continued more often than this within one call's time is left to the redelivery.
const MOST_CONTINUATIONS: usize = 10;

impl Workflow<'_> {
    /// Asks for the run that continues one of a request that named none.
    ///
    /// # Errors
    /// A read that failed, after which the request is redelivered.
    pub(super) async fn ask_what_continues(
        &self,
        run: Run,
        asked: &Asked<'_, Cancellation>,
        settlement: &mut Settlement,
    ) -> Result<(), CallError> {
        let context = self.look_up.context();
        let needed = Workflow { look_up: &LookUp::needed(context, asked.priority).begun(), ..*self };
        let (mut told, mut known) = (still_running(&run), vec![run.run_id.clone()]);
        let from = match run.started_by(asked.requested_at) {
            true => From::Run(run),
            false => From::StartedBy(asked.requested_at),
        };
        let mut failed = None;
        while known.len() <= MOST_CONTINUATIONS {
            let found = needed.meant(vec![from.clone()]).await;
            let found = found.map_err(|error| failed = Some(error)).unwrap_or_default().into_iter().next();
            let Some(found) = found else { break };
            let run_id = match found.open(asked.requested_at, context.now) {
                Ok(run_id) if !known.contains(&run_id) => run_id,
                // The lists are behind.
                Ok(_) => break,
                Err(conclusion) => {
                    told = *conclusion;
                    break;
                }
            };
            let next = self.asked.of_run(run_id.clone());
            let made = share::once_more(self.swf, asked.with(&next), context).await;
            let is_answered = made.attempts > 0 && made.unclear.is_none();
            settlement.add(made, is_answered);
            if is_answered {
                return Ok(());
            }
            known.push(run_id);
        }
        settlement.mend(told);
        failed.map_or(Ok(()), Err)
    }
}

impl Settlement {
    /// Takes over one more call for the request, and what became of it where that is what counts.
    fn add(&mut self, made: Settlement, counts: bool) {
        self.attempts += made.attempts;
        self.throttles += made.throttles;
        self.service_request_ids.extend(made.service_request_ids);
        self.effect = self.effect.max(made.effect);
        if counts {
            self.status = made.status;
            self.result = made.result;
            self.error = made.error;
            self.open_ends = made.open_ends;
            self.called = made.called;
        }
    }
}
