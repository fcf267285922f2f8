//! How many match, found out before anything is asked.

use serde_json::{Value, json};

use super::{Found, Listing, Sweep, Sweeps, Which};
use crate::call_error::CallError;
use crate::fields::violation::{Code, Violation};
use crate::targets::pages::Tokens;
use crate::targets::{Asked, LookUp, incomplete};

/// A dry run names so many executions.
const MOST_NAMED: usize = 100;

/// How many match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub found: u64,
    /// There are more than were counted.
    pub more: bool,
}

/// Counts what matches, no further than it is needed; beside it what a dry run tells, where this is one.
///
/// # Errors
/// A read that failed, or a list that cannot be read to its end.
pub async fn count(
    sweeps: &dyn Sweeps,
    asked: Asked<'_, Sweep>,
    dry_run: bool,
    look_up: &LookUp<'_>,
) -> Result<(Counted, Option<Value>), CallError> {
    let Some(listing) = asked.cancellation.listing(Which::Open, asked.requested_at) else {
        let counted = Counted { found: 0, more: false };
        return Ok((
            counted,
            dry_run.then(|| json!({"matched": 0, "wouldCancel": [], "wouldTakeSeconds": 0})),
        ));
    };
    let counted = counted(sweeps, asked.cancellation, listing, look_up).await?;
    let told = match dry_run && counted.check(asked.cancellation).is_none() {
        true => Some(dry_run_of(sweeps, listing, counted, look_up).await?),
        false => None,
    };
    Ok((counted, told))
}

async fn counted(
    sweeps: &dyn Sweeps,
    sweep: &Sweep,
    listing: Listing<'_>,
    look_up: &LookUp<'_>,
) -> Result<Counted, CallError> {
    if let Some(counted) = sweeps.count(listing, look_up).await? {
        return Ok(counted);
    }
    let (mut found, most) = (0, sweep.bounds.max_executions);
    let more = each(sweeps, listing, look_up, |_| {
        found += 1;
        found <= most
    });
    let more = more.await?;
    Ok(Counted { found: found.min(most), more })
}

/// What a dry run tells: how many match, some of them, and how long it would take to ask all.
async fn dry_run_of(
    sweeps: &dyn Sweeps,
    listing: Listing<'_>,
    counted: Counted,
    look_up: &LookUp<'_>,
) -> Result<Value, CallError> {
    let mut named = Vec::new();
    let read = each(sweeps, listing, look_up, |found| {
        named.extend((found.asked != Some(true)).then_some(found.id));
        named.len() < MOST_NAMED
    });
    read.await?;
    let limiter = look_up.context().pace.limiter(listing.selection.service().cancel);
    let takes = limiter.time_for(counted.found).as_millis().div_ceil(1_000);
    let takes = u64::try_from(takes).unwrap_or(u64::MAX);
    Ok(json!({"matched": counted.found, "wouldCancel": named, "wouldTakeSeconds": takes}))
}

/// Reads a list until `go_on` wants no more of what is meant, or to its end; whether it was the first.
///
/// # Errors
/// A read that failed, or a list that cannot be read to its end.
pub async fn each(
    sweeps: &dyn Sweeps,
    listing: Listing<'_>,
    look_up: &LookUp<'_>,
    mut go_on: impl FnMut(Found) -> bool,
) -> Result<bool, CallError> {
    let (mut tokens, mut token, mut is_first) = (Tokens::default(), None, true);
    loop {
        let page = sweeps.page(listing, token, look_up).await;
        let (found, next) = page.map_err(|error| if is_first { error } else { incomplete(error) })?;
        for found in found.into_iter().filter(|found| listing.means(found)) {
            if !go_on(found) {
                return Ok(true);
            }
        }
        token = tokens.next(next).map_err(incomplete)?;
        is_first = false;
        if token.is_none() {
            return Ok(false);
        }
    }
}

impl Counted {
    /// What is wrong with a request of which more match than it may reach.
    pub fn check(self, sweep: &Sweep) -> Option<Violation> {
        let (most, found) = (sweep.bounds.max_executions, self.found);
        let got = if self.more { format!("more than {found}") } else { found.to_string() };
        let message = format!("expected at most {most} that match, found {got}, and canceled none");
        let too_many = found > most || self.more;
        too_many.then(|| Violation { path: "maxExecutions".into(), code: Code::TooMany, message })
    }
}
