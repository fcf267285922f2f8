//! How every message must have ended, and what every response must have named: nothing is lost, nothing is
//! told twice without a cause, nothing is acknowledged in silence.

use countermand_simulator::Operation;
use serde_json::Value;

use super::draw::Round;
use super::observed::{End, Made, Observed, Receipt, Sent};
use super::requests::Wish;

pub const PUBLISHING: [Operation; 3] =
    [Operation::PUT_EVENTS, Operation::PUBLISH_BATCH, Operation::SEND_MESSAGE_BATCH];

const LAST_WORD: &str = "CancellationOutcome";

/// What sends a record back.
fn goes_back(told: &Value) -> bool {
    ["FAILED", "DENIED", "DEFERRED"].iter().any(|status| told["status"] == *status)
}

fn last_words<'a>(receipt: &'a Receipt) -> impl Iterator<Item = &'a Value> {
    receipt.told.iter().map(|(_, told)| *told).filter(|told| told["type"] == LAST_WORD)
}

/// A call that published in this delivery, or did not, went wrong in some way.
fn publishing_failed(seen: &Observed, receipt: &Receipt) -> bool {
    let mut calls = seen.calls_of(receipt.number, &PUBLISHING);
    receipt.delivery.panicked.is_some() || calls.any(|made| made.unheard() || !made.taken())
}

/// A call published in this delivery, and nobody heard it.
fn published_unheard(seen: &Observed, receipt: &Receipt) -> bool {
    let lost = |made: &Made| made.call.fault.as_deref() == Some("loseReply");
    seen.calls_of(receipt.number, &PUBLISHING)
        .any(|made| lost(made) || made.taken() && made.heard != Some(true))
}

/// The queue gets empty, and no invocation runs past its deadline.
pub fn in_time(_: &Round, seen: &Observed) -> Result<(), String> {
    if seen.stuck {
        return Err("the queue never gets empty".into());
    }
    seen.deliveries.iter().enumerate().try_for_each(|(number, delivery)| match delivery.end {
        End::TooLate => Err(format!("delivery {number}: no response before the deadline")),
        End::Panicked => Err(format!("delivery {number}: a panic reaches the runtime")),
        _ => Ok(()),
    })
}

/// Each message is acknowledged after its last word, or dead with it.
pub fn one_end(_: &Round, seen: &Observed) -> Result<(), String> {
    seen.sent.iter().try_for_each(|sent| {
        let receipts: Vec<Receipt> = seen.receipts(sent).collect();
        one_end_of(seen, sent, &receipts).map_err(|wrong| format!("message {}: {wrong}", sent.id))
    })
}

fn one_end_of(seen: &Observed, sent: &Sent, receipts: &[Receipt]) -> Result<(), String> {
    let acknowledged = |receipt: &&Receipt| {
        receipt.delivery.response().is_some_and(|named| !named.contains(&sent.id.as_str()))
    };
    let acknowledged = receipts.iter().filter(acknowledged).count();
    let dead = seen.dead.contains_key(&sent.id);
    if acknowledged + usize::from(dead) != 1 {
        return Err(format!("acknowledged {acknowledged} times, and dead: {dead}"));
    }
    if matches!(sent.message.wish, Wish::Ours) {
        return match receipts.iter().any(|receipt| !receipt.told.is_empty()) {
            true => Err("an outcome of one of our own messages".into()),
            false => Ok(()),
        };
    }
    let last = receipts.last().ok_or("never delivered")?;
    let told = last_words(last).count() > 0;
    if dead && !told && !last.delivery.died() && !publishing_failed(seen, last) {
        return Err("dead without its last word".into());
    }
    receipts.iter().try_for_each(|receipt| {
        let words = last_words(receipt).count();
        let excused = publishing_failed(seen, receipt);
        let heard = receipt.delivery.response().is_some();
        match words {
            0 => Ok(()),
            // A word that was not the last is one whose delivery nobody heard of to its end.
            1 if receipt.number == last.number || excused || !heard => Ok(()),
            2.. if published_unheard(seen, receipt) => Ok(()),
            words => Err(format!("{words} last words in delivery {} of many", receipt.number)),
        }
    })
}

/// A response names the records that come again and no other, in their order.
pub fn responses(round: &Round, seen: &Observed) -> Result<(), String> {
    for (number, delivery) in seen.deliveries.iter().enumerate() {
        let replied = matches!(delivery.end, End::Answered(_) | End::Unheard(_));
        let Some(named) = delivery.answer() else {
            match replied {
                true => return Err(format!("delivery {number}: no list of failures: {:?}", delivery.end)),
                false => continue,
            }
        };
        let ids: Vec<&str> = delivery.records.iter().map(|(id, _)| id.as_str()).collect();
        let in_order: Vec<&str> = ids.iter().copied().filter(|id| named.contains(id)).collect();
        if in_order != named {
            return Err(format!("delivery {number}: names {named:?} of {ids:?}"));
        }
        if round.in_order && !ids.ends_with(&named) {
            return Err(format!("delivery {number}: one goes before another that comes again: {named:?}"));
        }
    }
    seen.every_receipt().try_for_each(|receipt| {
        let Some(named) = receipt.delivery.answer() else { return Ok(()) };
        let comes_again = named.contains(&receipt.sent.id.as_str());
        let wrong = response_to(round, seen, &receipt, comes_again);
        wrong.map_err(|wrong| format!("message {}, delivery {}: {wrong}", receipt.sent.id, receipt.number))
    })
}

fn response_to(round: &Round, seen: &Observed, receipt: &Receipt, comes_again: bool) -> Result<(), String> {
    let excused = publishing_failed(seen, receipt);
    // What came out after the response was not out when the record was acknowledged.
    let mut told = receipt.told.iter().filter(|(place, _)| *place < receipt.delivery.told);
    let told = told.next_back().map(|(_, told)| *told);
    let ours = matches!(receipt.sent.message.wish, Wish::Ours);
    match (told, comes_again) {
        (None, false) if ours => Ok(()),
        (None, true) if ours && !round.in_order => Err("one of our own messages comes again".into()),
        (None, false) => Err("acknowledged without an outcome".into()),
        (Some(told), false) if goes_back(told) => Err(format!("acknowledged as {}", told["status"])),
        (Some(told), true) if !goes_back(told) && !excused => {
            Err(format!("comes again as {}", told["status"]))
        }
        _ => Ok(()),
    }
}

/// An outcome is the last word where its record is acknowledged or does not come again, and one that
/// only waits is not told. Nothing is told of what was never sent.
pub fn last_words_are_last(round: &Round, seen: &Observed) -> Result<(), String> {
    seen.told.iter().try_for_each(|told| {
        if !seen.sent.iter().any(|sent| told["source"]["id"] == *sent.id) {
            return Err(format!("an outcome of nothing that was sent: {told}"));
        }
        let count = told["source"]["receiveCount"].as_u64().unwrap_or(0);
        let last = !goes_back(told) || count >= u64::from(round.max_receives);
        let expected = if last { LAST_WORD } else { "CancellationAttemptFailed" };
        let waits = told["status"] == "DEFERRED" && !last;
        if told["type"] != expected || waits {
            return Err(format!("expected {expected}, got {told}"));
        }
        Ok(())
    })
}
