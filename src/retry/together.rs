//! Calls that carry many entries, each of which may fail by itself inside a success.

use tokio::time::Instant;

use super::Retry;
use crate::call_error::{CallError, Class};

/// What became of each entry of a call, in their order.
pub type Taken = Vec<Result<(), CallError>>;

impl Retry {
    /// Calls until each of `count` entries is taken or fails for good. The call is given the places of those
    /// that are left: all at first, then those that failed and may succeed.
    pub async fn run_together(
        &self,
        count: usize,
        until: Instant,
        mut call: impl AsyncFnMut(&[usize]) -> Result<Taken, CallError>,
    ) -> Taken {
        let mut results: Vec<Option<Result<(), CallError>>> = vec![None; count];
        let attempts = self
            .run(until, async || {
                let open = |place: &usize| !results[*place].as_ref().is_some_and(is_final);
                let left: Vec<usize> = (0..count).filter(open).collect();
                let taken = call(&left).await?;
                for (place, result) in left.into_iter().zip(taken) {
                    results[place] = Some(result);
                }
                match results.iter().flatten().find(|result| !is_final(result)) {
                    Some(Err(error)) => Err(error.clone()),
                    _ => Ok(()),
                }
            })
            .await;
        let failure = attempts.result.err();
        let unsaid = || Err(CallError::unreadable("one result for each entry"));
        let result = |result: Option<_>| result.or(failure.clone().map(Err)).unwrap_or_else(unsaid);
        results.into_iter().map(result).collect()
    }
}

/// Whether sending an entry again would change nothing.
fn is_final(result: &Result<(), CallError>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => !matches!(error.class, Class::Throttle | Class::Retry),
    }
}
