//! Whether what was done was asked for: what changed must have been meant by a request that was being
//! carried out just then, and of an open-ended one only what its age and receive count let it reach.

use super::draw::Round;
use super::history::run_key;
use super::observed::{Observed, Receipt};
use super::requests::Wish;
use crate::services::draw::Wanted;

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
            Wish::For(Wanted { runs: Some(runs), .. }) if is_of_target(receipt, key) => {
                runs.iter().any(|id| key.ends_with(&format!("/{id}")))
            }
            Wish::For(_) if is_of_target(receipt, key) => {
                fresh(round, seen, receipt) || seen.history.had_started(key, receipt.sent.by)
            }
            _ => false,
        }
}

/// Whether a run is one of those that the request is about.
fn is_of_target(receipt: &Receipt, key: &str) -> bool {
    let Wish::For(wanted) = &receipt.sent.message.wish else { return false };
    key.starts_with(&run_key(&wanted.key(), ""))
}

/// An open-ended request of which this may still be what the service takes it for.
fn fresh(round: &Round, seen: &Observed, receipt: &Receipt) -> bool {
    let age = receipt.delivery.began - receipt.sent.since;
    receipt.count == 1 && round.pin_after > 0 && age <= round.pin_after + seen.blur
}
