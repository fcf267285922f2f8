//! Where a panic stops.
//!
//! A defect that shows while one record is handled must not cost the others of its batch, nor the process.
//! It is contained around each call, around each request and around each target, and becomes an error like
//! any other; what it leaves unsaid is said by the next delivery. The log tells its place. Nothing here
//! knows what the work is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;

use crate::call_error::CallError;

/// Does the work, or says that it panicked.
///
/// # Errors
/// `Panic`: it may have been done in part.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, CallError> {
    // What outlives the work is behind locks that are held for whole steps only.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| CallError::panicked())
}

/// The same for work that waits.
///
/// # Errors
/// `Panic`: it may have been done in part.
pub async fn contained_in<T>(work: impl Future<Output = T>) -> Result<T, CallError> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| CallError::panicked())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        assert_eq!(contained(|| 7), Ok(7));
        assert_eq!(contained_in(async { 7 }).await, Ok(7));
        let empty: Vec<u32> = Vec::new();
        assert_eq!(contained(|| empty[empty.len()]).unwrap_err().code, "Panic");
        let waits = async {
            tokio::task::yield_now().await;
            empty[empty.len()]
        };
        assert_eq!(contained_in(waits).await.unwrap_err().code, "Panic");
    }
}
