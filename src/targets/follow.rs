//! What has become of runs that were asked to end.
//!
//! These reads are no courtesy: they are what a follow-up is for. Each waits for its turn like a call, and
//! one whose turn is too far away sends its record away, to come again in its place. One serves all
//! requests of a batch that follow the same AppFlow flow, or the same execution. Which runs an open-ended
//! request reached is read here too, and what continues a run of a workflow that named none is followed
//! with it. Nothing is changed here.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;

use super::swf::{self, From, Meant};
use super::{Cancellation, LookUp, Means, Runs, Sight, Targets, appflow};
use crate::call_error::{CallError, Class};
use crate::contained::contained_in;
use crate::log;
use crate::pace::Standing;
use crate::vocabulary::State;

/// A request whose runs are looked up.
#[derive(Clone, Copy)]
pub struct Followed<'a> {
    pub cancellation: &'a Cancellation,
    pub runs: &'a Runs,
    pub standing: Standing,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

/// What was seen of the runs, or the turn was too far away.
pub type Seen = Result<Sight, CallError>;

impl Targets {
    /// Looks runs up. What was seen of those of each request is `told` with its record's place as soon as it is.
    pub async fn follow(&self, requests: &[Followed<'_>], means: &Means<'_>, told: &dyn Fn(usize, Seen)) {
        let mut same: BTreeMap<(String, Option<&Runs>), Vec<usize>> = BTreeMap::new();
        for (place, followed) in requests.iter().enumerate() {
            // A flow is read once for all; of the others, each execution.
            let runs = match followed.cancellation {
                Cancellation::AppFlow(_) => None,
                Cancellation::Swf(_) | Cancellation::CloudFlow(_) => Some(followed.runs),
            };
            same.entry((followed.cancellation.key(), runs)).or_default().push(place);
        }
        let reads = same.into_values().map(async |places| {
            let together: Vec<_> = places.iter().map(|&place| requests[place]).collect();
            let seen = contained_in(self.follow_together(&together, means)).await;
            let unseen = || together.iter().map(|followed| Ok(followed.runs.unseen())).collect();
            let seen = seen.unwrap_or_else(|_| unseen());
            together.iter().zip(seen).for_each(|(followed, seen)| told(followed.record, seen));
        });
        join_all(reads).await;
    }

    /// The same for requests that one read serves; there is at least one.
    async fn follow_together(&self, requests: &[Followed<'_>], means: &Means<'_>) -> Vec<Seen> {
        let standings = requests.iter().map(|followed| followed.standing);
        let standing = standings.reduce(Standing::or_senior).unwrap_or(Standing::Urgent);
        let look_up = &LookUp::needed(means, standing);
        let Some(first) = requests.first() else { return Vec::new() };
        let (seen, error) = match first.cancellation {
            Cancellation::AppFlow(flow) => self.follow_flow(flow, requests, look_up).await,
            Cancellation::Swf(workflow) => {
                for_all(requests, self.follow_workflow(workflow, first.runs, look_up).await)
            }
            Cancellation::CloudFlow(execution) => {
                let state = match self.cloudflow.state(execution, look_up).await {
                    Err(error) if error.class == Class::NotFound => Ok(State::NotFound),
                    state => state,
                };
                for_all(requests, state.map(|state| first.runs.ending_in(state)))
            }
        };
        match error {
            Some(error) if error.class == Class::Deferred => {
                let away = requests.iter().map(|followed| {
                    if let Some(place) = error.retry_after {
                        means.defer(followed.record, place);
                    }
                    Err(error.clone())
                });
                return away.collect();
            }
            Some(error) => log::look_up_failed(first.cancellation.service().name(), &error),
            None => {}
        }
        seen.into_iter().map(Ok).collect()
    }

    /// One read of a flow's records for all requests that follow its runs.
    async fn follow_flow(
        &self,
        flow: &appflow::Cancellation,
        requests: &[Followed<'_>],
        look_up: &LookUp<'_>,
    ) -> (Vec<Sight>, Option<CallError>) {
        let (mut wanted, mut spans) = (HashSet::new(), Vec::new());
        for followed in requests {
            match followed.runs {
                Runs::Known(runs) => wanted.extend(runs.iter().map(String::as_str)),
                Runs::Asked(span) => spans.push(*span),
            }
        }
        let appflow::Followed { states, running, error } =
            self.appflow.follow(flow, wanted, &spans, look_up).await;
        let mut running = running.map(Vec::into_iter);
        let state = |id: &String| (id.clone(), states.get(id).copied().unwrap_or(State::Unknown));
        let seen = requests.iter().map(|followed| match followed.runs {
            Runs::Known(runs) => Some(runs.iter().map(state).collect()),
            Runs::Asked(_) => running.as_mut().and_then(Iterator::next),
        });
        (seen.collect(), error)
    }

    /// The run of a workflow that was asked to end and, where the request named none, those that continue
    /// it: a workflow that goes on has not ended.
    async fn follow_workflow(
        &self,
        workflow: &swf::Cancellation,
        runs: &Runs,
        look_up: &LookUp<'_>,
    ) -> Result<Sight, CallError> {
        let now = look_up.means().now;
        let from = match runs {
            Runs::Asked(span) => From::Asked(*span),
            Runs::Known(ids) => {
                let last = ids.last().map(String::as_str).unwrap_or_default();
                match self.swf.described(workflow, last, look_up).await {
                    Ok(Some(run)) if workflow.is_open_ended() && run.is_continued() => From::Run(run),
                    Ok(run) => return Ok(runs.ending_in(run.map_or(State::Unknown, |run| run.state()))),
                    Err(error) if error.class == Class::NotFound => {
                        return Ok(runs.ending_in(State::NotFound));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let meant = self.swf.meant(workflow, vec![from], look_up).await?.into_iter().next();
        Ok(match (meant, runs) {
            (Some(Meant::Found(chain)), _) => {
                let before = runs.before_the_last().map(|id| (id.clone(), State::ContinuedAsNew));
                Some(before.chain(chain.states(now)).collect())
            }
            // SWF took the call, so that there was one, which the lists will show.
            (_, Runs::Asked(span)) if !swf::is_listed(span.until, now) => None,
            _ => Some(Vec::new()),
        })
    }
}

/// What was seen for all requests that follow the same run.
fn for_all(requests: &[Followed<'_>], seen: Result<Sight, CallError>) -> (Vec<Sight>, Option<CallError>) {
    let (seen, error) = match seen {
        Ok(seen) => (Some(seen), None),
        Err(error) => (None, Some(error)),
    };
    let each = |followed: &Followed<'_>| seen.clone().unwrap_or_else(|| followed.runs.unseen());
    (requests.iter().map(each).collect(), error)
}
