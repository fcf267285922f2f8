//! One step of a sweep: what is open, matches and was not asked yet is asked, as far as time and pace allow.
//!
//! A step keeps no place in the list: whoever dies is delivered again, and finds what is left. It does not work as
//! long as it could, and has few calls in line at once, so that whatever else the function has to do gets its time
//! and its permits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::count::each;
use super::swept::{End, Failure, Swept};
use super::{Found, Sweep, Sweeps, Which};
use crate::call_error::{CallError, Class};
use crate::pace::Priority;
use crate::targets::pages::Tokens;
use crate::targets::{Asked, Context, LookUp, Port, Settlement};
use crate::timestamp::{Moment, Timestamp};
use crate::vocabulary::Status;

/// A step takes this part of the time that its invocation has for calls.
const PART: u32 = 2;
/// Whoever else wants a permit waits so much longer at most because of a step.
const AHEAD: Duration = Duration::from_millis(500);

/// What a step has to know.
pub struct Step<'a> {
    pub sweep: &'a Sweep,
    pub requested_at: Moment,
    /// When the sweep began.
    pub since: Timestamp,
    /// Executions that failed for good.
    pub failed: BTreeSet<&'a str>,
    /// Executions that were asked, where their list does not show it.
    pub asked: &'a BTreeSet<String>,
    /// No more may be asked.
    pub most: u64,
    /// So many that matched were accepted, or had been asked by somebody else.
    pub known: u64,
    /// So many that matched are not accounted for.
    pub missing: u64,
    pub priority: Priority,
    /// The record that it came with, by its place in the batch.
    pub record: usize,
}

/// How asking one execution goes on to the next.
struct Asking<'a> {
    step: &'a Step<'a>,
    port: &'a dyn Port,
    context: &'a Context<'a>,
    until: Instant,
    /// No more is asked in this step.
    stopped: Cell<bool>,
    begun: Cell<u64>,
    /// What was listed is left, as far as is known.
    left: Cell<bool>,
    swept: RefCell<Swept>,
}

/// Takes a step.
///
/// # Errors
/// A list that could not be read before anything was asked, or the permit for it was too far away.
pub async fn step(
    port: &dyn Port,
    sweeps: &dyn Sweeps,
    step: &Step<'_>,
    context: &Context<'_>,
) -> Result<Swept, CallError> {
    let now = Instant::now();
    // Whose permit does not come is asked in the next step, and gives nothing back.
    let context = &Context { deferred: &|_, _| {}, ..*context };
    let asking = Asking {
        step,
        port,
        context,
        until: now + context.until.saturating_duration_since(now) / PART,
        stopped: Cell::new(false),
        begun: Cell::new(0),
        left: Cell::new(false),
        swept: RefCell::default(),
    };
    let look_up = LookUp::needed(context, step.priority);
    let Some(listing) = step.sweep.listing(Which::Open, step.requested_at) else {
        return Ok(Swept { end: Some(End::Done), ..Swept::default() });
    };
    let (mut tokens, mut token, mut shown) = (Tokens::default(), None, 0);
    let ended = loop {
        let page = sweeps.page(listing, token, &look_up).await;
        let next = page.and_then(|(found, next)| Ok((found, tokens.next(next)?)));
        let (found, next) = match next {
            Ok(page) => page,
            Err(error) if asking.begun.get() == 0 => return Err(error),
            Err(error) => {
                asking.swept.borrow_mut().hold_up(error.into());
                break false;
            }
        };
        let (mut new, mut meant) = (Vec::new(), found);
        meant.retain(|found| listing.means(found));
        for found in meant {
            match asking.is_left(&found) {
                true => new.push(found),
                false => shown += u64::from(!step.failed.contains(found.id.as_str())),
            }
        }
        asking.ask(new).await;
        token = next;
        // Where no more may be asked, the list tells whether more is left.
        let is_full = asking.begun.get() >= step.most && !asking.left.get();
        match (&token, asking.is_stopped() && !(is_full && Instant::now() < asking.until)) {
            (None, _) => break true,
            (_, true) => break false,
            _ => {}
        }
    };
    let (begun, left) = (asking.begun.get(), asking.left.get());
    let mut swept = asking.swept.into_inner();
    if !ended {
        // Those of the pages that were not read may be listed still; those asked last are the likeliest.
        step.asked.iter().for_each(|id| swept.carry(id));
    }
    let is_done = ended && begun == 0 && !left;
    if is_done && step.missing > 0 {
        account(sweeps, step, shown, &look_up, &mut swept).await?;
    }
    let bounded = (step.most == 0).then_some(End::Bounded);
    swept.end = is_done.then_some(End::Done).or(bounded);
    Ok(swept)
}

/// Tells what became of those that matched and were never answered for: somebody else has asked them, or a step
/// that died, or they ended by themselves. `shown` are still open and were asked.
async fn account(
    sweeps: &dyn Sweeps,
    step: &Step<'_>,
    shown: u64,
    look_up: &LookUp<'_>,
    swept: &mut Swept,
) -> Result<(), CallError> {
    let mut asked = shown;
    if let Some(listing) = step.sweep.listing(Which::Asked { since: step.since }, step.requested_at) {
        let read = each(sweeps, listing, look_up, |found| {
            asked += u64::from(found.asked != Some(false));
            true
        });
        match read.await {
            // Nobody may tell.
            Err(error) if error.class == Class::Config => return Ok(()),
            read => read?,
        };
    }
    swept.already_canceled = asked.saturating_sub(step.known).min(step.missing);
    swept.not_running = step.missing - swept.already_canceled;
    Ok(())
}

impl Asking<'_> {
    fn is_left(&self, found: &Found) -> bool {
        let asked = found.asked == Some(true) || self.step.asked.contains(&found.id);
        if found.asked.is_none() && asked {
            self.swept.borrow_mut().carry(&found.id);
        }
        !asked && !self.step.failed.contains(found.id.as_str())
    }

    fn is_stopped(&self) -> bool {
        self.stopped.get() || Instant::now() >= self.until || self.begun.get() >= self.step.most
    }

    /// Asks executions side by side, as many as their permits come in a moment.
    async fn ask(&self, found: Vec<Found>) {
        let limiter = self.context.pace.limiter(self.step.sweep.selection.service().cancel);
        let together = limiter.permits_in(AHEAD).min(self.context.retry.in_flight()).max(1);
        stream::iter(&found).for_each_concurrent(together, |found| self.ask_one(found)).await;
    }

    async fn ask_one(&self, found: &Found) {
        if self.is_stopped() {
            return self.left.set(true);
        }
        self.begun.set(self.begun.get() + 1);
        let asked = Asked {
            cancellation: found.cancellation.as_ref(),
            requested_at: self.step.requested_at,
            // It keeps no place in the line of those that were sent away.
            priority: Priority::Urgent,
            record: self.step.record,
        };
        let told = RefCell::new(None);
        let tell = |_, settlement| drop(told.replace(Some(settlement)));
        self.port.settle(vec![asked], self.context, &tell).await;
        let is_unclear = |settlement: &mut Settlement| settlement.unclear.is_some();
        let unclear = told.borrow_mut().take_if(is_unclear);
        if let Some(unclear) = unclear {
            self.port.explain(vec![(asked, unclear)], self.context, &tell).await;
        }
        let settlement = told.into_inner().unwrap_or_else(|| Settlement::broken(CallError::no_result()));
        self.take(found, settlement);
    }

    /// Takes over what became of one.
    fn take(&self, found: &Found, settlement: Settlement) {
        let swept = &mut *self.swept.borrow_mut();
        swept.attempts += settlement.attempts;
        swept.throttles += settlement.throttles;
        match settlement.status {
            Status::Accepted | Status::Partial => {
                swept.accepted += 1;
                if found.asked.is_none() {
                    swept.carry(&found.id);
                }
            }
            Status::AlreadyCanceled => swept.already_canceled += 1,
            Status::NotRunning | Status::NotFound => swept.not_running += 1,
            Status::Rejected => {
                let error = settlement.error.unwrap_or_else(|| CallError::no_result().into());
                swept.failures.push(Failure::of(&found.id, error));
            }
            Status::Failed | Status::Denied | Status::Deferred | Status::DryRun => {
                self.left.set(true);
                // What is refused to one is refused to all, and no permit is nearer for the next.
                self.stopped.set(self.stopped.get() || settlement.status != Status::Failed);
                settlement.error.into_iter().for_each(|error| swept.hold_up(error));
            }
        }
    }
}
