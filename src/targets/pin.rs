//! Not a run that began after the request.
//!
//! A request that names no run means those of its moment. Fresh, it goes out as it is, with exactly the
//! API's own meaning; delivered late or again, it is first narrowed to the runs that had started when it
//! was made. That read is no courtesy: where it fails, so does the request, and nothing is called. One read
//! serves all requests of a batch for the same target, each with its own moment.
//! A dry run is here too, since it asks the same and then stops.

use serde_json::{Value, json};

use super::swf::{self, Meant};
use super::{Asked, Cancellation, Conclusion, LookUp, Means, Settlement, Targets, appflow, status_of};
use crate::call_error::{Answer, CallError, Class, ReportedError};
use crate::pace::Standing;
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::{Effect, Status};

/// A list that was read in part says nothing of the rest. What refuses us, or is not there any more,
/// says so itself.
pub fn incomplete(error: CallError) -> CallError {
    if matches!(error.class, Class::Config | Class::Expired | Class::NotFound) {
        return error;
    }
    let message = format!("the list of runs cannot be read to its end: {}: {}", error.code, error.message);
    let retry_after = error.retry_after;
    CallError { retry_after, ..CallError::own(Class::Retry, Answer::NotAsked, "PinIncomplete", message) }
}

/// What runs are read for, before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    /// To cancel those that the request means.
    Cancel,
    /// To tell which ones it would reach: those of its moment, where it would be pinned.
    Rehearse { pinned: bool },
}

/// A request for which runs are read.
pub type Reading<'a> = (Asked<'a>, Purpose);

/// A request that names its runs, or what became of one that is not to be carried out.
type Read = Result<Cancellation, Box<Settlement>>;

impl Cancellation {
    /// The request means whatever runs.
    pub fn is_open_ended(&self) -> bool {
        match self {
            Self::AppFlow(asked) => matches!(asked.runs(), appflow::Runs::AllActive { .. }),
            Self::Swf(asked) => asked.is_open_ended(),
            Self::CloudFlow(_) => false,
        }
    }

    /// Requests with the same name are answered by one read.
    pub fn read_as(&self) -> String {
        match self {
            Self::AppFlow(_) => self.key(),
            Self::Swf(_) | Self::CloudFlow(_) => {
                let runs = self.named_runs().into_iter().flatten();
                runs.fold(self.key(), |name, run| format!("{name} {run}"))
            }
        }
    }
}

impl Purpose {
    /// The moment whose runs are meant, where it is not now.
    fn since(self, asked: &Asked<'_>) -> Option<Moment> {
        (self != Self::Rehearse { pinned: false }).then_some(asked.requested_at)
    }
}

impl Targets {
    /// Carries out requests for one target whose runs are read first, each for the runs of its own moment,
    /// or finds out what it would reach. What became of each is `told` with its place.
    pub async fn settle_read(
        &self,
        requests: &[Reading<'_>],
        means: &Means<'_>,
        told: &dyn Fn(usize, Settlement),
    ) {
        let mut reached = Vec::new();
        for (place, read) in self.read(requests, means).await.into_iter().enumerate() {
            match read {
                Ok(cancellation) => reached.push((place, cancellation)),
                Err(settlement) => told(place, *settlement),
            }
        }
        let asked = reached.iter().map(|(place, cancellation)| Asked { cancellation, ..requests[*place].0 });
        let asked: Vec<Asked> = asked.collect();
        let tell = |reached_as: usize, settlement: Settlement| match &reached[reached_as] {
            (place, Cancellation::Swf(run)) => told(*place, settlement.of_run(run)),
            (place, _) => told(*place, settlement),
        };
        self.settle(&asked, means, &tell).await;
    }

    async fn read(&self, requests: &[Reading<'_>], means: &Means<'_>) -> Vec<Read> {
        let standings = requests.iter().map(|(asked, _)| asked.standing);
        let standing = standings.reduce(Standing::or_senior).unwrap_or(Standing::Urgent);
        let look_up = &LookUp::needed(means, standing);
        let Some((first, _)) = requests.first() else { return Vec::new() };
        match first.cancellation {
            Cancellation::AppFlow(flow) => self.read_flow(flow, requests, look_up).await,
            Cancellation::Swf(workflow) if workflow.is_open_ended() => {
                self.read_workflow(workflow, requests, look_up).await
            }
            Cancellation::Swf(_) | Cancellation::CloudFlow(_) => {
                let described = self.describe(first.cancellation, look_up).await;
                let told = requests.iter().map(|(asked, _)| match &described {
                    Ok(result) => Err(Box::new(rehearsed(result.clone()))),
                    Err(error) => Err(unread(asked, error, means)),
                });
                told.collect()
            }
        }
    }

    /// One read of a flow's records for all requests.
    async fn read_flow(
        &self,
        flow: &appflow::Cancellation,
        requests: &[Reading<'_>],
        look_up: &LookUp<'_>,
    ) -> Vec<Read> {
        let since: Vec<_> = requests.iter().map(|(asked, purpose)| purpose.since(asked)).collect();
        let found = match self.appflow.meant(flow, &since, look_up).await {
            Ok(found) => found,
            Err(error) => return all_unread(requests, &error, look_up.means()),
        };
        let read =
            requests.iter().zip(found).map(|((asked, purpose), found)| match (asked.cancellation, purpose) {
                (Cancellation::AppFlow(flow), Purpose::Cancel) => {
                    Ok(Cancellation::AppFlow(flow.pinned(found)))
                }
                (Cancellation::AppFlow(flow), Purpose::Rehearse { .. }) => {
                    Err(would(flow.would_cancel(found)))
                }
                _ => Err(Box::new(Settlement::broken(CallError::panicked()))),
            });
        read.collect()
    }

    /// One read of a workflow's runs for all requests.
    async fn read_workflow(
        &self,
        workflow: &swf::Cancellation,
        requests: &[Reading<'_>],
        look_up: &LookUp<'_>,
    ) -> Vec<Read> {
        let means = look_up.means();
        let since = |(asked, purpose): &Reading<'_>| {
            purpose.since(asked).unwrap_or_else(|| Moment::from(Timestamp::LATEST))
        };
        let from = requests.iter().map(|reading| swf::From::StartedBy(since(reading)));
        let found = match self.swf.meant(workflow, from.collect(), look_up).await {
            Ok(found) => found,
            Err(error) => return all_unread(requests, &error, means),
        };
        let read = requests.iter().zip(found).map(|(reading, found)| {
            let is_known = found != Meant::Nothing;
            match (found.open(since(reading), means.now), reading.1) {
                (Ok(run_id), Purpose::Cancel) => Ok(Cancellation::Swf(workflow.of_run(&run_id))),
                (Ok(run_id), Purpose::Rehearse { .. }) => Err(would(vec![run_id])),
                (Err(told), Purpose::Rehearse { .. }) if is_known && told.status != Status::Failed => {
                    Err(would(Vec::new()))
                }
                (Err(told), Purpose::Rehearse { .. }) if !is_known => {
                    Err(Box::new(Settlement::without_a_call(Conclusion { error: Some(unknown()), ..*told })))
                }
                (Err(told), _) => Err(Box::new(Settlement::without_a_call(*told))),
            }
        });
        read.collect()
    }

    /// What a dry run tells of an execution that is named.
    async fn describe(&self, asked: &Cancellation, look_up: &LookUp<'_>) -> Result<Option<Value>, CallError> {
        Ok(match asked {
            Cancellation::Swf(workflow) => {
                let run = self.swf.look_up(workflow, look_up).await?.ok_or_else(unknown)?;
                let open = run.is_open().then_some(run.run_id);
                Some(json!({"wouldCancel": open.into_iter().collect::<Vec<_>>()}))
            }
            Cancellation::CloudFlow(execution) => {
                let reply = self.cloudflow.look_up(execution, look_up).await?;
                reply.status.map(|status| json!({"status": status}))
            }
            Cancellation::AppFlow(_) => None,
        })
    }
}

/// One read was theirs, so its failure is.
fn all_unread(requests: &[Reading<'_>], error: &CallError, means: &Means<'_>) -> Vec<Read> {
    requests.iter().map(|(asked, _)| Err(unread(asked, error, means))).collect()
}

fn unread(asked: &Asked<'_>, error: &CallError, means: &Means<'_>) -> Box<Settlement> {
    Box::new(Settlement::unread(error.clone(), asked.record, means))
}

fn would(run_ids: Vec<String>) -> Box<Settlement> {
    Box::new(rehearsed(Some(json!({"wouldCancel": run_ids}))))
}

fn rehearsed(result: Option<Value>) -> Settlement {
    Settlement::without_a_call(Conclusion { result, ..Conclusion::of(Status::DryRun) })
}

fn unknown() -> CallError {
    CallError::service(Class::NotFound, "UnknownResourceFault", "no such workflow execution")
}

impl Settlement {
    /// What became of a request for a run that was found for it. It was open a moment ago: that it is not
    /// any more says nothing of its end, which a look-up tells.
    pub(super) fn of_run(mut self, run: &swf::Cancellation) -> Self {
        if self.unclear.is_some() {
            self.status = Status::Failed;
        }
        self.result = run.run_id().map(|run_id| json!({"runId": run_id}));
        self
    }

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
            called: None,
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
        let error = Some(error).filter(|error| error.class != Class::Deferred);
        Self::without_a_call(Conclusion { error, ..Conclusion::of(status) })
    }
}
