//! What is known of a record, and what is made of it.
//!
//! A record is first what its text turned out to be; once what became of it is known it is a case, to which each
//! step of telling adds its part, and at the end it says what became of the record. It decides nothing but what
//! follows from what it holds.

use std::time::Duration;

use crate::call_error::CallError;
use crate::event_source::{Document, Record, Settled};
use crate::fields::violation::Violation;
use crate::follow_up::{Confirmation, FollowUp, Message, Stage};
use crate::invocation::Invocation;
use crate::log;
use crate::metrics::Sample;
use crate::outcome::Outcome;
use crate::request::{CancelRequest, Rejection};
use crate::sweep::{Chain, Report};
use crate::targets::sweep::{Counted, Swept};
use crate::targets::{Seen, Settlement, Sight};
use crate::timestamp::{Moment, Span, Timestamp};
use crate::vocabulary::Status;

/// What became of a record, as soon as it is known.
pub struct Known {
    /// Its place among those that go side by side.
    pub place: usize,
    pub at: Timestamp,
    pub what: What,
}

/// What became of it.
pub enum What {
    /// Its text says all.
    Nothing,
    /// A valid request was carried out.
    Settled(Box<Settlement>),
    /// The runs of a follow-up were looked up.
    Seen(Seen),
    /// So many match what is to be swept, or they are too many.
    Counted(Counted),
    /// A step of a sweep was taken; nothing where its time is up.
    Swept(Result<Option<Swept>, CallError>),
}

/// One record, and what is known of it.
pub struct Case<'a> {
    pub place: usize,
    pub record: &'a Record,
    /// When what became of it was known.
    pub at: Timestamp,
    pub read: &'a Read,
    /// What became of a valid request at its service, until its outcome is written: a batch may have 10,000.
    pub settlement: Option<Box<Settlement>>,
    /// So many match what is swept from now on.
    pub matched: Option<u64>,
    /// What is wrong with a valid request, as was found since.
    pub too_many: Option<Violation>,
    /// The attempts that a step of a sweep made, and those that were answered by throttling.
    pub calls: (u32, u32),
    /// A follow-up after its check, and what that found of its runs.
    pub checked: Option<Box<(FollowUp, Sight)>>,
    pub follow_up: FollowedUp,
    pub told: Told,
    /// Who was asked something for it wants to be left alone for so long.
    pub asked_wait: Option<Duration>,
    /// It is redelivered, whatever is told.
    pub goes_back: bool,
}

/// What a record turned out to be.
pub enum Read {
    /// One of our own messages.
    Ours,
    /// A follow-up that is broken, not ours, or not allowed, and why; nothing of it is repeated.
    Dropped(String),
    FollowUp(Box<FollowUp>, Stage),
    /// The next step of a sweep.
    Sweep(Box<Chain>),
    /// It breaks a rule of its form.
    Rejected(Box<Rejection>),
    /// It breaks a rule of the deployment.
    Refused(Box<CancelRequest>, Vec<Violation>),
    Valid(Valid),
    /// The function itself failed over it.
    Broken(CallError),
}

/// A request that is to be carried out.
pub struct Valid {
    pub request: Box<CancelRequest>,
    /// Since when it counts.
    pub requested_at: Moment,
    /// For so long it is followed, if it is.
    pub confirm: Option<Duration>,
}

/// The next message about a request to ourselves.
pub enum FollowedUp {
    No,
    Ready(Message),
    Sent,
}

/// What is told about a record.
pub enum Told {
    Nothing,
    Outcome(Box<Outcome>),
    Confirmation(Box<Confirmation>),
    /// How a sweep goes, or how it ended.
    Report(Box<Report>),
    /// The permit to look its runs up was too far away.
    InLine,
}

impl<'a> Case<'a> {
    /// A record of which all is known that there is to know.
    pub fn new(place: usize, record: &'a Record, read: &'a Read, at: Timestamp) -> Self {
        Self {
            place,
            record,
            at,
            read,
            settlement: None,
            matched: None,
            too_many: None,
            calls: (0, 0),
            checked: None,
            follow_up: FollowedUp::No,
            told: Told::Nothing,
            asked_wait: None,
            goes_back: false,
        }
    }

    /// The first message about a request that is followed from now on.
    pub fn first_message(&self, invocation: &Invocation) -> Option<Message> {
        let (Read::Valid(valid), Some(settlement)) = (self.read, &self.settlement) else { return None };
        let id = &self.record.request_id;
        let labels = valid.request.labels.to_follow(id, valid.requested_at);
        if let Some(matched) = self.matched {
            let chain = Chain::begin(&valid.request.cancellation, labels, matched, self.at);
            let message = chain.message(Duration::ZERO);
            return message.inspect_err(|wrong| log::too_long_to_follow(self.record, wrong)).ok();
        }
        let span = |(from, until)| Span { from: invocation.at(from), until: invocation.at(until) };
        let (asked, called) = (&valid.request.cancellation, settlement.called.map(span));
        let follow_up = FollowUp::begin(asked, labels, settlement, called, valid.confirm?, self.at)?;
        let message = follow_up.message(self.at);
        message.inspect_err(|wrong| log::too_long_to_follow(self.record, wrong)).ok()
    }

    /// What is measured of a step of a sweep, where it is one.
    pub fn sample_of_step(&self, status: &'static str, published: bool) -> Option<Sample> {
        let Read::Sweep(chain) = self.read else { return None };
        Some(Sample::of_step(chain.cancellation.service().name, status, self.calls, published))
    }

    /// A follow-up that is not ours, and is not redelivered.
    pub fn is_dropped(&self) -> bool {
        matches!(self.read, Read::Dropped(_)) && !self.goes_back
    }

    pub fn settled(self, published: bool) -> Settled {
        let in_line = match &self.told {
            Told::Outcome(outcome) => outcome.status == Status::Deferred,
            Told::InLine => true,
            Told::Confirmation(_) | Told::Report(_) | Told::Nothing => false,
        };
        // The next step is on its way, and tells more.
        let published = published || matches!(&self.told, Told::Report(report) if report.verdict.is_none());
        let done = published && !self.goes_back && !matches!(self.told, Told::InLine);
        let outcome = match self.told {
            Told::Outcome(outcome) => Some(Document { status: outcome.status, json: outcome.json }),
            _ => None,
        };
        Settled { outcome, done, in_line }
    }
}
