//! Sweeps: how many match, one step after the other, and what is told of it.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::Handler;
use super::case::{Case, FollowedUp, Read, Told, Valid, What};
use crate::call_error::CallError;
use crate::event_source::Record;
use crate::fields::Fields;
use crate::invocation::Invocation;
use crate::log;
use crate::plan;
use crate::sweep::{Chain, Next, Report};
use crate::targets::sweep::{Counted, Swept};
use crate::targets::{Asked, Context, Settlement};
use crate::vocabulary::{Effect, Status};

impl Handler {
    /// A step that a message of our own asks for, held to the policy as it stands.
    pub(super) fn read_sweep(&self, record: &Record, fields: Fields<'_>) -> Result<Chain, String> {
        self.follow_ups.check_origin(&record.source)?;
        let chain = Chain::read(fields)?;
        self.check_standing(chain.cancellation.as_ref())?;
        Ok(chain)
    }

    /// Counts what requests for a sweep would reach, and takes the steps of those that have begun. Nobody waits
    /// for another.
    pub(super) async fn sweep(
        &self,
        records: &[Record],
        read: &[Read],
        context: &Context<'_>,
        know: &dyn Fn(usize, What),
    ) {
        // Of thousands of records hardly one sweeps, and the work for one takes 3 kB.
        let work = read.iter().enumerate().filter_map(|(place, read)| {
            let priority = plan::priority(&records[place]);
            match read {
                Read::Valid(Valid { request, requested_at, .. }) => {
                    let cancellation = request.cancellation.sweep()?;
                    let asked = Asked { cancellation, requested_at: *requested_at, priority, record: place };
                    let dry_run = self.planner.dry_run || request.dry_run;
                    let count = async move {
                        match self.targets.count(asked, dry_run, context).await {
                            Ok(counted) => know(place, What::Counted(counted)),
                            Err(settlement) => know(place, What::Settled(settlement)),
                        }
                    };
                    Some(count.left_future())
                }
                Read::Sweep(chain) => {
                    // What was begun before nothing may be canceled any more is not gone on with.
                    let step = chain.step(priority, place, context.now).filter(|_| !self.planner.dry_run);
                    let sweep = async move {
                        let swept = match step {
                            Some(step) => self.targets.sweep(&step, context).await.map(Some),
                            None => Ok(None),
                        };
                        know(place, What::Swept(swept));
                    };
                    Some(sweep.right_future())
                }
                _ => None,
            }
        });
        join_all(work).await;
    }

    /// Takes over how many match.
    pub(super) fn count(&self, case: &mut Case<'_>, counted: Counted) {
        let Read::Valid(valid) = case.read else { return };
        let Some(sweep) = valid.request.cancellation.sweep() else { return };
        case.too_many = counted.check(sweep);
        if case.too_many.is_none() {
            case.matched = Some(counted.found);
            let result = Some(serde_json::json!({"matched": counted.found}));
            let accepted = Settlement { effect: Effect::None, result, ..Settlement::of(Status::Accepted) };
            case.settlement = Some(Box::new(accepted));
        }
    }

    /// What came of a step leads to the next, or is the end.
    pub(super) fn swept(
        &self,
        case: &mut Case<'_>,
        swept: Result<Option<Swept>, CallError>,
        invocation: &Invocation,
    ) {
        let Read::Sweep(chain) = case.read else { return };
        let swept = match swept {
            Ok(swept) => swept,
            // It is redelivered until the list can be read: whoever gives up on it has nothing to tell.
            Err(error) => {
                case.asked_wait = error.retry_after;
                return case.told = Told::InLine;
            }
        };
        let (mut chain, now) = (Chain::clone(chain), invocation.now());
        case.calls = swept.as_ref().map_or((0, 0), |swept| (swept.attempts, swept.throttles));
        let (next, error) = chain.take(swept);
        let report =
            |chain: &Chain, verdict| Told::Report(Box::new(Report::new(chain, verdict, error.as_ref(), now)));
        let delay: Duration = match next {
            Next::Over(verdict) => return case.told = report(&chain, Some(verdict)),
            Next::Step(delay) => delay,
        };
        if chain.tells(now) {
            case.told = report(&chain, None);
        }
        match chain.message(delay) {
            Ok(message) => case.follow_up = FollowedUp::Ready(message),
            Err(wrong) => {
                log::too_long_to_follow(case.record, &wrong);
                case.goes_back = true;
            }
        }
    }
}
