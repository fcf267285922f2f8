//! Not a run that began after the request.
//!
//! A request that names no run means those of its moment. Fresh, it goes out as it is, with exactly the
//! API's own meaning; delivered late or again, it is first narrowed to the runs that had started when it
//! was made. That read is no courtesy: where it fails, so does the request, and nothing is called.
//! A dry run is here too, since it asks the same and then stops.

use futures_util::future::join_all;
use serde_json::json;

use super::swf::{Meant, Swf};
use super::{Asked, Cancellation, Conclusion, LookUp, Means, Settlement, Targets, appflow, status_of};
use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::outcome::{Effect, Status};
use crate::timestamp::Moment;

/// A list that was read in part says nothing of the rest. What refuses us, or is not there any more,
/// says so itself.
pub fn incomplete(error: CallError) -> CallError {
    if matches!(error.class, Class::Config | Class::RetryOnce | Class::Expired | Class::NotFound) {
        return error;
    }
    let message = format!("the list of runs cannot be read to its end: {}: {}", error.code, error.message);
    CallError::own(Class::Retry, Answer::NotAsked, "PinIncomplete", message)
}

impl Cancellation {
    /// The request means whatever runs.
    pub fn is_open_ended(&self) -> bool {
        match self {
            Self::AppFlow(asked) => matches!(asked.runs(), appflow::Runs::AllActive { .. }),
            Self::Swf(asked) => asked.is_open_ended(),
            Self::CloudFlow(_) => false,
        }
    }
}

impl Targets {
    /// Carries out open-ended requests for one target, each for the runs of its own moment only.
    pub async fn settle_pinned(&self, requests: &[Asked<'_>], means: &Means<'_>) -> Vec<Settlement> {
        let pinned = join_all(requests.iter().map(|asked| self.pin(asked, means))).await;
        let reached = requests
            .iter()
            .zip(&pinned)
            .filter_map(|(asked, pinned)| Some(Asked { cancellation: pinned.as_ref().ok()?, ..*asked }));
        let mut settled = self.settle(&reached.collect::<Vec<_>>(), means).await.into_iter();
        let settlements = pinned.into_iter().map(|pinned| match pinned {
            Err(settlement) => Some(*settlement),
            Ok(Cancellation::Swf(run)) => settled.next().map(|settlement| Settlement {
                result: run.run_id().map(|run_id| json!({"runId": run_id})),
                ..settlement
            }),
            Ok(_) => settled.next(),
        });
        settlements.flatten().collect()
    }

    /// The runs that a request means, or what became of it where none is to be canceled.
    async fn pin(&self, asked: &Asked<'_>, means: &Means<'_>) -> Result<Cancellation, Box<Settlement>> {
        let look_up = LookUp::needed(means, asked.standing);
        let since = asked.requested_at;
        let pinned = match asked.cancellation {
            Cancellation::AppFlow(it) => {
                self.appflow.pin(it, since, &look_up).await.map(Cancellation::AppFlow)
            }
            Cancellation::Swf(it) => match self.swf.pin(it, since, &look_up).await {
                Ok(Meant::Not(conclusion)) => return Err(Box::new(Settlement::without_a_call(*conclusion))),
                Ok(Meant::Open(run_id)) => Ok(Cancellation::Swf(it.of_run(&run_id))),
                Err(error) => Err(error),
            },
            Cancellation::CloudFlow(it) => Ok(Cancellation::CloudFlow(it.clone())),
        };
        pinned.map_err(|error| Box::new(Settlement::unread(error, asked.record, means)))
    }

    /// What a request would reach now, without asking for it; `pinned` where it would be.
    pub async fn rehearse(&self, asked: &Asked<'_>, pinned: bool, means: &Means<'_>) -> Settlement {
        let look_up = &LookUp::needed(means, asked.standing);
        let since = pinned.then_some(asked.requested_at);
        let result = match asked.cancellation {
            Cancellation::AppFlow(asked) => {
                let would = self.appflow.would_cancel(asked, since, look_up).await;
                would.map(|ids| json!({"wouldCancel": ids}))
            }
            Cancellation::Swf(asked) => {
                let would = self.would_cancel(asked, since, look_up).await;
                would.map(|run_id| json!({"wouldCancel": run_id.into_iter().collect::<Vec<_>>()}))
            }
            Cancellation::CloudFlow(asked) => {
                let reply = self.cloudflow.look_up(asked, look_up).await;
                reply.map(|reply| reply.status.map_or(json!({}), |status| json!({"status": status})))
            }
        };
        match result {
            Err(error) => Settlement::unread(error, asked.record, means),
            Ok(result) => Settlement::without_a_call(Conclusion {
                status: Status::DryRun,
                taken: false,
                result: Some(result).filter(|result| *result != json!({})),
                error: None,
                remaining: None,
                unclear: None,
                open_ends: Vec::new(),
            }),
        }
    }

    /// The open run that a request to SWF would reach. A workflow of which no run is known at all is
    /// not found.
    async fn would_cancel(
        &self,
        asked: &super::swf::Cancellation,
        since: Option<Moment>,
        look_up: &LookUp<'_>,
    ) -> Result<Option<String>, CallError> {
        if let (true, Some(since)) = (asked.is_open_ended(), since) {
            return match self.swf.pin(asked, since, look_up).await? {
                Meant::Open(run_id) => Ok(Some(run_id)),
                Meant::Not(conclusion) if conclusion.status == Status::NotFound => Err(unknown()),
                Meant::Not(_) => Ok(None),
            };
        }
        if asked.is_open_ended()
            && let Some(run_id) = self.swf.open_run_id(asked, look_up).await?
        {
            return Ok(Some(run_id));
        }
        let run = self.swf.look_up(asked, look_up).await?.ok_or_else(unknown)?;
        Ok(asked.run_id().filter(|_| Swf::is_open(&run)).map(String::from))
    }
}

fn unknown() -> CallError {
    CallError::service(Class::NotFound, "UnknownResourceFault", "no such workflow execution")
}

impl Settlement {
    /// Nothing was left to be called.
    fn without_a_call(conclusion: Conclusion) -> Self {
        Self {
            status: conclusion.status,
            effect: Effect::None,
            result: conclusion.result,
            error: conclusion.error.map(ReportedError::from),
            remaining: None,
            attempts: 0,
            throttles: 0,
            service_request_ids: Vec::new(),
            unclear: None,
            open_ends: conclusion.open_ends,
        }
    }

    /// A read that is no courtesy failed. A refusal of what only we asked is no refusal of the request,
    /// which comes again.
    fn unread(error: CallError, record: usize, means: &Means<'_>) -> Self {
        let status = match status_of(error.class) {
            status @ (Status::Denied | Status::NotFound | Status::Deferred) => status,
            _ => Status::Failed,
        };
        if let (Status::Deferred, Some(place)) = (status, error.retry_after) {
            means.defer(record, place);
        }
        Self::without_a_call(Conclusion {
            status,
            taken: false,
            result: None,
            error: Some(error).filter(|error| error.class != Class::Deferred),
            remaining: None,
            unclear: None,
            open_ends: Vec::new(),
        })
    }
}
