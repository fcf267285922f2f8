//! Telling: from what became of records to what the world, the log and the queue hear of it.
//!
//! What becomes known within a short time is told together, in as few calls as can be, and nobody waits for those
//! that take longer. A step adds what it found out to the cases that it concerns; what goes wrong over one
//! stays with it.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::Handler;
use super::case::{Case, FollowedUp, Known, Read, Told, Valid, What};
use crate::call_error::CallError;
use crate::contained::contained;
use crate::event_source::{Record, Settled};
use crate::follow_up::{self, Confirmation, FollowUp, Row};
use crate::invocation::Invocation;
use crate::log;
use crate::metrics::Sample;
use crate::outcome::Outcome;
use crate::publisher::Entry;
use crate::retry::{ATTEMPT_LIMIT, portions};
use crate::sweep;
use crate::targets::{Check, Seen};
use crate::timestamp::Timestamp;
use crate::visibility::{self, When};

/// What is known waits so long at most for more, to share the calls that publish it: longer than a first permit
/// is waited for, so that what the pace spreads out still goes out together.
const TOGETHER: Duration = Duration::from_millis(2_500);

/// What became of a record, at the end.
pub struct Done {
    place: usize,
    settled: Settled,
    sample: Option<Sample>,
    is_dropped: bool,
}

impl Handler {
    /// Tells of records as what became of them is known, until no more comes; one answer for each, in their
    /// order.
    pub(super) async fn tell(
        &self,
        records: &[Record],
        read: &[Read],
        known: UnboundedReceiver<Known>,
        invocation: &Invocation,
        redeliver: &dyn Fn(usize, When),
    ) -> Vec<Settled> {
        let told = portions(known, TOGETHER).map(async |mut known: Vec<Known>| {
            known.sort_unstable_by_key(|known| known.place);
            let cases = known.into_iter().map(|Known { place, at, what }| {
                let mut case = Case::new(place, &records[place], &read[place], at);
                case.goes_back = contained(|| self.take(&mut case, what, invocation)).is_err();
                case
            });
            let mut cases: Vec<Case> = cases.collect();
            self.follow_up(&mut cases, invocation).await;
            self.report(&mut cases, invocation);
            self.publish(cases, invocation, redeliver).await
        });
        let done: Vec<Vec<Done>> = told.buffer_unordered(usize::MAX).collect().await;
        self.finish(done.into_iter().flatten().collect(), invocation)
    }

    /// Counts what was done; one answer for each record, in their order.
    pub(super) fn finish(&self, mut done: Vec<Done>, invocation: &Invocation) -> Vec<Settled> {
        done.sort_by_key(|done| done.place);
        let samples: Vec<Sample> = done.iter().filter_map(|done| done.sample).collect();
        let dropped = done.iter().filter(|done| done.is_dropped).count();
        self.metrics.write(&samples, dropped, invocation.now());
        done.into_iter().map(|done| done.settled).collect()
    }

    /// Takes over what became of a record.
    fn take(&self, case: &mut Case<'_>, what: What, invocation: &Invocation) {
        match what {
            What::Nothing => {}
            What::Settled(settlement) => {
                case.asked_wait = settlement.error.as_ref().and_then(|error| error.retry_after);
                case.settlement = Some(settlement);
            }
            What::Seen(seen) => self.see(case, seen, invocation),
            What::Counted(counted) => self.count(case, counted),
            What::Swept(swept) => self.swept(case, swept, invocation),
        }
    }

    /// What was seen of the runs of a request ends the matter, or asks for another look.
    fn see(&self, case: &mut Case<'_>, seen: Seen, invocation: &Invocation) {
        let Read::FollowUp(follow_up, stage) = case.read else { return };
        let (mut follow_up, now) = (FollowUp::clone(follow_up), invocation.now());
        let check = match seen {
            Ok(check) => check,
            Err(_) if !self.writer.is_last_receive(case.record) => return case.told = Told::InLine,
            // It is not redelivered, but its next message is.
            Err(_) => Check { sight: follow_up.runs.unseen(), ..Check::default() },
        };
        follow_up.learn(&check.sight);
        follow_up.escalated(*stage, &check, case.record, now);
        log::stopped_for_good(&follow_up, &check.forced);
        let seen = follow_up::Seen::of(&check.sight);
        let (row, goes_on) = match Row::of(*stage, seen) {
            Some((place, row)) => (place, row.confirmed.is_empty()),
            None => (usize::MAX, false),
        };
        log::checked(&follow_up, *stage, seen, row);
        let known = check.known();
        match goes_on.then(|| follow_up.message(now)) {
            Some(Ok(message)) => case.follow_up = FollowedUp::Ready(message),
            _ => case.told = Told::Confirmation(Box::new(Confirmation::new(&follow_up, &known, now))),
        }
        case.checked = Some(Box::new((follow_up, known)));
    }

    /// Sends the messages to ourselves, before anything is told of them.
    async fn follow_up(&self, cases: &mut [Case<'_>], invocation: &Invocation) {
        let mut messages = Vec::new();
        for (index, case) in cases.iter_mut().enumerate() {
            match contained(|| case.first_message(invocation)) {
                Ok(Some(message)) => case.follow_up = FollowedUp::Ready(message),
                Ok(None) => {}
                Err(_) => case.goes_back = true,
            }
            if let FollowedUp::Ready(message) = std::mem::replace(&mut case.follow_up, FollowedUp::No) {
                messages.push((index, message));
            }
        }
        let entries: Vec<Entry> = messages.iter().map(|(_, message)| message.entry()).collect();
        // The outcomes wait behind these messages, and must not wait in vain.
        let until = invocation.following_until.min(Instant::now() + ATTEMPT_LIMIT);
        let sent = self.follow_ups.queue.publish(&entries, &self.retry, until).await;
        for ((index, _), sent) in messages.iter().zip(sent) {
            let case = &mut cases[*index];
            match sent {
                Ok(()) => case.follow_up = FollowedUp::Sent,
                Err(error) => {
                    log::not_followed(case.record, &error);
                    case.asked_wait = case.asked_wait.max(error.retry_after);
                    case.goes_back |= contained(|| self.give_up(case, invocation.now())).unwrap_or(true);
                }
            }
        }
    }

    /// The next message could not be sent. A follow-up that is not redelivered ends here, with what is
    /// known; true where the record is redelivered, or is no follow-up.
    fn give_up(&self, case: &mut Case<'_>, now: Timestamp) -> bool {
        let Some((follow_up, seen)) = case.checked.as_deref() else { return true };
        if !self.writer.is_last_receive(case.record) {
            return true;
        }
        case.told = Told::Confirmation(Box::new(Confirmation::new(follow_up, seen, now)));
        false
    }

    /// Writes the outcomes. One for which there is no time left is redelivered untold: the response must leave.
    fn report(&self, cases: &mut [Case<'_>], invocation: &Invocation) {
        for case in cases {
            if Instant::now() >= invocation.publishing_until && matches!(case.read, Read::Valid(_)) {
                log::no_time_to_tell(case.record);
                case.goes_back = true;
                continue;
            }
            let outcome = contained(|| self.report_one(case));
            let outcome =
                outcome.unwrap_or_else(|error| Some(self.writer.broken(case.record, error, case.at)));
            if let Some(outcome) = outcome {
                case.told = Told::Outcome(Box::new(outcome));
            }
        }
    }

    fn report_one(&self, case: &mut Case<'_>) -> Option<Outcome> {
        let (record, at, settlement) = (case.record, case.at, case.settlement.take());
        Some(match (case.read, settlement) {
            (Read::Ours, _) => {
                log::ours(record);
                return None;
            }
            (Read::Dropped(wrong), _) => {
                log::dropped(record, wrong);
                return None;
            }
            (Read::FollowUp(..) | Read::Sweep(_), _) => return None,
            (Read::Rejected(rejection), _) => self.writer.rejected(record, rejection, at),
            (Read::Refused(request, violations), _) => self.writer.refused(record, request, violations, at),
            (Read::Valid(valid), _) if case.too_many.is_some() => {
                self.writer.refused(record, &valid.request, case.too_many.as_slice(), at)
            }
            (Read::Valid(valid), Some(settlement)) => {
                let pending = matches!(case.follow_up, FollowedUp::Sent) && case.matched.is_none();
                if settlement.went_beyond {
                    log::went_beyond(record, &valid.request);
                }
                self.writer.settled(record, &valid.request, *settlement, pending, at)
            }
            (Read::Valid(_), None) => self.writer.broken(record, CallError::panicked(), at),
            (Read::Broken(error), _) => self.writer.broken(record, error.clone(), at),
        })
    }

    /// Records that must not go before another one. One of our own messages must not go either.
    pub(super) fn defer(&self, cases: &mut [Case<'_>], redeliver: &dyn Fn(usize, When)) {
        for case in cases {
            let Case { place, record, at, .. } = *case;
            let outcome = match case.read {
                Read::Ours | Read::Dropped(_) | Read::FollowUp(..) | Read::Sweep(_) => None,
                Read::Rejected(rejection) => Some(self.writer.held_up_unread(record, rejection, at)),
                Read::Refused(request, _) | Read::Valid(Valid { request, .. }) => {
                    Some(self.writer.held_up(record, request, at))
                }
                Read::Broken(error) => Some(self.writer.broken(record, error.clone(), at)),
            };
            case.told = outcome.map_or(Told::InLine, |outcome| Told::Outcome(Box::new(outcome)));
            case.goes_back = true;
            redeliver(place, When::WithTheOneBefore);
        }
    }

    /// Tells the world, in as few calls as can be, and the queue when a record that was tried is redelivered.
    pub(super) async fn publish(
        &self,
        cases: Vec<Case<'_>>,
        invocation: &Invocation,
        redeliver: &dyn Fn(usize, When),
    ) -> Vec<Done> {
        let entries: Vec<Entry> = cases.iter().filter_map(|case| self.entry(case)).collect();
        let until = invocation.publishing_until;
        let mut results = self.publisher.publish(&entries, &self.retry, until).await.into_iter();
        let done = cases.into_iter().map(|case| {
            let told = self.entry(&case).is_some();
            let result = if told { results.next().unwrap_or(Ok(())) } else { Ok(()) };
            let sample = match &case.told {
                Told::Outcome(outcome) => {
                    let took = invocation.millis_until(outcome.completed_at);
                    let withheld = outcome.is_published() && !told;
                    log::outcome(outcome, withheld, &result, took);
                    Some(Sample::of(outcome, took, result.is_ok() && !withheld))
                }
                Told::Confirmation(confirmation) => {
                    log::confirmation(confirmation, &result, &self.publisher);
                    result.is_err().then(|| Sample::of_unpublished(confirmation))
                }
                Told::Report(report) => {
                    if told {
                        log::report(report, &result, &self.publisher);
                    }
                    case.sample_of_step(report.status(), result.is_ok())
                }
                Told::Nothing | Told::InLine => case.sample_of_step(sweep::IN_PROGRESS, true),
            };
            let (place, record, is_dropped) = (case.place, case.record, case.is_dropped());
            let asked = case.asked_wait.max(result.as_ref().err().and_then(|error| error.retry_after));
            let settled = case.settled(result.is_ok());
            if let Some(wait) = visibility::wait(&settled, record.source.receive_count, asked) {
                redeliver(place, When::At(Instant::now() + wait));
            }
            Done { place, settled, sample, is_dropped }
        });
        done.collect()
    }

    /// What is published of a case. Where a request could not be followed as it asked, nothing is, as long
    /// as it is redelivered.
    fn entry<'a>(&self, case: &'a Case<'_>) -> Option<Entry<'a>> {
        match &case.told {
            Told::Outcome(outcome) => {
                let waits = case.goes_back && !self.writer.is_last_receive(case.record);
                (outcome.is_published() && !waits).then(|| outcome.entry())
            }
            Told::Confirmation(confirmation) => Some(confirmation.entry()),
            Told::Report(report) => (!case.goes_back).then(|| report.entry()),
            Told::Nothing | Told::InLine => None,
        }
    }
}
