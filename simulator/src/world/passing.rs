//! What time does to a world: what is being canceled ends, by itself or when the simulator is told
//! to settle; and, where a world does not say when something happened, the moments that its
//! services report for it.

use std::time::Duration;

use super::{
    CloseStatus, CloudflowExecution, CloudflowStatus, Run, RunStatus, WorkflowExecution, WorkflowStatus,
    World,
};
use crate::timestamp::Timestamp;

/// Something without a start began so long before the simulator did.
const HOUR: Duration = Duration::from_secs(60 * 60);

impl World {
    /// Ends what is being canceled: AppFlow runs whose cancel started, and SWF executions whose
    /// decider takes the request as it should.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for run in self.appflow.values_mut().flat_map(|flow| &mut flow.runs) {
            if run.status == RunStatus::CancelStarted {
                run.status = RunStatus::Canceled;
                run.last_updated_at = Some(now);
            }
        }
        for execution in self.swf.values_mut().flat_map(|domain| &mut domain.executions) {
            if execution.is_heeded() {
                execution.close_as_canceled(now);
            }
        }
    }

    /// Lets time do its work: what was asked to end long enough ago has ended now.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        let Some(after) = self.settle_after_ms.map(Duration::from_millis) else {
            return;
        };
        for run in self.appflow.values_mut().flat_map(|flow| &mut flow.runs) {
            let due = run.last_updated_at.is_some_and(|started| now >= started + after);
            if run.status == RunStatus::CancelStarted && due {
                run.status = RunStatus::Canceled;
                run.last_updated_at = Some(now);
            }
        }
        for execution in self.swf.values_mut().flat_map(|domain| &mut domain.executions) {
            let due = execution.cancel_requested_at.is_some_and(|asked| now >= asked + after);
            if execution.is_heeded() && due {
                execution.close_as_canceled(now);
            }
        }
        for execution in self.cloudflow.values_mut().flat_map(|flow| &mut flow.executions) {
            let due = execution.stop_requested_at.is_some_and(|asked| now >= asked + after);
            if execution.status.is_active() && due {
                execution.status = CloudflowStatus::Stopped;
                execution.stopped_time = Some(now);
            }
        }
    }
}

impl Run {
    /// Its start and its last update, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Timestamp) {
        let started = self.started_at.unwrap_or(began - HOUR);
        let updated = self.last_updated_at.unwrap_or(match self.status {
            RunStatus::InProgress => started,
            _ => started.max(began),
        });
        (started, updated)
    }
}

impl WorkflowExecution {
    /// Its decider knows of a request to cancel, and will close it.
    fn is_heeded(&self) -> bool {
        self.status == WorkflowStatus::Open && self.cancel_requested && !self.ignores_cancel
    }

    fn close_as_canceled(&mut self, now: Timestamp) {
        self.status = WorkflowStatus::Closed;
        self.close_status = Some(CloseStatus::Canceled);
        self.closed_at = Some(now);
    }

    /// Its start and, once closed, its close, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let started = self.started_at.unwrap_or(began - HOUR);
        let closed = match self.status {
            WorkflowStatus::Open => None,
            WorkflowStatus::Closed => Some(self.closed_at.unwrap_or(started.max(began))),
        };
        (started, closed)
    }
}

impl CloudflowExecution {
    /// Its start and, once ended, its end, in a simulator that began at that moment.
    pub(crate) fn moments(&self, began: Timestamp) -> (Timestamp, Option<Timestamp>) {
        let started = self.started_time.unwrap_or(began - HOUR);
        let stopped = match self.status.is_active() {
            true => None,
            false => Some(self.stopped_time.unwrap_or(started.max(began))),
        };
        (started, stopped)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settling_ends_what_is_being_canceled_and_nothing_else() {
        let mut world: World = serde_json::from_value(json!({
            "appflow": {"f1": {"runs": [
                {"executionId": "a", "status": "InProgress"},
                {"executionId": "b", "status": "CancelStarted"}]}},
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true},
                {"workflowId": "v", "runId": "q", "status": "OPEN"}]}},
        }))
        .unwrap();
        let before = Timestamp::now();
        world.settle(before);
        let runs: Vec<_> = world.appflow["f1"].runs.iter().map(|run| run.status).collect();
        assert_eq!(runs, [RunStatus::InProgress, RunStatus::Canceled]);
        let closed: Vec<_> = world.swf["d"].executions.iter().map(|one| one.close_status).collect();
        assert_eq!(closed, [Some(CloseStatus::Canceled), None]);
        let updated: Vec<_> = world.appflow["f1"].runs.iter().map(|run| run.last_updated_at).collect();
        assert!(updated[0].is_none() && updated[1] >= Some(before), "{updated:?}");
        let closed: Vec<_> = world.swf["d"].executions.iter().map(|one| one.closed_at).collect();
        assert!(closed[0] >= Some(before) && closed[1].is_none(), "{closed:?}");
    }

    #[test]
    fn a_cancel_ends_by_itself_after_the_time_that_it_takes() {
        let mut world = World::seeded();
        for (number, age_seconds) in [5, 15].into_iter().enumerate() {
            let run = &mut world.appflow.get_mut("orders").unwrap().runs[number];
            run.status = RunStatus::CancelStarted;
            run.last_updated_at = Some(Timestamp::ago(Duration::from_secs(age_seconds)));
        }
        let statuses = |world: &World| [0, 1].map(|number| world.appflow["orders"].runs[number].status);
        world.pass_time(Timestamp::now());
        assert_eq!(statuses(&world), [RunStatus::CancelStarted; 2]);
        world.settle_after_ms = Some(10_000);
        world.pass_time(Timestamp::now());
        assert_eq!(statuses(&world), [RunStatus::CancelStarted, RunStatus::Canceled]);
    }

    #[test]
    fn deciders_and_cloudflow_take_their_time_and_a_decider_may_ignore_a_request() {
        let asked = "2025-11-20T12:00:00.000Z";
        let mut world: World = serde_json::from_value(json!({
            "settleAfterMs": 10_000,
            "swf": {"d": {"executions": [
                {"workflowId": "w", "runId": "r", "status": "OPEN", "cancelRequested": true, "cancelRequestedAt": asked},
                {"workflowId": "v", "runId": "q", "status": "OPEN", "cancelRequested": true, "cancelRequestedAt": asked,
                    "ignoresCancel": true}]}},
            "cloudflow": {"f": {"executions": [
                {"name": "a", "status": "Running", "stopRequestedAt": asked}, {"name": "b", "status": "Running"}]}},
        }))
        .unwrap();
        let asked: Timestamp = asked.parse().unwrap();
        let seen = |world: &World| {
            let closed: Vec<_> = world.swf["d"].executions.iter().map(|one| one.close_status).collect();
            let stopped: Vec<_> = world.cloudflow["f"].executions.iter().map(|one| one.status).collect();
            (closed, stopped)
        };
        world.pass_time(asked + Duration::from_millis(9_999));
        assert_eq!(seen(&world), (vec![None, None], vec![CloudflowStatus::Running; 2]));
        world.pass_time(asked + Duration::from_secs(10));
        let canceled = vec![Some(CloseStatus::Canceled), None];
        assert_eq!(seen(&world), (canceled, vec![CloudflowStatus::Stopped, CloudflowStatus::Running]));
    }

    #[test]
    fn what_a_world_leaves_out_happened_at_plausible_moments() {
        let began: Timestamp = "2025-11-20T12:00:00Z".parse().unwrap();
        let earlier = began - HOUR;
        let later = began + HOUR;
        let run = |status, started_at| Run { started_at, ..Run::new("a", status) };
        assert_eq!(run(RunStatus::InProgress, None).moments(began), (earlier, earlier));
        assert_eq!(run(RunStatus::Successful, None).moments(began), (earlier, began));
        assert_eq!(run(RunStatus::Error, Some(later)).moments(began), (later, later));
        assert_eq!(WorkflowExecution::open("w", "r").moments(began), (earlier, None));
        let closed = WorkflowExecution::closed("w", "r", CloseStatus::Failed);
        assert_eq!(closed.moments(began), (earlier, Some(began)));
    }
}
