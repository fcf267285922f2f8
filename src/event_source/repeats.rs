//! Invocations that failed and may be repeated.
//!
//! Lambda invokes again, a minute or two later, what was invoked asynchronously and failed, and does not
//! say so; but it does so under the same id. As far as it comes to the same process, it is known here.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::timestamp::Timestamp;

/// The ids of the last invocations that failed, and when each came first.
#[derive(Default)]
pub struct Repeats(Mutex<VecDeque<(String, Timestamp)>>);

impl Repeats {
    /// So many are kept: a process handles one at a time.
    const MOST: usize = 100;

    /// When an invocation came first, if it failed then.
    pub fn first(&self, request_id: &str) -> Option<Timestamp> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.iter().find(|(id, _)| id == request_id).map(|(_, at)| *at)
    }

    /// Keeps in mind that an invocation failed that came at this time.
    pub fn failed(&self, request_id: &str, came_at: Timestamp) {
        if self.first(request_id).is_some() {
            return;
        }
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.truncate(Self::MOST - 1);
        failed.push_front((request_id.into(), came_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_failures_are_known_each_by_when_it_came_first() {
        let (repeats, at) = (Repeats::default(), |millis| Timestamp::from_millis(millis).expect("a time"));
        assert_eq!(repeats.first("a"), None);
        repeats.failed("a", at(1));
        repeats.failed("a", at(2));
        assert_eq!(repeats.first("a"), Some(at(1)));
        (0..100).for_each(|number| repeats.failed(&number.to_string(), at(3)));
        assert_eq!((repeats.first("a"), repeats.first("0")), (None, Some(at(3))));
    }
}
