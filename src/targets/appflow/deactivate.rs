//! What became of a flow that was to be deactivated, and what that means beside the cancel.
//!
//! The two do not wait for each other's success: the status is that of the graver failure, `effect` that of the
//! cancel, and what is redelivered does both again.

use serde_json::json;

use crate::call_error::CallError;
use crate::targets::{Conclusion, status_of};
use crate::vocabulary::{Disposition, Status};

/// What became of a flow that was to start no further run.
#[derive(Clone, Debug, PartialEq)]
pub enum Deactivation {
    Deactivated,
    /// It runs on demand, and starts none by itself.
    NotScheduled,
    Failed(CallError),
}

impl Deactivation {
    /// What an answer to `StopFlow` means; nothing where nothing was asked at all.
    pub fn of<T>(result: Result<T, &CallError>) -> Option<Self> {
        match result {
            Ok(_) => Some(Self::Deactivated),
            Err(error) if status_of(error.class) == Status::Deferred => None,
            Err(error) if error.code == "UnsupportedOperationException" => Some(Self::NotScheduled),
            Err(error) => Some(Self::Failed(error.clone())),
        }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }

    /// Told beside what became of the cancel.
    pub fn beside<U>(self, mut conclusion: Conclusion<U>) -> Conclusion<U> {
        let mut result = conclusion.result.take().unwrap_or_else(|| json!({}));
        result["deactivation"] = json!(match &self {
            Self::Deactivated => "DEACTIVATED",
            Self::NotScheduled => "NOT_SCHEDULED",
            Self::Failed(_) => "FAILED",
        });
        conclusion.result = Some(result);
        conclusion.went_beyond = self == Self::Deactivated;
        let Self::Failed(error) = self else { return conclusion };
        let own = status_of(error.class);
        let status = if own == Status::Denied { own } else { Status::Failed };
        let redelivered = |status: Status| status.disposition() == Disposition::Redeliver;
        // What AppFlow does not know, or refuses for good, it does for both.
        let is_for_good = !redelivered(own) && own == conclusion.status;
        let is_graver = !redelivered(conclusion.status) || own == Status::Denied;
        if !is_for_good && conclusion.status != status && is_graver {
            (conclusion.status, conclusion.error) = (status, Some(error));
        }
        conclusion
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_error::Class;

    #[test]
    fn the_graver_failure_of_the_two_gives_the_status() {
        use Status::{Accepted, Denied, Failed, NotFound, NotRunning, Rejected};
        for (class, cancel, status, tells) in [
            (Class::Config, Accepted, Denied, true),
            (Class::Config, NotRunning, Denied, true),
            (Class::Config, Failed, Denied, true),
            (Class::Config, Denied, Denied, false),
            (Class::Throttle, Accepted, Failed, true),
            (Class::Throttle, Denied, Denied, false),
            (Class::Throttle, Failed, Failed, false),
            (Class::Unknown, Accepted, Failed, true),
            (Class::NotFound, NotFound, NotFound, false),
            (Class::NotFound, Accepted, Failed, true),
            (Class::Terminal, Rejected, Rejected, false),
            (Class::Terminal, Accepted, Failed, true),
        ] {
            let error = CallError::service(class, "Own", "message");
            let deactivation = Deactivation::of::<()>(Err(&error)).expect("it was asked");
            let told = deactivation.beside(Conclusion::<()>::of(cancel));
            assert_eq!((told.status, told.error.is_some()), (status, tells), "{class:?} {cancel:?}");
            assert_eq!(told.result, Some(json!({"deactivation": "FAILED"})));
            assert!(!told.went_beyond);
        }
    }
}
