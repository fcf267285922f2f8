//! Every execution that matches: what a request selects, and what a service gives so that it can be swept.
//!
//! A sweep asks all to end that were running when it was made and match, and no others. What is open, matches and
//! was not asked yet is the work that is left, and the service's own list is the only place where that is written
//! down. [`count`] finds out how many match before anything is asked, [`step`] asks as many as its time and the
//! pace allow. The calls are those of any request.

mod count;
mod read;
mod step;
mod swept;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value, json};

pub use self::count::{Counted, count};
pub use self::read::{Choice, in_words, read};
pub use self::step::{Step, step};
pub use self::swept::{End, Failure, Swept};
use super::{Cancellation, LookUp, Service};
use crate::call_error::CallError;
use crate::fields::rules::Text;
use crate::timestamp::{Moment, Timestamp};

/// No sweep may reach more executions.
pub const MOST_EXECUTIONS: u64 = 100_000;
/// So many failures, and executions that were asked and do not show it, does a step hand on.
pub const MOST_CARRIED: usize = 1_000;

/// A request for every execution that matches.
#[derive(Debug)]
pub struct Sweep {
    pub selection: Arc<dyn Selection>,
    pub bounds: Bounds,
}

/// How far a sweep may reach, whatever the service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Where more match, nothing is asked.
    pub max_executions: u64,
    /// Only executions that started before this.
    pub started_before: Option<Timestamp>,
    /// Only executions that started after this.
    pub started_after: Option<Timestamp>,
}

/// What executions of a service have in common that a request selects.
pub trait Selection: Any + Debug + Send + Sync {
    fn service(&self) -> &'static Service;

    /// The key that a pattern must allow whole, whatever stands for its `*`.
    fn key(&self) -> String;

    /// The field of the request that says where the executions are, and its value.
    fn place(&self) -> (&'static str, &str);

    /// The one member of `select` that says which of them, and its value.
    fn by(&self) -> (&'static str, Value);

    /// What each call carries in the requester's words, as fields of the request.
    fn words(&self) -> Vec<(&'static str, Option<&str>)> {
        Vec::new()
    }
}

/// What a service gives so that its executions can be swept. The calls that cancel are the port's own.
pub trait Sweeps {
    /// How many are open, at the least, and whether there may be more; none where the service lists and does not
    /// count.
    fn count<'a>(&'a self, _: Listing<'a>, _: &'a LookUp<'a>) -> Answer<'a, Option<Counted>> {
        Box::pin(async { Ok(None) })
    }

    /// A page of the list, and the token of the next one.
    fn page<'a>(
        &'a self,
        of: Listing<'a>,
        token: Option<String>,
        look_up: &'a LookUp<'a>,
    ) -> Answer<'a, Page>;
}

/// What a read comes to.
pub type Answer<'a, T> = LocalBoxFuture<'a, Result<T, CallError>>;

/// What is listed. A service may list more, as far as the times go.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub selection: &'a dyn Selection,
    pub which: Which,
    /// Nothing that started earlier is meant.
    pub from: Option<Timestamp>,
    /// Nothing that started later is meant.
    pub until: Timestamp,
}

/// In which state executions are listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Which {
    Open,
    /// They have ended since then, and somebody had asked them to.
    Asked {
        since: Timestamp,
    },
}

/// The member of `select` where names are selected by how they begin, or not at all.
pub fn by_prefix(prefix: Option<&str>) -> (&'static str, Value) {
    prefix.map_or(("all", json!(true)), |prefix| ("executionNamePrefix", json!(prefix)))
}

/// A page of a list.
pub type Page = (Vec<Found>, Option<String>);

/// An execution that was listed.
#[derive(Debug)]
pub struct Found {
    /// As outcomes name it.
    pub id: String,
    /// When it started, or was last started again.
    pub started_at: Option<Timestamp>,
    /// Whether somebody has asked it to end; nothing where the service does not tell.
    pub asked: Option<bool>,
    /// The request that asks it to.
    pub cancellation: Arc<dyn Cancellation>,
}

impl Sweep {
    /// What is listed of executions that had started when the request was made; nothing where none can have.
    fn listing(&self, which: Which, requested_at: Moment) -> Option<Listing<'_>> {
        let Bounds { started_before, started_after, .. } = self.bounds;
        let from = started_after.map(|after| after.plus(std::time::Duration::from_millis(1)));
        let before = started_before.and_then(|before| Timestamp::from_millis(before.millis() - 1));
        let until = before.map_or(requested_at.ends(), |before| before.min(requested_at.ends()));
        let listing = Listing { selection: self.selection.as_ref(), which, from, until };
        from.is_none_or(|from| from <= until).then_some(listing)
    }
}

impl<'a> Listing<'a> {
    /// What is selected, as its service knows it.
    ///
    /// # Errors
    /// It is of another service.
    pub fn selected<S: Selection>(&self) -> Result<&'a S, CallError> {
        let selection: &dyn Any = self.selection;
        selection.downcast_ref().ok_or_else(|| CallError::not_served(self.selection.service().name))
    }

    /// An execution of which it is not known when it started may have started too late.
    fn means(&self, found: &Found) -> bool {
        let started = found.started_at;
        started.is_some_and(|at| at <= self.until && self.from.is_none_or(|from| at >= from))
    }
}

impl Cancellation for Sweep {
    fn service(&self) -> &'static Service {
        self.selection.service()
    }

    fn key(&self) -> String {
        self.selection.key()
    }

    fn target(&self) -> Value {
        let ((place, name), (by, value)) = (self.selection.place(), self.selection.by());
        let bounds =
            [("startedBefore", self.bounds.started_before), ("startedAfter", self.bounds.started_after)];
        let bounds = bounds.into_iter().filter_map(|(name, time)| Some((name.to_owned(), json!(time?))));
        let select: Map<String, Value> = std::iter::once((by.to_owned(), value)).chain(bounds).collect();
        let mut target = json!({"key": self.key()});
        target[place] = json!(name);
        target["select"] = json!(select);
        target["maxExecutions"] = json!(self.bounds.max_executions);
        target
    }

    fn named_runs(&self) -> Option<&[String]> {
        None
    }

    fn carried(&self) -> Map<String, Value> {
        let words = self.selection.words().into_iter();
        words.filter_map(|(name, word)| Some((name.to_owned(), json!(word?)))).collect()
    }

    fn is_open_ended(&self) -> bool {
        false
    }

    fn runs_rule(&self) -> (&'static Text, usize) {
        const NONE: Text = Text::any(0..=0);
        (&NONE, 0)
    }

    fn all_active_in_words(&self) -> Option<bool> {
        Some(true)
    }

    fn sweep(&self) -> Option<&Sweep> {
        Some(self)
    }
}
