//! What is known of each run that a request names, and what follows from it.
//!
//! AppFlow's answers give the first states; a look-up refines those that AppFlow left unexplained.
//! Both ways end in the same table of states and statuses. This module makes no calls.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::Reply;
use super::deactivate::Deactivation;
use crate::call_error::{self, CallError, Class};
use crate::targets::{Conclusion, status_of};
use crate::vocabulary::{Disposition, Status};

/// What is known of a run, in the order in which `counts` has the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Accepted,
    /// Found `CancelStarted` or `Canceled`.
    AlreadyCanceled,
    /// Found `Successful` or `Error`.
    AlreadyFinished,
    /// Every page was read, and it is on none: it never was, or it has not started yet.
    NotListed,
    /// Found `InProgress`, and yet AppFlow couldn't cancel it.
    StillRunning,
    /// Among the ids that AppFlow says it couldn't cancel.
    Unexplained,
    /// Its call was refused, or not answered.
    NotAnswered,
}

impl State {
    /// As an execution's `state` has it, and as `counts` does.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Accepted => ("ACCEPTED", "accepted"),
            Self::AlreadyCanceled => ("ALREADY_CANCELED", "alreadyCanceled"),
            Self::AlreadyFinished => ("ALREADY_FINISHED", "alreadyFinished"),
            Self::NotListed => ("NOT_LISTED", "notListed"),
            Self::StillRunning => ("STILL_RUNNING", "stillRunning"),
            Self::Unexplained => ("UNEXPLAINED", "unexplained"),
            Self::NotAnswered => ("NOT_ANSWERED", "notAnswered"),
        }
    }
}

/// The ids of a call and what became of it.
pub type Answer<'a> = (&'a [String], Result<&'a Reply, &'a CallError>);

/// The runs of one request, in the order asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    runs: Vec<(String, State)>,
    /// Ids whose calls may still succeed another time.
    open: Vec<String>,
    /// The gravest failure of a call, the first of its kind.
    error: Option<CallError>,
    /// What became of the flow, where it was to be deactivated.
    pub deactivation: Option<Deactivation>,
}

impl Tally {
    /// The runs of a request, after those that were found canceled before any call, and the answers to calls
    /// with these ids, of which some may be others' alone.
    pub fn new<'a>(canceled: &[String], asked: &[String], answers: impl Iterator<Item = Answer<'a>>) -> Self {
        let before = canceled.iter().map(|id| (id.clone(), State::AlreadyCanceled));
        let runs = asked.iter().map(|id| (id.clone(), State::NotAnswered));
        let mut tally = Self { runs: before.chain(runs).collect(), ..Self::default() };
        // Of many requests for a flow each can be on many calls, with a few ids on each.
        let places = asked.iter().enumerate().map(|(place, id)| (id, canceled.len() + place));
        let places: HashMap<&String, usize> = places.collect();
        for (ids, result) in answers {
            let mut own: Vec<usize> = ids.iter().filter_map(|id| places.get(id).copied()).collect();
            own.sort_unstable();
            tally.add(&own, result);
        }
        tally
    }

    /// Takes over what was answered for the runs at these places.
    fn add(&mut self, own: &[usize], result: Result<&Reply, &CallError>) {
        let back = result.is_err_and(|error| status_of(error.class).disposition() == Disposition::Redeliver);
        for &place in own {
            let (id, state) = &mut self.runs[place];
            *state = match result {
                Ok(reply) if reply.invalid.contains(id) => State::Unexplained,
                Ok(_) => State::Accepted,
                Err(_) => State::NotAnswered,
            };
            if back {
                self.open.push(id.clone());
            }
        }
        let Err(error) = result else { return };
        let graver = self.error.as_ref().is_none_or(|last| gravity(error) > gravity(last));
        if graver {
            self.error = Some(error.clone());
        }
    }

    /// The ids that a look-up could explain.
    pub fn unexplained(&self) -> impl Iterator<Item = &str> {
        self.ids(State::Unexplained)
    }

    /// Takes over what a look-up found.
    pub fn explain(&mut self, found: &HashMap<String, State>) {
        for (id, state) in self.runs.iter_mut().filter(|(_, state)| *state == State::Unexplained) {
            if let Some(found) = found.get(id) {
                *state = *found;
            }
        }
    }

    /// What the states mean for the request.
    pub fn conclude(self, flow_name: &str) -> Conclusion<Self> {
        let status = self.status();
        let still_active = self.deactivation.as_ref().is_some_and(Deactivation::has_failed);
        let error = match status {
            Status::Failed if self.error.is_none() => Some(still_running()),
            _ => self.error.clone(),
        };
        let deactivation = self.deactivation.clone();
        let conclusion = Conclusion {
            status,
            taken: self.count(State::Accepted) > 0,
            result: (!self.runs.is_empty()).then(|| self.result()),
            open_ends: self.open_ends(),
            error,
            remaining: self.remaining(status, still_active).map(|ids| {
                let mut rest = json!({"service": "appflow", "flowName": flow_name, "executionIds": ids});
                if still_active {
                    rest["deactivate"] = json!(true);
                }
                rest
            }),
            went_beyond: false,
            unclear: (self.count(State::Unexplained) > 0).then_some(self),
        };
        match deactivation {
            Some(deactivation) => deactivation.beside(conclusion),
            None => conclusion,
        }
    }

    /// The ids of a request that would finish the rest, where a part was answered.
    fn remaining(&self, status: Status, still_active: bool) -> Option<Vec<String>> {
        if status.disposition() == Disposition::Acknowledge {
            let all = self.runs.iter().map(|(id, _)| id.clone());
            return (still_active && !self.runs.is_empty()).then(|| all.collect());
        }
        let mut open = self.open.clone();
        open.extend(self.ids(State::StillRunning).map(String::from));
        (status != Status::Deferred && open.len() < self.runs.len()).then_some(open)
    }

    fn status(&self) -> Status {
        let all = |state| self.count(state) == self.runs.len();
        let accepted = self.count(State::Accepted);
        match self.error.as_ref().map(|error| status_of(error.class)) {
            // A call that was refused for good is an answer for good, and another one was taken.
            Some(Status::Rejected | Status::NotFound) if accepted > 0 => Status::Partial,
            Some(status) => status,
            None if accepted > 0 => match accepted + self.count(State::AlreadyCanceled) {
                count if count == self.runs.len() => Status::Accepted,
                _ => Status::Partial,
            },
            None if self.count(State::StillRunning) > 0 => Status::Failed,
            // Pinned to nothing: no run was meant.
            None if self.runs.is_empty() => Status::NotRunning,
            None if all(State::AlreadyCanceled) => Status::AlreadyCanceled,
            None if all(State::NotListed) => Status::NotFound,
            None => Status::NotRunning,
        }
    }

    fn result(&self) -> Value {
        let executions =
            self.runs.iter().map(|(id, state)| json!({"executionId": id, "state": state.names().0}));
        let mut counts = json!({"requested": self.runs.len()});
        for state in self.runs.iter().map(|(_, state)| *state).collect::<BTreeSet<_>>() {
            counts[state.names().1] = json!(self.count(state));
        }
        json!({"executions": executions.collect::<Vec<_>>(), "counts": counts})
    }

    /// A run that was found ended, or is not there, has its end told already.
    fn open_ends(&self) -> Vec<String> {
        let open = self.runs.iter().filter(|(_, state)| match state {
            State::Accepted | State::AlreadyCanceled | State::StillRunning | State::Unexplained => true,
            State::AlreadyFinished | State::NotListed | State::NotAnswered => false,
        });
        open.map(|(id, _)| id.clone()).collect()
    }

    fn count(&self, state: State) -> usize {
        self.ids(state).count()
    }

    fn ids(&self, state: State) -> impl Iterator<Item = &str> {
        self.runs.iter().filter(move |(_, other)| *other == state).map(|(id, _)| id.as_str())
    }
}

/// A run that is in progress after all may be canceled the next time.
fn still_running() -> CallError {
    let message = "AppFlow could not cancel a run that is still in progress";
    CallError::own(Class::Retry, call_error::Answer::Received, "StillRunning", message)
}

/// Which of several failures decides: one that needs a person over one that may pass, and both over
/// one that is final; of the same kind, one that the service told over silence.
fn gravity(error: &CallError) -> (u8, bool) {
    let kind = match status_of(error.class) {
        Status::Denied => 2,
        Status::Failed | Status::Deferred => 1,
        _ => 0,
    };
    (kind, error.from_service)
}
