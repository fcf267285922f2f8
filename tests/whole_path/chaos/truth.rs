//! Whether what was told was so.
//!
//! The oracle is the world's own history: what an outcome says of a run must have been so at some moment of
//! its delivery. It tells here what any outcome says; what its status says of a target is [`statuses`]'s.
//!
//! [`statuses`]: super::statuses

use countermand_simulator::{Call, Operation};
use serde_json::Value;

use super::draw::Round;
use super::history::run_key;
use super::meant::means;
use super::observed::{Made, Observed, Receipt};
use super::requests::Wish;
use crate::services::draw::Wanted;
use crate::services::{self, key_of};

/// What each outcome says was so.
pub fn told_as_it_was(round: &Round, seen: &Observed) -> Result<(), String> {
    seen.every_receipt().try_for_each(|receipt| {
        receipt.told.iter().try_for_each(|(_, told)| {
            let wrong = Telling { round, seen, receipt: &receipt, told }.check();
            wrong.map_err(|wrong| {
                format!(
                    "{wrong}, delivery {}, wish {:?}, since {}: {told}",
                    receipt.number, receipt.sent.message.wish, receipt.sent.since
                )
            })
        })
    })
}

/// An outcome and all that it is held against.
pub struct Telling<'a> {
    pub round: &'a Round,
    pub seen: &'a Observed,
    pub receipt: &'a Receipt<'a>,
    pub told: &'a Value,
}

impl Telling<'_> {
    fn check(&self) -> Result<(), String> {
        let status = self.told["status"].as_str().unwrap_or_default();
        let wish = &self.receipt.sent.message.wish;
        match (wish, status) {
            (Wish::Invalid, "REJECTED" | "DEFERRED") => return Ok(()),
            (Wish::Invalid, _) => return Err("expected REJECTED".into()),
            (_, "DEFERRED") => return self.nothing_asked(),
            (_, "DRY_RUN") => return self.dry_run(),
            _ if self.receipt.sent.message.dry_run && self.told["attempts"] != 0 => {
                return Err("a dry run calls".into());
            }
            _ => {}
        }
        let Wish::For(wanted) = wish else { return Ok(()) };
        self.panicked(wanted)?;
        self.executions(wanted)?;
        self.effect()?;
        self.refused_alone(wanted, status)?;
        self.status(wanted, status)
    }

    /// A panic is told of the requests whose call it was, and of no other. A call that lists runs names none.
    fn panicked(&self, wanted: &Wanted) -> Result<(), String> {
        let names = |text: &String| {
            let names_runs = text.to_lowercase().contains(&wanted.service.names.to_lowercase());
            let mut runs = wanted.runs.iter().flatten();
            text.contains(&wanted.target)
                && (!names_runs || wanted.runs.is_none() || runs.any(|run| text.contains(run)))
        };
        match self.told["error"]["code"] == "Panic"
            && !self.receipt.delivery.panicked.as_ref().is_some_and(names)
        {
            true => Err("another request's call panicked".into()),
            false => Ok(()),
        }
    }

    fn time(&self) -> (i64, i64) {
        self.seen.time(self.receipt.delivery)
    }

    /// Whether a run was in one of these states at some moment of the delivery.
    pub fn was(&self, key: &str, states: &[&str]) -> bool {
        self.seen.history.states(key, self.time()).iter().any(|state| states.contains(state))
    }

    /// Whether it was in one of these states all the time.
    pub fn stayed(&self, key: &str, states: &[&str]) -> bool {
        self.seen.history.states(key, self.time()).iter().all(|state| states.contains(state))
    }

    /// Calls of this delivery that ask for the cancel of the request's target.
    pub fn cancels(&self) -> Vec<&Made> {
        let Wish::For(wanted) = &self.receipt.sent.message.wish else { return Vec::new() };
        let calls = self.seen.calls_of(self.receipt.number, std::slice::from_ref(&wanted.service.cancel));
        calls.filter(|made| asks_for(&made.call, wanted)).collect()
    }

    /// Whether the outcome itself says that this call was answered, which took what it named.
    fn lists(&self, made: &Made) -> bool {
        let ids = self.told["serviceRequestIds"].as_array();
        made.taken() && ids.is_some_and(|ids| ids.iter().any(|id| *id == *made.call.request_id))
    }

    /// Whether this delivery's calls changed a run.
    pub fn changed(&self, key: &str) -> bool {
        let mut changes = self.seen.history.by_calls().filter(|(other, _)| *other == key);
        changes.any(|(_, change)| self.seen.can_be(change.by, change.at, self.receipt.number))
    }

    /// Whether reading went wrong in this delivery, or may have been given up for want of a turn.
    pub fn reading_failed(&self, operations: &[Operation]) -> bool {
        let trouble = |made: &Made| made.unheard() || !made.taken();
        let limited = operations.iter().any(|operation| {
            let Round { limits, faults, .. } = self.round;
            let slow =
                faults.iter().any(|fault| fault.operation == *operation && fault.kind.name() == "throttle");
            slow || limits.iter().any(|limit| limit.operation == *operation)
        });
        let late = self.receipt.delivery.ended - self.receipt.delivery.began + 2_500
            > i64::try_from(self.round.timeout.as_millis()).unwrap_or_default() * 3 / 4;
        limited
            || late
            || self.receipt.delivery.panicked.is_some()
            || self.seen.calls_of(self.receipt.number, operations).any(trouble)
    }

    fn nothing_asked(&self) -> Result<(), String> {
        match self.told["attempts"] == 0 && self.told["effect"] == "NONE" {
            true => Ok(()),
            false => Err("deferred after a call".into()),
        }
    }

    fn dry_run(&self) -> Result<(), String> {
        if !self.receipt.sent.message.dry_run {
            return Err("nobody asked for a dry run".into());
        }
        let Wish::For(wanted) = &self.receipt.sent.message.wish else { return Ok(()) };
        // One that was asked already can be asked again, where the service takes it so.
        let states = &["RUNNING", "CANCELING"][..if wanted.service.one_at_a_time { 2 } else { 1 }];
        let mut would =
            self.told["result"]["wouldCancel"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let wrong = would.find(|id| !self.was(&run_key(&wanted.key(), id), states));
        wrong.map_or(Ok(()), |id| Err(format!("{id} could not be canceled")))
    }

    /// Each run's state, where the outcome tells them.
    fn executions(&self, wanted: &Wanted) -> Result<(), String> {
        let told = self.told["result"]["executions"].as_array().into_iter().flatten();
        told.into_iter().try_for_each(|run| {
            let (id, state) = (run["executionId"].as_str(), run["state"].as_str());
            let (id, state) = (id.unwrap_or_default(), state.unwrap_or_default());
            let key = run_key(&wanted.key(), id);
            let so = match state {
                "ACCEPTED" => self.changed(&key),
                "ALREADY_CANCELED" => self.was(&key, &["CANCELING", "CANCELED"]),
                "ALREADY_FINISHED" => self.was(&key, &["SUCCEEDED", "FAILED"]),
                "NOT_LISTED" => self.was(&key, &[""]),
                "STILL_RUNNING" => self.was(&key, &["RUNNING"]),
                "UNEXPLAINED" => self.reading_failed(&[wanted.service.look_up]),
                "NOT_ANSWERED" => {
                    !self.cancels().iter().any(|made| names(&made.call, id) && self.lists(made))
                }
                _ => false,
            };
            // Pinned runs can be known without a call; of a named one only the service's answer tells.
            let answered = self.cancels().iter().any(|made| names(&made.call, id) && made.taken());
            if so && (answered || wanted.runs.is_none() || state == "NOT_ANSWERED") {
                Ok(())
            } else {
                Err(format!("{id} is not {state}"))
            }
        })
    }

    /// What was done, was done; what was not, was not. Where several requests of a delivery name the same
    /// run, either's call can have been the one.
    fn effect(&self) -> Result<(), String> {
        let calls = self.cancels();
        let (taken, unanswered) = (
            calls.iter().any(|made| made.taken()),
            // An answer that arrives in the last moment of an attempt is too late for it.
            calls.iter().any(|made| made.unheard() || made.heard.is_none())
                || self.receipt.delivery.panicked.is_some()
                || ["DeadlineExceeded", "Timeout"].iter().any(|code| self.told["error"]["code"] == *code),
        );
        match self.told["effect"].as_str() {
            // What was done unheard a description can tell.
            Some("REQUESTED") if !(taken || unanswered && self.own_change()) => {
                Err("nothing was taken".into())
            }
            Some("UNKNOWN") if !unanswered => Err("every call was answered".into()),
            Some("NONE") if self.own_change() => Err("something was done".into()),
            _ => Ok(()),
        }
    }

    /// A change that no other request of the delivery can have made, not even an equal one: a shared call
    /// that was refused is made for each alone.
    fn own_change(&self) -> bool {
        let mine = |receipt: &Receipt, key: &str| means(self.round, self.seen, receipt, key);
        let receipts: Vec<Receipt> = self.seen.every_receipt().collect();
        self.seen.history.by_calls().any(|(key, change)| {
            self.seen.can_be(change.by, change.at, self.receipt.number)
                && mine(self.receipt, key)
                && !receipts.iter().any(|other| {
                    other.sent.id != self.receipt.sent.id
                        && self.seen.can_be(change.by, change.at, other.number)
                        && mine(other, key)
                })
        })
    }

    /// What a service refused for good, it refused for this request alone.
    fn refused_alone(&self, wanted: &Wanted, status: &str) -> Result<(), String> {
        let Some(own) = &wanted.runs else { return Ok(()) };
        let by_service = status == "REJECTED" || status == "NOT_FOUND" && self.told["error"].is_object();
        let alone = |made: &&Made| {
            let named = services::called(&made.call);
            let named = services::named(&named);
            let is_own = |id: &&str| own.iter().any(|own| own == id);
            made.call.status != Some(200) && named.is_some_and(|named| named.iter().all(is_own))
        };
        match by_service && !self.receipt.sent.message.dry_run && !self.cancels().iter().any(alone) {
            true => Err("refused for another request".into()),
            false => Ok(()),
        }
    }
}

/// Whether a call is for what a request wants, shared or not.
fn asks_for(call: &Call, wanted: &Wanted) -> bool {
    let called = services::called(call);
    let meets = match (services::named(&called), &wanted.runs) {
        (Some(named), Some(wanted)) => named.iter().any(|id| wanted.iter().any(|wanted| wanted == id)),
        (named, Some(_)) => named.is_some(),
        (_, None) => true,
    };
    meets && key_of(&called) == Some(wanted.key())
}

/// Whether a call names this run.
fn names(call: &Call, id: &str) -> bool {
    services::named(&services::called(call)).is_some_and(|named| named.contains(&id))
}
