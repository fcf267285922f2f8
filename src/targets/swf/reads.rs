//! What is read of a workflow, to pin requests, for dry runs, to explain and to follow.

use super::meant::{From, Meant, explained, is_listed, still_running};
use super::runs::{Run, Workflow};
use super::{Cancellation, Swf};
use crate::call_error::{CallError, Class};
use crate::targets::{self, Conclusion, Followed, LookUp, Purpose, Question};
use crate::targets::{Read, Reading, Runs, Settlement, Sight, Target};
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::{State, Status};

impl Target for Swf {
    async fn read(
        &self,
        requests: &[Reading<'_, Cancellation>],
        look_up: &LookUp<'_>,
    ) -> Result<Vec<Read<Cancellation>>, CallError> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let workflow = Workflow { swf: self, asked: first.asked.cancellation, look_up };
        if !targets::Cancellation::is_open_ended(workflow.asked) {
            let run = workflow.run().await?.ok_or_else(unknown)?;
            let open: Vec<String> = run.is_open().then_some(run.run_id).into_iter().collect();
            let told = || Err(Settlement::would_cancel(open.clone()));
            return Ok(requests.iter().map(|reading| (reading.asked.record, told())).collect());
        }
        let now = look_up.context().now;
        let since =
            |reading: &Reading<'_, _>| reading.since().unwrap_or_else(|| Moment::from(Timestamp::LATEST));
        let from = requests.iter().map(|reading| From::StartedBy(since(reading)));
        let found = workflow.meant(from.collect()).await?;
        let read = requests.iter().zip(found).map(|(reading, found)| {
            let is_known = found != Meant::Nothing;
            let read = match (found.open(since(reading), now), reading.purpose) {
                (Ok(run_id), Purpose::Cancel) => Ok(workflow.asked.of_run(run_id)),
                (Ok(run_id), Purpose::DryRun { .. }) => Err(Settlement::would_cancel(vec![run_id])),
                (Err(told), Purpose::DryRun { .. }) if is_known && told.status != Status::Failed => {
                    Err(Settlement::would_cancel(Vec::new()))
                }
                (Err(told), Purpose::DryRun { .. }) if !is_known => {
                    let told = Conclusion { error: Some(unknown()), ..*told };
                    Err(Box::new(Settlement::without_a_call(told)))
                }
                (Err(told), _) => Err(Box::new(Settlement::without_a_call(*told))),
            };
            (reading.asked.record, read)
        });
        Ok(read.collect())
    }

    /// How the run ended that SWF does not know to be open, or what continues it.
    async fn explain(
        &self,
        questions: &mut [Question<'_, Self>],
        look_up: &LookUp<'_>,
    ) -> Result<(), CallError> {
        for Question { asked, unclear: called, settlement } in questions {
            let workflow = Workflow { swf: self, asked: called, look_up };
            let open_ended = targets::Cancellation::is_open_ended(asked.cancellation);
            // What a pinning read found open a moment ago is not unknown: what says so is behind.
            let pinned = called.run_id().filter(|_| open_ended).map(Run::open);
            let since = called.run_id().is_none().then_some(asked.requested_at);
            match (workflow.run().await, pinned) {
                (Ok(Some(run)), _) if open_ended && run.is_continued() => {
                    workflow.ask_what_continues(run, asked, settlement).await?;
                }
                (Ok(None), Some(pinned)) => settlement.mend(still_running(&pinned)),
                (Ok(found), _) => settlement.mend(explained(found, since)),
                (Err(error), pinned) => {
                    if let Some(pinned) = pinned {
                        settlement.mend(still_running(&pinned));
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn follow(
        &self,
        requests: &[Followed<'_, Cancellation>],
        look_up: &LookUp<'_>,
    ) -> (Vec<(usize, Sight)>, Option<CallError>) {
        let Some(first) = requests.first() else { return (Vec::new(), None) };
        let workflow = Workflow { swf: self, asked: first.cancellation, look_up };
        match workflow.seen(first.runs).await {
            Ok(seen) => (requests.iter().map(|followed| (followed.record, seen.clone())).collect(), None),
            Err(error) => (Vec::new(), Some(error)),
        }
    }
}

impl Workflow<'_> {
    /// The run that was asked to end and, where the request named none, those that continue it: a workflow
    /// that goes on has not ended.
    async fn seen(&self, runs: &Runs) -> Result<Sight, CallError> {
        let now = self.look_up.context().now;
        let open_ended = targets::Cancellation::is_open_ended(self.asked);
        let from = match runs {
            Runs::Asked(span) => From::Asked(*span),
            Runs::Known(ids) => {
                let last = ids.last().map(String::as_str).unwrap_or_default();
                match self.described(last).await {
                    Ok(Some(run)) if open_ended && run.is_continued() => From::Run(run),
                    Ok(run) => return Ok(runs.ending_in(run.map_or(State::Unknown, |run| run.state()))),
                    Err(error) if error.class == Class::NotFound => {
                        return Ok(runs.ending_in(State::NotFound));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let meant = self.meant(vec![from]).await?.into_iter().next();
        Ok(match (meant, runs) {
            (Some(Meant::Found(chain)), _) => {
                let before = runs.before_the_last().map(|id| (id.clone(), State::ContinuedAsNew));
                Some(before.chain(chain.states(now)).collect())
            }
            // SWF took the call, so that there was one, which the lists will show.
            (_, Runs::Asked(span)) if !is_listed(span.until, now) => None,
            _ => Some(Vec::new()),
        })
    }
}

fn unknown() -> CallError {
    CallError::service(Class::NotFound, "UnknownResourceFault", "no such workflow execution")
}
