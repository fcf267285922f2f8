//! The steps of the flow, each from what is known of the records to what is known after it.
//!
//! A step looks at the cases that it concerns and adds what it found out; it knows nothing of how records
//! arrived or of what comes after it. What goes wrong over one case stays with it.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::Handler;
use super::case::{Case, FollowedUp, Read, Told, Valid};
use crate::call_error::CallError;
use crate::contained::contained;
use crate::event_source::{Record, Settled};
use crate::follow_up::{Confirmation, FollowUp};
use crate::hand_back::{self, Return, When};
use crate::invocation::Invocation;
use crate::log;
use crate::metrics::Sample;
use crate::outcome::Outcome;
use crate::plan::{self, Request};
use crate::publisher::Entry;
use crate::request::fields::Fields;
use crate::request::violation::Code;
use crate::request::{self, Reading};
use crate::retry::ATTEMPT_LIMIT;
use crate::targets::{Asked, Followed, Means, Seen};
use crate::timestamp::Timestamp;

/// Says when a record comes again, counted from the first of its batch. Once the time is up nobody
/// listens, and the queue hides the record as long as it always does.
pub fn come_again(returning: &UnboundedSender<Return>, first: usize) -> impl Fn(usize, When) {
    move |place, when| {
        let _ = returning.send(Return { record: first + place, when });
    }
}

impl Handler {
    /// What each record is: a request, and one that is allowed, or something else.
    pub(super) fn read<'a>(&self, records: &'a [Record], invocation: &Invocation) -> Vec<Case<'a>> {
        let now = invocation.now();
        let read = |record| contained(|| self.read_one(record, now)).unwrap_or_else(Read::Broken);
        records.iter().map(|record| Case::new(record, now, read(record))).collect()
    }

    fn read_one(&self, record: &Record, now: Timestamp) -> Read {
        let request = match request::read(&record.text) {
            Reading::Ours => return Read::Ours,
            Reading::FollowUp(fields) => {
                let follow_up = self.read_follow_up(record, *fields);
                return follow_up.map_or_else(Read::Dropped, |it| Read::FollowUp(Box::new(it)));
            }
            Reading::Rejected(mut rejection) => {
                let asks = rejection.service.and_then(|_| self.follow_ups.check(&rejection.labels));
                rejection.violations.extend(asks);
                return Read::Rejected(rejection);
            }
            Reading::Request(request) => request,
        };
        let requested_at = request.labels.counted_from(record.requested_at);
        let mut violations = self.policy.check(&request.cancellation, requested_at.ends(), now);
        violations.extend(self.follow_ups.check(&request.labels));
        match violations.is_empty() {
            true => {
                let confirm = self.follow_ups.asked(&request.labels);
                Read::Valid(Valid { request, requested_at, confirm })
            }
            false => Read::Refused(request, violations),
        }
    }

    /// A message of our own, held to the policy as it stands.
    fn read_follow_up(&self, record: &Record, fields: Fields<'_>) -> Result<FollowUp, String> {
        self.follow_ups.check_origin(&record.source)?;
        let follow_up = FollowUp::read(fields)?;
        match self.policy.check_standing(&follow_up.cancellation) {
            None => Ok(follow_up),
            Some(violation) if violation.code == Code::CancelAllNotAllowed => {
                Err("COUNTERMAND_CANCEL_ALL does not allow it".into())
            }
            Some(_) => Err("COUNTERMAND_ALLOWED_TARGETS does not name its target".into()),
        }
    }

    /// Asks the services.
    pub(super) async fn carry_out(
        &self,
        cases: &mut [Case<'_>],
        invocation: &Invocation,
        come_again: &dyn Fn(usize, When),
    ) {
        let requests = cases.iter().enumerate().filter_map(|(place, case)| {
            let Read::Valid(Valid { request, requested_at, .. }) = &case.read else { return None };
            let (request, requested_at, record) = (request.as_ref(), *requested_at, case.record);
            Some(Request { place, record, request, requested_at })
        });
        let plan = self.planner.plan(requests, invocation.now());
        let deferred = |place, wait| come_again(place, When::At(Instant::now() + wait));
        let carried_out = plan.carry_out(&self.targets, &self.means(invocation, &deferred)).await;
        for (place, settlement) in carried_out {
            cases[place].asked_wait = settlement.error.as_ref().and_then(|error| error.retry_after);
            cases[place].settlement = Some(settlement);
        }
    }

    fn means<'a>(&'a self, invocation: &Invocation, deferred: &'a dyn Fn(usize, Duration)) -> Means<'a> {
        Means {
            retry: &self.retry,
            pace: &self.pace,
            until: invocation.calls_until,
            now: invocation.now(),
            max_pages: self.explain_max_pages,
            deferred,
        }
    }

    /// Reads what the answers left open, and the runs that are followed: after every cancel, in the time
    /// that is left.
    pub(super) async fn look(
        &self,
        cases: &mut [Case<'_>],
        invocation: &Invocation,
        come_again: &dyn Fn(usize, When),
    ) {
        let (mut settled, mut followed) = (Vec::new(), Vec::new());
        for (record, Case { read, settlement, record: from, .. }) in cases.iter_mut().enumerate() {
            match (read, settlement) {
                (Read::Valid(Valid { request, requested_at, .. }), Some(settlement)) => {
                    let (cancellation, requested_at) = (&request.cancellation, *requested_at);
                    let asked = Asked { cancellation, requested_at, standing: plan::standing(from), record };
                    settled.push((asked, settlement));
                }
                (Read::FollowUp(follow_up), _) => {
                    let (cancellation, runs) = (&follow_up.cancellation, &follow_up.runs);
                    followed.push(Followed { cancellation, runs, standing: plan::standing(from), record });
                }
                _ => {}
            }
        }
        let deferred = |place, wait| come_again(place, When::At(Instant::now() + wait));
        let means = self.means(invocation, &deferred);
        let ((), seen) =
            tokio::join!(self.targets.explain(settled, &means), self.targets.follow(&followed, &means));
        let places: Vec<usize> = followed.iter().map(|followed| followed.record).collect();
        for (place, seen) in places.into_iter().zip(seen) {
            let case = &mut cases[place];
            case.goes_back |= contained(|| self.see(case, seen, invocation)).is_err();
        }
    }

    /// What was seen of the runs of a request ends the matter, or asks for another look.
    fn see(&self, case: &mut Case<'_>, seen: Seen, invocation: &Invocation) {
        let Read::FollowUp(follow_up) = &mut case.read else { return };
        let now = invocation.now();
        let seen = match seen {
            Ok(seen) => seen,
            Err(_) if !self.writer.is_last_receive(case.record) => return case.told = Told::InLine,
            // It does not come again, but its next message does.
            Err(_) => follow_up.runs.unseen(),
        };
        follow_up.learn(&seen);
        match follow_up.goes_on(&seen, now).then(|| follow_up.message(now)) {
            Some(Ok(message)) => case.follow_up = FollowedUp::Ready(message),
            _ => case.told = Told::Confirmation(Box::new(Confirmation::new(follow_up, &seen, now))),
        }
        case.seen = seen;
    }

    /// Sends the messages to ourselves, before anything is told of them.
    pub(super) async fn follow_up(&self, cases: &mut [Case<'_>], invocation: &Invocation) {
        let mut messages = Vec::new();
        for (place, case) in cases.iter_mut().enumerate() {
            case.at = invocation.now();
            match contained(|| case.first_message(invocation)) {
                Ok(Some(message)) => case.follow_up = FollowedUp::Ready(message),
                Ok(None) => {}
                Err(_) => case.goes_back = true,
            }
            if let FollowedUp::Ready(message) = std::mem::replace(&mut case.follow_up, FollowedUp::No) {
                messages.push((place, message));
            }
        }
        let entries: Vec<Entry> = messages.iter().map(|(_, message)| message.entry()).collect();
        // The outcomes of the whole batch wait behind these messages, and must not wait in vain.
        let until = invocation.following_until.min(Instant::now() + ATTEMPT_LIMIT);
        let sent = self.follow_ups.queue.publish(&entries, &self.retry, until).await;
        for ((place, _), sent) in messages.iter().zip(sent) {
            match sent {
                Ok(()) => cases[*place].follow_up = FollowedUp::Sent,
                Err(error) => {
                    log::not_followed(cases[*place].record, &error);
                    let case = &mut cases[*place];
                    case.asked_wait = case.asked_wait.max(error.retry_after);
                    case.goes_back |= contained(|| self.give_up(case, invocation.now())).unwrap_or(true);
                }
            }
        }
    }

    /// The next message could not be sent. A follow-up that does not come again ends here, with what is
    /// known; true where the record does come again, or is no follow-up.
    fn give_up(&self, case: &mut Case<'_>, now: Timestamp) -> bool {
        let Read::FollowUp(follow_up) = &case.read else { return true };
        if !self.writer.is_last_receive(case.record) {
            return true;
        }
        case.told = Told::Confirmation(Box::new(Confirmation::new(follow_up, &case.seen, now)));
        false
    }

    /// Writes the outcomes.
    pub(super) fn report(&self, cases: &mut [Case<'_>]) {
        for case in cases {
            let outcome = contained(|| self.report_one(case));
            let outcome =
                outcome.unwrap_or_else(|error| Some(self.writer.broken(case.record, error, case.at)));
            if let Some(outcome) = outcome {
                case.told = Told::Outcome(Box::new(outcome));
            }
        }
    }

    fn report_one(&self, case: &Case<'_>) -> Option<Outcome> {
        let Case { record, at, settlement, .. } = case;
        Some(match (&case.read, settlement) {
            (Read::Ours, _) => {
                log::ours(record);
                return None;
            }
            (Read::Dropped(wrong), _) => {
                log::dropped(record, wrong);
                return None;
            }
            (Read::FollowUp(_), _) => return None,
            (Read::Rejected(rejection), _) => self.writer.rejected(record, rejection, *at),
            (Read::Refused(request, violations), _) => self.writer.refused(record, request, violations, *at),
            (Read::Valid(valid), Some(settlement)) => {
                let pending = matches!(case.follow_up, FollowedUp::Sent);
                self.writer.settled(record, &valid.request, settlement, pending, *at)
            }
            (Read::Valid(_), None) => self.writer.broken(record, CallError::panicked(), *at),
            (Read::Broken(error), _) => self.writer.broken(record, error.clone(), *at),
        })
    }

    /// Records that must not go before another one. One of our own messages must not go either.
    pub(super) fn defer(&self, cases: &mut [Case<'_>], come_again: &dyn Fn(usize, When)) {
        for (place, case) in cases.iter_mut().enumerate() {
            let Case { record, at, .. } = case;
            let outcome = match &case.read {
                Read::Ours | Read::Dropped(_) | Read::FollowUp(_) => None,
                Read::Rejected(rejection) => Some(self.writer.held_up_unread(record, rejection, *at)),
                Read::Refused(request, _) | Read::Valid(Valid { request, .. }) => {
                    Some(self.writer.held_up(record, request, *at))
                }
                Read::Broken(error) => Some(self.writer.broken(record, error.clone(), *at)),
            };
            case.told = outcome.map_or(Told::InLine, |outcome| Told::Outcome(Box::new(outcome)));
            case.goes_back = true;
            come_again(place, When::WithTheOneBefore);
        }
    }

    /// Tells the world, in as few calls as can be, and the queue when a record that was tried comes again.
    pub(super) async fn publish(
        &self,
        cases: Vec<Case<'_>>,
        invocation: &Invocation,
        come_again: &dyn Fn(usize, When),
    ) -> Vec<Settled> {
        let entries: Vec<Entry> = cases.iter().filter_map(|case| self.entry(case)).collect();
        let until = invocation.publishing_until;
        let mut results = self.publisher.publish(&entries, &self.retry, until).await.into_iter();
        let mut samples = Vec::new();
        let dropped = cases.iter().filter(|case| case.is_dropped()).count();
        let settled = cases.into_iter().enumerate().map(|(place, case)| {
            let told = self.entry(&case).is_some();
            let result = if told { results.next().unwrap_or(Ok(())) } else { Ok(()) };
            match &case.told {
                Told::Outcome(outcome) => {
                    let took = invocation.millis_until(outcome.completed_at);
                    let withheld = outcome.is_published() && !told;
                    log::outcome(outcome, withheld, &result, took);
                    samples.push(Sample::of(outcome, took, result.is_ok() && !withheld));
                }
                Told::Confirmation(confirmation) => {
                    log::confirmation(confirmation, &result, &self.publisher);
                    samples.extend(result.is_err().then(|| Sample::of_unpublished(confirmation)));
                }
                Told::Nothing | Told::InLine => {}
            }
            let record = case.record;
            let asked = case.asked_wait.max(result.as_ref().err().and_then(|error| error.retry_after));
            let settled = case.settled(result.is_ok());
            if let Some(wait) = hand_back::wait(&settled, record.source.receive_count, asked) {
                come_again(place, When::At(Instant::now() + wait));
            }
            settled
        });
        let settled = settled.collect();
        self.metrics.write(&samples, dropped, invocation.now());
        settled
    }

    /// What is published of a case. Where a request could not be followed as it asked, nothing is, as long
    /// as it comes again.
    fn entry<'a>(&self, case: &'a Case<'_>) -> Option<Entry<'a>> {
        match &case.told {
            Told::Outcome(outcome) => {
                let waits = case.goes_back && !self.writer.is_last_receive(case.record);
                (outcome.is_published() && !waits).then(|| outcome.entry())
            }
            Told::Confirmation(confirmation) => Some(confirmation.entry()),
            Told::Nothing | Told::InLine => None,
        }
    }
}
