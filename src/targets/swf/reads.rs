//! What is read of a workflow, to pin requests, for dry runs, to explain and to follow.

use super::meant::{From, Meant, explained, is_listed, still_running};
use super::request::Terminate;
use super::runs::{Run, Workflow};
use super::{Cancellation, Swf, classify};
use crate::call_error::{Answer, CallError, Class};
use crate::client;
use crate::targets::{self, Conclusion, Followed, LookUp, Purpose, Question};
use crate::targets::{Read, Reading, Runs, Settlement, Sight, Sweeps, Target};
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::{State, Status};

/// SWF takes so many characters of a reason.
const LONGEST_REASON: usize = 256;

impl Target for Swf {
    fn sweeps(&self) -> Option<&dyn Sweeps> {
        Some(self)
    }

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
            return Ok(requests.iter().map(|it| (it.asked.record, would(it, open.clone()))).collect());
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
                (Ok(run_id), Purpose::DryRun { .. }) => would(reading, vec![run_id]),
                (Err(told), Purpose::DryRun { .. }) if is_known && told.status != Status::Failed => {
                    would(reading, Vec::new())
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

    /// Terminates one run, which is always named: without its id SWF would take whichever is open.
    async fn end(&self, asked: &Cancellation, run: &str, reason: Option<&str>) -> Result<(), CallError> {
        let Some(Terminate { child_policy, .. }) = asked.terminate.as_ref().filter(|_| !run.is_empty())
        else {
            return Err(CallError::own(Class::Unknown, Answer::NotAsked, "NoResult", "no run to terminate"));
        };
        let call = self.0.terminate_workflow_execution();
        call.domain(&asked.domain)
            .workflow_id(&asked.workflow_id)
            .run_id(run)
            .set_reason(reason.map(|reason| reason.chars().take(LONGEST_REASON).collect()))
            .set_child_policy(child_policy.clone())
            .send()
            .await
            .map_err(|error| client::call_error(error, classify))?;
        Ok(())
    }
}

impl Workflow<'_> {
    /// The run that was asked to end and, where the request named none or terminates, those that continue it: a
    /// workflow that goes on has not ended.
    async fn seen(&self, runs: &Runs) -> Result<Sight, CallError> {
        let now = self.look_up.context().now;
        let terminates = self.asked.terminate.is_some();
        let goes_on = terminates || targets::Cancellation::is_open_ended(self.asked);
        let from = match runs {
            Runs::Asked(span) => From::Asked(*span),
            Runs::Known(ids) => {
                let last = ids.last().map(String::as_str).unwrap_or_default();
                match self.described(last).await {
                    Ok(Some(run)) if goes_on && run.is_continued() => From::Run(run),
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
            // A run that was open then is terminated only where SWF shows that it, or one that it continues, was asked.
            (Some(Meant::Found(chain)), Runs::Asked(_)) if terminates && !chain.was_asked() => None,
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

/// What a dry run tells.
fn would(reading: &Reading<'_, Cancellation>, runs: Vec<String>) -> Result<Cancellation, Box<Settlement>> {
    Err(Settlement::would_cancel(runs, reading.asked.cancellation.would_terminate()))
}

fn unknown() -> CallError {
    CallError::service(Class::NotFound, "UnknownResourceFault", "no such workflow execution")
}
