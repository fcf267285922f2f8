//! What has become of runs that were asked to end.
//!
//! These reads are no courtesy: they are what a follow-up is for. Each waits for its turn like a call, and
//! one whose turn is too far away sends its record away, to come again in its place. One serves all
//! requests of a batch that follow the same AppFlow flow, or the same execution. Nothing is changed here.

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;

use super::{Cancellation, LookUp, Means, Targets};
use crate::call_error::{CallError, Class};
use crate::contained::contained_in;
use crate::follow_up::State;
use crate::log;
use crate::pace::Standing;

/// A request whose runs are looked up.
#[derive(Clone, Copy)]
pub struct Followed<'a> {
    pub cancellation: &'a Cancellation,
    pub runs: &'a [String],
    pub standing: Standing,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

/// One state for each run, or the turn was too far away.
pub type Seen = Result<Vec<State>, CallError>;

impl Targets {
    /// Looks runs up; one answer for each request, in their order.
    pub async fn follow(&self, requests: &[Followed<'_>], means: &Means<'_>) -> Vec<Seen> {
        let mut same: BTreeMap<(String, &[String]), Vec<usize>> = BTreeMap::new();
        for (place, followed) in requests.iter().enumerate() {
            // A flow is read once for all; of the others, each execution.
            let runs = match followed.cancellation {
                Cancellation::AppFlow(_) => &[],
                Cancellation::Swf(_) | Cancellation::CloudFlow(_) => followed.runs,
            };
            same.entry((followed.cancellation.key(), runs)).or_default().push(place);
        }
        let seen = same.into_values().map(async |places| {
            let together: Vec<_> = places.iter().map(|&place| requests[place]).collect();
            let seen = contained_in(self.follow_together(&together, means)).await;
            let seen = seen.unwrap_or_else(|_| together.iter().map(unknown).map(Ok).collect());
            places.into_iter().zip(seen).collect::<Vec<_>>()
        });
        let mut seen: Vec<(usize, Seen)> = join_all(seen).await.into_iter().flatten().collect();
        seen.sort_by_key(|(place, _)| *place);
        seen.into_iter().map(|(_, seen)| seen).collect()
    }

    /// The same for requests that one read serves; there is at least one.
    async fn follow_together(&self, requests: &[Followed<'_>], means: &Means<'_>) -> Vec<Seen> {
        let standings = requests.iter().map(|followed| followed.standing);
        let standing = standings.reduce(Standing::or_senior).unwrap_or(Standing::Urgent);
        let look_up = &LookUp::needed(means, standing);
        let Some(first) = requests.first() else { return Vec::new() };
        let (found, error) = match first.cancellation {
            Cancellation::AppFlow(flow) => {
                let runs = requests.iter().flat_map(|followed| followed.runs);
                let wanted: HashSet<&str> = runs.map(String::as_str).collect();
                self.appflow.states(flow, wanted, look_up).await
            }
            Cancellation::Swf(workflow) => {
                one(first.runs, self.swf.state(workflow, first.runs, look_up).await)
            }
            Cancellation::CloudFlow(execution) => {
                one(first.runs, self.cloudflow.state(execution, look_up).await)
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
        let state = |id: &String| found.get(id).copied().unwrap_or(State::Unknown);
        requests.iter().map(|followed| Ok(followed.runs.iter().map(state).collect())).collect()
    }
}

/// What is known of all runs of an execution's service that has one at a time.
fn one(runs: &[String], state: Result<State, CallError>) -> (BTreeMap<String, State>, Option<CallError>) {
    match state {
        Ok(state) => (runs.iter().map(|id| (id.clone(), state)).collect(), None),
        Err(error) if error.class == Class::NotFound => one(runs, Ok(State::NotFound)),
        Err(error) => (BTreeMap::new(), Some(error)),
    }
}

fn unknown(followed: &Followed<'_>) -> Vec<State> {
    followed.runs.iter().map(|_| State::Unknown).collect()
}
