//! How a world looks to a read that lags behind: what began or changed since is not there yet. It is
//! worked out from the moments that the world itself tells.

use std::borrow::Cow;
use std::time::Duration;

use super::{Run, RunStatus, WorkflowExecution, WorkflowStatus, World};
use crate::service::Operation;
use crate::timestamp::Timestamp;

impl World {
    /// The moment that a read of this operation tells of; nothing where it tells of the present.
    pub(crate) fn as_of(&self, operation: Operation, now: Timestamp) -> Option<Timestamp> {
        self.lag_ms.get(&operation).map(|lag| now - Duration::from_millis(*lag))
    }
}

impl Run {
    /// As it was at that moment; nothing where it had not begun. What it was before its last update is
    /// taken to be in progress.
    pub(crate) fn as_of(&self, moment: Option<Timestamp>, began: Timestamp) -> Option<Cow<'_, Run>> {
        let Some(moment) = moment else { return Some(Cow::Borrowed(self)) };
        let (started, updated) = self.moments(began);
        if started > moment {
            return None;
        }
        Some(match updated > moment {
            false => Cow::Borrowed(self),
            true => Cow::Owned(Run {
                status: RunStatus::InProgress,
                last_updated_at: Some(started),
                ..self.clone()
            }),
        })
    }
}

impl WorkflowExecution {
    /// As it was at that moment; nothing where it had not begun.
    pub(crate) fn as_of(
        &self,
        moment: Option<Timestamp>,
        began: Timestamp,
    ) -> Option<Cow<'_, WorkflowExecution>> {
        let Some(moment) = moment else { return Some(Cow::Borrowed(self)) };
        let (started, closed) = self.moments(began);
        if started > moment {
            return None;
        }
        Some(match closed.is_some_and(|closed| closed > moment) {
            false => Cow::Borrowed(self),
            true => Cow::Owned(WorkflowExecution {
                status: WorkflowStatus::Open,
                close_status: None,
                closed_at: None,
                ..self.clone()
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_began_or_changed_since_is_not_there_yet() {
        let world: World = serde_json::from_value(json!({
            "appflow": {"f1": {"runs": [{"executionId": "a", "status": "CancelStarted",
                "startedAt": "2025-11-20T10:00:00Z", "lastUpdatedAt": "2025-11-20T10:00:10Z"}]}},
            "swf": {"d": {"executions": [{"workflowId": "w", "runId": "r", "status": "CLOSED", "closeStatus": "FAILED",
                "startedAt": "2025-11-20T10:00:00Z", "closedAt": "2025-11-20T10:00:10Z"}]}},
            "lagMs": {"swf.ListOpenWorkflowExecutions": 5_000},
        }))
        .unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (run, execution) = (&world.appflow["f1"].runs[0], &world.swf["d"].executions[0]);
        let began = at("2025-11-20T12:00:00Z");
        for (moment, status, closed) in [
            (None, Some(RunStatus::CancelStarted), Some(WorkflowStatus::Closed)),
            (Some("2025-11-20T10:00:10Z"), Some(RunStatus::CancelStarted), Some(WorkflowStatus::Closed)),
            (Some("2025-11-20T10:00:09Z"), Some(RunStatus::InProgress), Some(WorkflowStatus::Open)),
            (Some("2025-11-20T09:59:59Z"), None, None),
        ] {
            let moment = moment.map(at);
            assert_eq!(run.as_of(moment, began).map(|run| run.status), status);
            assert_eq!(execution.as_of(moment, began).map(|one| one.status), closed);
        }
        let lagging = world.as_of(Operation::LIST_OPEN_WORKFLOW_EXECUTIONS, began);
        assert_eq!(lagging, Some(at("2025-11-20T11:59:55Z")));
        assert_eq!(world.as_of(Operation::LIST_CLOSED_WORKFLOW_EXECUTIONS, began), None);
    }
}
