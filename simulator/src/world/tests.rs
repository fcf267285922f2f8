//! What a world refuses, and what time does to it.

use serde_json::json;

use super::*;
use crate::appflow::{Run, RunStatus};
use crate::cloudflow::CloudflowStatus;
use crate::swf::{CloseStatus, WorkflowExecution, WorkflowStatus};

#[test]
fn a_world_reads_back() {
    let seeded = World::seeded();
    let written = serde_json::to_value(&seeded).unwrap();
    assert_eq!(serde_json::from_value::<World>(written).unwrap(), seeded);
    assert_eq!(serde_json::from_value::<World>(json!({})).unwrap(), World::default());
    let settings = json!({"appflowRecordsOrder": "shuffled", "mostPerPage": 2});
    let world: World = serde_json::from_value(settings).unwrap();
    assert_eq!(world.appflow_records_order, AppflowRecordsOrder::Shuffled);
    assert_eq!([1, 2, 100].map(|asked| world.cut(asked).size), [1, 2, 2]);
    let refused = [
        json!({"appflows": {}}),
        json!({"mostPerPage": 0}),
        json!({"appflowRecordsOrder": "random"}),
        json!({"appflow": {"f1": {"runs": [{"executionId": "a", "status": "Error", "startedAt": "now"}]}}}),
    ];
    for world in refused {
        assert!(serde_json::from_value::<World>(world.clone()).is_err(), "{world}");
    }
}

#[test]
fn a_world_that_cannot_be_is_refused() {
    let swf = |executions| json!({"swf": {"d": {"executions": executions}}});
    let open = |run_id: &str| json!({"workflowId": "w", "runId": run_id, "status": "OPEN"});
    let closed = |run_id: &str| json!({"workflowId": "w", "runId": run_id, "status": "CLOSED", "closeStatus": "FAILED"});
    let run = json!({"executionId": "a", "status": "InProgress"});
    let cases = [
        (swf(json!([open("1"), closed("2"), closed("3")])), None),
        (swf(json!([open("1"), open("2")])), Some("swf.d: w 2: a second one that is open")),
        (swf(json!([open("1"), closed("1")])), Some("swf.d: w 1: a run that is there already")),
        (
            swf(json!([{"workflowId": "w", "runId": "1", "status": "CLOSED"}])),
            Some("swf.d: w 1: closed without a closeStatus"),
        ),
        (
            swf(
                json!([{"workflowId": "w", "runId": "1", "status": "OPEN", "closedAt": "2025-11-20T01:00:00Z"}]),
            ),
            Some("swf.d: w 1: open and closed"),
        ),
        (
            json!({"appflow": {"f1": {"runs": [run, run]}}}),
            Some("appflow.f1: a: a run that is there already"),
        ),
        (json!({"secrets": {"a": ["text"], "b": []}}), Some("secrets.b: a secret without a text")),
    ];
    for (world, expected) in cases {
        let checked = serde_json::from_value::<World>(world).unwrap().check();
        assert_eq!(checked.err().as_deref(), expected);
    }
    assert_eq!(World::seeded().check(), Ok(()));
}

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
