//! Where a panic stops.
//!
//! A defect that shows while one record is handled must not cost the others of its batch, nor the process.
//! It is contained around each call, around each request and around each target, and becomes an error like
//! any other; what it leaves unsaid is said by the next delivery. The log tells its place. Nothing here
//! knows what the work is.

use std::cell::RefCell;
use std::collections::BTreeSet;
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

/// Has work done for records, each of which is told of once. Those that the work leaves out have failed, by its
/// panic or for no known reason; what it tells of a record that is none of these goes nowhere.
pub async fn told_once<What>(
    records: impl IntoIterator<Item = usize>,
    tell: &dyn Fn(usize, What),
    failed: impl Fn(usize, CallError) -> What,
    work: impl AsyncFnOnce(&dyn Fn(usize, What)),
) {
    let left: RefCell<BTreeSet<usize>> = RefCell::new(records.into_iter().collect());
    let once = |record, what| {
        let is_left = left.borrow_mut().remove(&record);
        is_left.then(|| tell(record, what));
    };
    let error = contained_in(work(&once)).await.err().unwrap_or_else(CallError::no_result);
    left.take().into_iter().for_each(|record| tell(record, failed(record, error.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_record_is_told_of_once_and_no_other() {
        for (panics, error) in [(false, "NoResult"), (true, "Panic")] {
            let told = RefCell::new(Vec::new());
            let failed = |record, error: CallError| format!("{record} {}", error.code);
            let tell = |record, what| told.borrow_mut().push((record, what));
            let work = async |tell: &dyn Fn(usize, String)| {
                [7, 5, 9, 7].into_iter().for_each(|record| tell(record, format!("{record} done")));
                assert!(!panics);
            };
            told_once([5, 6, 7, 8], &tell, failed, work).await;
            let expected = ["7 done".into(), "5 done".into(), format!("6 {error}"), format!("8 {error}")];
            assert_eq!(told.take(), [7, 5, 6, 8].into_iter().zip(expected).collect::<Vec<_>>());
        }
    }

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
