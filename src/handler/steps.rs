//! Asking: from the texts of records to what became of each.
//!
//! A step looks at the records that it concerns, and what became of one is passed on as soon as it is known,
//! whatever becomes of the others. Nothing here knows how records arrived or what is told of them.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::Handler;
use super::case::{Known, Read, Valid, What};
use crate::contained::{contained, told_once};
use crate::event_source::Record;
use crate::fields::Fields;
use crate::fields::violation::{Code, Violation};
use crate::follow_up::FollowUp;
use crate::invocation::Invocation;
use crate::log;
use crate::plan::{self, Request};
use crate::request::{self, Reading};
use crate::targets::{Asked, Beside, Cancellation, Context, Followed, Settlement};
use crate::timestamp::Timestamp;
use crate::visibility::{Return, When};

/// Says when a record is redelivered, counted from the first of its batch. Once the time is up nobody
/// listens, and the queue hides the record as long as it always does.
pub fn redeliver(returning: &UnboundedSender<Return>, first: usize) -> impl Fn(usize, When) {
    move |place, when| {
        let _ = returning.send(Return { record: first + place, when });
    }
}

impl Handler {
    /// What each record is: a request, and one that is allowed, or something else.
    pub(super) fn read(&self, records: &[Record], invocation: &Invocation) -> Vec<Read> {
        let now = invocation.now();
        let read = |record| contained(|| self.read_one(record, now)).unwrap_or_else(Read::Broken);
        records.iter().map(read).collect()
    }

    fn read_one(&self, record: &Record, now: Timestamp) -> Read {
        let (request_id, region) = (Some(record.request_id.as_str()), self.region.as_deref());
        let request = match request::read(&record.text, Beside { request_id, region, reason: None }) {
            Reading::Ours => return Read::Ours,
            Reading::FollowUp(fields) => {
                let may_end = !self.planner.dry_run;
                let found = |it: FollowUp| {
                    let stage = it.stage(now, may_end);
                    Read::FollowUp(Box::new(it), stage)
                };
                return self.read_follow_up(record, *fields).map_or_else(Read::Dropped, found);
            }
            Reading::Sweep(fields) => {
                let chain = self.read_sweep(record, *fields);
                return chain.map_or_else(Read::Dropped, |it| Read::Sweep(Box::new(it)));
            }
            Reading::Rejected(mut rejection) => {
                let asked = rejection.cancellation.as_deref();
                let asks = rejection.service.map(|_| self.follow_ups.check(&rejection.labels, asked));
                let asks: Vec<Violation> = asks.into_iter().flatten().collect();
                rejection.violations.extend(asks);
                return Read::Rejected(rejection);
            }
            Reading::Request(request) => request,
        };
        let requested_at = request.labels.counted_from(record.requested_at);
        let mut violations = self.policy.check(request.cancellation.as_ref(), requested_at.ends(), now);
        violations.extend(self.follow_ups.check(&request.labels, Some(request.cancellation.as_ref())));
        match violations.is_empty() {
            true => {
                let confirm = self.follow_ups.asked(&request);
                Read::Valid(Valid { request, requested_at, confirm })
            }
            false => Read::Refused(request, violations),
        }
    }

    /// A message of our own, held to the policy as it stands.
    fn read_follow_up(&self, record: &Record, fields: Fields<'_>) -> Result<FollowUp, String> {
        self.follow_ups.check_origin(&record.source)?;
        let follow_up = FollowUp::read(fields)?;
        self.check_standing(follow_up.cancellation.as_ref())?;
        Ok(follow_up)
    }

    /// What forbids a message of our own, as the deployment stands.
    pub(super) fn check_standing(&self, cancellation: &dyn Cancellation) -> Result<(), String> {
        match self.policy.check_standing(cancellation) {
            None => Ok(()),
            Some(Violation { code: Code::CancelAllNotAllowed, .. }) => {
                Err("COUNTERMAND_CANCEL_ALL does not allow it".into())
            }
            Some(Violation { code: Code::TargetNotAllowed, .. }) => {
                Err("COUNTERMAND_ALLOWED_TARGETS does not name its target".into())
            }
            Some(violation) => Err(violation.message),
        }
    }

    /// Asks the services, then what their answers left open, and for the runs that are followed. What became
    /// of each record goes to `knowing` at once.
    pub(super) async fn ask(
        &self,
        records: &[Record],
        read: &[Read],
        invocation: &Invocation,
        redeliver: &dyn Fn(usize, When),
        knowing: UnboundedSender<Known>,
    ) {
        let know = |place, what| {
            // Whoever tells listens to the end.
            let _ = knowing.send(Known { place, at: invocation.now(), what });
        };
        let failed = |place: usize, error| match &read[place] {
            Read::FollowUp(..) => What::Seen(Err(error)),
            Read::Sweep(_) => What::Swept(Err(error)),
            _ => What::Settled(Box::new(Settlement::broken(error))),
        };
        let work = async |know: &dyn Fn(usize, What)| {
            for (place, read) in read.iter().enumerate() {
                if !matches!(read, Read::Valid(_) | Read::FollowUp(..) | Read::Sweep(_)) {
                    know(place, What::Nothing);
                }
            }
            let deferred = |place, wait| redeliver(place, When::At(Instant::now() + wait));
            let begin = self.context(invocation, &deferred);
            let carry_out = async {
                let unclear = self.carry_out(records, read, &begin, know).await;
                let context = self.context(invocation, &deferred);
                self.look_up(records, read, unclear, &context, know).await;
            };
            tokio::join!(carry_out, self.sweep(records, read, &begin, know));
        };
        told_once(0..read.len(), &know, failed, work).await;
    }

    /// Asks what the answers left open, and for the runs that are followed.
    async fn look_up(
        &self,
        records: &[Record],
        read: &[Read],
        unclear: Vec<(Asked<'_>, Settlement)>,
        context: &Context<'_>,
        know: &dyn Fn(usize, What),
    ) {
        let followed = read.iter().enumerate().filter_map(|(record, read)| {
            let Read::FollowUp(follow_up, stage) = read else { return None };
            let (cancellation, runs) = (follow_up.cancellation.as_ref(), &follow_up.runs);
            let (priority, reason) = (plan::priority(&records[record]), follow_up.labels.reason.as_deref());
            let escalates = stage.calls().then_some(reason);
            Some(Followed { cancellation, runs, priority, record, escalates })
        });
        let followed: Vec<Followed> = followed.collect();
        let explained = |place, settlement| know(place, What::Settled(Box::new(settlement)));
        let seen = |place, seen| know(place, What::Seen(seen));
        tokio::join!(
            self.targets.explain(unclear, context, &explained),
            self.targets.follow(followed, context, &seen),
        );
    }

    /// Carries the requests out; those come back of which a look-up could tell more.
    async fn carry_out<'a>(
        &self,
        records: &[Record],
        read: &'a [Read],
        context: &Context<'_>,
        know: &dyn Fn(usize, What),
    ) -> Vec<(Asked<'a>, Settlement)> {
        let valid = |place: usize| match &read[place] {
            Read::Valid(valid) => Some(valid),
            _ => None,
        };
        let requests = (0..read.len()).filter_map(|place| {
            let Valid { request, requested_at, .. } = valid(place)?;
            if request.cancellation.sweep().is_some() {
                return None;
            }
            Some(Request { place, record: &records[place], request, requested_at: *requested_at })
        });
        let plan = self.planner.plan(requests, context.now);
        let unclear = RefCell::new(Vec::new());
        let settled = |place: usize, settlement: Settlement| match (&settlement.unclear, valid(place)) {
            (Some(_), Some(Valid { request, requested_at, .. })) => {
                let (cancellation, requested_at) = (request.cancellation.as_ref(), *requested_at);
                let priority = plan::priority(&records[place]);
                let asked = Asked { cancellation, requested_at, priority, record: place };
                unclear.borrow_mut().push((asked, settlement));
            }
            _ => know(place, What::Settled(Box::new(settlement))),
        };
        plan.carry_out(&self.targets, context, &settled).await;
        let mut unclear = unclear.into_inner();
        unclear.sort_by_key(|(asked, _)| asked.record);
        unclear
    }

    fn context<'a>(
        &'a self,
        invocation: &'a Invocation,
        deferred: &'a dyn Fn(usize, Duration),
    ) -> Context<'a> {
        Context {
            retry: &self.retry,
            pace: &self.pace,
            until: invocation.calls_until,
            now: invocation.now(),
            invocation,
            max_pages: self.explain_max_pages,
            deferred,
            look_up_failed: &log::look_up_failed,
        }
    }
}
