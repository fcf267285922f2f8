//! Whether what was done was asked for: what changed must have been meant by a request that was being
//! carried out just then, and of an open-ended one only what its age and receive count let it reach.

use super::draw::Round;
use super::history::{execution_key, run_key, workflow_key};
use super::observed::{Observed, Receipt};
use super::requests::Wish;

/// Every change that a call made was meant by a request that was being carried out.
pub fn only_what_was_meant(round: &Round, seen: &Observed) -> Result<(), String> {
    let receipts: Vec<Receipt> = seen.every_receipt().collect();
    seen.history.by_calls().try_for_each(|(key, change)| {
        let at_work = receipts.iter().filter(|receipt| seen.can_be(change.by, change.at, receipt.number));
        match at_work.clone().any(|receipt| means(round, seen, receipt, key)) {
            true => Ok(()),
            false => {
                let wishes: Vec<_> = at_work
                    .map(|receipt| (&receipt.sent.message.wish, receipt.sent.since, receipt.count))
                    .collect();
                let started = seen.history.started(key);
                Err(format!("{key}, started at {started}, became {change:?}, which none meant of {wishes:?}"))
            }
        }
    })
}

/// Whether this delivery of a request may reach that run.
pub fn means(round: &Round, seen: &Observed, receipt: &Receipt, key: &str) -> bool {
    !receipt.sent.message.dry_run
        && match &receipt.sent.message.wish {
            Wish::Runs { flow, ids: Some(ids) } => ids.iter().any(|id| run_key(flow, id) == key),
            Wish::Workflow { id, run_id: Some(run_id) } => workflow_key(id, run_id) == key,
            Wish::Execution { name } => execution_key(name) == key,
            Wish::Runs { .. } | Wish::Workflow { .. } => {
                let of_target =
                    open_ended(&receipt.sent.message.wish).is_some_and(|prefix| key.starts_with(&prefix));
                of_target && (fresh(round, seen, receipt) || seen.history.had_started(key, receipt.sent.by))
            }
            Wish::Invalid | Wish::Ours => false,
        }
}

/// What the keys of all the runs begin with that a request without names can mean.
fn open_ended(wish: &Wish) -> Option<String> {
    match wish {
        Wish::Runs { flow, ids: None } => Some(run_key(flow, "")),
        Wish::Workflow { id, run_id: None } => Some(workflow_key(id, "")),
        _ => None,
    }
}

/// An open-ended request of which this may still be what the service takes it for.
fn fresh(round: &Round, seen: &Observed, receipt: &Receipt) -> bool {
    let age = receipt.delivery.began - receipt.sent.since;
    receipt.count == 1 && round.pin_after > 0 && age <= round.pin_after + seen.blur
}
