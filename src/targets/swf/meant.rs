//! Which run a request means that names none, worked out from the lists of a workflow's runs.
//!
//! At most one run of a workflow is open, so its runs follow one another, and a run that continues
//! another one begins as that one closes. From the run that was meant, a chain of such continuations
//! leads to the run that the request is about now. The lists are eventually consistent: where they show
//! a run that is continued and not what continues it, the workflow goes on all the same.

use std::time::Duration;

use aws_sdk_swf::types::CloseStatus;
use serde_json::json;

use super::Cancellation;
use super::runs::{MOST_A_PAGE, Run, Workflow};
use crate::call_error::{Answer, CallError, Class};
use crate::targets::pages::Tokens;
use crate::targets::{Conclusion, incomplete};
use crate::timestamp::{Moment, Span, Timestamp};
use crate::vocabulary::{State, Status};

/// What happened longer ago than this is taken to be listed.
const LISTED_WITHIN: Duration = Duration::from_secs(60);
/// By so much the service's clock may differ from ours.
const SKEW: Duration = Duration::from_secs(1);
/// Of a longer chain, the runs before the first so many are told by the oldest alone.
const LONGEST_CHAIN: usize = 1_000;

/// Which run is meant, before its continuations.
#[derive(Clone, Debug)]
pub enum From {
    /// The newest of those that had started by then.
    StartedBy(Moment),
    /// This one, of which the service has told.
    Run(Run),
    /// The one that was open while a call was answered that asked for its end.
    Asked(Span),
}

/// What the lists tell.
#[derive(Debug, PartialEq)]
pub enum Meant {
    Found(Chain),
    /// Only runs that began later are known.
    BeganLater,
    /// No run is known.
    Nothing,
}

/// A run that is meant and those that continue it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The newest first; there is at least one.
    runs: Vec<Run>,
    /// When the next run began that continues none of these.
    followed_at: Option<Timestamp>,
}

impl Meant {
    fn goes_on(&self, now: Timestamp) -> bool {
        matches!(self, Self::Found(chain) if chain.goes_on(now))
    }

    /// The run that is to be asked, or what became of those that were meant.
    ///
    /// # Errors
    /// What became of them, where none is to be asked.
    pub fn open(self, since: Moment, now: Timestamp) -> Result<String, Box<Conclusion<Cancellation>>> {
        let goes_on = self.goes_on(now);
        Err(Box::new(match self {
            Self::Found(chain) => match chain.runs.into_iter().next() {
                Some(newest) if newest.is_open() => return Ok(newest.run_id),
                Some(newest) if goes_on => still_running(&newest),
                newest => explained(newest, Some(since)),
            },
            Self::BeganLater => concluded(Status::NotRunning, None),
            Self::Nothing => concluded(Status::NotFound, None),
        }))
    }
}

impl Chain {
    /// The newest run, which is what the others have come to.
    pub fn newest(&self) -> Option<&Run> {
        self.runs.first()
    }

    /// One of the runs was asked to end.
    pub fn was_asked(&self) -> bool {
        self.runs.iter().any(|run| run.cancel_requested)
    }

    /// How far each run is, the oldest first. Where what continues the newest is not shown, nobody can tell.
    pub fn states(self, now: Timestamp) -> impl Iterator<Item = (String, State)> {
        let goes_on = self.goes_on(now);
        let runs = self.runs.into_iter().enumerate().rev();
        runs.map(move |(place, run)| {
            let state = if goes_on && place == 0 { State::Unknown } else { run.state() };
            (run.run_id, state)
        })
    }

    /// The newest run is continued by one that is not listed. Where a later run has begun since, and long
    /// enough ago that the lists are complete, that one has ended too.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        let over = self.followed_at.is_some_and(|began| is_listed(began, now));
        self.newest().is_some_and(Run::is_continued) && !over
    }
}

/// What happened then is in the lists.
pub fn is_listed(time: Timestamp, now: Timestamp) -> bool {
    u128::from(now.millis_since(time)) >= LISTED_WITHIN.as_millis()
}

/// Runs are shown to it, the newest first.
struct Search {
    from: From,
    /// The run that was seen last and those that continue it, the newest first.
    chain: Vec<Run>,
    followed_at: Option<Timestamp>,
    /// What is meant if nothing surer is found.
    perhaps: Option<Chain>,
    answer: Option<Meant>,
}

impl Search {
    fn new(from: From) -> Self {
        Self { from, chain: Vec::new(), followed_at: None, perhaps: None, answer: None }
    }

    fn see(&mut self, run: &Run) {
        if self.answer.is_some() {
            return;
        }
        match self.from.clone() {
            From::StartedBy(time) => {
                self.link(run.clone());
                if run.started_by(time) {
                    self.answer = Some(self.found());
                }
            }
            From::Run(meant) => {
                let is_later = run.started_at > meant.started_at;
                if is_later {
                    self.link(run.clone());
                }
                // A list that still shows the run itself as open is behind.
                let is_reached = !is_later && !run.is_open();
                if is_reached || is_later && run.started_at.is_some_and(|start| meant.goes_on_at(start)) {
                    self.link(meant);
                    self.answer = Some(self.found());
                }
            }
            From::Asked(span) if run.closed_at().is_some_and(|at| at.plus(SKEW) < span.from) => {
                self.answer = Some(self.perhaps.take().map_or(Meant::Nothing, Meant::Found));
            }
            From::Asked(span) => {
                self.link(run.clone());
                let was_open = run.started_by(span.until.into());
                if was_open && run.cancel_requested {
                    self.answer = Some(self.found());
                } else if was_open && self.perhaps.is_none() {
                    self.perhaps = Some(self.chain());
                }
            }
        }
    }

    fn link(&mut self, run: Run) {
        let next = self.chain.last();
        let is_known = next.is_some_and(|next| next.run_id == run.run_id);
        let next = next.and_then(|next| next.started_at);
        if !is_known && !next.is_some_and(|next| run.goes_on_at(next)) {
            self.chain.clear();
            self.followed_at = next;
        } else if is_known || self.chain.len() == LONGEST_CHAIN {
            // A run that closed between the two lists is in both: it is closed.
            self.chain.pop();
        }
        self.chain.push(run);
    }

    fn chain(&self) -> Chain {
        Chain { runs: self.chain.clone(), followed_at: self.followed_at }
    }

    fn found(&self) -> Meant {
        Meant::Found(self.chain())
    }

    /// What has come of it once every run was shown.
    fn end(mut self) -> Meant {
        match (self.answer.take(), self.from.clone()) {
            (Some(answer), _) => answer,
            (None, From::Run(meant)) => {
                self.link(meant);
                self.found()
            }
            (None, From::StartedBy(_)) if !self.chain.is_empty() => Meant::BeganLater,
            (None, From::StartedBy(_)) => Meant::Nothing,
            (None, From::Asked(_)) => self.perhaps.map_or(Meant::Nothing, Meant::Found),
        }
    }
}

impl Workflow<'_> {
    /// Reads the lists once for all that is to be known of it, no further than they are
    /// needed.
    ///
    /// # Errors
    /// A read that failed, or a list that cannot be read to its end.
    pub async fn meant(&self, from: Vec<From>) -> Result<Vec<Meant>, CallError> {
        let meant = self.read(from.clone()).await?;
        // A run that was continued between the two lists is in neither with what continues it.
        match meant.iter().any(|meant| meant.goes_on(self.look_up.context().now)) {
            true => self.read(from).await,
            false => Ok(meant),
        }
    }

    async fn read(&self, from: Vec<From>) -> Result<Vec<Meant>, CallError> {
        let mut searches: Vec<Search> = from.into_iter().map(Search::new).collect();
        for is_open in [true, false] {
            let (mut tokens, mut token, mut is_first) = (Tokens::default(), None, true);
            while searches.iter().any(|search| search.answer.is_none()) {
                let page = match is_open {
                    true => self.open(token).await,
                    false => self.closed(MOST_A_PAGE, token).await,
                };
                let (runs, next) = page.map_err(|error| if is_first { error } else { incomplete(error) })?;
                runs.iter().for_each(|run| searches.iter_mut().for_each(|search| search.see(run)));
                token = tokens.next(next).map_err(incomplete)?;
                is_first = false;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(searches.into_iter().map(Search::end).collect())
    }
}

/// What a run that was found, or none, means for a request. `since` is when a request that names no
/// run was made: a run that was canceled before was not canceled for it.
pub fn explained(found: Option<Run>, since: Option<Moment>) -> Conclusion<Cancellation> {
    let Some(run) = found else { return concluded(Status::NotFound, None) };
    let Some(closed) = &run.closed else { return still_running(&run) };
    let since_then = since.is_none_or(|since| closed.at.is_some_and(|at| at >= since.begins()));
    let status = match closed.status {
        CloseStatus::Canceled if since_then => Status::AlreadyCanceled,
        _ => Status::NotRunning,
    };
    concluded(status, Some(&run))
}

/// The run is open, or continued by one that is, and was not asked: it is to be tried again.
pub fn still_running(run: &Run) -> Conclusion<Cancellation> {
    let message = match run.is_continued() {
        true => "the run was continued as new, and SWF does not show yet what continues it",
        false => "SWF shows the run as open, and knows no open run to cancel",
    };
    let error = CallError::own(Class::Retry, Answer::Received, "StillRunning", message);
    Conclusion { error: Some(error), ..concluded(Status::Failed, Some(run)) }
}

fn concluded(status: Status, run: Option<&Run>) -> Conclusion<Cancellation> {
    let result = run.map(|run| match &run.closed {
        None => json!({"runId": run.run_id}),
        Some(closed) => json!({"runId": run.run_id, "closeStatus": closed.status.as_str()}),
    });
    let open_ends = run.iter().map(|run| run.run_id.clone()).collect();
    Conclusion { result, open_ends, ..Conclusion::of(status) }
}

#[cfg(test)]
mod tests;
